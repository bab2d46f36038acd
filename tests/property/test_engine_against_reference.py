"""The engine gives what the executable specification gives: every pair, protocol and boundary port."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st

from analyzer.endpoints import Endpoint
from analyzer.model import Cluster, Match
from analyzer.reachability import Reachability
from analyzer.reference import End, connects
from analyzer.sets import AddressSet, Protocol
from tests.property.strategies import CIDRS, PORTS, clusters, contested_clusters

# One port on each side of every boundary that the strategies can draw.
EDGES = tuple(sorted({port + step for port in PORTS for step in (-1, 0, 1)} & set(range(1, 65536))))
# Of SCTP and ICMP the strategies draw everything or nothing.
PROBES = {Protocol.TCP: EDGES, Protocol.UDP: EDGES, Protocol.SCTP: (80,), Protocol.ICMP: (8,)}


def ends(endpoint: Endpoint) -> list[End]:
    """Return what the reference knows an endpoint by: its pods, or some addresses of each of its parts."""
    if not endpoint.external:
        return list(endpoint.pods)
    return [next(AddressSet.of(cidr).addresses()) for cidr in endpoint.cidrs[:4]]


@settings(max_examples=2 * settings.get_profile("kubereach").max_examples)  # all else rests on it
@given(st.one_of(clusters(), contested_clusters()))
def test_the_engine_agrees_with_the_reference(cluster: Cluster) -> None:
    reachability = Reachability(cluster)
    for source in reachability.endpoints:
        for destination in reachability.endpoints:
            bounds = reachability.connection(source, destination)
            for here in ends(source):
                for there in ends(destination):
                    for protocol, probes in PROBES.items():
                        for port in probes:
                            expected = connects(cluster, here, there, protocol, port)
                            certain = bounds.certain.has(protocol, port)
                            possible = bounds.possible.has(protocol, port)
                            assert (certain, possible) == (
                                expected is Match.YES,
                                expected is not Match.NO,
                            ), (source.id, destination.id, protocol, port, expected)


@given(clusters())
def test_external_endpoints_cover_all_addresses_but_those_of_pods_once(cluster: Cluster) -> None:
    covered = AddressSet.none()
    for endpoint in Reachability(cluster).endpoints:
        assert not covered & endpoint.addresses
        covered |= endpoint.addresses
    assert AddressSet.all() - covered <= cluster.pod_addresses


def test_the_strategies_draw_every_block() -> None:
    assert all(AddressSet.of(cidr) for cidr in CIDRS)
