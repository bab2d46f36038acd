"""What two analyzers are compared by: who reaches whom, on which ports and which addresses.

Ports and addresses are closed intervals of integers. Nothing of KubeReach is used here: what is judged
must not judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

Interval = tuple[int, int]
Intervals = tuple[Interval, ...]
Ports = Mapping[str, Intervals]

PROTOCOLS = ("TCP", "UDP", "SCTP")
EVERY_PORT: Intervals = ((1, 65535),)
EVERYTHING: Ports = dict.fromkeys(PROTOCOLS, EVERY_PORT)
NOTHING: Ports = {}
FIRST_IPV6 = 1 << 32
EVERY_ADDRESS: Intervals = ((0, FIRST_IPV6 + (1 << 128) - 1),)


def union(intervals: Iterable[Interval]) -> Intervals:
    """Return the intervals in order, joined where they overlap or touch."""
    joined: list[Interval] = []
    for first, last in sorted(intervals):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return tuple(joined)


def minus(left: Intervals, right: Intervals) -> Intervals:
    """Return what is in `left` and not in `right`; both are as `union` returns them."""
    kept: list[Interval] = []
    for first, last in left:
        start = first
        for begin, end in right:
            if begin <= last and end >= start:
                if begin > start:
                    kept.append((start, begin - 1))
                start = end + 1
        if start <= last:
            kept.append((start, last))
    return tuple(kept)


def together(left: Ports, right: Ports) -> Ports:
    """Return the ports that are in either."""
    return {
        protocol: joined
        for protocol in PROTOCOLS
        if (joined := union((*left.get(protocol, ()), *right.get(protocol, ()))))
    }


def address_range(first: str, last: str) -> Interval:
    """Return a range of addresses as integers; the IPv6 addresses follow the IPv4 addresses."""
    return position(first), position(last)


def cidr_range(cidr: str) -> Interval:
    """Return the addresses of a CIDR."""
    network = ip_network(cidr)
    return position(str(network[0])), position(str(network[-1]))


def position(address: str) -> int:
    """Return the place of an address on the line of all IPv4 and then all IPv6 addresses."""
    parsed = ip_address(address)
    return int(parsed) + (FIRST_IPV6 if parsed.version == 6 else 0)


def address_text(place: int) -> str:
    """Return the address at a place."""
    return str(ip_address(place)) if place < FIRST_IPV6 else str(ip_address(place - FIRST_IPV6))


@dataclass(slots=True)
class Reach:
    """The connections that one analyzer allows.

    `pods` holds pairs of names; `outward` and `inward` hold, for each name, ranges of outside addresses
    and the ports on which it reaches them or is reached from them. What is missing is not allowed.
    """

    pods: dict[tuple[str, str], Ports] = field(default_factory=dict)
    outward: dict[str, list[tuple[Interval, Ports]]] = field(default_factory=dict)
    inward: dict[str, list[tuple[Interval, Ports]]] = field(default_factory=dict)

    def between(self, source: str, destination: str) -> Ports:
        """Return the ports on which one pod reaches another."""
        return self.pods.get((source, destination), NOTHING)

    def add(self, source: str | Interval, destination: str | Interval, ports: Ports) -> None:
        """Allow ports from one end to the other, in addition to what is there."""
        if isinstance(source, str) and isinstance(destination, str):
            pair = (source, destination)
            self.pods[pair] = together(self.pods.get(pair, NOTHING), ports)
        elif isinstance(source, str):
            assert not isinstance(destination, str), "one end is a pod, the other a range"
            self.outward.setdefault(source, []).append((destination, ports))
        else:
            assert isinstance(destination, str), "traffic between outside addresses is nobody's business"
            self.inward.setdefault(destination, []).append((source, ports))

    def names(self) -> set[str]:
        """Return all pods that have a connection."""
        return {name for pair in self.pods for name in pair} | set(self.outward) | set(self.inward)
