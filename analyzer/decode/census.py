"""Which pods there are, in the questions that a profile asks about a policy as a whole.

Comes in: the pods and namespaces of the cluster. Goes out: whether pods that some peers mean exist, define
a port, or meet other peers.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, assert_never

from analyzer.model import AddressPeer, AnyPeer, Match, PodPeer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from analyzer.model import Namespace, Peer, Pod
    from analyzer.selectors import Selector
    from analyzer.sets import Protocol


class Kind(NamedTuple):
    """Pods that are alike in what is asked here: labels of their namespace, own labels, names of ports."""

    namespace: Mapping[str, str]
    labels: Mapping[str, str]
    ports: frozenset[tuple[str, Protocol]]


class Census:
    """The pods of a cluster that are not on their node's network, once a kind; counted when first asked."""

    def __init__(self, pods: Iterable[Pod], namespaces: Mapping[str, Namespace]) -> None:
        self._pods = pods
        self._namespaces = namespaces

    @cached_property
    def _kinds(self) -> dict[str, list[Kind]]:
        """The kinds of each namespace."""
        kinds: dict[str, dict[object, Kind]] = {}
        for pod in self._pods:
            if not pod.host_network:
                ports = frozenset((port.name, port.protocol) for port in pod.ports if port.name)
                here = kinds.setdefault(pod.namespace, {})
                # Equal labels are one object, see Scope.labels.
                if (id(pod.labels), ports) not in here:
                    labels = self._namespaces[pod.namespace].labels
                    here[id(pod.labels), ports] = Kind(namespace=labels, labels=pod.labels, ports=ports)
        return {namespace: list(here.values()) for namespace, here in kinds.items()}

    @cached_property
    def _defining(self) -> dict[tuple[str, Protocol], list[Kind]]:
        """The kinds that define a port of a name and protocol."""
        defining: dict[tuple[str, Protocol], list[Kind]] = {}
        for kinds in self._kinds.values():
            for kind in kinds:
                for port in kind.ports:
                    defining.setdefault(port, []).append(kind)
        return defining

    def defines(self, peers: Iterable[PodPeer], name: str, protocol: Protocol) -> bool:
        """Tell whether a pod that one of the peers means has a port of this name and protocol."""
        return any(
            _meets(peer, kind) is Match.YES
            for kind in self._defining.get((name, protocol), ())
            for peer in peers
        )

    def selected(self, namespace: str, subject: Selector) -> list[Kind]:
        """Return the kinds of pods of a namespace that `subject` selects."""
        return [kind for kind in self._kinds.get(namespace, ()) if subject.matches(kind.labels)]


def met(kinds: Iterable[Kind], peers: Iterable[Peer]) -> Match:
    """Tell whether pods of these kinds meet one of the peers.

    YES and NO: all do, or none does; MAYBE: some do, or an address decides.
    """
    found = {max((_meets(peer, kind) for peer in peers), key=lambda match: match.value) for kind in kinds}
    return found.pop() if len(found) == 1 else Match.MAYBE if found else Match.NO


def _meets(peer: Peer, kind: Kind) -> Match:
    match peer:
        case AnyPeer():
            return Match.YES
        case PodPeer():
            met = peer.namespaces.matches(kind.namespace) and peer.pods.matches(kind.labels)
            return Match.YES if met else Match.NO
        case AddressPeer():
            return Match.MAYBE
        case never:
            assert_never(never)
