"""Section 1 of the semantics: what the API promises, as far as decoding decides it."""

from __future__ import annotations

import pytest

from analyzer.diagnostics import render_path
from analyzer.model import AddressPeer, AnyPeer, Direction, Match, NamedPort, PodPeer
from analyzer.selectors import EVERYTHING, NAMESPACE_NAME, Operator, Requirement, Selector, namespace_named
from analyzer.sets import AddressSet, PortSet, Protocol
from tests.unit.decode.reading import cluster, only_policy, only_rule, policy, read, remarks

INGRESS, EGRESS = Direction.INGRESS, Direction.EGRESS


@pytest.mark.parametrize(
    ("spec", "directions"),
    [
        ("podSelector: {}", {INGRESS}),
        ("{podSelector: {}, policyTypes: []}", {INGRESS}),
        ("{podSelector: {}, policyTypes: null}", {INGRESS}),
        ("{podSelector: {}, egress: []}", {INGRESS}),
        ("{podSelector: {}, egress: null}", {INGRESS}),
        ("{podSelector: {}, egress: [{}]}", {INGRESS, EGRESS}),
        ("{podSelector: {}, policyTypes: [Ingress]}", {INGRESS}),
        ("{podSelector: {}, policyTypes: [Egress]}", {EGRESS}),
        ("{podSelector: {}, policyTypes: [Egress, Ingress]}", {INGRESS, EGRESS}),
        ("{podSelector: {}, policyTypes: [Egress, Egress]}", {EGRESS}),
    ],
)
def test_policy_types_default_to_ingress_and_to_egress_where_there_are_egress_rules(
    spec: str, directions: set[Direction]
) -> None:
    assert only_policy(policy(spec)).directions == directions


def test_rules_of_a_direction_that_policy_types_leaves_out_are_ignored_with_a_warning() -> None:
    text = policy("{podSelector: {}, policyTypes: [Ingress], egress: [{}]}")
    assert only_policy(text).egress == ()
    assert remarks(text) == ["5:45 spec.egress: these rules are ignored: `policyTypes` does not name Egress"]


def test_ingress_rules_of_an_egress_policy_are_ignored_with_a_warning() -> None:
    text = policy("{podSelector: {}, policyTypes: [Egress], ingress: [{}]}")
    assert only_policy(text).ingress == ()
    assert remarks(text) == [
        "5:44 spec.ingress: these rules are ignored: `policyTypes` does not name Ingress"
    ]


@pytest.mark.parametrize("ingress", ["", ", ingress: null", ", ingress: []"])
def test_a_policy_without_ingress_rules_admits_nothing(ingress: str) -> None:
    found = only_policy(policy(f"{{podSelector: {{}}{ingress}}}"))
    assert found.directions == {INGRESS}
    assert found.ingress == ()


@pytest.mark.parametrize("rule", ["{}", "{from: []}", "{from: null}", "{from: [], ports: []}"])
def test_a_rule_without_peers_and_ports_admits_everybody_on_everything(rule: str) -> None:
    found = only_rule(policy(f"{{podSelector: {{}}, ingress: [{rule}]}}"))
    assert [type(peer) for peer in found.peers] == [AnyPeer]
    assert found.ports.numbers == PortSet.all()
    assert found.ports.numbers.has(Protocol.ICMP, 8)
    assert found.ports.named == ()
    assert found.doubt == ""


def test_an_egress_rule_without_peers_lets_out_to_everybody() -> None:
    found = only_rule(policy("{podSelector: {}, policyTypes: [Egress], egress: [{}]}"))
    assert [type(peer) for peer in found.peers] == [AnyPeer]


@pytest.mark.parametrize(
    ("ports", "numbers"),
    [
        ("[{}]", PortSet.of(Protocol.TCP)),
        ("[{port: 80}]", PortSet.of(Protocol.TCP, 80)),
        ("[{protocol: UDP}]", PortSet.of(Protocol.UDP)),
        ("[{protocol: SCTP, port: 5}]", PortSet.of(Protocol.SCTP, 5)),
        ("[{port: 80, endPort: 90}]", PortSet.of(Protocol.TCP, 80, 90)),
        ("[{port: 80, endPort: 80}]", PortSet.of(Protocol.TCP, 80)),
        (
            "[{port: 80}, {protocol: UDP, port: 53}]",
            PortSet.of(Protocol.TCP, 80) | PortSet.of(Protocol.UDP, 53),
        ),
        ("[{port: 80}, {}, {port: 443}]", PortSet.of(Protocol.TCP)),
        ("[{port: null, protocol: null}]", PortSet.of(Protocol.TCP)),
        ("[null]", PortSet.of(Protocol.TCP)),
    ],
)
def test_ports_are_a_union_and_default_to_tcp(ports: str, numbers: PortSet) -> None:
    found = only_rule(policy(f"{{podSelector: {{}}, ingress: [{{ports: {ports}}}]}}"))
    assert found.ports.numbers == numbers
    assert found.ports.named == ()


def test_a_rule_may_name_every_second_port() -> None:
    ports = ", ".join(f"{{port: {port}}}" for port in range(1, 65536, 2))
    found = only_rule(policy(f"{{podSelector: {{}}, ingress: [{{ports: [{ports}]}}]}}"))
    assert found.ports.numbers.size == 32768
    assert found.ports.numbers.has(Protocol.TCP, 65535)
    assert not found.ports.numbers.has(Protocol.TCP, 65534)


def test_a_named_port_keeps_name_and_protocol_and_stands_for_nothing_where_undefined() -> None:
    ports = "[{port: web}, {port: dns, protocol: UDP}, {port: web}, {port: 443}]"
    found = only_rule(policy(f"{{podSelector: {{}}, ingress: [{{ports: {ports}}}]}}"))
    assert found.ports.numbers == PortSet.of(Protocol.TCP, 443)
    assert found.ports.named == (
        NamedPort(name="web", protocol=Protocol.TCP, undefined=PortSet.none()),
        NamedPort(name="dns", protocol=Protocol.UDP, undefined=PortSet.none()),
    )


def peer(text: str) -> PodPeer:
    (found,) = only_rule(policy(f"{{podSelector: {{}}, ingress: [{{from: [{text}]}}]}}")).peers
    assert isinstance(found, PodPeer)
    return found


def test_a_pod_selector_alone_means_pods_of_the_own_namespace() -> None:
    found = peer("{podSelector: {matchLabels: {app: web}}}")
    assert found.namespaces == namespace_named("shop")
    assert found.pods == Selector.labels(app="web")
    assert found.on_hosts is Match.NO


@pytest.mark.parametrize("selector", ["{}", "{matchLabels: {}}", "{matchLabels: null, matchExpressions: []}"])
def test_an_empty_namespace_selector_alone_means_all_pods_of_all_namespaces(selector: str) -> None:
    found = peer(f"{{namespaceSelector: {selector}}}")
    assert (found.namespaces, found.pods) == (EVERYTHING, EVERYTHING)


def test_an_empty_pod_selector_alone_means_all_pods_of_the_own_namespace() -> None:
    found = peer("{podSelector: {}}")
    assert (found.namespaces, found.pods) == (namespace_named("shop"), EVERYTHING)


def test_both_selectors_in_one_item_must_both_match() -> None:
    found = peer("{podSelector: {matchLabels: {app: web}}, namespaceSelector: {matchLabels: {team: a}}}")
    assert (found.namespaces, found.pods) == (Selector.labels(team="a"), Selector.labels(app="web"))


def test_selectors_in_two_items_are_alternatives() -> None:
    items = "[{podSelector: {matchLabels: {app: web}}}, {namespaceSelector: {matchLabels: {team: a}}}]"
    found = only_rule(policy(f"{{podSelector: {{}}, ingress: [{{from: {items}}}]}}")).peers
    assert [(each.namespaces, each.pods) for each in found if isinstance(each, PodPeer)] == [
        (namespace_named("shop"), Selector.labels(app="web")),
        (Selector.labels(team="a"), EVERYTHING),
    ]


def test_match_expressions_and_match_labels_all_hold_together() -> None:
    expressions = """[{key: a, operator: In, values: [v, w]}, {key: b, operator: NotIn, values: [z]},
                     {key: c, operator: Exists}, {key: d, operator: DoesNotExist, values: []}]"""
    found = peer(f"{{podSelector: {{matchLabels: {{e: ''}}, matchExpressions: {expressions}}}}}")
    assert found.pods == Selector.of(
        Requirement("a", Operator.IN, frozenset("vw")),
        Requirement("b", Operator.NOT_IN, frozenset("z")),
        Requirement("c", Operator.EXISTS),
        Requirement("d", Operator.DOES_NOT_EXIST),
        Requirement("e", Operator.IN, frozenset(("",))),
    )


def test_an_ip_block_is_its_cidr_without_its_own_excepts() -> None:
    blocks = """[{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.1.2.0/24]}},
                 {ipBlock: {cidr: 10.1.0.0/16}}]"""
    first, second = only_rule(policy(f"{{podSelector: {{}}, ingress: [{{from: {blocks}}}]}}")).peers
    assert isinstance(first, AddressPeer)
    assert isinstance(second, AddressPeer)
    assert first.addresses == AddressSet.of("10.0.0.0/8") - AddressSet.of("10.1.0.0/16")
    assert second.addresses == AddressSet.of("10.1.0.0/16")


@pytest.mark.parametrize(("cidr", "version"), [("0.0.0.0/0", 4), ("'::/0'", 6)])
def test_a_block_of_everything_is_everything_of_one_family(cidr: str, version: int) -> None:
    (found,) = only_rule(
        policy(f"{{podSelector: {{}}, egress: [{{to: [{{ipBlock: {{cidr: {cidr}}}}}]}}]}}")
    ).peers
    assert isinstance(found, AddressPeer)
    assert found.addresses == AddressSet.family(version)


def test_a_policy_is_of_its_namespace_and_selects_there() -> None:
    found = only_policy(policy("podSelector: {matchLabels: {app: web}}"))
    assert (found.kind, found.namespace, found.name) == ("NetworkPolicy", "shop", "p")
    assert found.subject_namespaces == namespace_named("shop")
    assert found.subject_pods == Selector.labels(app="web")


def test_a_policy_without_namespace_is_in_the_one_that_the_user_chose() -> None:
    text = policy("podSelector: {}").replace(", namespace: shop", "")
    assert only_policy(text).namespace == "default"
    (found,) = read(text, namespace="mine").cluster.policies
    assert found.subject_namespaces == namespace_named("mine")


def test_a_policy_without_selector_selects_all_pods_and_says_so() -> None:
    text = policy("{ingress: []}")
    assert only_policy(text).subject_pods == EVERYTHING
    assert remarks(text) == ["4:1 spec: no `podSelector`: every pod of the namespace is selected"]


def test_a_policy_without_spec_isolates_its_namespace() -> None:
    text = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}}"
    found = only_policy(text)
    assert found.subject_pods == EVERYTHING
    assert found.directions == {INGRESS}
    assert found.ingress == ()


def test_a_null_rule_allows_everything_and_says_so() -> None:
    text = policy("podSelector: {}\ningress:\n-\n")
    assert [type(each) for each in only_rule(text).peers] == [AnyPeer]
    assert remarks(text) == ["7:4 spec.ingress[0]: an empty item is a rule that allows everything"]


def test_rules_peers_and_ports_know_their_fields() -> None:
    text = policy(
        """
        podSelector: {}
        ingress:
        - from:
          - podSelector: {}
          - ipBlock: {cidr: 10.0.0.0/8}
          ports:
          - port: 80
        - {}
        """
    )
    first, second = only_policy(text).ingress
    assert (first.span.field, first.span.line, first.span.column) == ("spec.ingress[0]", 7, 5)
    assert [(each.span.field, each.span.line) for each in first.peers] == [
        ("spec.ingress[0].from[0]", 8),
        ("spec.ingress[0].from[1]", 9),
    ]
    assert (first.ports.span.field, first.ports.span.line) == ("spec.ingress[0].ports", 10)
    assert [render_path(each.span.path) for each in (second, *second.peers, second.ports)] == [
        "spec.ingress[1]"
    ] * 3
    assert (only_policy(text).span.line, only_policy(text).span.path) == (1, ())


def test_policies_stand_in_one_union_tier_that_isolates_and_their_order_is_made_once() -> None:
    texts = [policy("podSelector: {}").replace("name: p", f"name: p{n}") for n in (2, 0, 1)]
    (tier,) = cluster("---\n".join(texts)).tiers
    (other,) = cluster("---\n".join(reversed(texts))).tiers
    assert (tier.name, tier.kind.value, tier.unmatched.value) == ("NetworkPolicy", "union", "deny")
    assert [each.name for each in tier.policies] == ["p0", "p1", "p2"]
    assert tier == other


def test_a_namespace_selector_by_name_needs_no_label_in_the_manifest() -> None:
    found = peer(f"{{namespaceSelector: {{matchLabels: {{{NAMESPACE_NAME}: shop}}}}}}")
    assert found.namespaces.matches(cluster(policy("podSelector: {}")).namespaces["shop"].labels)
