"""One nftables table as text: sets, maps and chains, of which equal ones are made once.

Comes in: sets of addresses and ports, and rules as text. Goes out: names to refer to them by, and the
commands that make the table. Nothing in it is hooked, so that it may be made in several transactions.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from analyzer import AddressSet, PortSet, Protocol

_MOST_BYTES = 30_000
"""Of one command; a transaction must fit into a socket's buffer, which an ordinary user cannot raise."""
_TRANSPORTS = {Protocol.TCP: "tcp", Protocol.UDP: "udp", Protocol.SCTP: "sctp"}
_KEYWORDS = {4: "ip", 6: "ip6"}
_TYPES = {4: "ipv4_addr", 6: "ipv6_addr"}
_BASES = {4: AddressSet.UNIVERSE[0][0], 6: AddressSet.UNIVERSE[1][0]}


class Part(NamedTuple):
    """A condition on packets as nft text ("": none), and the IP version that it limits them to, if any."""

    text: str
    version: int | None = None


def both(left: Part, right: Part) -> Part | None:
    """Join two conditions; None when no packet meets both, as they are of different IP versions."""
    if left.version and right.version and left.version != right.version:
        return None
    return Part(f"{left.text} {right.text}".strip(), left.version or right.version)


class Table:
    """A table of the family inet that grows; a chain refers to chains that were made before it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._commands = [f"add table inet {name}", f"delete table inet {name}", f"add table inet {name}"]
        self._sets: dict[tuple[str, object], str] = {}
        self._chains: dict[tuple[str, ...], str] = {}

    def commands(self) -> tuple[str, ...]:
        """Return the commands that make the table, in place of one of the same name."""
        return tuple(self._commands)

    def from_or_to(self, side: str, addresses: AddressSet) -> tuple[Part, ...]:
        """Return the conditions, any of which will do, that `saddr` or `daddr` is one of these addresses."""
        if addresses == AddressSet.all():
            return (Part(""),)
        return tuple(self._one_family(side, addresses, version) for version in addresses.families())

    def _one_family(self, side: str, addresses: AddressSet, version: int) -> Part:
        family = AddressSet.family(version)
        here = addresses & family
        if here == family:
            return Part(f"meta nfproto ipv{version}", version)
        keyword = _KEYWORDS[version]
        if here.size == 1:
            return Part(f"{keyword} {side} {address_text(here.intervals[0][0])}", version)
        key = (_TYPES[version], here)
        if key not in self._sets:
            ranged = any(first != last for first, last in here.intervals)
            elements = (_range(address_text(first), address_text(last)) for first, last in here.intervals)
            self._sets[key] = self._add_set(_TYPES[version], elements, ranged=ranged)
        return Part(f"{keyword} {side} @{self._sets[key]}", version)

    def to_ports(self, ports: PortSet) -> Iterator[Part]:
        """Yield the conditions, any of which will do, that a packet goes to one of these ports.

        All ports of all protocols are no condition at all, so that other protocols meet it too.
        """
        if ports == PortSet.all():
            yield Part("")
            return
        left = ports
        if PortSet.transports() <= ports:
            yield Part("meta l4proto { tcp, udp, sctp }")
            left = ports - PortSet.transports()
        for protocol, keyword in _TRANSPORTS.items():
            if ranges := left.ranges(protocol):
                whole = ranges == (protocol.span,)
                yield Part(f"meta l4proto {keyword}" if whole else f"{keyword} dport {self._numbers(ranges)}")
        yield from _icmp_types(left.ranges(Protocol.ICMP))

    def _numbers(self, ranges: tuple[tuple[int, int], ...]) -> str:
        if len(ranges) == 1:
            return _range(*map(str, ranges[0]))
        key = ("inet_service", ranges)
        if key not in self._sets:
            elements = (_range(str(first), str(last)) for first, last in ranges)
            ranged = any(first != last for first, last in ranges)
            self._sets[key] = self._add_set("inet_service", elements, ranged=ranged)
        return f"@{self._sets[key]}"

    def _add_set(self, kind: str, elements: Iterable[str], *, ranged: bool) -> str:
        name = f"kr_s{len(self._sets)}"
        self._add("set", name, f"type {kind};" + (" flags interval;" if ranged else ""), elements)
        return name

    def chain(self, rules: Iterable[str]) -> str:
        """Return the name of a chain with these rules."""
        content = tuple(rules)
        if content not in self._chains:
            self._chains[content] = f"kr_c{len(self._chains)}"
            self.named_chain(self._chains[content], content)
        return self._chains[content]

    def named_chain(self, name: str, rules: Iterable[str]) -> None:
        """Make a chain of this name."""
        self._commands.append(f"add chain inet {self.name} {name}")
        for some in _pieces(rules):
            self._commands.append(
                "\n".join((f"table inet {self.name} {{", f"chain {name} {{", *some, "}", "}"))
            )

    def named_set(self, name: str, kind: str, elements: Iterable[str]) -> None:
        """Make a set of this name and type."""
        self._add("set", name, f"type {kind};", elements)

    def named_map(self, name: str, kind: str, elements: Mapping[str, str]) -> None:
        """Make a verdict map of this name: keys of a type, and what is done with packets that have them."""
        self._add(
            "map",
            name,
            f"type {kind} : verdict;",
            (f"{key} : {verdict}" for key, verdict in elements.items()),
        )

    def _add(self, what: str, name: str, head: str, elements: Iterable[str]) -> None:
        self._commands.append(f"add {what} inet {self.name} {name} {{ {head} }}")
        for some in _pieces(elements):
            self._commands.append(f"add element inet {self.name} {name} {{ {', '.join(some)} }}")


def address_text(number: int) -> str:
    """Return the address at a place on the number line of AddressSet."""
    if number < _BASES[6]:
        return socket.inet_ntop(socket.AF_INET, number.to_bytes(4, "big"))
    return socket.inet_ntop(socket.AF_INET6, (number - _BASES[6]).to_bytes(16, "big"))


def _range(first: str, last: str) -> str:
    return first if first == last else f"{first}-{last}"


def _icmp_types(ranges: tuple[tuple[int, int], ...]) -> Iterator[Part]:
    if ranges == (Protocol.ICMP.span,):
        yield Part("meta l4proto { icmp, ipv6-icmp }")
    elif ranges:
        types = ", ".join(_range(str(first), str(last)) for first, last in ranges)
        yield Part(f"icmp type {{ {types} }}", 4)
        yield Part(f"icmpv6 type {{ {types} }}", 6)


def _pieces(lines: Iterable[str]) -> Iterator[list[str]]:
    """Divide lines into pieces that are short enough for one command each."""
    piece: list[str] = []
    size = 0
    for line in lines:
        if size + len(line) > _MOST_BYTES and piece:
            yield piece
            piece, size = [], 0
        piece.append(line)
        size += len(line) + 2
    if piece:
        yield piece
