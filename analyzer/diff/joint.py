"""Both clusters' endpoints side by side, so that their verdicts can be compared.

Comes in: two evaluated clusters. Goes out: groups of endpoints that stay and that both clusters see alike,
and of addresses that neither cuts; they are the columns in which the rows of both are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.bitmaps import Bitmap, bitmap, members
from analyzer.bounds import Bounds
from analyzer.sets import AddressSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from analyzer.bounds import Cell
    from analyzer.endpoints import Endpoint
    from analyzer.engine import Row
    from analyzer.model import Cluster, Workload
    from analyzer.reachability import Reachability
    from analyzer.sets import PortSet

    Marks = tuple[bool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """An endpoint that both clusters have; for external ones `addresses` are those common to both."""

    old: Endpoint
    new: Endpoint
    addresses: AddressSet

    @property
    def alone(self) -> bool:
        """Whether it has no other replica to talk to, in one of the two at least."""
        return self.old.replicas < 2 or self.new.replicas < 2

    @property
    def on_host(self) -> bool:
        """Whether it uses the host network, in one of the two at least."""
        return self.old.host_network or self.new.host_network

    @property
    def moved(self) -> bool:
        """Whether what exempts connections of nodes changed."""
        return self.old.nodes != self.new.nodes or self.old.host_network != self.new.host_network


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Endpoints that share a class in both clusters.

    `steady`: equal peers match them equally in both. `marks`: what the filters say of all of them.
    """

    old: int
    new: int
    stays: tuple[Stay, ...]
    steady: bool
    marks: Marks


class Version:
    """One of the two clusters, and how its classes lie among the joint groups."""

    def __init__(self, reachability: Reachability, numbers: list[int], ports: PortSet) -> None:
        self.reachability = reachability
        self.engine = reachability.engine
        self.tiers = {id(p): tier for tier in reachability.cluster.tiers for p in tier.policies}
        self._numbers = numbers
        columns: list[list[int]] = [[] for _ in self.engine.classes]
        for column, number in enumerate(numbers):
            columns[number].append(column)
        self._columns = [bitmap(each) for each in columns]
        self._ports = ports
        self._bounds: dict[Cell, Bounds] = {}
        self._classes: dict[Bitmap, Bitmap] = {}

    def bounds(self, cell: Cell) -> Bounds:
        """Return what a cell says of the ports that were asked for."""
        if (found := self._bounds.get(cell)) is None:
            found = self._bounds[cell] = self.asked(self.engine.algebra.cells[cell])
        return found

    def asked(self, bounds: Bounds) -> Bounds:
        """Restrict a verdict to the ports that were asked for."""
        return Bounds(bounds.certain & self._ports, bounds.possible & self._ports)

    def spread(self, classes: Bitmap, among: Bitmap) -> Bitmap:
        """Return the columns, out of some, whose class is one of these."""
        found = 0
        for number in members(classes & self._among(among)):
            found |= self._columns[number]
        return found & among

    def cells(self, row: Row, among: Bitmap) -> Iterator[tuple[Bounds, Bitmap]]:
        """Yield what a row says of some columns, each column once."""
        left = among
        ordered = sorted(row.items(), key=lambda each: each[1].bit_count())
        for cell, classes in ordered[:-1]:
            if found := self.spread(classes, among):
                yield self.bounds(cell), found
                left ^= found
        if left:
            yield self.bounds(ordered[-1][0]), left

    def _among(self, columns: Bitmap) -> Bitmap:
        """Return the classes of some columns."""
        if (found := self._classes.get(columns)) is None:
            found = self._classes[columns] = bitmap({self._numbers[each] for each in members(columns)})
        return found


class Joint:
    """The joint groups, numbered; `added` and `removed` are endpoints that only one cluster has."""

    def __init__(
        self, old: Reachability, new: Reachability, ports: PortSet, marks: Callable[[Stay], Marks]
    ) -> None:
        inside, self.added, self.removed = _inside(old, new)
        self.kept = len({id(each.new) for each in inside})
        stays = [*inside, *_outside(old, new)]
        self.groups = _groups(old.cluster, new.cluster, stays, marks)
        self.old = Version(old, [each.old for each in self.groups], ports)
        self.new = Version(new, [each.new for each in self.groups], ports)
        self.everything: Bitmap = (1 << len(self.groups)) - 1
        self.unsteady = self._where(lambda group: not group.steady)
        self.hosts = self._where(lambda group: group.stays[0].on_host)
        self.moved = self._where(lambda group: group.stays[0].moved)

    def _where(self, holds: Callable[[Group], bool]) -> Bitmap:
        return bitmap(number for number, group in enumerate(self.groups) if holds(group))

    def marked(self, index: int) -> Bitmap:
        """Return the columns that carry one of the marks."""
        return self._where(lambda group: group.marks[index])


def _inside(
    old: Reachability, new: Reachability
) -> tuple[list[Stay], tuple[Endpoint, ...], tuple[Endpoint, ...]]:
    """Match endpoints by their workload; where its pods are not alike, by the names of the pods."""
    before, after = _by_workload(old), _by_workload(new)
    stays = [
        Stay(old=a, new=b, addresses=AddressSet.none())
        for workload, found in after.items()
        if workload in before
        for a, b in _matched(before[workload], found)
    ]
    added = tuple(each for workload, found in after.items() if workload not in before for each in found)
    removed = tuple(each for workload, found in before.items() if workload not in after for each in found)
    return stays, added, removed


def _by_workload(reachability: Reachability) -> dict[Workload, list[Endpoint]]:
    found: dict[Workload, list[Endpoint]] = {}
    for each in reachability.endpoints:
        if not each.external:
            found.setdefault(each.pods[0].workload, []).append(each)
    return found


def _matched(before: list[Endpoint], after: list[Endpoint]) -> Iterator[tuple[Endpoint, Endpoint]]:
    if len(before) == len(after) == 1:
        yield before[0], after[0]
        return
    homes = {pod.name: each for each in after for pod in each.pods}
    pairs = {
        (id(a), id(homes[pod.name])): (a, homes[pod.name])
        for a in before
        for pod in a.pods
        if pod.name in homes
    }
    yield from pairs.values()
    # A replica under a name of its own is compared with the first of the other version.
    yield from ((a, after[0]) for a in before if all(id(a) != one for one, _ in pairs))
    yield from ((before[0], b) for b in after if all(id(b) != other for _, other in pairs))


def _outside(old: Reachability, new: Reachability) -> Iterator[Stay]:
    """Cut external addresses along the blocks of both clusters."""
    common: dict[tuple[int, int], list[tuple[int, int]]] = {}
    before, after = _ranges(old), _ranges(new)
    i = j = 0
    while i < len(before) and j < len(after):
        (_, end, a), (_, other_end, b) = before[i], after[j]
        first, last = max(before[i][0], after[j][0]), min(end, other_end)
        if first <= last:
            common.setdefault((a, b), []).append((first, last))
        i, j = (i + 1, j) if end < other_end else (i, j + 1)
    for (a, b), intervals in sorted(common.items()):
        yield Stay(old=old.endpoints[a], new=new.endpoints[b], addresses=AddressSet(intervals))


def _ranges(reachability: Reachability) -> list[tuple[int, int, int]]:
    """Return the external addresses as ranges, ascending, each with the index of its endpoint."""
    endpoints = enumerate(reachability.endpoints)
    return sorted((*interval, index) for index, each in endpoints for interval in each.addresses.intervals)


def _groups(
    old: Cluster, new: Cluster, stays: list[Stay], marks: Callable[[Stay], Marks]
) -> tuple[Group, ...]:
    alike = _facts(old) == _facts(new)
    with_nodes = any(each.on_host for each in stays)
    found: dict[tuple[object, ...], list[Stay]] = {}
    for each in stays:
        nodes = (each.old.nodes, each.new.nodes) if with_nodes else ()
        found.setdefault((each.old.number, each.new.number, nodes, marks(each)), []).append(each)
    return tuple(
        Group(
            old=group[0].old.number,
            new=group[0].new.number,
            stays=tuple(group),
            steady=alike and all(_steady(old, new, each) for each in group),
            marks=marks(group[0]),
        )
        for group in found.values()
    )


def _facts(cluster: Cluster) -> tuple[object, ...]:
    return cluster.pod_addresses, cluster.node_addresses, cluster.other_nodes


def _steady(old: Cluster, new: Cluster, stay: Stay) -> bool:
    """Tell whether all that a peer could look at is the same of an endpoint."""
    return stay.old.external or _seen(old, stay.old) == _seen(new, stay.new)


def _seen(cluster: Cluster, endpoint: Endpoint) -> list[object]:
    namespace = cluster.namespaces[endpoint.namespace].labels
    seen: list[object] = []
    for pod in endpoint.pods:
        facts = (pod.host_network, pod.labels, namespace, sorted(pod.addresses), set(pod.ports))
        if facts not in seen[-1:]:
            seen.append(facts)
    return seen
