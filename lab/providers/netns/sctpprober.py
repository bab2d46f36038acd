"""SCTP probes without SCTP sockets: an INIT by a raw socket, and whatever comes back.

Comes in: flights and where they go. Goes out: what each of them saw, told to a callback.
"""

from __future__ import annotations

import socket
import struct
from _socket import socket as BareSocket  # noqa: N812 - what socket.socket is built on, at half the time
from collections.abc import Callable
from functools import partial

from lab.probes import Outcome, Protocol
from lab.providers.netns import flights, sctp
from lab.providers.netns.flights import Flight, Sighting
from lab.providers.netns.identity import read_answer
from lab.providers.netns.loop import READ, Loop
from lab.providers.netns.namespaces import Namespace
from lab.providers.netns.rawsctp import open_raw

_FIRST_PORT, _LAST_PORT = 32_768, 60_999
_PENDING_ERRORS = 8
_AT_ONCE = 64
_AWAITED = 1000

Told = Callable[[Flight, Sighting], object]
Asked = tuple[Flight, str, str | None]
"""A flight, the address it goes to, and the name that should answer."""


class SctpProber:
    """Raw sockets, one for each address that probes start from; `told` hears what a flight saw."""

    def __init__(self, loop: Loop, told: Told) -> None:
        self._loop = loop
        self._told = told
        self._sockets: dict[str, BareSocket] = {}
        self._asked: dict[tuple[str, int], Asked] = {}
        self._ports: dict[str, int] = {}

    def close(self) -> None:
        """Close the sockets."""
        for one in self._sockets.values():
            self._loop.forget(one.fileno())
            one.close()
        self._sockets.clear()

    def launch(self, namespace: Namespace, source: str, target_port: int, asked: Asked) -> None:
        """Send an INIT from an address of a namespace, and set the flight's port. Raises OSError."""
        one = self._sockets.get(source)
        if one is None:
            one = self._sockets[source] = self._open(namespace, source)
        port = self._ports.get(source, _FIRST_PORT)
        while (source, port) in self._asked:
            port = port + 1 if port < _LAST_PORT else _FIRST_PORT
        self._ports[source] = port + 1 if port < _LAST_PORT else _FIRST_PORT
        init = sctp.Packet(
            source_port=port,
            destination_port=target_port,
            tag=0,
            chunk=sctp.ChunkType.INIT,
            initiate=_tag(port),
        )
        _send(one, init.encode(), asked[1])
        asked[0].port = port
        self._asked[source, port] = asked

    @property
    def full(self) -> bool:
        """Tell whether so many answers are awaited that more could overflow the sockets' buffers."""
        return len(self._asked) >= _AWAITED

    def forget(self, source: str, port: int) -> None:
        """Listen for the answer to a flight no longer."""
        self._asked.pop((source, port), None)

    def _open(self, namespace: Namespace, source: str) -> BareSocket:
        six = ":" in source
        family = socket.AF_INET6 if six else socket.AF_INET
        with namespace:
            one = open_raw(family, (sctp.ChunkType.INIT_ACK, sctp.ChunkType.ABORT))
        one.setsockopt(*flights.RECVERR[six])
        one.bind((source, 0))
        self._loop.watch(one.fileno(), READ, partial(self._read, one, source))
        return one

    def _read(self, one: BareSocket, source: str, mask: int) -> None:
        self._read_errors(one, source)
        for _ in range(_AT_ONCE):
            try:
                data, sender = one.recvfrom(2048)
            except BlockingIOError:
                return
            except OSError:
                continue  # an error that has been read already
            start = (data[0] & 15) * 4 if ":" not in source else 0
            packet = sctp.decode(data[start:])
            if packet is not None:
                self._answered(source, sender[0], packet)

    def _answered(self, source: str, sender: str, packet: sctp.Packet) -> None:
        asked = self._asked.get((source, packet.destination_port))
        if asked is None or packet.tag != _tag(packet.destination_port):
            return
        flight, target, expected = asked
        if sender != target:
            return
        if packet.chunk is sctp.ChunkType.ABORT:
            self._told(flight, Sighting(Outcome.REFUSED, reason="aborted"))
        elif packet.chunk is sctp.ChunkType.INIT_ACK:
            name = read_answer(packet.cookie)
            right = expected is None or name == expected
            self._told(flight, Sighting(Outcome.OPEN if right else Outcome.WRONG_IDENTITY, identity=name))

    def _read_errors(self, one: BareSocket, source: str) -> None:
        for _ in range(_AT_ONCE):
            try:
                data, control, _, _ = one.recvmsg(64, 512, flights.MSG_ERRQUEUE)
            except OSError:
                return
            icmp = flights.icmp_error(control)
            asked = self._asked.get((source, struct.unpack_from("!H", data)[0])) if len(data) >= 4 else None
            if icmp is not None and asked is not None:
                outcome = flights.judge(icmp, asked[1], Protocol.SCTP)
                self._told(asked[0], Sighting(outcome, icmp=icmp))


def _tag(port: int) -> int:
    """Return the verification tag that an answer to this port must carry."""
    return 0x6B720000 | port


def _send(one: BareSocket, data: bytes, address: str) -> None:
    """Send; errors of earlier packets, which the kernel reports first, are not this packet's."""
    for _ in range(_PENDING_ERRORS):
        try:
            one.sendto(data, (address, 0))
        except PermissionError:
            raise
        except OSError:
            continue
        return
    one.sendto(data, (address, 0))
