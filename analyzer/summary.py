"""The cluster at a glance: how many pairs are open, which endpoints nobody guards, which nobody reaches.

Comes in: the evaluated cluster. Goes out: exact counts over all pairs of endpoints, however many, and a
table of namespaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.counting import Status, counts, status
from analyzer.model import Direction, Match
from analyzer.reachability import exemption
from analyzer.sets import PortSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from analyzer.endpoints import Endpoint
    from analyzer.engine import Engine
    from analyzer.reachability import Reachability

# Beyond this many namespaces a table of them is no longer read.
MOST_GROUPS = 40
# Stands among namespaces, none of which has an empty name, for addresses outside the cluster.
OUTSIDE = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Ordered pairs of different endpoints, by status; pairs of two external endpoints are left out."""

    allowed: int = 0
    partial: int = 0
    denied: int = 0
    unknown: int = 0

    @property
    def pairs(self) -> int:
        """All pairs."""
        return self.allowed + self.partial + self.denied + self.unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts over the whole cluster.

    `unprotected`: no policy of the direction selects the endpoint. `isolated`: its policies let nothing
    pass in the direction. `groups`: (source namespace, destination namespace) to a tally, OUTSIDE among
    them; empty where there is only one namespace, or too many.
    """

    endpoints: int
    pods: int
    external: int
    policies: int
    total: Tally
    groups: Mapping[tuple[str, str], Tally]
    unprotected: Mapping[Direction, tuple[Endpoint, ...]]
    isolated: Mapping[Direction, tuple[Endpoint, ...]]


def summarize(reachability: Reachability, mask: PortSet | None = None) -> Summary:
    """Count all pairs in the ports of `mask` (default: TCP, UDP and SCTP)."""
    inside = [each for each in reachability.endpoints if not each.external]
    guarded = {direction: _guarded(reachability, inside, direction) for direction in Direction}
    names = list(dict.fromkeys(each.namespace for each in inside))
    grouped = 1 < len(names) <= MOST_GROUPS
    tallies = _Tallies(reachability, PortSet.transports() if mask is None else mask, grouped=grouped).count()
    return Summary(
        endpoints=len(inside),
        pods=sum(each.replicas for each in inside),
        external=len(reachability.endpoints) - len(inside),
        policies=sum(1 for _ in reachability.cluster.policies),
        total=_sum(tallies.values()),
        groups=tallies if grouped else {},
        unprotected={direction: found[0] for direction, found in guarded.items()},
        isolated={direction: found[1] for direction, found in guarded.items()},
    )


def _guarded(
    reachability: Reachability, inside: Sequence[Endpoint], direction: Direction
) -> tuple[tuple[Endpoint, ...], tuple[Endpoint, ...]]:
    """Return the endpoints that no policy of a direction selects, and those whose policies admit nothing."""
    engine = reachability.engine
    states = {number: _state(engine, direction, number) for number in {each.number for each in inside}}
    unprotected = tuple(each for each in inside if states[each.number] is None)
    return unprotected, tuple(each for each in inside if states[each.number] is True)


def _state(engine: Engine, direction: Direction, number: int) -> bool | None:
    """Tell whether the policies of a class admit nothing; None when there are none."""
    if not engine.policies(direction, number):
        return None
    return not any(engine.algebra.cells[cell].possible for cell in engine.row(direction, number))


class _Tallies:
    """Counts pairs of endpoints by their namespaces; by inside and outside only unless `grouped`.

    Classes are counted first, as if their members were different pods and nothing were exempt. Then what is
    otherwise is put right pair by pair: endpoints with themselves, and nodes with the pods that they run.
    """

    def __init__(self, reachability: Reachability, mask: PortSet, *, grouped: bool) -> None:
        self._reachability = reachability
        self._mask = mask
        self._grouped = grouped
        names = dict.fromkeys(map(self._group, reachability.endpoints))
        # How many endpoints of a group are in each class.
        self._members = {name: [0] * len(reachability.engine.classes) for name in names}
        for each in reachability.endpoints:
            self._members[self._group(each)][each.number] += 1
        self._known: dict[tuple[int, int], Status] = {}
        self._counts = {(here, there): [0] * len(Status) for here in names for there in names}

    def _group(self, endpoint: Endpoint) -> str:
        """Return what an endpoint is counted under."""
        return endpoint.namespace if self._grouped or endpoint.external else "*"

    def count(self) -> dict[tuple[str, str], Tally]:
        """Return the tally of every combination."""
        self._count_classes()
        for group, members in self._members.items():
            for number, count in enumerate(members):
                if count and group != OUTSIDE:
                    self._counts[group, group][self._status(number, number)] -= count
        for each in self._reachability.endpoints:
            if each.host_network:
                self._exempt(each)
        return {pair: Tally(**_named(numbers)) for pair, numbers in self._counts.items()}

    def _count_classes(self) -> None:
        """Add up the statuses between classes, by how many endpoints of a group are in each."""
        weights = list(self._members.values())
        for number, found in counts(self._reachability.engine, weights, self._mask):
            for here, members in self._members.items():
                if members[number]:
                    for there, statuses in zip(self._members, found, strict=True):
                        if here != OUTSIDE or there != OUTSIDE:
                            self._add(here, there, [members[number] * count for count in statuses])

    def _exempt(self, node: Endpoint) -> None:
        """Count again what a hostNetwork pod reaches because it is, or may be, on the same node."""
        for each in self._reachability.endpoints:
            if each is node or self._status(node.number, each.number) is Status.ALLOWED:
                continue
            if exemption(node, each) is not Match.NO:
                change = [0] * len(Status)
                change[self._status(node.number, each.number)] -= 1
                change[status(self._reachability.connection(node, each), self._mask)] += 1
                self._add(self._group(node), self._group(each), change)

    def _status(self, source: int, destination: int) -> Status:
        """Return the status between two classes."""
        pair = source, destination
        if (found := self._known.get(pair)) is None:
            found = self._known[pair] = status(self._reachability.engine.between(*pair), self._mask)
        return found

    def _add(self, here: str, there: str, change: Sequence[int]) -> None:
        known = self._counts[here, there]
        for index, count in enumerate(change):
            known[index] += count


def _named(numbers: Sequence[int]) -> dict[str, int]:
    return {each.name.lower(): numbers[each] for each in Status}


def _sum(tallies: Iterable[Tally]) -> Tally:
    found = list(tallies)
    return Tally(
        allowed=sum(each.allowed for each in found),
        partial=sum(each.partial for each in found),
        denied=sum(each.denied for each in found),
        unknown=sum(each.unknown for each in found),
    )
