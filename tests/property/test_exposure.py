"""What an exposure says of what exists is what the analysis says."""

from __future__ import annotations

from hypothesis import given

from analyzer.engine import at
from analyzer.exposure import Exposures
from analyzer.model import Cluster, Direction
from analyzer.reachability import Reachability
from analyzer.sets import PortSet
from tests.property.strategies import clusters


@given(clusters())
def test_what_is_said_of_addresses_outside_is_what_connects(cluster: Cluster) -> None:
    reachability = Reachability(cluster)
    exposures = Exposures(reachability, mask=PortSet.all())
    for endpoint in reachability.endpoints:
        if not endpoint.external:
            found = exposures.of(endpoint)
            for each in found.ingress.outside:
                assert each.bounds == reachability.connection(each.endpoint, endpoint)
            for each in found.egress.outside:
                assert each.bounds == reachability.connection(endpoint, each.endpoint)


@given(clusters())
def test_pods_that_are_in_a_group_get_at_least_what_it_always_gets(cluster: Cluster) -> None:
    reachability = Reachability(cluster)
    exposures, engine = Exposures(reachability, mask=PortSet.all()), reachability.engine
    inside = [each for each in reachability.endpoints if not each.external]
    for endpoint in inside:
        found = exposures.of(endpoint)
        for direction, side in ((Direction.INGRESS, found.ingress), (Direction.EGRESS, found.egress)):
            row = engine.row(direction, endpoint.number)
            for group in side.groups:
                members = [
                    each
                    for each in inside
                    if not each.host_network
                    and group.pods.namespaces.matches(cluster.namespaces[each.namespace].labels)
                    and group.pods.pods.matches(each.labels)
                ]
                assert group.now == len(members)
                if group.certain <= group.bounds.certain and not group.names:
                    for each in members:
                        known = [pod.addresses for pod in each.pods]
                        if known == [()]:
                            assert group.certain <= engine.algebra.cells[at(row, each.number)].certain


@given(clusters())
def test_a_direction_is_unprotected_when_no_policy_selects_the_endpoint(cluster: Cluster) -> None:
    reachability = Reachability(cluster)
    for endpoint in reachability.endpoints:
        if not endpoint.external:
            side = Exposures(reachability).of(endpoint).ingress
            assert side.protected is bool(reachability.engine.policies(Direction.INGRESS, endpoint.number))
