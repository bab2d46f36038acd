"""The executable specification says what the documentation says, case by case, and so does the engine."""

from __future__ import annotations

import pytest

from analyzer.endpoints import Endpoint
from analyzer.model import Cluster, Match
from analyzer.reachability import Reachability
from analyzer.reference import connects
from analyzer.sets import AddressSet, Protocol
from tests.unit.manifests import DENY, analysis, pod, policy

CLIENT = pod("client")
WEB = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n"
    "spec: {containers: [{name: c, image: i, ports: [{name: http, containerPort: 8080}]}]}\n"
)


def cluster(*documents: str) -> Cluster:
    return analysis(*documents).cluster


def reach(found: Cluster, source: str, destination: str, port: int = 80, protocol: str = "TCP") -> Match:
    """Ask both for a connection between two pods, by name, or with an address."""
    ends = {each.name: each for each in found.pods}
    here, there = ends.get(source, source), ends.get(destination, destination)
    answer = connects(found, here, there, Protocol(protocol), port)
    reachability = Reachability(found)
    bounds = reachability.connection(end(reachability, source), end(reachability, destination))
    certain, possible = (ports.has(Protocol(protocol), port) for ports in bounds)
    assert answer is (Match.YES if certain else Match.MAYBE if possible else Match.NO)
    return answer


def end(reachability: Reachability, name: str) -> Endpoint:
    """The endpoint of a pod, or the one that an address outside belongs to."""
    inside = {each.name: each for each in reachability.endpoints}
    if name in inside:
        return inside[name]
    return next(each for each in reachability.endpoints if AddressSet.of(name) <= each.addresses)


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


# What a rule means: the pods are `web` (which the policy selects), `client` and `stranger`.

HTTP, DNS = "{name: http, containerPort: 8080}", "{name: dns, containerPort: 53, protocol: UDP}"
SERVER = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {app: web}}\n"
    "spec:\n  containers:\n"
    f"  - {{name: a, image: i, ports: [{HTTP}, {DNS}]}}\n"
    f"  - {{name: b, image: i, ports: [{HTTP.replace('8080', '8081')}]}}\n"
)
CLIENTS = (
    pod("client", labels="{app: client, empty: ''}"),
    pod("stranger", "office", labels="{app: client}"),
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: office, labels: {team: staff}}\n",
)
OFFICE = "namespaceSelector: {matchLabels: {team: staff}}"
EMPTY = "['']"
CLIENT_PODS = "podSelector: {matchLabels: {app: client}}"


def of_one_side(app: str, side: str, rule: str) -> str:
    """A policy that isolates the pods of an app in one direction, with one rule."""
    return policy(
        f"spec: {{podSelector: {{matchLabels: {{app: {app}}}}}, policyTypes: [{side.capitalize()}],"
        f" {side}: [{{{rule}}}]}}"
    )


def asked(key: str, operator: str, values: str = "[]") -> str:
    return f"podSelector: {{matchExpressions: [{{key: {key}, operator: {operator}, values: {values}}}]}}"


@pytest.mark.parametrize(
    ("peers", "who"),
    [
        ("{podSelector: {}}", {"client"}),
        (f"{{{CLIENT_PODS}}}", {"client"}),
        ("{namespaceSelector: {}}", {"client", "stranger"}),
        (f"{{{OFFICE}}}", {"stranger"}),
        (f"{{{OFFICE}, {CLIENT_PODS}}}", {"stranger"}),
        (f"{{{OFFICE}, podSelector: {{matchLabels: {{app: web}}}}}}", set()),
        (f"{{{OFFICE}}}, {{{CLIENT_PODS}}}", {"client", "stranger"}),
        ("{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: office}}}", {"stranger"}),
        ("{namespaceSelector: {matchExpressions: [{key: team, operator: DoesNotExist}]}}", {"client"}),
        (f"{{namespaceSelector: {{}}, {asked('empty', 'Exists')}}}", {"client"}),
        (f"{{namespaceSelector: {{}}, {asked('empty', 'DoesNotExist')}}}", {"stranger"}),
        (f"{{namespaceSelector: {{}}, {asked('empty', 'In', EMPTY)}}}", {"client"}),
        (f"{{namespaceSelector: {{}}, {asked('empty', 'NotIn', '[x]')}}}", {"client", "stranger"}),
        (f"{{namespaceSelector: {{}}, {asked('app', 'NotIn', '[client]')}}}", set()),
        ("{ipBlock: {cidr: 192.0.2.0/24}}", {"192.0.2.1"}),
        ("{ipBlock: {cidr: 0.0.0.0/0, except: [192.0.2.0/24]}}", {"client", "stranger", "198.51.100.1"}),
        ("{ipBlock: {cidr: 0.0.0.0/0, except: [192.0.2.0/24, 10.0.0.0/8]}}", {"198.51.100.1"}),
        ("{ipBlock: {cidr: '::/0'}}", {"2001:db8::1"}),
    ],
)
@pytest.mark.parametrize("side", ["ingress", "egress"])
def test_who_is_a_peer(side: str, peers: str, who: set[str]) -> None:
    rule = of_one_side("web", side, f"{'from' if side == 'ingress' else 'to'}: [{peers}]")
    # Of the second policy only its blocks matter, which tell addresses apart.
    blocks = ", ".join(
        f"{{ipBlock: {{cidr: '{each}'}}}}" for each in ("192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32")
    )
    apart = policy(
        f"spec: {{podSelector: {{matchLabels: {{app: nobody}}}}, ingress: [{{from: [{blocks}]}}]}}", "apart"
    )
    found = cluster(SERVER, *CLIENTS, rule, apart)
    others = ("client", "stranger", "192.0.2.1", "198.51.100.1", "2001:db8::1")
    pairs = {each: (each, "web") if side == "ingress" else ("web", each) for each in others}
    assert {each for each, pair in pairs.items() if reach(found, *pair) is Match.YES} == who
    assert {reach(found, *pair) for pair in pairs.values()} <= {Match.YES, Match.NO}


@pytest.mark.parametrize(
    ("ports", "open_"),
    [
        ("[]", {("TCP", 1), ("TCP", 8080), ("TCP", 8081), ("UDP", 53), ("SCTP", 9)}),
        ("[{}]", {("TCP", 1), ("TCP", 8080), ("TCP", 8081)}),
        ("[{protocol: UDP}]", {("UDP", 53)}),
        ("[{port: 8080}]", {("TCP", 8080)}),
        ("[{port: 1, endPort: 8080}]", {("TCP", 1), ("TCP", 8080)}),
        ("[{port: 9, protocol: SCTP}, {port: 1}]", {("SCTP", 9), ("TCP", 1)}),
        ("[{port: http}]", {("TCP", 8080), ("TCP", 8081)}),
        ("[{port: dns, protocol: UDP}]", {("UDP", 53)}),
        ("[{port: dns}, {port: http, protocol: UDP}]", set()),
    ],
)
@pytest.mark.parametrize("side", ["ingress", "egress"])
def test_which_ports_are_meant(side: str, ports: str, open_: set[tuple[str, int]]) -> None:
    subject = "web" if side == "ingress" else "client"
    found = cluster(SERVER, *CLIENTS, of_one_side(subject, side, f"ports: {ports}"))
    every = [("TCP", 1), ("TCP", 8080), ("TCP", 8081), ("UDP", 53), ("SCTP", 9)]
    assert {each for each in every if reach(found, "client", "web", each[1], each[0]) is Match.YES} == open_


def test_a_port_name_means_nothing_outside_the_cluster() -> None:
    egress = policy("spec: {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]}")
    found = cluster(SERVER, *CLIENTS, egress)
    assert (reach(found, "client", "web", 8080), reach(found, "client", "192.0.2.1", 8080)) == (
        Match.YES,
        Match.NO,
    )


def test_policies_are_additive() -> None:
    one = policy(
        f"spec: {{podSelector: {{}}, ingress: [{{from: [{{{CLIENT_PODS}}}], ports: [{{port: 80}}]}}]}}", "one"
    )
    two = policy(
        f"spec: {{podSelector: {{}}, ingress: [{{from: [{{{OFFICE}}}]}}, {{ports: [{{port: 81}}]}}]}}", "two"
    )
    for order in ((one, two, policy(DENY, "three")), (policy(DENY, "three"), two, one)):
        found = cluster(SERVER, *CLIENTS, *order)
        assert [reach(found, "client", "web", port) for port in (80, 81, 82)] == [
            Match.YES,
            Match.YES,
            Match.NO,
        ]
        assert [reach(found, "stranger", "web", port) for port in (80, 81, 82)] == [Match.YES] * 3
        assert [reach(found, "192.0.2.1", "web", port) for port in (80, 81)] == [Match.NO, Match.YES]


def test_both_ends_must_allow() -> None:
    sends = policy(
        "spec: {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 1, endPort: 10}]}]}", "out"
    )
    receives = ingress("{ports: [{port: 5, endPort: 20}]}")
    found = cluster(SERVER, *CLIENTS, sends, receives)
    assert [reach(found, "client", "web", port) for port in (4, 5, 10, 11)] == [
        Match.NO,
        Match.YES,
        Match.YES,
        Match.NO,
    ]


@pytest.mark.parametrize(
    ("source", "destination", "expected"),
    [
        ("host", "web", Match.NO),
        ("web", "host", Match.NO),
        ("client", "host", Match.YES),
        ("host", "192.0.2.1", Match.YES),
    ],
)
def test_a_pod_on_the_host_network_is_neither_selected_nor_a_peer(
    source: str, destination: str, expected: Match
) -> None:
    host = pod("host", labels="{app: host}", more="hostNetwork: true, nodeName: one")
    web = pod("web", labels="{app: web}", more="nodeName: two")
    peers = "[{podSelector: {matchLabels: {app: host}}}]"
    types = "policyTypes: [Ingress, Egress]"
    rules = f"ingress: [{{from: {peers}}}], egress: [{{to: {peers}}}]"
    named = policy(f"spec: {{podSelector: {{matchLabels: {{app: web}}}}, {types}, {rules}}}")
    closed = policy(f"spec: {{podSelector: {{matchLabels: {{app: host}}}}, {types}}}", "closed")
    assert reach(cluster(host, web, CLIENT, named, closed), source, destination) is expected
