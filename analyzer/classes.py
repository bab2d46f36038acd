"""Equivalence classes: pods that no policy can tell apart, and external addresses likewise.

Comes in: a cluster. Goes out: the classes, numbered (pods first, then hostNetwork pods, then external
addresses), so that a hundred thousand pods are a few thousand bits. Two pods share a class when every
selector, CIDR and port name of every policy sees them alike.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum
from typing import TYPE_CHECKING

from analyzer.model import AddressPeer, Direction, PodPeer
from analyzer.record import record
from analyzer.sets import AddressSet, PortSet, address_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from analyzer.model import Cluster, NamedPort, Peer, Pod, Rule
    from analyzer.selectors import Selector

# Stands for every label value that no selector mentions: it exists, and equals nothing.
UNMENTIONED = "\0"

Signature = tuple[tuple[str, str], ...]


class Kind(Enum):
    """What the members of a class are; HOST: hostNetwork pods, which have their node's address."""

    POD = 0
    HOST = 1
    EXTERNAL = 2


@record(kw_only=True)
class PeerClass:
    """Endpoints that all policies see alike.

    `labels` and `namespace_labels` hold only what some selector looks at. `places`: the address sets of
    which each member has one address (one a known IP family, or where unknown addresses lie).
    `named` maps the port names that policies use to what they stand for on the members.
    """

    kind: Kind
    labels: Mapping[str, str]
    namespace_labels: Mapping[str, str]
    places: tuple[AddressSet, ...]
    named: Mapping[NamedPort, PortSet]
    pods: tuple[Pod, ...]


class _Vocabulary:
    """The label keys and values, port names and CIDRs that the policies of a cluster mention."""

    def __init__(self, cluster: Cluster) -> None:
        self.pod_labels: dict[str, set[str]] = {}
        self.namespace_labels: dict[str, set[str]] = {}
        self.hosts_have_labels = False
        self.named: dict[NamedPort, None] = {}
        self.blocks: dict[AddressSet, None] = {}
        for policy in cluster.policies:
            _mention(self.namespace_labels, policy.subject_namespaces)
            _mention(self.pod_labels, policy.subject_pods)
            for rule in _rules(policy.rules(direction) for direction in Direction):
                self.named.update(dict.fromkeys(rule.ports.named))
                for peer in rule.peers:
                    self._peer(peer)
        self.cuts = sorted({end for block in self.blocks for end in _ends(block)})

    def _peer(self, peer: Peer) -> None:
        if isinstance(peer, PodPeer):
            _mention(self.namespace_labels, peer.namespaces)
            _mention(self.pod_labels, peer.pods)
        elif isinstance(peer, AddressPeer):
            self.blocks[peer.addresses] = None

    def atom(self, address: str) -> int:
        """Return which piece of the address space, as all blocks cut it, an address lies in."""
        return bisect_right(self.cuts, address_number(address))


def _rules(groups: Iterable[tuple[Rule, ...]]) -> Iterator[Rule]:
    return (rule for group in groups for rule in group)


def _ends(block: AddressSet) -> Iterator[int]:
    for first, last in block.intervals:
        yield first
        yield last + 1


def _mention(vocabulary: dict[str, set[str]], selector: Selector) -> None:
    for requirement in selector.requirements:
        vocabulary.setdefault(requirement.key, set()).update(requirement.values)


def _signature(vocabulary: Mapping[str, set[str]], labels: Mapping[str, str]) -> Signature:
    """Return what the selectors can see of some labels."""
    return tuple(
        (key, labels[key] if labels[key] in values else UNMENTIONED)
        for key, values in vocabulary.items()
        if key in labels
    )


def classify(cluster: Cluster) -> tuple[PeerClass, ...]:
    """Partition pods, hostNetwork pods and external addresses into classes, in a stable order."""
    vocabulary = _Vocabulary(cluster)
    return (*_pod_classes(cluster, vocabulary), *_external_classes(cluster, vocabulary))


def _pod_classes(cluster: Cluster, vocabulary: _Vocabulary) -> list[PeerClass]:
    namespaces = {
        name: _signature(vocabulary.namespace_labels, namespace.labels)
        for name, namespace in cluster.namespaces.items()
    }
    seen = _Seen(vocabulary)
    groups: dict[tuple[object, ...], list[Pod]] = {}
    for pod in cluster.pods:
        key = (
            pod.host_network,
            namespaces[pod.workload.namespace],
            seen.labels(pod),
            _place(vocabulary, pod),
            seen.ports(pod),
        )
        groups.setdefault(key, []).append(pod)
    found = [_pod_class(cluster, vocabulary, namespaces, pods) for pods in groups.values()]
    return sorted(found, key=lambda each: each.kind.value)


class _Seen:
    """What policies see of labels and ports, once for each object that pods have in common."""

    def __init__(self, vocabulary: _Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._labels: dict[int, Signature] = {}
        self._ports: dict[tuple[int, bool], tuple[PortSet, ...]] = {}

    def labels(self, pod: Pod) -> Signature:
        """Return what selectors see of a pod."""
        if (found := self._labels.get(id(pod.labels))) is None:
            found = _signature(self._vocabulary.pod_labels, pod.labels)
            self._labels[id(pod.labels)] = found
        return found

    def ports(self, pod: Pod) -> tuple[PortSet, ...]:
        """Return what port names stand for on a pod."""
        key = id(pod.ports), pod.host_network
        if (found := self._ports.get(key)) is None:
            found = self._ports[key] = _named(self._vocabulary, pod)
        return found


def _place(vocabulary: _Vocabulary, pod: Pod) -> tuple[int, ...] | None:
    """Return the atoms of a pod's addresses; None when they are unknown, () when no policy asks."""
    if not vocabulary.cuts:
        return ()
    return tuple(sorted(map(vocabulary.atom, pod.addresses))) if pod.addresses else None


def _named(vocabulary: _Vocabulary, pod: Pod) -> tuple[PortSet, ...]:
    if not vocabulary.named or pod.host_network:
        return ()
    return tuple(resolve(named, pod) for named in vocabulary.named)


def resolve(named: NamedPort, pod: Pod) -> PortSet:
    """Return the ports that a name stands for on a pod of the pod network."""
    numbers = [p.number for p in pod.ports if p.name == named.name and p.protocol is named.protocol]
    if not numbers:
        return named.undefined
    base = named.protocol.base
    return PortSet((base + number, base + number) for number in numbers)


def _pod_class(
    cluster: Cluster, vocabulary: _Vocabulary, namespaces: Mapping[str, Signature], pods: list[Pod]
) -> PeerClass:
    one = pods[0]
    unknown = cluster.node_addresses if one.host_network else cluster.pod_addresses
    return PeerClass(
        kind=Kind.HOST if one.host_network else Kind.POD,
        labels=dict(_signature(vocabulary.pod_labels, one.labels)),
        namespace_labels=dict(namespaces[one.namespace]),
        places=tuple(map(AddressSet.of, one.addresses)) if one.addresses else (unknown,),
        named=dict(zip(vocabulary.named, _named(vocabulary, one), strict=False)),
        pods=tuple(pods),
    )


def _external_classes(cluster: Cluster, vocabulary: _Vocabulary) -> list[PeerClass]:
    """Cut the address space along all blocks; pieces inside the same blocks are one class.

    Pieces that hold nothing but pod addresses are no external endpoints.
    """
    toggles: dict[int, int] = {}
    for index, block in enumerate(vocabulary.blocks):
        for end in _ends(block):
            toggles[end] = toggles.get(end, 0) ^ (1 << index)
    atoms: dict[int, list[tuple[int, int]]] = {}
    inside = 0
    starts = [0, *vocabulary.cuts]
    for start, end in zip(starts, [*vocabulary.cuts, AddressSet.UNIVERSE[-1][1] + 1], strict=True):
        inside ^= toggles.get(start, 0)
        if start < end:
            atoms.setdefault(inside, []).append((start, end - 1))
    sets = (AddressSet(intervals) for intervals in atoms.values())
    external = [each for each in sets if each and not each <= cluster.pod_addresses]
    external.sort(key=lambda each: each.intervals)
    return [
        PeerClass(kind=Kind.EXTERNAL, labels={}, namespace_labels={}, places=(each,), named={}, pods=())
        for each in external
    ]
