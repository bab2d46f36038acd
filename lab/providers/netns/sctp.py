"""SCTP's first exchange, INIT and INIT-ACK, as packets: for kernels that have no SCTP sockets.

Comes in: ports, tags and a cookie. Goes out: bytes for a raw socket, and back. Formats: RFC 9260, sections
3.1, 3.3.2, 3.3.3, 3.3.7 and appendix A.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum

from lab.probes import Protocol

NUMBER = Protocol.SCTP.value
_COMMON = struct.Struct("!HHI4s")
_INIT = struct.Struct("!BBHIIHHI")
_CHUNK = struct.Struct("!BBH")
_STATE_COOKIE = 7
_WINDOW, _STREAMS = 1 << 16, 1


class ChunkType(Enum):
    """The chunks that the first exchange is made of."""

    INIT = 1
    INIT_ACK = 2
    ABORT = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One SCTP packet with one chunk. `initiate` is the tag its sender wants to be answered with."""

    source_port: int
    destination_port: int
    tag: int
    chunk: ChunkType
    initiate: int = 0
    cookie: bytes = b""

    def encode(self) -> bytes:
        """Return the packet, checksum included."""
        if self.chunk is ChunkType.ABORT:
            chunk = _CHUNK.pack(self.chunk.value, 0, _CHUNK.size)
        else:
            cookie = b""
            if self.cookie:
                cookie = struct.pack("!HH", _STATE_COOKIE, 4 + len(self.cookie)) + self.cookie
            length = _INIT.size + len(cookie)
            chunk = _INIT.pack(self.chunk.value, 0, length, self.initiate, _WINDOW, _STREAMS, _STREAMS, 1)
            chunk += cookie + bytes(-len(cookie) % 4)
        bare = _COMMON.pack(self.source_port, self.destination_port, self.tag, bytes(4)) + chunk
        return bare[:8] + struct.pack("<I", crc32c(bare)) + bare[12:]


def decode(data: bytes) -> Packet | None:
    """Read a packet of the first exchange; None for any other."""
    if len(data) < 16:
        return None
    source, destination, tag, _ = _COMMON.unpack_from(data)
    kind = data[12]
    if kind == ChunkType.ABORT.value:
        return Packet(source_port=source, destination_port=destination, tag=tag, chunk=ChunkType.ABORT)
    if kind not in (ChunkType.INIT.value, ChunkType.INIT_ACK.value) or len(data) < 12 + _INIT.size:
        return None
    return Packet(
        source_port=source,
        destination_port=destination,
        tag=tag,
        chunk=ChunkType(kind),
        initiate=_INIT.unpack_from(data, 12)[3],
        cookie=_cookie(data[12 + _INIT.size :]),
    )


def _cookie(parameters: bytes) -> bytes:
    offset = 0
    while offset + 4 <= len(parameters):
        kind, length = struct.unpack_from("!HH", parameters, offset)
        if kind == _STATE_COOKIE:
            return parameters[offset + 4 : offset + length]
        offset += (max(length, 4) + 3) & ~3
    return b""


def crc32c(data: bytes) -> int:
    """Return the checksum of SCTP: Castagnoli's polynomial, reflected."""
    value = 0xFFFFFFFF
    for byte in data:
        value = _TABLE[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


def _entry(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value


_TABLE = tuple(_entry(byte) for byte in range(256))
