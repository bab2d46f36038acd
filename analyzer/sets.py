"""Sets of ports and sets of addresses, exact for the whole space, with & | - ~ and ==.

Comes in: ranges. Goes out: canonical values (sorted, disjoint, non-adjacent intervals), so that two sets
are equal when they have the same members, however they were written.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum
from functools import cache, lru_cache
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

Interval = tuple[int, int]


def _merge(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Sort intervals and join those that overlap or touch."""
    merged: list[Interval] = []
    for first, last in sorted(intervals):
        if merged and first <= merged[-1][1] + 1:
            if last > merged[-1][1]:
                merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return tuple(merged)


def _intersect(left: tuple[Interval, ...], right: tuple[Interval, ...]) -> tuple[Interval, ...]:
    """Walk two canonical tuples side by side; what results is canonical."""
    found: list[Interval] = []
    i = j = 0
    while i < len(left) and j < len(right):
        first = max(left[i][0], right[j][0])
        last = min(left[i][1], right[j][1])
        if first <= last:
            found.append((first, last))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return tuple(found)


def _subtract(left: tuple[Interval, ...], right: tuple[Interval, ...]) -> tuple[Interval, ...]:
    """Walk two canonical tuples side by side; what is left of the first is canonical."""
    found: list[Interval] = []
    i = 0
    for start, last in left:
        first = start
        while i < len(right) and right[i][0] <= last:
            if first < right[i][0]:
                found.append((first, right[i][0] - 1))
            first = max(first, right[i][1] + 1)
            if right[i][1] > last:
                break  # the next interval may begin inside it
            i += 1
        if first <= last:
            found.append((first, last))
    return tuple(found)


class IntervalSet:
    """A set of integers out of `UNIVERSE`, held as canonical closed intervals.

    The intervals of `UNIVERSE` do not touch, so that none of a set reaches over two of them.
    """

    __slots__ = ("_hash", "intervals")
    UNIVERSE: ClassVar[tuple[Interval, ...]] = ()

    def __init__(self, intervals: Iterable[Interval] = ()) -> None:
        self.intervals = _intersect(_merge(intervals), self.UNIVERSE)
        self._hash = hash(self.intervals)

    @classmethod
    def _canonical(cls, intervals: tuple[Interval, ...]) -> Self:
        """Wrap intervals that are canonical and inside the universe already."""
        made = cls.__new__(cls)
        made.intervals = intervals
        made._hash = hash(intervals)
        return made

    @classmethod
    def all(cls) -> Self:
        """Return the whole universe."""
        return cls._canonical(cls.UNIVERSE)

    @classmethod
    def none(cls) -> Self:
        """Return the empty set."""
        return cls._canonical(())

    @classmethod
    def union(cls, sets: Iterable[Self]) -> Self:
        """Join many sets at once."""
        return cls(interval for each in sets for interval in each.intervals)

    def __and__(self, other: Self) -> Self:
        return self._canonical(_intersect(self.intervals, other.intervals))

    def __or__(self, other: Self) -> Self:
        if not other.intervals or self.intervals == other.intervals:
            return self
        return self._canonical(_merge(self.intervals + other.intervals))

    def __invert__(self) -> Self:
        gaps: list[Interval] = []
        for first, last in self.UNIVERSE:
            start = first
            for low, high in _intersect(self.intervals, ((first, last),)):
                if start < low:
                    gaps.append((start, low - 1))
                start = high + 1
            if start <= last:
                gaps.append((start, last))
        return self._canonical(tuple(gaps))

    def __sub__(self, other: Self) -> Self:
        return self._canonical(_subtract(self.intervals, other.intervals))

    def __le__(self, other: Self) -> bool:
        return _intersect(self.intervals, other.intervals) == self.intervals

    def __lt__(self, other: Self) -> bool:
        return self <= other and self != other

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.intervals == other.intervals

    def __hash__(self) -> int:
        return self._hash

    def __bool__(self) -> bool:
        return bool(self.intervals)

    def __contains__(self, member: int) -> bool:
        found = bisect_right(self.intervals, (member, self.UNIVERSE[-1][1] + 1)) - 1
        return found >= 0 and self.intervals[found][0] <= member <= self.intervals[found][1]

    @property
    def size(self) -> int:
        """How many members the set has; more than `len` could return, for IPv6."""
        return sum(last - first + 1 for first, last in self.intervals)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.intervals,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"


class Protocol(Enum):
    """The protocols that verdicts distinguish. ICMP has message types (0-255) where others have ports."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"
    ICMP = "ICMP"

    @property
    def base(self) -> int:
        """The offset of this protocol in the one number line that port sets are made of."""
        return _BASES[self]

    @property
    def span(self) -> Interval:
        """The first and last port (1-65535), or ICMP message type (0-255)."""
        return (0, 255) if self is Protocol.ICMP else (1, 65535)


_BASES = {protocol: index << 17 for index, protocol in enumerate(Protocol)}
TRANSPORTS = (Protocol.TCP, Protocol.UDP, Protocol.SCTP)


class PortSet(IntervalSet):
    """A set of (protocol, port) out of TCP, UDP and SCTP 1-65535 and ICMP types 0-255."""

    __slots__ = ()
    UNIVERSE = tuple((p.base + p.span[0], p.base + p.span[1]) for p in Protocol)

    @classmethod
    def of(cls, protocol: Protocol, first: int | None = None, last: int | None = None) -> PortSet:
        """Return the ports `first` to `last` (inclusive) of a protocol; all of it when none is given."""
        low, high = protocol.span
        start = low if first is None else first
        end = (high if first is None else first) if last is None else last
        return _port_range(protocol, start, end)

    @classmethod
    def transports(cls) -> PortSet:
        """Return every port of TCP, UDP and SCTP: what the NetworkPolicy API covers."""
        return _TRANSPORTS

    def ranges(self, protocol: Protocol) -> tuple[Interval, ...]:
        """Return the port ranges of one protocol as (first, last)."""
        low, high = protocol.base + protocol.span[0], protocol.base + protocol.span[1]
        part = _intersect(self.intervals, ((low, high),))
        return tuple((first - protocol.base, last - protocol.base) for first, last in part)

    def has(self, protocol: Protocol, port: int) -> bool:
        """Tell whether one port of one protocol is in the set."""
        low, high = protocol.span
        return low <= port <= high and protocol.base + port in self

    def by_protocol(self) -> dict[str, list[list[int]]]:
        """Return {protocol: [[first, last], ...]} without the protocols that have no member."""
        found = {p.value: [[a, b] for a, b in self.ranges(p)] for p in Protocol}
        return {protocol: ranges for protocol, ranges in found.items() if ranges}

    def __str__(self) -> str:
        """Write the set as people read it: `TCP 80,8000-8100; UDP`, `all`, `none`."""
        if not self:
            return "none"
        if self == PortSet.all():
            return "all"
        parts = []
        for protocol in Protocol:
            ranges = self.ranges(protocol)
            if ranges == (protocol.span,):
                parts.append(protocol.value)
            elif ranges:
                ports = ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
                parts.append(f"{protocol.value} {ports}")
        return "; ".join(parts)


@lru_cache(maxsize=4096)
def _port_range(protocol: Protocol, first: int, last: int) -> PortSet:
    return PortSet([(protocol.base + first, protocol.base + last)] if first <= last else ())


_TRANSPORTS = PortSet((p.base + 1, p.base + 65535) for p in TRANSPORTS)

# IPv6 addresses are moved past the IPv4 ones, with a gap, so that both lie on one number line.
_V6 = 1 << 33


class AddressSet(IntervalSet):
    """A set of IPv4 and IPv6 addresses."""

    __slots__ = ()
    UNIVERSE = ((0, (1 << 32) - 1), (_V6, _V6 + (1 << 128) - 1))

    @classmethod
    def of(cls, cidr: str) -> AddressSet:
        """Return the addresses of a CIDR or of one address; host bits are masked.

        Raises ValueError when the text is neither.
        """
        return _cidr(cidr)

    @classmethod
    def family(cls, version: int) -> AddressSet:
        """Return all addresses of IP version 4 or 6."""
        return cls._canonical((cls.UNIVERSE[0 if version == 4 else 1],))

    def families(self) -> tuple[int, ...]:
        """Return the IP versions (4, 6) that have a member."""
        return tuple(v for v in (4, 6) if self & AddressSet.family(v))

    def cidrs(self) -> tuple[str, ...]:
        """Return the fewest CIDRs that cover exactly this set, IPv4 first, each family ascending."""
        from ipaddress import IPv4Address, IPv6Address, summarize_address_range

        found: list[str] = []
        for first, last in self.intervals:
            kind, base = (IPv4Address, 0) if first < _V6 else (IPv6Address, _V6)
            found += map(str, summarize_address_range(kind(first - base), kind(last - base)))
        return tuple(found)

    def addresses(self) -> Iterator[str]:
        """Yield the addresses one by one, ascending; the set may be astronomically large."""
        from ipaddress import IPv4Address, IPv6Address

        for first, last in self.intervals:
            for number in range(first, last + 1):
                yield str(IPv4Address(number) if first < _V6 else IPv6Address(number - _V6))

    def __str__(self) -> str:
        return ",".join(self.cidrs()) or "none"


@lru_cache(maxsize=65536)
def _cidr(text: str) -> AddressSet:
    if "/" not in text:
        number = address_number(text)
        return AddressSet([(number, number)])
    from ipaddress import ip_network

    network = ip_network(text, strict=False)
    base = 0 if network.version == 4 else _V6
    return AddressSet([(base + int(network.network_address), base + int(network.broadcast_address))])


def address_number(address: str) -> int:
    """Return an address's place on the number line of AddressSet. Raises ValueError when it is none."""
    library = _library()
    try:
        if ":" in address:
            return _V6 + int.from_bytes(library.inet_pton(library.AF_INET6, address), "big")
        return int.from_bytes(library.inet_pton(library.AF_INET, address), "big")
    except OSError:
        raise ValueError(f"{address!r} is no IP address") from None


@cache
def _library() -> ModuleType:
    """Return the C library's reading of addresses, many times as fast as the ipaddress module's."""
    import socket

    return socket
