from __future__ import annotations

from hypothesis import given

from analyzer.filters import Filters, View
from analyzer.grouping import groups
from analyzer.model import Cluster
from analyzer.reachability import Reachability
from analyzer.sets import PortSet
from tests.property.strategies import clusters
from tests.unit.manifests import ALLOW_TCP_80, DENY, pod, policy, view, workload


@given(clusters())
def test_groups_tell_of_every_pair_what_the_view_tells(cluster: Cluster) -> None:
    found = View(Reachability(cluster), Filters(ports=PortSet.all()))
    told = {
        (source.id, destination.id): bounds
        for group in groups(found, found.blocks[0])
        for source in group.sources
        for bounds, destinations in group.reach
        for destination in destinations
    }
    for source, destination, bounds in found.connections():
        if source is not destination:
            assert told.pop((source.id, destination.id)) == bounds
    assert all(source == destination for source, destination in told)


def test_sources_with_equal_verdicts_are_one_group() -> None:
    found = view(pod("a", "one"), pod("b", "one"), pod("db"), policy(ALLOW_TCP_80))
    names = [[each.name for each in group.sources] for group in groups(found, found.blocks[0])]
    assert names == [["a", "b", "db"], ["external"]]


def test_the_widest_verdict_stands_first() -> None:
    found = view(
        pod("a", "one"), pod("db"), policy(ALLOW_TCP_80), policy(DENY, namespace="two"), pod("x", "two")
    )
    for group in groups(found, found.blocks[0]):
        sizes = [bounds.certain.size for bounds, _ in group.reach]
        assert sizes == sorted(sizes, reverse=True)


def test_that_a_pod_reaches_itself_is_not_told() -> None:
    found = view(pod("a"), policy(DENY))
    told = [
        (source.name, destination.name)
        for group in groups(found, found.blocks[0])
        for source in group.sources
        for _, destinations in group.reach
        for destination in destinations
    ]
    assert told == [("a", "external"), ("external", "a")]


def test_replicas_of_one_endpoint_are_told_of() -> None:
    found = view(workload("web"), policy(DENY), filters=Filters(sources=("web",), destinations=("web",)))
    (group,) = groups(found, found.blocks[0])
    ((bounds, destinations),) = group.reach
    assert not bounds.possible
    assert [each.name for each in destinations] == ["web"]


def test_external_addresses_have_nothing_to_say_about_each_other() -> None:
    found = view(pod("a"), filters=Filters(sources=("external",), destinations=("external",)))
    assert groups(found, found.blocks[0]) == ()
