"""Those who answer: TCP, UDP and SCTP listeners in any number of namespaces, served by one loop.

Comes in: a namespace, the name that shall answer, a protocol and a port. Goes out: that name, to everyone who
asks, so that a connection proves that the right one answered.
"""

from __future__ import annotations

import os
import socket
from _socket import socket as BareSocket  # noqa: N812 - what socket.socket is built on, at half the time
from collections import deque
from collections.abc import Callable
from functools import partial

from lab.errors import LabError
from lab.probes import Protocol
from lab.providers.netns.identity import datagram_answer, stream_answer
from lab.providers.netns.kernel import has_ipv6
from lab.providers.netns.loop import READ, SHARED, Loop
from lab.providers.netns.namespaces import Namespace
from lab.providers.netns.responder import ARRIVED_AT, CONTROL, Responder

_BACKLOG = 4096
_OPEN_FOR = 1.0
"""Seconds that an accepted connection stays open, so that a client may still send its request."""
_OPEN_AT_ONCE = 256
_ACCEPTED_AT_ONCE = 32

Key = tuple[str, Protocol, int]


class Door:
    """Where connections come in, what they are told, and how many were let in at once the last time, when."""

    __slots__ = ("answer", "at_once", "last", "listener")

    def __init__(self, listener: BareSocket, answer: bytes) -> None:
        self.listener, self.answer = listener, answer
        self.at_once = 1
        self.last = -1

    def room(self, now: int) -> int:
        """Return how many to let in: one, and twice as many each time in rounds without a break.

        One a time would leave a host that many ask behind everybody else, until they give up; to look for a
        second one takes longer than it takes to let the first one in.
        """
        self.at_once = min(2 * self.at_once, _ACCEPTED_AT_ONCE) if now == self.last + 1 else 1
        self.last = now
        return self.at_once


class Listeners:
    """All listeners of a lab, by (name, protocol, port)."""

    def __init__(self, loop: Loop, *, sctp_sockets: bool) -> None:
        """Without `sctp_sockets` SCTP is answered by raw sockets, as far as the INIT-ACK."""
        self._loop = loop
        self._sctp_sockets = sctp_sockets
        self._open: dict[Key, BareSocket] = {}
        self._handlers: dict[Key, Callable[[int], object]] = {}
        self._responders: dict[str, Responder] = {}
        self._accepted: deque[tuple[float, int]] = deque()
        self._sweeping = False

    def __contains__(self, key: Key) -> bool:
        return key in self._open or (key[1] is Protocol.SCTP and self._answers_raw(key))

    def open(self, namespace: Namespace, name: str, protocol: Protocol, port: int) -> None:
        """Answer as `name` on a port of a namespace, on all its addresses; doing so twice changes nothing."""
        key = (name, protocol, port)
        if key in self:
            return
        if protocol is Protocol.SCTP and not self._sctp_sockets:
            responder = self._responders.get(name)
            if responder is None:
                responder = self._responders[name] = Responder(self._loop, namespace, name)
            responder.ports.add(port)
            return
        listener = _bound(namespace, name, protocol, port)
        self._open[key] = listener
        if protocol is Protocol.UDP:
            handler = partial(_reply, listener, datagram_answer(name))
        else:
            handler = partial(self._accept, Door(listener, stream_answer(name)))
        self._handlers[key] = handler
        self._loop.watch(listener.fileno(), READ, handler)

    def close(self, name: str | None = None) -> None:
        """Stop answering as `name`, or altogether."""
        for key in [key for key in self._open if name in (None, key[0])]:
            listener = self._open.pop(key)
            del self._handlers[key]
            self._loop.forget(listener.fileno())
            listener.close()
        for owner in [owner for owner in self._responders if name in (None, owner)]:
            self._responders.pop(owner).close()
        if name is None:
            while self._accepted:
                os.close(self._accepted.popleft()[1])

    def keys(self) -> list[Key]:
        """Return who answers at which ports."""
        raw = [(name, Protocol.SCTP, port) for name, one in self._responders.items() for port in one.ports]
        return [*self._open, *raw]

    def descriptors(self) -> set[int]:
        """Return the descriptors of the listening sockets."""
        return {listener.fileno() for listener in self._open.values()}

    def share(self, loop: Loop) -> None:
        """Serve the same listeners in a forked process, by its own loop."""
        self._loop = loop
        self._accepted.clear()
        self._sweeping = False
        for key, listener in self._open.items():
            loop.watch(listener.fileno(), READ | SHARED, self._handlers[key])

    def _answers_raw(self, key: Key) -> bool:
        responder = self._responders.get(key[0])
        return responder is not None and key[2] in responder.ports

    def _accept(self, door: Door, mask: int) -> None:
        """Answer those who have come, a few at a time; the loop calls again for more.

        The client closes first, by a reset, which leaves nothing behind.
        """
        accepted, listener, answer = self._accepted, door.listener, door.answer
        for _ in range(door.room(self._loop.rounds)):
            try:
                descriptor = listener._accept()[0]  # type: ignore[attr-defined]  # noqa: SLF001 - what accept() calls
            except OSError:
                break  # nobody left, or no descriptor: the client's timeout will say so
            try:  # noqa: SIM105 - this is the path of every connection: suppress() takes as long as the call
                os.write(descriptor, answer)
            except OSError:
                pass  # it has gone again
            accepted.append((self._loop.now, descriptor))
        while len(accepted) > _OPEN_AT_ONCE:
            os.close(accepted.popleft()[1])
        if not self._sweeping:
            self._sweep()

    def _sweep(self) -> None:
        """Close what has been open long enough, and come back for the rest."""
        while self._accepted and self._accepted[0][0] + _OPEN_FOR <= self._loop.now:
            os.close(self._accepted.popleft()[1])
        self._sweeping = bool(self._accepted)
        if self._sweeping:
            self._loop.at(self._accepted[0][0] + _OPEN_FOR, self._sweep)


def _bound(namespace: Namespace, name: str, protocol: Protocol, port: int) -> BareSocket:
    family = socket.AF_INET6 if has_ipv6() else socket.AF_INET
    kind = socket.SOCK_DGRAM if protocol is Protocol.UDP else socket.SOCK_STREAM
    with namespace:
        listener = BareSocket(family, kind | socket.SOCK_NONBLOCK, protocol.value)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if protocol is Protocol.UDP:
            # The answer must leave from the address that was asked, whichever of several it is.
            listener.setsockopt(*ARRIVED_AT[family])
        listener.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))  # noqa: S104 - of one pod
        if protocol is not Protocol.UDP:
            listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise LabError(f"`{name}` cannot listen on {port}/{protocol.name}: {error.strerror}") from error
    return listener


def _reply(listener: BareSocket, answer: bytes, _: int) -> None:
    try:
        control, sender = listener.recvmsg(2048, CONTROL)[1::2]
        listener.sendmsg([answer], control, 0, sender)
    except OSError:
        return  # nobody left, or an ICMP error about an earlier answer
