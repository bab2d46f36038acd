from __future__ import annotations

import pytest

from tests.unit.lint.linting import app, egress, fields, found, ingress, match, namespace
from tests.unit.lint.test_matches_nothing import serving
from tests.unit.manifests import pod, policy, service

OPS = namespace("ops", "{team: ops}")
NAMESPACES, PODS = (
    "namespaceSelector: {matchLabels: {team: ops}}",
    "podSelector: {matchLabels: {role: probe}}",
)
PROBE, OTHER = pod("probe", "ops", labels="{role: probe}"), pod("other", "ops", labels="{role: other}")
WEB = pod("web", labels=app("web"))


@pytest.mark.parametrize("items", [f"{{{NAMESPACES}}}, {{{PODS}}}", f"{{{PODS}}}, {{{NAMESPACES}}}"])
def test_two_items_that_read_like_one_are_told_with_the_pods_that_they_add(items: str) -> None:
    (finding,) = found("KR201", OPS, PROBE, OTHER, WEB, ingress(f"[{{from: [{items}]}}]"))
    assert finding.span.field == "spec.ingress[0].from[1]"
    assert finding.message == (
        "these two items are alternatives: they allow `ops/other` too; "
        "as one item they would mean only `ops/probe`"
    )


def test_pods_of_the_own_namespace_count_as_added() -> None:
    own = pod("probe", labels="{role: probe}")
    (finding,) = found("KR201", OPS, PROBE, own, ingress(f"[{{from: [{{{NAMESPACES}}}, {{{PODS}}}]}}]"))
    assert "they allow `shop/probe` too" in finding.message


@pytest.mark.parametrize(
    "items",
    [
        f"{{{NAMESPACES}, {PODS}}}",
        f"{{{NAMESPACES}, {PODS}}}, {{{PODS}}}",
        f"{{{NAMESPACES}}}, {{podSelector: {{}}}}",
        f"{{{NAMESPACES}}}, {{{NAMESPACES}}}",
    ],
)
def test_items_that_are_written_otherwise_are_fine(items: str) -> None:
    assert not found("KR201", OPS, PROBE, OTHER, WEB, ingress(f"[{{from: [{items}]}}]"))


def test_items_of_different_rules_are_fine() -> None:
    assert not found(
        "KR201", OPS, PROBE, OTHER, WEB, ingress(f"[{{from: [{{{NAMESPACES}}}]}}, {{from: [{{{PODS}}}]}}]")
    )


def test_two_items_that_add_nothing_are_fine() -> None:
    assert not found("KR201", OPS, PROBE, WEB, ingress(f"[{{from: [{{{NAMESPACES}}}, {{{PODS}}}]}}]"))


def test_two_items_that_no_pod_meets_both_of_are_fine() -> None:
    assert not found("KR201", OPS, OTHER, WEB, ingress(f"[{{from: [{{{NAMESPACES}}}, {{{PODS}}}]}}]"))


def test_one_item_that_no_pod_meets_is_told_with_what_two_would_allow() -> None:
    own = pod("own", labels="{role: probe}")
    documents = OPS, OTHER, own, ingress(f"[{{from: [{{{NAMESPACES}, {PODS}}}]}}]")
    (finding,) = found("KR202", *documents)
    assert "no pod meets both `team=ops` and `role=probe`" in finding.message
    assert "as two items it would allow `ops/other` and `shop/own`" in finding.message
    assert not found("KR105", *documents)


def test_one_item_that_some_pod_meets_is_fine() -> None:
    own = pod("own", labels="{role: probe}")
    assert not found("KR202", OPS, PROBE, own, ingress(f"[{{from: [{{{NAMESPACES}, {PODS}}}]}}]"))


def test_one_item_whose_parts_match_nothing_here_is_left_to_other_rules() -> None:
    assert not found("KR202", OPS, OTHER, WEB, ingress(f"[{{from: [{{{NAMESPACES}, {PODS}}}]}}]"))


TO_DB = "{to: [{podSelector: {matchLabels: {app: db}}}]"
DB = pod("db", labels=app("db"))


def test_egress_without_dns_is_told() -> None:
    (finding,) = found("KR203", WEB, DB, egress(f"[{TO_DB}, ports: [{{port: 5432}}]}}]", match(app("web"))))
    assert finding.span.field == "spec.egress"
    assert finding.message == "`shop/web` may not ask any DNS server: UDP 53 is allowed to nobody"


def test_dns_over_tcp_alone_is_told() -> None:
    (finding,) = found("KR203", WEB, DB, egress("[{ports: [{port: 53}]}]", match(app("web"))))
    assert finding.message.endswith("UDP 53 is allowed to nobody, only TCP 53")
    assert finding.help == "write `protocol: UDP` for port 53"


@pytest.mark.parametrize(
    "rule", ["{}", "{ports: [{port: 53, protocol: UDP}]}", "{ports: [{port: 5353, protocol: UDP}]}"]
)
def test_egress_with_dns_is_fine(rule: str) -> None:
    assert not found("KR203", WEB, DB, egress(f"[{TO_DB}, ports: [{{port: 5432}}]}}, {rule}]"))


def test_dns_by_another_policy_is_fine() -> None:
    dns = egress("[{ports: [{port: 53, protocol: UDP}]}]", name="dns")
    assert not found("KR203", WEB, DB, egress(f"[{TO_DB}, ports: [{{port: 5432}}]}}]"), dns)


def test_pods_that_may_talk_to_nobody_need_no_dns() -> None:
    assert not found("KR203", WEB, policy("spec: {podSelector: {}, policyTypes: [Egress]}"))


def test_a_policy_that_isolates_egress_without_rules_is_pointed_at_when_another_tier_allows() -> None:
    """Cilium isolates egress by rules that `policyTypes` does not name, and these stand at the policy."""
    rules = "ingress: [], egress: [{ports: [{port: 80}]}]"
    spec = f"spec: {{podSelector: {{}}, policyTypes: [Ingress], {rules}}}"
    assert fields("KR203", WEB, policy(spec), cni="cilium") == [("policy", "spec.egress")]


def block(text: str) -> str:
    return ingress(f"[{{from: [{{ipBlock: {text}}}]}}]")


def test_excepts_that_hold_more_than_they_leave_are_told_with_what_is_left() -> None:
    (finding,) = found("KR204", WEB, block("{cidr: 10.0.0.0/8, except: [10.0.0.0/9, 10.128.0.0/10]}"))
    assert finding.message == "`except` takes 75 % out of `10.0.0.0/8`"
    assert finding.help == "write what is left: `10.192.0.0/10`"
    assert finding.severity.value == "notice"


def test_excepts_that_leave_nothing_are_a_warning() -> None:
    (finding,) = found("KR204", WEB, block("{cidr: 10.0.0.0/8, except: [10.0.0.0/9, 10.128.0.0/9]}"))
    assert finding.severity.value == "warning"
    assert "nothing is left of `10.0.0.0/8`" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "{cidr: 10.0.0.0/8}",
        "{cidr: 10.0.0.0/8, except: [10.0.0.0/9]}",
        '{cidr: "::/0", except: ["fd00::/8"]}',
    ],
)
def test_excepts_that_leave_half_are_fine(text: str) -> None:
    assert not found("KR204", WEB, block(text), ingress("[{from: [{podSelector: {}}]}]", name="pods"))


SEALED = policy(f"spec: {{podSelector: {match(app('db'))}, policyTypes: [Ingress, Egress]}}", "sealed")


def test_an_ingress_item_whose_sources_may_not_send_is_half_open() -> None:
    from_db = ingress(f"[{{from: [{{podSelector: {match(app('db'))}}}]}}]", match(app("web")))
    (finding,) = found("KR205", WEB, DB, SEALED, from_db)
    assert finding.span.field == "spec.ingress[0].from[0]"
    assert finding.message == (
        "this ingress item allows nothing: egress of `shop/db` denies every such connection with `shop/web`"
    )
    assert finding.help == "allow it in `shop/sealed` (<stdin>:11) too, or remove the item"


def test_an_egress_item_whose_destinations_may_not_receive_is_half_open() -> None:
    to_db = egress(f"[{TO_DB}}}]", match(app("web")))
    assert fields("KR205", WEB, DB, SEALED, to_db) == [("policy", "spec.egress[0].to[0]")]


def test_an_item_of_which_something_gets_through_is_fine() -> None:
    to_db = egress(f"[{TO_DB}, ports: [{{port: 80}}, {{port: 81}}]}}]", match(app("web")))
    some = ingress("[{ports: [{port: 81}]}]", match(app("db")), name="some")
    assert not found("KR205", WEB, DB, some, to_db)


def test_ports_on_which_nothing_gets_through_are_half_open() -> None:
    to_db = egress(f"[{TO_DB}, ports: [{{port: 80}}]}}]", match(app("web")))
    some = ingress("[{ports: [{port: 81}]}]", match(app("db")), name="some")
    assert found("KR205", WEB, DB, some, to_db)


@pytest.mark.parametrize(("port", "half"), [(8080, False), (9090, True)])
def test_named_ports_are_looked_up(port: int, *, half: bool) -> None:
    to_web = egress(
        f"[{{to: [{{podSelector: {match(app('web'))}}}], ports: [{{port: http}}]}}]", match(app("db"))
    )
    admits = ingress(f"[{{ports: [{{port: {port}}}]}}]", match(app("web")), name="admits")
    elsewhere = serving("other", "[{name: http, containerPort: 9090}]")
    assert bool(found("KR205", serving(), serving("db", "[]"), elsewhere, admits, to_web)) is half


def test_many_sources_of_one_policy_are_looked_at_once() -> None:
    more = pod("db2", labels="{app: db, num: two}")
    named = ingress("[{}]", match("{num: other}"), name="named")
    from_db = ingress(f"[{{from: [{{podSelector: {match(app('db'))}}}]}}]", match(app("web")))
    (finding,) = found("KR205", WEB, DB, more, SEALED, named, from_db)
    assert "`shop/db` and `shop/db2`" in finding.message


def test_any_peer_addresses_and_peers_that_match_nothing_are_not_half_open() -> None:
    assert not found("KR205", WEB, DB, SEALED, block("{cidr: 10.0.0.0/8}"))
    assert not found("KR205", WEB, DB, SEALED, ingress("[{}]"))
    assert not found("KR205", WEB, DB, SEALED, ingress(f"[{{from: [{{podSelector: {match(app('x'))}}}]}}]"))


FRONT = service("{selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}", "front")
CLIENT = pod("client", labels=app("client"))
FROM_PODS = "from: [{podSelector: {}}]"


def test_a_service_whose_target_port_is_closed_is_told() -> None:
    (finding,) = found(
        "KR206", serving(), CLIENT, FRONT, ingress(f"[{{{FROM_PODS}, ports: [{{port: 80}}]}}]")
    )
    assert finding.span.field == "spec.ports[0]"
    assert finding.message == "nobody may reach `shop/web` on TCP 8080, where Service `shop/front` leads to"
    assert finding.help.startswith("allow the targetPort in `shop/policy`")


def test_a_service_whose_clients_may_not_send_is_told() -> None:
    sealed = policy("spec: {podSelector: {}, policyTypes: [Egress]}")
    (finding,) = found("KR206", serving(), CLIENT, FRONT, sealed)
    assert finding.help == "allow it in the egress of its clients"


def test_a_service_that_somebody_reaches_is_fine() -> None:
    assert not found(
        "KR206", serving(), CLIENT, FRONT, ingress(f"[{{{FROM_PODS}, ports: [{{port: 8080}}]}}]")
    )


def test_only_addresses_outside_do_not_reach_a_cluster_ip() -> None:
    outside = ingress("[{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]")
    assert found("KR206", serving(), CLIENT, FRONT, outside)
    node_port = FRONT.replace("{selector", "{type: NodePort, selector")
    assert not found("KR206", serving(), CLIENT, node_port, outside)


def test_that_a_backend_reaches_itself_is_not_enough() -> None:
    itself = ingress(f"[{{from: [{{podSelector: {match(app('web'))}}}]}}]")
    assert found("KR206", serving(), CLIENT, FRONT, itself)


def test_that_one_of_two_backends_alike_reaches_the_other_is_enough() -> None:
    itself = ingress(f"[{{from: [{{podSelector: {match(app('web'))}}}]}}]")
    twin = serving().replace("name: web, namespace", "name: web2, namespace")
    assert not found("KR206", serving(), twin, CLIENT, FRONT, itself)


def test_clients_that_the_input_does_not_hold_are_awaited() -> None:
    nginx = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress-nginx}}}"
    assert not found(
        "KR206", serving(), CLIENT, FRONT, ingress(f"[{{from: [{nginx}], ports: [{{port: 8080}}]}}]")
    )
    assert not found(
        "KR206", serving(), CLIENT, FRONT, ingress(f"[{{from: [{nginx}], ports: [{{port: http}}]}}]")
    )
    assert found("KR206", serving(), CLIENT, FRONT, ingress(f"[{{from: [{nginx}], ports: [{{port: 80}}]}}]"))


def test_a_service_without_backends_or_without_another_pod_is_fine() -> None:
    deny = policy("spec: {podSelector: {}, policyTypes: [Ingress]}")
    assert not found("KR206", serving(), FRONT, deny)
    assert not found("KR206", CLIENT, WEB.replace("web", "x"), FRONT, deny)
