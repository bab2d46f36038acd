"""Kinds of pairs of endpoints, and who stands for the others of a kind.

Comes in: the pairs that filters leave, and what is known of each endpoint. Goes out: for each kind, between
whose pairs no policy tells a difference, one pair that is asked: such that each class has a pod that asks,
each node has one, and all pods are asked in turn. The same pairs for the same cluster, always.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

from analyzer import Endpoint, Match, View
from analyzer.reachability import exemption

Key = tuple[object, ...]
Pair = tuple[Endpoint, Endpoint]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What of an endpoint decides whether it takes part: its name in the lab, its node, its IP families.

    `silent` is why it asks nobody, "" when it can; `absent`: it may not be there to be asked.
    """

    name: str
    node: str
    families: frozenset[bool]
    silent: str = ""
    absent: bool = False


class Block(NamedTuple):
    """Endpoints of which every source makes a pair of one kind with every destination other than itself.

    With `itself`: each destination, which is a source too, with itself, and with no other.
    """

    sources: Sequence[Endpoint]
    destinations: Sequence[Endpoint]
    itself: bool = False

    @property
    def size(self) -> int:
        """How many pairs these are."""
        if self.itself:
            return len(self.destinations)
        ids = {each.id for each in self.destinations}
        both = sum(each.id in ids for each in self.sources)
        return len(self.sources) * len(self.destinations) - both


def kind_of_pair(source: Endpoint, destination: Endpoint, *, every: bool = False) -> Key:
    """Return what is the same for all pairs of endpoints between which the verdict must be the same."""
    if every or source.external or destination.external:
        return source.id, destination.id
    return source.number, destination.number, source is destination, exemption(source, destination)


class Kinds:
    """The kinds of pairs in a view. `members` are by the endpoints' ids: those that have a place in the lab.

    `every_pod`: each pod that can asks, instead of as few as it takes for each class and each node to have
    one. `known` are pairs of names that are chosen where they are of a kind: they were asked before.
    """

    def __init__(
        self,
        view: View,
        members: Mapping[str, Member],
        *,
        every_pod: bool = False,
        known: Collection[tuple[str, str]] = (),
    ) -> None:
        self._members, self._known = members, known
        self.impossible: Counter[str] = Counter()
        self.homeless = 0
        """Pairs of which one end has no place in the lab."""
        self._sides = [
            (self._groups(block.sources), self._groups(block.destinations), self._groups(block.inside))
            for block in view.blocks
        ]
        self.groups = [group for sources, _, _ in self._sides for group in sources]
        self._askers = _askers([*filter(self._asks, self.groups)], members, every_pod=every_pod)
        self._of: dict[Key, list[Block]] = {}
        for key, block in self._blocks():
            self._of.setdefault(key, []).append(block)
        self._ranks = {
            each: rank
            for sources, destinations, _ in self._sides
            for group in (*sources, *destinations)
            if group[0].id in members
            for each, rank in self._ranked(group)
        }
        self._asking: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()

    def pairs(self) -> Iterator[Pair]:
        """Yield one pair of each kind that can be asked; why others cannot is counted in `impossible`."""
        known = self._known_pairs()
        for key, blocks in self._of.items():
            found = known.get(key) or next(filter(None, map(self._picked, self._usable(blocks))), None)
            if found:
                self._asking[found[0].id] += 1
                self._asked[found[1].id] += 1
                yield found
            elif all(why := [self._members[block.sources[0].id].silent for block in blocks]):
                self.impossible[why[0]] += 1
            else:
                self.impossible["no common IP family"] += sum(block.size for block in blocks)

    def instead(self, pair: Pair, mute: Collection[str], gone: Collection[str]) -> Pair | None:
        """Return another pair of the same kind, if there is one that can be asked.

        By their names, pods that are `mute` cannot ask, those that are `gone` cannot be asked either. An end
        that can take part stays.
        """
        out = {*mute, *gone}
        for block in self._usable(self._of.get(kind_of_pair(*pair), ())):
            for source in self._in_turn(block.sources, pair[0], out):
                if block.itself:
                    if _has(block.destinations, source):
                        return source, source
                    continue
                destinations = self._in_turn(block.destinations, pair[1], gone)
                if other := next((each for each in destinations if each is not source), None):
                    return source, other
        return None

    def sources(self, backends: Collection[str]) -> list[Endpoint]:
        """Return who asks a Service: of each group one that is behind it, and one that is not.

        Each host that a hostNetwork pod stands for, and each address outside, asks for itself.
        """
        found = []
        for group in self.groups:
            if group[0].host_network or group[0].external or not self._asks(group):
                found += group
                continue
            for behind in (False, True):
                some = [each for each in self._in_turn(group, None, ()) if (each.id in backends) is behind]
                if some:
                    askers = [each for each in some if _has(self.askers(group), each)]
                    chosen = self._least(askers or some, self._asking)
                    assert chosen is not None, "there is one"
                    self._asking[chosen.id] += 1
                    found.append(chosen)
        return found

    def askers(self, group: Sequence[Endpoint]) -> Sequence[Endpoint]:
        """Return those of a group of sources that ask."""
        return self._askers.get(id(group), group)

    def peers(self, source: Endpoint) -> Iterator[Endpoint]:
        """Yield the sources that are like one: those that ask before the others."""
        for group in self.groups:
            if _has(group, source):
                yield from self._in_turn(group, source, ())

    def _in_turn(
        self, group: Sequence[Endpoint], first: Endpoint | None, out: Collection[str]
    ) -> Iterator[Endpoint]:
        """Yield the members of a group: one before those that ask, and these before the others."""
        own = [first] if first is not None and _has(group, first) else []
        ordered = {each.id: each for each in (*own, *self.askers(group), *group)}
        yield from (each for each in ordered.values() if self._members[each.id].name not in out)

    def _asks(self, group: Sequence[Endpoint]) -> bool:
        member = self._members.get(group[0].id)
        return member is not None and not member.silent and not group[0].external

    def _groups(self, endpoints: Iterable[Endpoint]) -> list[list[Endpoint]]:
        """Group endpoints of which all that matters is the same."""
        found: dict[Key, list[Endpoint]] = {}
        for each in endpoints:
            found.setdefault(self._shape(each), []).append(each)
        return [*found.values()]

    def _shape(self, endpoint: Endpoint) -> Key:
        member = self._members.get(endpoint.id)
        if endpoint.external or member is None:
            return (endpoint.id,)
        # A node reaches the pods that it runs.
        nodes = endpoint.nodes if endpoint.host_network and not member.silent else None
        return endpoint.number, member.families, member.silent, member.absent, nodes

    def _blocks(self) -> Iterator[tuple[Key, Block]]:
        for sources, destinations, inside in self._sides:
            places = [_Crowd(group) for group in destinations]
            inner = [_Crowd(group) for group in inside]
            for group in sources:
                for crowd in inner if group[0].external else places:
                    yield from self._between(group, crowd)

    def _between(self, sources: list[Endpoint], crowd: _Crowd) -> Iterator[tuple[Key, Block]]:
        first, there = sources[0], crowd.endpoints[0]
        if first.id not in self._members or there.id not in self._members:
            self.homeless += len(sources) * len(crowd.endpoints)
        elif first.external or there.external:
            for source in sources:
                for destination in crowd.endpoints:
                    yield kind_of_pair(source, destination), Block([source], [destination])
        else:
            yield from self._inside(sources, crowd)

    def _inside(self, sources: list[Endpoint], crowd: _Crowd) -> Iterator[tuple[Key, Block]]:
        first, there = sources[0], crowd.endpoints[0]
        both = [each for each in sources if each.id in crowd.ids] if first.number == there.number else []
        alone: dict[Match, list[Endpoint]] = {}
        for each in both:
            alone.setdefault(exemption(each, each), []).append(each)
        for match, some in alone.items():
            yield (first.number, there.number, True, match), Block(sources, some, itself=True)
        if len(sources) == len(crowd.endpoints) == len(both) == 1:
            return
        if not first.host_network or self._members[first.id].silent:
            yield (first.number, there.number, False, Match.NO), Block(sources, crowd.endpoints)
            return
        for match, some in crowd.seen_from(first).items():
            block = Block(sources, some)
            if block.size:
                yield (first.number, there.number, False, match), block

    def _usable(self, blocks: Sequence[Block]) -> Sequence[Block]:
        """Return the blocks that can be asked: those first in which all are there to be asked."""
        if len(blocks) == 1:
            return blocks if self._can(blocks[0]) else ()
        absent = {id(block): self._members[block.destinations[0].id].absent for block in blocks}
        return sorted(filter(self._can, blocks), key=lambda block: absent[id(block)])

    def _can(self, block: Block) -> bool:
        here, there = self._members[block.sources[0].id], self._members[block.destinations[0].id]
        return not (here.silent or here.families.isdisjoint(there.families))

    def _picked(self, block: Block) -> Pair | None:
        if block.itself:
            alone = [each for each in self.askers(block.sources) if _has(block.destinations, each)]
            itself = self._least(alone or block.destinations, self._asking)
            return (itself, itself) if itself is not None else None
        source = self._least(self.askers(block.sources), self._asking)
        destination = self._least(block.destinations, self._asked, source)
        if destination is None:  # it is the source itself
            destination = block.destinations[0]
            source = self._least(block.sources, self._asking, destination)
        return (source, destination) if source is not None and destination is not None else None

    def _least(
        self, endpoints: Sequence[Endpoint], counts: Counter[str], other: Endpoint | None = None
    ) -> Endpoint | None:
        """Return who took part least so far, first in rank among those; not `other`."""
        found, least = None, (0, (0, 0))
        for each in endpoints:
            used = counts[each.id], self._ranks[each.id]
            if each is not other and (found is None or used < least):
                found, least = each, used
        return found

    def _ranked(self, group: Sequence[Endpoint]) -> Iterator[tuple[str, tuple[int, int]]]:
        """Yield ranks that go from node to node, from another one in each group.

        Other groups play no part in it: one pod more changes little in who asks whom.
        """
        nodes: dict[str, int] = {}
        for each in group:
            nodes.setdefault(self._members[each.id].node, len(nodes))
        first = crc32(group[0].id.encode())
        there: Counter[str] = Counter()
        for each in group:
            node = self._members[each.id].node
            yield each.id, (there[node], (nodes[node] + first) % len(nodes))
            there[node] += 1

    def _known_pairs(self) -> dict[Key, Pair]:
        """Return the first pair of each kind among those that were asked before, where it still can be."""
        by_name = {self._members[each.id].name: each for each in self._everybody()}
        found: dict[Key, Pair] = {}
        for one, other in sorted(self._known):
            pair = by_name.get(one), by_name.get(other)
            if pair[0] is None or pair[1] is None:
                continue
            key = kind_of_pair(pair[0], pair[1])
            for block in self._usable(self._of.get(key, ())):
                if _has(block.sources, pair[0]) and _has(block.destinations, pair[1]):
                    found.setdefault(key, (pair[0], pair[1]))
        return found

    def _everybody(self) -> Iterator[Endpoint]:
        for sources, destinations, _ in self._sides:
            for group in (*sources, *destinations):
                yield from (each for each in group if each.id in self._members)


def _has(group: Iterable[Endpoint], wanted: Endpoint) -> bool:
    """Tell whether an endpoint is one of a group."""
    return any(each is wanted for each in group)


class _Crowd:
    """Destinations that are alike, and where they are."""

    def __init__(self, endpoints: list[Endpoint]) -> None:
        self.endpoints = endpoints
        self.ids = frozenset(each.id for each in endpoints)
        self._on: dict[frozenset[str], list[Endpoint]] = {}

    def seen_from(self, node: Endpoint) -> dict[Match, list[Endpoint]]:
        """Return them by whether a node, which a hostNetwork pod stands for, reaches them anyway."""
        if not self._on:
            for each in self.endpoints:
                self._on.setdefault(each.nodes, []).append(each)
        found: dict[Match, list[Endpoint]] = {}
        for some in self._on.values():
            other = next((each for each in some if each is not node), None)
            if other is not None:
                found.setdefault(exemption(node, other), []).extend(some)
        return found


def _askers(
    groups: Sequence[Sequence[Endpoint]], members: Mapping[str, Member], *, every_pod: bool
) -> dict[int, Sequence[Endpoint]]:
    """Return who asks for each group: one pod of it, and more until each node has one that asks."""
    if every_pod:
        return {id(group): group for group in groups}
    found: dict[int, list[Endpoint]] = {}
    load: Counter[str] = Counter()
    there: dict[str, list[tuple[Sequence[Endpoint], Endpoint]]] = {}
    for group in groups:
        for each in group:
            there.setdefault(members[each.id].node, []).append((group, each))
        chosen = min(group, key=lambda each: load[members[each.id].node])
        load[members[chosen.id].node] += 1
        found[id(group)] = [chosen]
    for node, pods in there.items():
        if not load[node]:
            group, pod = min(pods, key=lambda each: len(found[id(each[0])]))
            found[id(group)].append(pod)
    return {**found}
