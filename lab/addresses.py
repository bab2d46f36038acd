"""Where the lab takes addresses from that the manifests do not tell.

Comes in: ranges, and what is taken already. Goes out: free addresses, lowest first, one a range at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from analyzer import AddressSet
from lab.errors import LabError

# What kind's Docker network and its default `serviceSubnet` are.
NODES: Mapping[int, AddressSet] = {
    4: AddressSet.of("172.18.0.0/16"),
    6: AddressSet.of("fc00:f853:ccd:e793::/64"),
}
SERVICES: Mapping[int, AddressSet] = {4: AddressSet.of("10.96.0.0/16"), 6: AddressSet.of("fd00:10:96::/112")}
# The API server's default `--service-node-port-range`.
NODE_PORTS = range(30000, 32768)
# The first address of a network is its own name, the next one is usually a gateway's.
_FIRST = 2


class Allocator:
    """Hands out addresses of some ranges, one a range, so that a pod has one of each IP family."""

    def __init__(self, ranges: Sequence[AddressSet], taken: Iterable[str]) -> None:
        self._ranges = ranges
        self._taken = set(taken)
        self._free = [self._candidates(each) for each in ranges]

    def take(self) -> tuple[str, ...]:
        """Return a free address of each range. Raises LabError when a range is used up."""
        return tuple(map(self._next, self._free, self._ranges))

    def _candidates(self, addresses: AddressSet) -> Iterator[str]:
        found = addresses.addresses()
        for _ in range(min(_FIRST, addresses.size - 1)):
            next(found)
        return found

    def _next(self, free: Iterator[str], whole: AddressSet) -> str:
        for address in free:
            if address not in self._taken:
                self._taken.add(address)
                return address
        raise LabError(f"{whole} has no address left for the lab", "give it a wider network: `--pod-cidr`")
