"""Which classes a policy selects and which its peers mean, as bitmaps over the classes.

Comes in: a cluster and its classes. Goes out: for each peer two bitmaps, what matches for certain and
what may match (Kleene's YES, and YES or MAYBE); each selector and CIDR is evaluated once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol, assert_never

from analyzer.bitmaps import Bitmap, LabelIndex, bitmap
from analyzer.classes import Kind
from analyzer.model import AddressPeer, AnyPeer, Match, PodPeer
from analyzer.sets import AddressSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from analyzer.classes import PeerClass
    from analyzer.model import NamedPort, Peer, Policy, Rule
    from analyzer.selectors import Selector
    from analyzer.sets import PortSet

_CHUNK = 128


class Matched(NamedTuple):
    """Classes that match for certain, and those that match or may match (`must` is a part of `may`)."""

    must: Bitmap
    may: Bitmap

    @classmethod
    def of(cls, rule: Rule, peer: Callable[[Peer], Matched]) -> Matched:
        """Return what one of a rule's peers means, by what each of them does."""
        must = may = 0
        for each in _joined(rule.peers):
            matched = peer(each)
            must |= matched.must
            may |= matched.may
        return cls(0 if rule.doubt else must, may)


def _joined(peers: tuple[Peer, ...]) -> Iterator[Peer]:
    """Yield peers, blocks that are compared alike as one: together they may hold all addresses of a pod."""
    blocks: dict[tuple[Match, Match], list[AddressPeer]] = {}
    for peer in peers:
        if isinstance(peer, AddressPeer):
            blocks.setdefault((peer.on_pods, peer.on_hosts), []).append(peer)
        else:
            yield peer
    for alike in blocks.values():
        if len(alike) == 1:
            yield alike[0]
        else:
            yield replace(alike[0], addresses=AddressSet.union(each.addresses for each in alike))


class Peers(Protocol):
    """What rules are matched with: numbered peers, of which `hosts` are nodes."""

    everybody: Bitmap
    hosts: Bitmap

    def rule(self, rule: Rule) -> Matched:
        """Return the peers that a rule means."""
        ...

    def destinations(self, named: NamedPort) -> tuple[tuple[PortSet, Matched], ...]:
        """Return what a port name stands for, and on which peers."""
        ...


class Matcher:
    """Evaluates selectors, CIDRs and port names over all classes at once."""

    def __init__(self, classes: Sequence[PeerClass]) -> None:
        of_kind: dict[Kind, list[int]] = {kind: [] for kind in Kind}
        for index, each in enumerate(classes):
            of_kind[each.kind].append(index)
        self.pods, self.hosts, self.external = (bitmap(of_kind[kind]) for kind in Kind)
        self.everybody: Bitmap = (1 << len(classes)) - 1
        self._classes = classes
        inside = [(i, each) for i, each in enumerate(classes) if each.kind is not Kind.EXTERNAL]
        self._labels = LabelIndex((i, each.labels) for i, each in inside)
        self._namespaces = LabelIndex((i, each.namespace_labels) for i, each in inside)
        self._places = _Places(classes)
        self._peers: dict[Peer, Matched] = {}
        self._rules: dict[int, tuple[Rule, Matched]] = {}
        self._named: dict[NamedPort, tuple[tuple[PortSet, Bitmap], ...]] = {}

    def subject(self, policy: Policy) -> Bitmap:
        """Return the classes that a policy selects; hostNetwork pods are never among them."""
        named = self.namespaces(policy.subject_namespaces)
        return named & self.labels(policy.subject_pods) & self.pods

    def labels(self, selector: Selector) -> Bitmap:
        """Return the pods, hostNetwork ones included, whose labels a selector matches."""
        return self._labels.select(selector)

    def namespaces(self, selector: Selector) -> Bitmap:
        """Return the pods, hostNetwork ones included, in namespaces that a selector matches."""
        return self._namespaces.select(selector)

    def rule(self, rule: Rule) -> Matched:
        """Return the classes that one of a rule's peers means."""
        # By identity: rules are compared with all that they hold. Who is kept here is nobody else.
        if (known := self._rules.get(id(rule))) is None:
            known = self._rules[id(rule)] = rule, Matched.of(rule, self.peer)
        return known[1]

    def peer(self, peer: Peer) -> Matched:
        """Return the classes that a peer means."""
        if (found := self._peers.get(peer)) is None:
            found = self._peers[peer] = self._match(peer)
        return found

    def _match(self, peer: Peer) -> Matched:
        match peer:
            case AnyPeer():
                return Matched(self.everybody, self.everybody)
            case PodPeer():
                meant = self.namespaces(peer.namespaces) & self.labels(peer.pods)
                return self._where(Matched(meant, meant), Match.YES, peer.on_hosts)
            case AddressPeer():
                return self._where(self._places.inside(peer.addresses), peer.on_pods, peer.on_hosts)
            case never:
                assert_never(never)

    def _where(self, matched: Matched, on_pods: Match, on_hosts: Match) -> Matched:
        """Weaken a match on pods and hostNetwork pods to what the peer says about them."""
        must = may = self.external
        for bits, compared in ((self.pods, on_pods), (self.hosts, on_hosts)):
            must |= bits if compared is Match.YES else 0
            may |= bits if compared is not Match.NO else 0
        return Matched(matched.must & must, matched.may & may)

    def named(self, named: NamedPort) -> tuple[tuple[PortSet, Bitmap], ...]:
        """Return what a port name stands for, and on which classes; elsewhere it stands for nothing."""
        if (found := self._named.get(named)) is None:
            groups: dict[PortSet, list[int]] = {}
            for index, each in enumerate(self._classes):
                if each.kind is Kind.POD and (ports := each.named[named]):
                    groups.setdefault(ports, []).append(index)
            found = tuple((ports, bitmap(indices)) for ports, indices in groups.items())
            self._named[named] = found
        return found

    def destinations(self, named: NamedPort) -> tuple[tuple[PortSet, Matched], ...]:
        """Return the same for an engine that takes any Peers."""
        return tuple((ports, Matched(where, where)) for ports, where in self.named(named))


class _Places:
    """Where the classes lie in the address space: single addresses, sorted, and regions."""

    def __init__(self, classes: Sequence[PeerClass]) -> None:
        points: list[tuple[int, int]] = []
        several: list[tuple[int, int]] = []
        regions: dict[AddressSet, list[int]] = {}
        for index, each in enumerate(classes):
            if each.kind is Kind.EXTERNAL:
                # All of an external class lies on the same side of every block: one address tells.
                points.append((each.places[0].intervals[0][0], index))
            elif all(place.size == 1 for place in each.places):
                found = [(place.intervals[0][0], index) for place in each.places]
                points += found
                several += found if len(found) > 1 else ()
            else:
                regions.setdefault(each.places[0], []).append(index)
        self._points = _Points(points)
        self._several = _Points(several)
        self._regions = [(region, bitmap(indices)) for region, indices in regions.items()]

    def inside(self, addresses: AddressSet) -> Matched:
        """Return the classes all of whose addresses lie in a set, and those of which one may."""
        may = self._points.within(addresses)
        must = may & ~self._several.within(~addresses) if self._several else may
        for region, bits in self._regions:
            if region & addresses:
                may |= bits
                must |= bits if region <= addresses else 0
        return Matched(must, may)


class _Points:
    """Sorted addresses, each with a class, joined in chunks so that wide ranges are quick."""

    def __init__(self, points: Iterable[tuple[int, int]]) -> None:
        ordered = sorted(points)
        self._numbers = [number for number, _ in ordered]
        self._classes = [index for _, index in ordered]
        self._chunks = [
            bitmap(self._classes[start : start + _CHUNK]) for start in range(0, len(ordered), _CHUNK)
        ]

    def __bool__(self) -> bool:
        return bool(self._numbers)

    def within(self, addresses: AddressSet) -> Bitmap:
        """Return the classes that have an address in a set."""
        found = 0
        for first, last in addresses.intervals:
            found |= self._between(bisect_left(self._numbers, first), bisect_right(self._numbers, last))
        return found

    def _between(self, start: int, end: int) -> Bitmap:
        first, last = -(-start // _CHUNK), end // _CHUNK
        if first >= last:
            return bitmap(self._classes[start:end])
        found = bitmap(self._classes[start : first * _CHUNK] + self._classes[last * _CHUNK : end])
        for chunk in self._chunks[first:last]:
            found |= chunk
        return found
