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
from _socket import socket as BareSocket  # noqa: N812 - what socket.socket is built on, at half the time
from typing import NamedTuple

from lab.providers.netns.identity import read_answer
from lab.providers.netns.probes import Icmp, Outcome, Protocol

_NONBLOCK = socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: leave no TIME_WAIT, of which 28,232 to one destination would be the end."""
RECVERR = {False: (socket.IPPROTO_IP, 11, 1), True: (socket.IPPROTO_IPV6, 25, 1)}
"""IPRECVERR and IPV6RECVERR: ICMP errors come at once, with type, code and sender."""
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

    `task` is the number of its probe, `life` how long it may take in seconds, `key` how the firewall's log
    names it.
    """

    __slots__ = (
        "key",
        "life",
        "over",
        "port",
        "rule",
        "sighting",
        "socket",
        "started",
        "task",
        "watched",
    )

    def __init__(self, task: int, started: float, life: float) -> None:
        self.task = task
        self.started = started
        self.life = life
        self.port = 0
        self.key: Key | None = None
        self.socket: BareSocket | None = None
        self.watched = False
        self.over = False
        self.rule: str | None = None
        self.sighting: Sighting | None = None


def connect(protocol: Protocol, address: str, port: int, source: str | None) -> BareSocket:
    """Start a TCP or SCTP connection from the namespace that the caller is in. Raises OSError."""
    six = ":" in address
    one = BareSocket(
        socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM | _NONBLOCK, protocol.value
    )
    one.setsockopt(*RECVERR[six])
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    return _aim(one, address, port, source)


def send(address: str, port: int, source: str | None) -> BareSocket:
    """Send a UDP datagram from the namespace that the caller is in. Raises OSError."""
    six = ":" in address
    one = BareSocket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM | _NONBLOCK, 0)
    one.setsockopt(*RECVERR[six])
    _aim(one, address, port, source)
    try:
        one.send(b"who are you\n")
    except OSError:
        one.close()
        raise
    return one


def _aim(one: BareSocket, address: str, port: int, source: str | None) -> BareSocket:
    if source is not None:
        one.bind((source, 0))
    code = one.connect_ex((address, port))
    if code not in (0, errno.EINPROGRESS):
        one.close()
        raise OSError(code, os.strerror(code))
    return one


def look(one: BareSocket, target: str, protocol: Protocol, expected: bytes | None) -> Sighting | None:
    """Read what a probe's socket has; None when nothing came yet."""
    try:
        data = one.recv(512)
    except BlockingIOError:
        return None
    except OSError as error:
        return look_for_errors(one, target, protocol) or failed(error)
    if data == expected:
        return _AS_EXPECTED
    if not data:
        return Sighting(Outcome.ERROR, reason="the connection was closed without an answer")
    return Sighting(Outcome.OPEN if expected is None else Outcome.WRONG_IDENTITY, identity=read_answer(data))


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
