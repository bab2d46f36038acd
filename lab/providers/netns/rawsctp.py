"""Raw sockets for SCTP packets, each hearing only the chunks it is there for.

Comes in: an address family and chunk types. Goes out: a socket of the namespace that the caller is in.
Without the filter every packet would fill the buffers of the answering and of the asking socket alike, and a
full buffer looks like a drop.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
from _socket import socket as BareSocket  # noqa: N812 - what socket.socket is built on, at half the time
from collections.abc import Sequence

from lab.providers.netns.sctp import NUMBER, ChunkType

_SO_ATTACH_FILTER, _SO_RCVBUFFORCE = 26, 33
_BUFFER = 4 << 20
_FIRST_CHUNK = 12
_HEADER_LENGTH = (0xB1, 0, 0, 0)
"""BPF_LDX|BPF_B|BPF_MSH: X = the length of the IPv4 header, which an IPv6 raw socket does not see."""
_LOAD_AFTER_X, _LOAD, _JUMP_EQUAL, _RETURN = 0x50, 0x30, 0x15, 0x06


def open_raw(family: int, chunks: Sequence[ChunkType]) -> BareSocket:
    """Open a socket that hears packets with one of these chunks first. Raises OSError."""
    one = BareSocket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, NUMBER)
    _attach(one, _program(family, chunks))
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    with contextlib.suppress(PermissionError):  # beyond the machine's limit, for root only
        one.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    return one


def _program(family: int, chunks: Sequence[ChunkType]) -> list[tuple[int, int, int, int]]:
    """Return classic BPF instructions (linux/filter.h): code, jump if true, jump if false, operand."""
    if family == socket.AF_INET:
        program = [_HEADER_LENGTH, (_LOAD_AFTER_X, 0, 0, _FIRST_CHUNK)]
    else:
        program = [(_LOAD, 0, 0, _FIRST_CHUNK)]
    for number, chunk in enumerate(chunks):
        program.append((_JUMP_EQUAL, len(chunks) - number, 0, chunk.value))
    return [*program, (_RETURN, 0, 0, 0), (_RETURN, 0, 0, 0xFFFF)]


def _attach(one: BareSocket, program: list[tuple[int, int, int, int]]) -> None:
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    one.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(program), ctypes.addressof(code))
    )
