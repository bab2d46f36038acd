"""The executable specification says what the documentation says, case by case."""

from __future__ import annotations

import pytest

from analyzer.model import Cluster, Match
from analyzer.reference import connects
from analyzer.sets import Protocol
from tests.unit.manifests import DENY, analysis, pod, policy

CLIENT = pod("client")
WEB = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n"
    "spec: {containers: [{name: c, image: i, ports: [{name: http, containerPort: 8080}]}]}\n"
)


def cluster(*documents: str) -> Cluster:
    return analysis(*documents).cluster


def reach(found: Cluster, source: str, destination: str, port: int = 80) -> Match:
    """Ask for a TCP connection between two pods, by name, or from an address."""
    ends = {each.name: each for each in found.pods}
    return connects(found, ends.get(source, source), ends.get(destination, destination), Protocol.TCP, port)


def ingress(rule: str) -> str:
    return policy(f"spec: {{podSelector: {{}}, ingress: [{rule}]}}")


def test_a_pod_that_no_policy_selects_is_reached_by_all() -> None:
    found = cluster(CLIENT, WEB)
    assert reach(found, "client", "web") is Match.YES
    assert reach(found, "198.51.100.1", "web") is Match.YES


def test_a_pod_that_a_policy_selects_is_isolated_and_reaches_itself() -> None:
    found = cluster(CLIENT, WEB, policy(DENY))
    assert reach(found, "client", "web") is Match.NO
    assert reach(found, "web", "web") is Match.YES


@pytest.mark.parametrize(("port", "expected"), [(8080, Match.YES), (80, Match.NO)])
def test_a_port_name_stands_for_the_number_that_the_destination_gives_it(port: int, expected: Match) -> None:
    assert reach(cluster(CLIENT, WEB, ingress("{ports: [{port: http}]}")), "client", "web", port) is expected


def test_a_port_name_that_the_destination_lacks_stands_for_nothing() -> None:
    found = cluster(CLIENT, WEB, ingress("{ports: [{port: https}]}"))
    assert {reach(found, "client", "web", port) for port in (80, 443, 8080)} == {Match.NO}


def test_an_address_that_is_not_known_leaves_a_block_open() -> None:
    found = cluster(CLIENT, WEB, ingress("{from: [{ipBlock: {cidr: 10.244.7.0/24}}]}"))
    assert reach(found, "client", "web") is Match.MAYBE


@pytest.mark.parametrize(("node", "expected"), [("one", Match.YES), ("two", Match.NO)])
def test_a_node_always_reaches_the_pods_that_it_runs(node: str, expected: Match) -> None:
    host = pod("host", more="hostNetwork: true, nodeName: one")
    found = cluster(host, pod("web", more=f"nodeName: {node}"), policy(DENY))
    assert reach(found, "host", "web") is expected
