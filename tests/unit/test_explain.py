"""Why a connection is allowed or denied: every reason that there is, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from analyzer import Analysis, Options
from analyzer.explain import Explanation, explain
from analyzer.model import Action, Cluster, Match, Tier, TierKind
from analyzer.names import Names
from analyzer.profiles import API, CALICO, CILIUM, KUBE_ROUTER
from analyzer.reachability import Reachability
from analyzer.report.explanation import render, verdict
from analyzer.sets import PortSet, Protocol
from tests.property.strategies import clusters
from tests.unit.manifests import DENY, analysis, pod, policy

TCP_80 = (Protocol.TCP, 80)
WEB = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n"
    "spec: {containers: [{name: c, image: i, ports: [{name: http, containerPort: 80}]}]}\n"
)
NODE = "hostNetwork: true"


def ingress(rules: str) -> str:
    return policy(f"spec: {{podSelector: {{}}, policyTypes: [Ingress], ingress: [{rules}]}}")


def egress(rules: str) -> str:
    return policy(f"spec: {{podSelector: {{}}, policyTypes: [Egress], egress: [{rules}]}}")


def placed(name: str, *addresses: str, more: str = "") -> str:
    ips = ", ".join(f"{{ip: '{address}'}}" for address in addresses)
    return pod(name, more=more, status=f"{{podIP: '{addresses[0]}', podIPs: [{ips}]}}")


def explained(
    found: Analysis | Reachability, source: str, destination: str, port: tuple[Protocol, int] | None = None
) -> Explanation:
    reachability = found.reachability if isinstance(found, Analysis) else found
    names = Names(reachability)
    return explain(reachability, names.find(source), names.find(destination), port)


def text(
    *documents: str,
    source: str = "a",
    destination: str = "b",
    port: tuple[Protocol, int] | None = TCP_80,
    options: Options | None = None,
) -> str:
    """Return the explanation of a connection."""
    return render(explained(analysis(*documents, options=options), source, destination, port))


def headline(*documents: str, **more: object) -> str:
    return text(*documents, **more).split("\n", 1)[0]  # type: ignore[arg-type]


A, B = pod("a"), pod("b")


# The verdict


def test_what_no_policy_selects_is_open() -> None:
    assert headline(A, B) == (
        "allowed: egress of shop/a is open, no policy selects it; "
        "ingress of shop/b is open, no policy selects it"
    )


def test_a_policy_without_rules_closes() -> None:
    assert headline(policy(DENY), A, B) == (
        "denied: ingress of shop/b is isolated by <stdin>:1 (shop/policy); there is no ingress rule"
    )


def test_both_ends_may_close() -> None:
    closed = "spec: {podSelector: {}, policyTypes: [Ingress, Egress]}"
    assert headline(A, B, policy(closed)).count("is isolated by") == 2


def test_the_rule_that_admits_is_named_with_its_place() -> None:
    found = headline(ingress("{ports: [{port: 80}]}"), A, B)
    assert found.endswith("ingress of shop/b is admitted by <stdin>:4 (spec.ingress[0])")


def test_without_a_port_a_part_may_be_allowed() -> None:
    found = text(A, B, ingress("{ports: [{port: 80}]}"), port=None)
    assert found.startswith("allowed in part: ")
    assert "  allowed: TCP 80\n" in found


def test_a_rule_for_another_port_is_not_to_blame_on_the_peer() -> None:
    assert headline(A, B, ingress("{ports: [{port: 81}]}")).endswith(
        "; no rule admits this port: <stdin>:14 (spec.ingress[0]) allows TCP 81"
    )


def test_where_one_rule_is_for_the_peer_and_another_for_the_port_the_first_is_told() -> None:
    rules = "{from: [{podSelector: {}}], ports: [{port: 81}]}, {from: [{ipBlock: {cidr: 192.0.2.0/24}}]}"
    assert headline(A, B, ingress(rules)).endswith(
        "; no rule admits this port: <stdin>:14 (spec.ingress[0]) allows TCP 81"
    )


def test_a_rule_for_a_name_that_no_port_has_allows_none() -> None:
    assert headline(A, B, ingress("{ports: [{port: web}]}"), port=None).endswith(
        "; no rule admits this port: <stdin>:14 (spec.ingress[0]) allows none"
    )


def test_what_is_outside_is_said_to_have_no_policies() -> None:
    assert headline(A, B, destination="external").endswith(
        "ingress of external is open, external addresses have no policies"
    )


def test_icmp_is_asked_for_as_a_whole() -> None:
    found = explained(analysis(A, B), "a", "b", (Protocol.ICMP, 8))
    assert found.asked == PortSet.of(Protocol.ICMP)


def test_a_pod_always_reaches_itself() -> None:
    found = text(A, policy(DENY), destination="a")
    assert found.startswith("allowed: egress of shop/a is exempt: a pod always reaches itself")
    assert "  exempt: always admitted\n" in found


def test_a_node_always_reaches_the_pods_that_it_runs() -> None:
    host = pod("a", more=f"{NODE}, nodeName: one")
    found = text(host, pod("b", more="nodeName: one"), policy(DENY))
    assert found.startswith("allowed: ")
    assert "egress of shop/a to shop/b: open, policies do not select pods on the host network" in found
    assert headline(host, pod("b", more="nodeName: two"), policy(DENY)).startswith("denied: ")


def test_addresses_outside_have_no_policies() -> None:
    assert "egress of external to shop/b: open, external addresses have no policies" in text(
        A, B, source="external"
    )


# Why a peer does not match


@pytest.mark.parametrize(
    ("peer", "reason"),
    [
        ("podSelector: {matchLabels: {app: x}}", "podSelector app=x does not match shop/a"),
        (
            "namespaceSelector: {matchLabels: {team: a}}, podSelector: {}",
            "namespaceSelector team=a does not match shop",
        ),
        ("namespaceSelector: {matchLabels: {team: x}}", "namespaceSelector team=x does not match shop"),
        ("ipBlock: {cidr: 192.0.2.0/24}", "ipBlock 192.0.2.0/24 holds no address of pods"),
    ],
)
def test_the_reason_is_told_with_the_line_of_the_peer(peer: str, reason: str) -> None:
    found = text(ingress(f"{{from: [{{{peer}}}]}}"), A, B)
    assert f"; no rule admits shop/a: {reason} (line 4)" in found.split("\n")[0]
    assert f"        - {reason} (line 4)\n" in found


def test_a_pod_selector_alone_means_the_policys_own_namespace() -> None:
    office = pod("a", "office")
    found = headline(office, B, ingress("{from: [{podSelector: {}}]}"))
    assert "podSelector {} means pods of namespace shop only" in found


def test_a_selector_means_no_address_outside() -> None:
    found = headline(B, ingress("{from: [{podSelector: {}}]}"), source="external")
    assert "podSelector {} means pods, not addresses outside the cluster" in found
    every = "{from: [{namespaceSelector: {}}, {namespaceSelector: {}, podSelector: {matchLabels: {a: b}}}]}"
    found = headline(B, ingress(every), source="external")
    assert "namespaceSelector {} means pods" in found
    assert "namespaceSelector {} with podSelector a=b means pods" in found


def test_a_selector_means_no_pod_on_the_host_network() -> None:
    documents = (pod("a", more=f"{NODE}, nodeName: one"), pod("b", more="nodeName: two"))
    found = headline(*documents, ingress("{from: [{podSelector: {}}]}"))
    assert "shop/a uses the host network: selectors do not mean it" in found


def test_a_block_does_not_hold_what_lies_elsewhere() -> None:
    rules = "{from: [{ipBlock: {cidr: 10.244.1.0/24}}]}"
    found = headline(placed("a", "10.244.2.2"), B, ingress(rules))
    assert "ipBlock 10.244.1.0/24 does not hold 10.244.2.2/32" in found
    found = headline(B, ingress("{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}"), source="198.51.100.1")
    assert "ipBlock 192.0.2.0/24 does not hold " in found


def test_some_plugins_compare_no_block_with_pods_or_nodes() -> None:
    options = Options(profile=CILIUM)
    rules = ingress("{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}")
    assert "is not compared with addresses of pods by cilium" in headline(A, B, rules, options=options)
    host = pod("a", more=f"{NODE}, nodeName: one")
    found = headline(host, pod("b", more="nodeName: two"), rules, options=options)
    assert "is not compared with addresses of nodes by cilium" in found


def test_three_reasons_are_enough_for_one_line() -> None:
    peers = ", ".join(f"{{podSelector: {{matchLabels: {{app: x{n}}}}}}}" for n in range(5))
    assert headline(A, B, ingress(f"{{from: [{peers}]}}")).count("does not match") == 3


# What matches


def test_peers_that_match_are_named_too() -> None:
    rules = "{from: [{podSelector: {}}, {ipBlock: {cidr: 10.244.0.0/16}}, {namespaceSelector: {}}]}, {}"
    found = text(ingress(rules), placed("a", "10.244.1.1"), B)
    for peer in ("podSelector {}", "ipBlock 10.244.0.0/16", "namespaceSelector {}", "any peer"):
        assert f"        + {peer} matches (line 4)\n" in found


def test_a_named_port_is_shown_as_the_destination_has_it() -> None:
    assert "+ allow TCP 80 (" in text(A, WEB, ingress("{ports: [{port: http}]}"), destination="web")
    assert "+ allow none (" in text(A, WEB, ingress("{ports: [{port: https}]}"), destination="web")
    assert "+ allow TCP 80 (" in text(A, WEB, egress("{ports: [{port: http}]}"), destination="web")
    assert "+ allow none (" in text(A, WEB, egress("{ports: [{port: http}]}"), destination="external")


# What is not known


@pytest.mark.parametrize(
    ("documents", "fact"),
    [
        (
            (A, B, ingress("{from: [{ipBlock: {cidr: 10.244.7.0/24}}]}")),
            "the address of shop/a: ipBlock 10.244.7.0/24 covers a part of where it may lie",
        ),
        (
            (placed("a", "10.244.7.1", "fd00::1"), B, ingress("{from: [{ipBlock: {cidr: 10.244.7.0/24}}]}")),
            "which IP family is used: ipBlock 10.244.7.0/24 holds only a part of 10.244.7.1/32,fd00::1/128",
        ),
        (
            (pod("a", more=NODE), B, policy(DENY)),
            "whether shop/a runs on the node of shop/b, which always reaches its pods",
        ),
    ],
)
def test_the_missing_fact_is_named(documents: tuple[str, ...], fact: str) -> None:
    found = explained(analysis(*documents), "a", "b", TCP_80)
    assert found.facts == (fact,)
    assert verdict(found) == "unknown"
    assert f"unknown: it depends on {fact}\n" in render(found)
    assert f"    depends on {fact}\n" in render(found)


def test_blocks_that_hold_a_pod_only_together_are_told_as_such() -> None:
    blocks = (
        "{from: [{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: '::/0'}}, {ipBlock: {cidr: 192.0.2.0/24}}]}"
    )
    found = text(placed("a", "10.244.7.1", "fd00::1"), B, ingress(blocks))
    assert found.startswith("allowed")
    assert "        + ipBlock 0.0.0.0/0 matches with the other blocks (line " in found
    assert "        + ipBlock ::/0 matches with the other blocks (line " in found
    assert "        - ipBlock 192.0.2.0/24 does not hold " in found


def test_a_node_that_may_be_the_pods_own_is_told_as_such() -> None:
    assert "  exempt if on the same node: always admitted\n" in text(pod("a", more=NODE), B, policy(DENY))


def test_what_the_api_leaves_open_is_named() -> None:
    options = Options(profile=API)
    host, other = pod("a", more=f"{NODE}, nodeName: one"), pod("b", more="nodeName: two")
    found = headline(host, other, ingress("{from: [{podSelector: {}}]}"), options=options)
    assert "whether selectors mean shop/a, which uses the host network" in found
    assert "whether nodes other than its own reach shop/b" in found
    blocks = ingress("{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}")
    assert "whether api compares ipBlock 0.0.0.0/0 with addresses of pods" in headline(
        A, B, blocks, options=options
    )
    assert "whether api compares ipBlock 0.0.0.0/0 with addresses of nodes" in headline(
        placed("a", "192.0.2.1", more=f"{NODE}, nodeName: one"), other, blocks, options=options
    )


def test_a_rule_that_may_not_exist_is_told_with_the_reason() -> None:
    found = text(A, B, policy(DENY), port=(Protocol.ICMP, 8), options=Options(profile=KUBE_ROUTER))
    assert found.startswith("unknown: it depends on kube-router admits most ICMP messages")
    assert "        ? kube-router admits most ICMP messages" in found


def test_facts_are_those_of_what_was_asked_for() -> None:
    documents = (A, B, ingress("{from: [{ipBlock: {cidr: 10.244.7.0/24}}], ports: [{port: 81}]}"))
    assert explained(analysis(*documents), "a", "b", TCP_80).facts == ()
    assert explained(analysis(*documents), "a", "b", (Protocol.TCP, 81)).facts != ()


# Tiers in which the first rule that matches decides


def ordered(*actions: Action) -> Reachability:
    """Return a cluster in which the rules of one ordered policy have these actions for everybody."""
    found = analysis(ingress(", ".join(["{}"] * len(actions))), A, B).cluster
    (tier,) = found.tiers
    (one,) = tier.policies
    rules = tuple(replace(rule, action=action) for rule, action in zip(one.ingress, actions, strict=True))
    first = Tier(
        name="first",
        kind=TierKind.ORDERED,
        unmatched=Action.PASS,
        policies=(replace(one, ingress=rules),),
    )
    return Reachability(replace(found, tiers=(first,)))


@pytest.mark.parametrize(
    ("actions", "begin", "end"),
    [
        ((Action.DENY,), "denied", "(spec.ingress[0]) decides"),
        ((Action.ALLOW, Action.DENY), "allowed", "is admitted by <stdin>:4 (spec.ingress[0])"),
        ((Action.DENY, Action.ALLOW), "denied", "(spec.ingress[0]) decides"),
        ((Action.PASS, Action.DENY), "allowed", "ingress of shop/b lets it pass"),
    ],
)
def test_the_rule_that_decides_is_named(actions: tuple[Action, ...], begin: str, end: str) -> None:
    found = render(explained(ordered(*actions), "a", "b", TCP_80)).split("\n")[0]
    assert found.startswith(f"{begin}: ")
    assert found.endswith(end)


@given(clusters())
def test_an_explanation_agrees_with_the_verdict_and_names_a_fact_where_it_is_unknown(
    cluster: Cluster,
) -> None:
    reachability = Reachability(cluster)
    for source in reachability.endpoints:
        for destination in reachability.endpoints:
            found = explain(reachability, source, destination)
            assert found.bounds == reachability.connection(source, destination)
            assert bool(found.facts) == bool(found.bounds.unknown & found.asked)
            certain = found.asked
            for side in found.sides:
                certain &= found.asked if side.exempt is Match.YES else side.bounds.certain
            assert certain == found.bounds.certain & found.asked
            assert render(found).startswith(f"{verdict(found)}: ")


def test_the_profile_of_the_tests_above_is_the_one_that_does_as_the_api_says() -> None:
    assert Options().profile is CALICO
