"""Answers SCTP as far as the INIT-ACK, where the kernel has no SCTP.

Comes in: a namespace, a name and ports. Goes out: an INIT-ACK whose state cookie is the name, to every INIT.
"""

from __future__ import annotations

import contextlib
import socket
from _socket import socket as BareSocket  # noqa: N812 - what socket.socket is built on, at half the time
from functools import partial

from lab.providers.netns import sctp
from lab.providers.netns.identity import datagram_answer
from lab.providers.netns.loop import READ, Loop
from lab.providers.netns.namespaces import Namespace
from lab.providers.netns.rawsctp import open_raw

ARRIVED_AT = {
    int(socket.AF_INET): (socket.IPPROTO_IP, 8, 1),
    int(socket.AF_INET6): (socket.IPPROTO_IPV6, 49, 1),
}
"""IP_PKTINFO and IPV6_RECVPKTINFO: a packet tells the address it was sent to, which must answer."""
CONTROL = 64
"""Bytes for that address."""
_AT_ONCE = 64


class Responder:
    """Answers SCTP INITs of one namespace by raw sockets; a port that nobody listens on gets an ABORT."""

    def __init__(self, loop: Loop, namespace: Namespace, name: str) -> None:
        self.ports: set[int] = set()
        self._loop = loop
        self._cookie = datagram_answer(name)
        self._sockets = []
        for family in (socket.AF_INET, socket.AF_INET6):
            with namespace, contextlib.suppress(OSError):  # a kernel without IPv6
                self._sockets.append(open_raw(family, (sctp.ChunkType.INIT,)))
        for one in self._sockets:
            one.setsockopt(*ARRIVED_AT[one.family])
            loop.watch(one.fileno(), READ, partial(self._answer, one))

    def close(self) -> None:
        """Answer no more."""
        for one in self._sockets:
            self._loop.forget(one.fileno())
            one.close()

    def _answer(self, raw: BareSocket, mask: int) -> None:
        for _ in range(_AT_ONCE):
            try:
                data, control, _, sender = raw.recvmsg(2048, CONTROL)
            except OSError:
                return
            start = (data[0] & 15) * 4 if raw.family == socket.AF_INET else 0
            packet = sctp.decode(data[start:])
            if packet is None:
                continue
            with contextlib.suppress(OSError):
                raw.sendmsg([self._reply_to(packet).encode()], control, 0, sender)

    def _reply_to(self, packet: sctp.Packet) -> sctp.Packet:
        listening = packet.destination_port in self.ports
        return sctp.Packet(
            source_port=packet.destination_port,
            destination_port=packet.source_port,
            tag=packet.initiate,
            chunk=sctp.ChunkType.INIT_ACK if listening else sctp.ChunkType.ABORT,
            initiate=packet.initiate ^ 1 or 1,
            cookie=self._cookie if listening else b"",
        )
