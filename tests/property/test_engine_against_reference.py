"""The engine gives what the executable specification gives: every pair, protocol and port.

A verdict can change only where a port set of the cluster begins or ends, or one of the engine's answer. One
port of each piece between such places therefore speaks for all ports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings, strategies as st

from analyzer.endpoints import Endpoint
from analyzer.model import Cluster, Direction, Match
from analyzer.reachability import Reachability
from analyzer.reference import End, connects
from analyzer.sets import AddressSet, PortSet, Protocol
from tests.property.strategies import CIDRS, clusters, contested_clusters

if TYPE_CHECKING:
    from collections.abc import Iterator


def ends(endpoint: Endpoint) -> list[End]:
    """Return what the reference knows an endpoint by: its pods, or some addresses of each of its parts."""
    if not endpoint.external:
        return list(endpoint.pods)
    return [next(AddressSet.of(cidr).addresses()) for cidr in endpoint.cidrs[:4]]


def port_sets(cluster: Cluster) -> Iterator[PortSet]:
    """Yield all port sets that a cluster speaks of, and every port of each protocol."""
    yield from map(PortSet.of, Protocol)
    for pod in cluster.pods:
        yield from (PortSet.of(port.protocol, port.number) for port in pod.ports)
    for policy in cluster.policies:
        for direction in Direction:
            for rule in policy.rules(direction):
                yield rule.ports.numbers
                yield from (named.undefined for named in rule.ports.named)


def starts(*sets: PortSet) -> set[int]:
    """Return the first port of each piece that the sets cut the ports into."""
    cuts = {end for ports in sets for first, last in ports.intervals for end in (first, last + 1)}
    return {port for port in cuts if port in PortSet.all()}


def named(port: int) -> tuple[Protocol, int]:
    """Return protocol and port of a member of a port set."""
    ((name, ((first, _),)),) = PortSet([(port, port)]).by_protocol().items()
    return Protocol(name), first


@settings(max_examples=max(300, settings.get_profile("kubereach").max_examples))  # all else rests on it
@given(st.one_of(clusters(), contested_clusters()))
def test_the_engine_agrees_with_the_reference(cluster: Cluster) -> None:
    reachability = Reachability(cluster)
    asked = starts(*port_sets(cluster))
    members = {endpoint.id: ends(endpoint) for endpoint in reachability.endpoints}
    for source in reachability.endpoints:
        for destination in reachability.endpoints:
            bounds = reachability.connection(source, destination)
            for protocol, port in map(named, sorted(asked | starts(*bounds))):
                answer = bounds.certain.has(protocol, port), bounds.possible.has(protocol, port)
                for here in members[source.id]:
                    for there in members[destination.id]:
                        expected = connects(cluster, here, there, protocol, port)
                        assert answer == (expected is Match.YES, expected is not Match.NO), (
                            source.id,
                            destination.id,
                            protocol,
                            port,
                            expected,
                        )


@given(clusters())
def test_external_endpoints_cover_all_addresses_but_those_of_pods_once(cluster: Cluster) -> None:
    covered = AddressSet.none()
    for endpoint in Reachability(cluster).endpoints:
        assert not covered & endpoint.addresses
        covered |= endpoint.addresses
    assert AddressSet.all() - covered <= cluster.pod_addresses


def test_the_strategies_draw_every_block() -> None:
    assert all(AddressSet.of(cidr) for cidr in CIDRS)
