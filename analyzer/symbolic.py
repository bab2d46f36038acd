"""Peers that need not exist: any pod with some labels in any namespace with some labels.

Comes in: an evaluated cluster. Goes out: the groups of pods that its policies speak of, and for a subject's
policies what they let pass to or from a pod of each group, in the same algebra as everything else: certain
for every pod of the group whatever else it is like, and possible for some of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, assert_never

from analyzer.bitmaps import Bitmap, bitmap
from analyzer.engine import at
from analyzer.labelsets import PRESENT, LabelSets, Values, exactly, label_sets
from analyzer.matching import Matched
from analyzer.model import AddressPeer, AnyPeer, Direction, Match, PodPeer
from analyzer.selectors import EVERYTHING, NAMESPACE_NAME, Selector
from analyzer.sets import PortSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analyzer.bounds import Bounds
    from analyzer.engine import Engine, Row
    from analyzer.model import Cluster, NamedPort, Peer, Policy, Rule


@dataclass(frozen=True, slots=True)
class PodGroup:
    """All pods with these labels in namespaces with those, whether there are such pods or not."""

    namespaces: Selector
    pods: Selector


ANY_POD = PodGroup(EVERYTHING, EVERYTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What may be opened between a subject and the pods of a group, by the subject's own policies.

    `every`: certain for each of them, possible for some of them, whatever other labels they have.
    `alone`: for those that match no other group unless this one lies within it.
    """

    every: Bounds
    alone: Bounds


class Symbolic:
    """The groups of one cluster, and the verdicts of its policies on them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._groups = _groups(engine.cluster)
        self._peers = _Peers(engine.cluster, tuple(self._groups))
        self._facing = engine.facing(self._peers)

    def row(self, direction: Direction, subject: int) -> Row:
        """Return a subject's row over the groups; classes with the same policies share one object."""
        return self._facing.row(direction, subject)

    def verdict(self, row: Row, group: PodGroup) -> Verdict:
        """Return what a row says of a group of `groups`, or of ANY_POD."""
        number, cells = self._groups[group], self._engine.algebra.cells
        return Verdict(every=cells[at(row, number)], alone=cells[at(row, number + len(self._groups))])

    def groups(self, policies: Iterable[Policy], direction: Direction) -> dict[PodGroup, list[Rule]]:
        """Return the groups that rules of some policies speak of, in their order, each with these rules.

        Groups that no pod can belong to are left out.
        """
        found: dict[PodGroup, list[Rule]] = {}
        for policy in policies:
            for rule in policy.rules(direction):
                for peer in rule.peers:
                    if isinstance(peer, PodPeer):
                        group = PodGroup(peer.namespaces, peer.pods)
                        if self._peers.possible >> self._groups[group] & 1:
                            found.setdefault(group, []).append(rule)
        return found


def _groups(cluster: Cluster) -> dict[PodGroup, int]:
    """Return the groups of all policies with their numbers; ANY_POD is the first."""
    found = {ANY_POD: 0}
    for policy in cluster.policies:
        for direction in Direction:
            for rule in policy.rules(direction):
                for peer in rule.peers:
                    if isinstance(peer, PodPeer):
                        found.setdefault(PodGroup(peer.namespaces, peer.pods), len(found))
    return found


class _Peers:
    """The groups as the peers of an engine: twice, as `every` and, behind all those, as `alone`."""

    def __init__(self, cluster: Cluster, groups: Sequence[PodGroup]) -> None:
        self._cluster = cluster
        self._size = len(groups)
        self.everybody: Bitmap = (1 << 2 * len(groups)) - 1
        self.hosts: Bitmap = 0
        self._all: Bitmap = (1 << len(groups)) - 1
        self._groups = groups
        self._matched: dict[Peer, Matched] = {}

    @cached_property
    def possible(self) -> Bitmap:
        """The groups that some pod can belong to."""
        return self._of_namespaces.possible & self._of_pods.possible

    @cached_property
    def _of_pods(self) -> _Population:
        return _Population([label_sets(group.pods) for group in self._groups])

    @cached_property
    def _of_namespaces(self) -> _Population:
        keys = {key for group in self._groups for key in group.namespaces.keys()}  # noqa: SIM118 - a method
        known: dict[Selector, LabelSets] = {}
        for group in self._groups:
            if group.namespaces not in known:
                known[group.namespaces] = _namespace_labels(self._cluster, group.namespaces, keys)
        return _Population([known[group.namespaces] for group in self._groups])

    def rule(self, rule: Rule) -> Matched:
        """Return the groups that one of a rule's peers means."""
        return Matched.of(rule, self._peer)

    def destinations(self, named: NamedPort) -> tuple[tuple[PortSet, Matched], ...]:
        """Return what a port name may stand for: nobody knows the ports of a pod that need not exist."""
        return ((PortSet.of(named.protocol) | named.undefined, Matched(0, self.everybody)),)

    def _peer(self, peer: Peer) -> Matched:
        if (found := self._matched.get(peer)) is None:
            found = self._matched[peer] = self._match(peer)
        return found

    def _match(self, peer: Peer) -> Matched:
        match peer:
            case AnyPeer():
                return Matched(self.everybody, self.everybody)
            case PodPeer():
                spaces = self._of_namespaces.within(peer.namespaces)
                pods = self._of_pods.within(peer.pods)
                must = spaces.must & pods.must
                alone = must << self._size
                return Matched(must | alone, spaces.may & pods.may | alone)
            case AddressPeer():
                return self._address(peer)
            case never:
                assert_never(never)

    def _address(self, peer: AddressPeer) -> Matched:
        """Compare a block with where the address of a pod lies that is not known."""
        place = self._cluster.pod_addresses
        if peer.on_pods is Match.NO or not place & peer.addresses:
            return Matched(0, 0)
        certain = peer.on_pods is Match.YES and place <= peer.addresses
        return Matched(self.everybody if certain else 0, self.everybody)


def _namespace_labels(cluster: Cluster, selector: Selector, keys: Iterable[str]) -> LabelSets:
    """Return the labels that the namespaces which a selector means may have.

    Every namespace is labelled with its name; of one that is known, all labels are known.
    """
    found = label_sets(selector)
    name = found[NAMESPACE_NAME] = found.get(NAMESPACE_NAME, PRESENT) & PRESENT
    only = next(iter(name.values)) if not name.others and len(name.values) == 1 else ""
    if (namespace := cluster.namespaces.get(only)) is None:
        return found
    labels = namespace.labels
    exact = {
        key: exactly(labels[key]) if key in labels else Values(absent=True, others=False) for key in keys
    }
    return {key: found.get(key, values) & values for key, values in exact.items()}


class _Population:
    """Sets of labels, numbered, and which of them lie within a selector or can meet it."""

    def __init__(self, sets: Sequence[LabelSets]) -> None:
        self._all: Bitmap = (1 << len(sets)) - 1
        by_key: dict[str, dict[Values, list[int]]] = {}
        for number, each in enumerate(sets):
            for key, values in each.items():
                by_key.setdefault(key, {}).setdefault(values, []).append(number)
        self._by_key = {
            key: [(values, bitmap(numbers)) for values, numbers in found.items()]
            for key, found in by_key.items()
        }
        self._known: dict[tuple[str, Values], Matched] = {}
        self._selected: dict[Selector, Matched] = {}
        self.possible = self._all & ~bitmap(
            number for number, each in enumerate(sets) if not all(each.values())
        )

    def within(self, selector: Selector) -> Matched:
        """Return the sets of which every member, and those of which some member, is selected."""
        if (found := self._selected.get(selector)) is None:
            must = may = self._all
            for key, values in label_sets(selector).items():
                matched = self._at(key, values)
                must, may = must & matched.must, may & matched.may
            found = self._selected[selector] = Matched(must, may)
        return found

    def _at(self, key: str, wanted: Values) -> Matched:
        if (found := self._known.get((key, wanted))) is None:
            must, may, rest = 0, 0, self._all
            for values, numbers in self._by_key.get(key, ()):
                rest &= ~numbers
                must |= numbers if values <= wanted else 0
                may |= numbers if values & wanted else 0
            # Whoever says nothing of the key may have it with any value, or not at all.
            found = self._known[key, wanted] = Matched(must, may | (rest if wanted else 0))
        return found
