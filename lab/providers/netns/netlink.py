"""rtnetlink: links, addresses, routes and permanent neighbours, as messages and one socket to send them by.

Comes in: names, indexes, addresses. Goes out: `Request` values, sent many at once; the kernel's first refusal
comes back as LabError naming the request. Formats: linux/rtnetlink.h, if_link.h, veth.h, neighbour.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from lab.errors import LabError

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR = 20
RTM_NEWROUTE, RTM_DELROUTE = 24, 25
RTM_NEWNEIGH, RTM_DELNEIGH = 28, 29

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLM_F_EXCL, NLM_F_CREATE = 0x200, 0x400
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLA_F_NESTED = 0x8000

IFF_UP = 1
IFLA_ADDRESS, IFLA_IFNAME, IFLA_OPERSTATE, IFLA_LINKINFO, IFLA_AF_SPEC, IFLA_NET_NS_FD = 1, 3, 16, 18, 26, 28
IFLA_NUM_TX_QUEUES, IFLA_NUM_RX_QUEUES = 31, 32
IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER = 1, 2, 1
IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE = 8, 1
IF_OPER_UP = 6

IFA_ADDRESS, IFA_LOCAL = 1, 2
IFA_F_NODAD = 0x02
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PREFSRC = 1, 4, 5, 7
RT_TABLE_MAIN, RTPROT_STATIC, RTN_UNICAST, RTNH_F_ONLINK = 254, 4, 1, 4
RT_SCOPE_UNIVERSE, RT_SCOPE_LINK, RT_SCOPE_NOWHERE = 0, 253, 255
NDA_DST, NDA_LLADDR, NUD_PERMANENT = 1, 2, 0x80

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_BATCH = 24_000
"""Bytes sent at once: well below the 212,992 that a socket's buffer takes without privileges."""


@dataclass(frozen=True, slots=True)
class Request:
    """One change to ask the kernel for; `about` names it in an error."""

    kind: int
    flags: int
    body: bytes
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkEnd:
    """One end of a veth pair; `namespace` is a descriptor, None for the namespace of the socket.

    The index is chosen by the caller, so that later requests need not ask for it.
    """

    name: str
    index: int
    mac: bytes
    namespace: int | None = None


def add_veth(here: LinkEnd, peer: LinkEnd) -> Request:
    """Create a pair; neither end is up (the kernel refuses to create a peer that is)."""
    info = _attribute(IFLA_INFO_KIND, b"veth\0") + _nest(
        IFLA_INFO_DATA, _nest(VETH_INFO_PEER, _link(peer.index) + _end(peer))
    )
    body = _link(here.index) + _end(here) + _nest(IFLA_LINKINFO, info)
    return Request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body, f"create link {here.name}-{peer.name}")


def set_up(index: int) -> tuple[Request, ...]:
    """Bring a link up, without the link-local IPv6 address the kernel would add and then check for a second.

    Two requests, since within one the kernel brings the link up before it reads the address mode.
    """
    mode = _attribute(IFLA_INET6_ADDR_GEN_MODE, bytes((IN6_ADDR_GEN_MODE_NONE,)))
    quiet = _link(index) + _nest(IFLA_AF_SPEC, _nest(socket.AF_INET6, mode))
    return (
        Request(RTM_NEWLINK, 0, quiet, f"keep link {index} free of generated addresses"),
        Request(RTM_NEWLINK, 0, _link(index, IFF_UP, IFF_UP), f"bring link {index} up"),
    )


def loopback_up() -> Request:
    """Bring `lo` up: it is link 1 of every namespace."""
    return Request(RTM_NEWLINK, 0, _link(1, IFF_UP, IFF_UP), "bring lo up")


def delete_link(index: int) -> Request:
    """Remove a link; the peer goes with it, and the routes and neighbours of both."""
    return Request(RTM_DELLINK, 0, _link(index), f"remove link {index}")


def add_address(index: int, address: bytes) -> Request:
    """Give a link one address (4 or 16 bytes) as a /32 or /128, usable at once."""
    family = _family(address)
    head = struct.pack("=BBBBI", family, len(address) * 8, IFA_F_NODAD, RT_SCOPE_UNIVERSE, index)
    body = head + _attribute(IFA_LOCAL, address) + _attribute(IFA_ADDRESS, address)
    return Request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body, f"add address {_text(address)}")


def add_route(
    index: int, destination: bytes | None, *, gateway: bytes | None = None, source: bytes | None = None
) -> Request:
    """Route one address by a link and a gateway on it; None stands for all addresses of that family."""
    return Request(
        RTM_NEWROUTE,
        NLM_F_CREATE | NLM_F_EXCL,
        _route(index, destination, gateway, source),
        f"add route to {_text(destination)}",
    )


def delete_route(index: int, destination: bytes) -> Request:
    """Remove the route of one address, whatever its gateway."""
    body = _attribute(RTA_OIF, struct.pack("=I", index)) + _attribute(RTA_DST, destination)
    head = struct.pack(
        "=BBBBBBBBI",
        _family(destination),
        len(destination) * 8,
        0,
        0,
        RT_TABLE_MAIN,
        0,
        RT_SCOPE_NOWHERE,
        0,
        0,
    )
    return Request(RTM_DELROUTE, 0, head + body, f"remove route to {_text(destination)}")


def add_neighbour(index: int, address: bytes, mac: bytes) -> Request:
    """Tell a link where an address lives, for ever.

    Permanent entries do not count towards the 1,024 that all namespaces of a machine share.
    """
    head = struct.pack("=BxxxiHBB", _family(address), index, NUD_PERMANENT, 0, 0)
    body = head + _attribute(NDA_DST, address) + _attribute(NDA_LLADDR, mac)
    return Request(RTM_NEWNEIGH, NLM_F_CREATE, body, f"add neighbour {_text(address)}")


class Rtnetlink:
    """A routing socket, of the namespace in which it was opened."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def execute(self, requests: Iterable[Request]) -> None:
        """Carry the requests out in order; the first that the kernel refuses is raised as LabError."""
        batch: list[Request] = []
        size = 0
        for request in requests:
            batch.append(request)
            size += len(request.body) + _HEADER.size
            if size > _BATCH:
                self._send(batch)
                batch, size = [], 0
        if batch:
            self._send(batch)

    def _send(self, batch: Sequence[Request]) -> None:
        """Send a batch, of which only the last is acknowledged: a refusal is reported in any case."""
        first = self._sequence + 1
        self._sequence += len(batch)
        parts = []
        for number, request in enumerate(batch, first):
            last = NLM_F_ACK if number == self._sequence else 0
            flags = NLM_F_REQUEST | request.flags | last
            parts.append(_HEADER.pack(_HEADER.size + len(request.body), request.kind, flags, number, 0))
            parts.append(request.body)
        self._socket.send(b"".join(parts))
        refusal: tuple[int, int] | None = None
        while True:
            for kind, number, body in _messages(self._socket.recv(65_536)):
                if kind != NLMSG_ERROR or number < first:
                    continue
                code = -int(struct.unpack_from("=i", body)[0])
                if code and refusal is None:
                    refusal = code, number
                if number == self._sequence:
                    if refusal is not None:
                        raise _refused(batch[refusal[1] - first], refusal[0])
                    return

    def links_up(self) -> dict[int, bool]:
        """Return, for every link of the namespace, whether it is ready to carry packets."""
        self._sequence += 1
        body = _link(0)
        head = _HEADER.pack(
            _HEADER.size + len(body), RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, self._sequence, 0
        )
        self._socket.send(head + body)
        found: dict[int, bool] = {}
        while True:
            for kind, _, content in _messages(self._socket.recv(1 << 18)):
                if kind == NLMSG_DONE:
                    return found
                if kind == RTM_NEWLINK:
                    state = dict(attributes(content[16:])).get(IFLA_OPERSTATE, b"\0")
                    found[_LINK.unpack_from(content)[2]] = state[0] == IF_OPER_UP


def attributes(data: bytes) -> list[tuple[int, bytes]]:
    """Split a run of netlink attributes into pairs of type and content."""
    found = []
    offset = 0
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        found.append((kind & 0x3FFF, data[offset + 4 : offset + length]))
        offset += (max(length, 4) + 3) & ~3
    return found


def _messages(data: bytes) -> list[tuple[int, int, bytes]]:
    found = []
    offset = 0
    while offset + 16 <= len(data):
        length, kind, _, number, _ = _HEADER.unpack_from(data, offset)
        found.append((kind, number, data[offset + 16 : offset + length]))
        offset += (max(length, 16) + 3) & ~3
    return found


def _refused(request: Request, code: int) -> LabError:
    reason = os.strerror(code)
    if code in (errno.ENOBUFS, errno.ENOMEM, errno.ENOSPC):
        return LabError(f"the kernel has no room left: cannot {request.about}: {reason}", "use a smaller lab")
    return LabError(f"the kernel refused to {request.about}: {reason}")


def _link(index: int, flags: int = 0, change: int = 0) -> bytes:
    return _LINK.pack(socket.AF_UNSPEC, 0, index, flags, change)


def _end(end: LinkEnd) -> bytes:
    body = _attribute(IFLA_IFNAME, end.name.encode() + b"\0") + _attribute(IFLA_ADDRESS, end.mac)
    # One queue is enough, and each costs files in sysfs.
    body += _attribute(IFLA_NUM_TX_QUEUES, struct.pack("=I", 1)) + _attribute(
        IFLA_NUM_RX_QUEUES, struct.pack("=I", 1)
    )
    if end.namespace is not None:
        body += _attribute(IFLA_NET_NS_FD, struct.pack("=I", end.namespace))
    return body


def _route(
    index: int, destination: bytes | None, gateway: bytes | None = None, source: bytes | None = None
) -> bytes:
    family = _family(destination or gateway or b"")
    length = len(destination or b"") * 8
    body = _attribute(RTA_OIF, struct.pack("=I", index))
    for kind, address in ((RTA_DST, destination), (RTA_GATEWAY, gateway), (RTA_PREFSRC, source)):
        if address is not None:
            body += _attribute(kind, address)
    # IPv4 wants to be told that a neighbour is directly here; IPv6 knows one scope only.
    scope = RT_SCOPE_LINK if gateway is None and family == socket.AF_INET else RT_SCOPE_UNIVERSE
    flags = 0 if gateway is None else RTNH_F_ONLINK
    head = struct.pack(
        "=BBBBBBBBI", family, length, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, scope, RTN_UNICAST, flags
    )
    return head + body


def _family(address: bytes) -> int:
    return socket.AF_INET if len(address) == 4 else socket.AF_INET6


def _text(address: bytes | None) -> str:
    return "everything" if address is None else socket.inet_ntop(_family(address), address)


def _attribute(kind: int, content: bytes) -> bytes:
    length = 4 + len(content)
    return struct.pack("=HH", length, kind) + content + bytes(-length % 4)


def _nest(kind: int, content: bytes) -> bytes:
    return _attribute(kind | NLA_F_NESTED, content)
