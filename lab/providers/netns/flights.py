"""One try of a probe while it is under way: a socket, and how to read off it what happened.

Comes in: a place to start from and an address to reach. Goes out: a `Flight`, and what its socket has seen as
a `Sighting`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import time
from _socket import socket as BareSocket  # noqa: N812 - what socket.socket is built on, at half the time
from typing import NamedTuple

from lab.probes import Icmp, Outcome, Protocol
from lab.providers.netns.identity import read_answer

# Plain numbers: the enums of `socket` cost more than the calls they are for.
_FAMILIES = {False: int(socket.AF_INET), True: int(socket.AF_INET6)}
_STREAM = int(socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
_DATAGRAM = int(socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
_KINDS = {Protocol.TCP: (_STREAM, 6), Protocol.UDP: (_DATAGRAM, 17), Protocol.SCTP: (_STREAM, 132)}
_SOL_SOCKET, _SO_LINGER = int(socket.SOL_SOCKET), int(socket.SO_LINGER)
_CONNECTING = (0, errno.EINPROGRESS)
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: leave no TIME_WAIT, of which 28,232 to one destination would be the end."""
_TCP = int(socket.IPPROTO_TCP)
_ACKNOWLEDGE_LATER = (_TCP, int(socket.TCP_QUICKACK), 0)
"""Of an open connection: a reset follows its answer at once, so that an acknowledgement is to spare."""
RECVERR = {False: (int(socket.IPPROTO_IP), 11, 1), True: (int(socket.IPPROTO_IPV6), 25, 1)}
"""IP_RECVERR and IPV6_RECVERR: ICMP errors come at once, with type, code and sender."""
MSG_ERRQUEUE = 0x2000
_ERROR = struct.Struct("=IBBBxII")
_ORIGIN_ICMP, _ORIGIN_ICMP6 = 2, 3

Sender = tuple[int, bytes, int]
"""A protocol number, the source address and the source port."""
Key = tuple[int, bytes, int, bytes, int]
"""The same with the destination: two connections of one sender may share a port."""
_PROHIBITED = {4: {(3, 9), (3, 10), (3, 13)}, 6: {(1, 1), (1, 5), (1, 6)}}
_NOT_HERE = {4: {(3, 2), (3, 3)}, 6: {(1, 4), (4, 1)}}
"""ICMP types and codes by IP version: prohibited by a filter; no such port or protocol on that host."""


class Sighting(NamedTuple):
    """What a socket saw: the outcome that follows, and the evidence."""

    outcome: Outcome
    identity: str | None = None
    icmp: Icmp | None = None
    reason: str | None = None


class Flight:
    """One try.

    `task` is the number of its probe, `expected` the bytes that must come back (None: any), `life` how long
    it may take in seconds, `key` how the firewall's log names it.
    """

    __slots__ = (
        "expected",
        "key",
        "life",
        "over",
        "port",
        "protocol",
        "rule",
        "sighting",
        "socket",
        "started",
        "target",
        "task",
        "watched",
    )

    def __init__(
        self, task: int, protocol: Protocol, target: str, expected: bytes | None, life: float
    ) -> None:
        self.task = task
        self.protocol = protocol
        self.target = target
        self.expected = expected
        self.life = life
        self.started = time.monotonic()
        self.port = 0
        self.key: Key | None = None
        self.socket: BareSocket | None = None
        self.watched = False
        self.over = False
        self.rule: str | None = None
        self.sighting: Sighting | None = None

    def open(self, port: int, bind: str | None) -> None:
        """Connect, or send over UDP, from the namespace that the caller is in. Raises OSError."""
        six = ":" in self.target
        family, udp = _FAMILIES[six], self.protocol is Protocol.UDP
        kind, number = _KINDS[self.protocol]
        one = BareSocket(family, kind, number)
        try:
            one.setsockopt(*RECVERR[six])
            if not udp:
                one.setsockopt(_SOL_SOCKET, _SO_LINGER, _RESET_ON_CLOSE)
            if bind is not None:
                one.bind((bind, 0))
            code = one.connect_ex((self.target, port))
            if code not in _CONNECTING:
                raise OSError(code, os.strerror(code))  # noqa: TRY301 - so that the socket is closed
            if udp:
                one.send(b"who are you\n")
            elif number == _TCP:
                one.setsockopt(*_ACKNOWLEDGE_LATER)
            self.port = one.getsockname()[1]
        except OSError:
            one.close()
            raise
        self.socket = one

    def look(self, one: BareSocket) -> Sighting | None:
        """Read what the socket has; None when nothing came yet."""
        try:
            data = one.recv(512)
        except BlockingIOError:
            return None
        except OSError as error:
            return look_for_errors(one, self.target, self.protocol) or failed(error)
        if data == self.expected:
            return _AS_EXPECTED
        if not data:
            return Sighting(Outcome.ERROR, reason="the connection was closed without an answer")
        outcome = Outcome.OPEN if self.expected is None else Outcome.WRONG_IDENTITY
        return Sighting(outcome, identity=read_answer(data))


_AS_EXPECTED = Sighting(Outcome.OPEN)


def look_for_errors(one: BareSocket, target: str, protocol: Protocol) -> Sighting | None:
    """Read the first ICMP error that a socket was told of; None when there is none."""
    try:
        _, control, _, _ = one.recvmsg(0, 512, MSG_ERRQUEUE)
    except OSError:
        return None
    icmp = icmp_error(control)
    return None if icmp is None else Sighting(judge(icmp, target, protocol), icmp=icmp)


def icmp_error(control: list[tuple[int, int, bytes]]) -> Icmp | None:
    """Read the ICMP error in ancillary data (linux/errqueue.h: sock_extended_err and an address)."""
    for level, kind, data in control:
        if (level, kind) not in ((socket.IPPROTO_IP, 11), (socket.IPPROTO_IPV6, 25)) or len(data) < 16:
            continue
        _, origin, type_, code, _, _ = _ERROR.unpack_from(data)
        if origin == _ORIGIN_ICMP:
            return Icmp(sender=socket.inet_ntop(socket.AF_INET, data[20:24]), type=type_, code=code)
        if origin == _ORIGIN_ICMP6:
            return Icmp(sender=socket.inet_ntop(socket.AF_INET6, data[24:40]), type=type_, code=code)
    return None


def judge(icmp: Icmp, target: str, protocol: Protocol) -> Outcome:
    """Tell what an ICMP error means.

    `Port unreachable` is how a UDP host refuses; from anybody else, or about TCP, whose hosts answer with a
    RST, it is how a firewall rejects. `Protocol unreachable` is what a host says that has no SCTP.
    """
    version, what = 6 if ":" in icmp.sender else 4, (icmp.type, icmp.code)
    if what in _PROHIBITED[version]:
        return Outcome.REJECTED
    if what in _NOT_HERE[version]:
        itself = icmp.sender == target and protocol is not Protocol.TCP
        return Outcome.REFUSED if itself else Outcome.REJECTED
    return Outcome.UNREACHABLE


def failed(error: OSError) -> Sighting:
    """Tell what an error of a socket means that came without an ICMP error."""
    reason = error.strerror or str(error)
    match error.errno:
        case errno.ECONNREFUSED:
            return Sighting(Outcome.REFUSED, reason=reason)
        case errno.EPERM:  # the sender's own output hook dropped it
            return Sighting(Outcome.DROPPED, reason=reason)
        case errno.ENETUNREACH | errno.EHOSTUNREACH:
            return Sighting(Outcome.UNREACHABLE, reason=reason)
        case errno.EACCES:
            return Sighting(Outcome.REJECTED, reason=reason)
        case _:
            return Sighting(Outcome.ERROR, reason=reason)


def silence(one: BareSocket | None) -> Sighting:
    """Tell what it means that a flight's time is over: dropped, unless the connection stood."""
    if one is not None and one.type == socket.SOCK_STREAM:
        with contextlib.suppress(OSError):
            one.getpeername()
            return Sighting(Outcome.ERROR, reason="connected, but nobody answered")
    return Sighting(Outcome.DROPPED)
