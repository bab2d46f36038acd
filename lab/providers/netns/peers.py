"""Whom the selectors and CIDRs of policies mean, as addresses of pods that have their place.

Comes in: a cluster in which every pod has addresses, and the nodes. Goes out: the addresses that a rule's
peers stand for, the pods that a policy selects, the ports that a name stands for on a pod.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import assert_never

from analyzer import (
    AddressPeer,
    AddressSet,
    AnyPeer,
    Cluster,
    Match,
    NamedPort,
    Peer,
    Pod,
    PodPeer,
    Policy,
    PortSet,
)


class Peers:
    """Answers for one cluster; what was asked before is remembered."""

    def __init__(self, cluster: Cluster, node_addresses: Iterable[str]) -> None:
        self._cluster = cluster
        self._by_namespace: dict[str, list[Pod]] = {}
        for pod in cluster.pods:
            self._by_namespace.setdefault(pod.namespace, []).append(pod)
        self.pods = addresses_of(pod for pod in cluster.pods if not pod.host_network)
        hosts = addresses_of(pod for pod in cluster.pods if pod.host_network)
        self.nodes = hosts | AddressSet.union(map(AddressSet.of, node_addresses))
        self._known: dict[tuple[Peer, ...], AddressSet] = {}
        self._named: dict[NamedPort, tuple[tuple[PortSet, AddressSet], ...]] = {}

    def addresses(self, peers: tuple[Peer, ...]) -> AddressSet:
        """Return the addresses that any of these peers means.

        Where the API leaves open whether an address is meant, it is. Selectors alone mean no pod that others
        share their address with: who cannot tell those apart "ignores hostNetwork pods when matching".
        """
        found = self._known.get(peers)
        if found is None:
            found = self._known[peers] = AddressSet.union(map(self._of_peer, peers))
        return found

    def _of_peer(self, peer: Peer) -> AddressSet:
        match peer:
            case AnyPeer():
                return AddressSet.all()
            case PodPeer():
                return addresses_of(
                    pod for pod in self._labelled(peer) if not pod.host_network or peer.on_hosts is Match.YES
                )
            case AddressPeer():
                found = peer.addresses
                if peer.on_pods is Match.NO:
                    found -= self.pods
                return found - self.nodes if peer.on_hosts is Match.NO else found
            case never:
                assert_never(never)

    def _labelled(self, peer: PodPeer) -> Iterator[Pod]:
        for namespace, pods in self._by_namespace.items():
            if peer.namespaces.matches(self._cluster.namespaces[namespace].labels):
                yield from (pod for pod in pods if peer.pods.matches(pod.labels))

    def subjects(self, policy: Policy) -> Iterator[Pod]:
        """Yield the pods that a policy applies to; never those in the network of their node."""
        for namespace, pods in self._by_namespace.items():
            if policy.subject_namespaces.matches(self._cluster.namespaces[namespace].labels):
                for pod in pods:
                    if not pod.host_network and policy.subject_pods.matches(pod.labels):
                        yield pod

    def named(self, port: NamedPort) -> Sequence[tuple[PortSet, AddressSet]]:
        """Return what a port name stands for, each with the addresses of the pods where it does."""
        if port not in self._named:
            pods: dict[PortSet, list[Pod]] = {}
            for pod in self._cluster.pods:
                if not pod.host_network:
                    pods.setdefault(resolve(port, pod), []).append(pod)
            self._named[port] = tuple((ports, addresses_of(some)) for ports, some in pods.items() if ports)
        return self._named[port]


def resolve(port: NamedPort, pod: Pod) -> PortSet:
    """Return what a port name stands for on a pod: all its ports of that name and protocol.

    NetworkPolicyPort.port: "This can either be a numerical or named port on a pod."
    """
    found = [each for each in pod.ports if each.name == port.name and each.protocol is port.protocol]
    if not found:
        return port.undefined
    return PortSet(
        interval for each in found for interval in PortSet.of(each.protocol, each.number).intervals
    )


def addresses_of(pods: Iterable[Pod]) -> AddressSet:
    """Return the addresses of pods."""
    return AddressSet.union(AddressSet.of(address) for pod in pods for address in pod.addresses)
