from __future__ import annotations

import pytest

from analyzer.decode import Options
from analyzer.lint import lint
from tests.unit.lint.linting import app, fields, found, ingress, match, namespace
from tests.unit.lint.test_matches_nothing import serving
from tests.unit.manifests import analysis, pod, policy, service

WEB, DB = pod("web", labels=app("web")), pod("db", labels=app("db"))
DENY = policy("spec: {podSelector: {}, policyTypes: [Ingress]}", "deny")


def test_a_namespace_without_a_default_deny_is_told_at_its_place_with_what_is_open() -> None:
    (finding,) = found("KR401", WEB, DB, namespace("shop"), ingress("[{}]", match(app("web"))))
    assert (finding.severity.value, finding.span.line) == ("notice", 11)
    assert finding.message == "namespace `shop` has no default deny: 1 of 2 workloads are open to everybody"


def test_a_namespace_that_the_input_does_not_hold_is_told_at_its_first_pod() -> None:
    (finding,) = found(
        "KR401",
        WEB,
        DB,
        ingress("[{}]", "{matchExpressions: [{key: app, operator: Exists}]}"),
    )
    assert finding.span.line == 1
    assert finding.message == "namespace `shop` has no default deny: a new workload is open to everybody"


def test_a_policy_for_every_pod_is_a_default_deny_whatever_it_allows() -> None:
    assert not found("KR401", WEB, DENY)
    assert not found("KR401", WEB, ingress("[{ports: [{port: 80}]}]"))


def test_a_default_deny_for_egress_only_leaves_ingress_open() -> None:
    assert found("KR401", WEB, policy("spec: {podSelector: {}, policyTypes: [Egress]}"))


def test_a_default_deny_protects_its_own_namespace_only() -> None:
    (finding,) = found("KR401", WEB, pod("x", "other"), DENY)
    assert "namespace `other`" in finding.message


def test_a_namespace_of_hosts_only_needs_none() -> None:
    assert not found("KR401", WEB, DENY, pod("agent", "system", more="hostNetwork: true"))


@pytest.mark.parametrize(
    "rule",
    [
        "{ports: [{port: 8080}]}",
        "{from: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 8080}]}",
        "{from: [{ipBlock: {cidr: 0.0.0.0/1}}, {ipBlock: {cidr: 128.0.0.0/1}}], ports: [{port: http}]}",
        '{from: [{ipBlock: {cidr: "::/0"}}], ports: [{port: 8080}]}',
    ],
)
def test_a_rule_that_admits_every_address_is_told_with_its_pods_and_ports(rule: str) -> None:
    (finding,) = found("KR402", serving(), DB, ingress(f"[{rule}]", match(app("web"))))
    assert finding.span.field == "spec.ingress[0]"
    assert finding.message == "every address outside the cluster may reach `shop/web` on TCP 8080"


def test_a_rule_without_ports_admits_all_ports() -> None:
    (finding,) = found("KR402", WEB, ingress("[{}]"))
    assert finding.message.endswith("`shop/web` on all ports")


@pytest.mark.parametrize(
    "rule",
    [
        "{from: [{podSelector: {}}]}",
        "{from: [{ipBlock: {cidr: 0.0.0.0/1}}]}",
        "{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [192.0.2.0/24]}}]}",
        "{ports: [{port: nothing}]}",
    ],
)
def test_a_rule_that_admits_only_some_is_fine(rule: str) -> None:
    assert not found("KR402", serving(), DB, ingress(f"[{rule}]"))


def test_a_policy_that_selects_nothing_admits_nobody() -> None:
    assert not found("KR402", WEB, ingress("[{}]", match(app("x"))))


def test_egress_to_the_world_is_fine() -> None:
    assert fields("KR402", WEB, policy("spec: {podSelector: {}, policyTypes: [Egress], egress: [{}]}")) == []


def test_where_every_address_of_a_family_is_a_pod_there_is_no_world_of_that_family() -> None:
    options = Options(pod_cidrs=("10.244.0.0/16", "::/0"))
    found_here = lint(analysis(WEB, ingress("[{}]"), options=options), ["KR402"]).findings
    assert [each.code for each in found_here] == ["KR402"]
    only_v6 = ingress('[{from: [{ipBlock: {cidr: "::/0"}}]}]')
    assert not lint(analysis(WEB, only_v6, options=options), ["KR402"]).findings


@pytest.mark.parametrize(
    ("kind", "open_"),
    [
        ("NodePort", True),
        ("LoadBalancer", True),
        ("ClusterIP", False),
        ("ClusterIP, externalIPs: [203.0.113.9]", True),
    ],
)
def test_a_service_from_outside_to_pods_without_a_policy_is_told(kind: str, *, open_: bool) -> None:
    front = service(
        f"{{type: {kind}, selector: {{app: web}}, ports: [{{port: 80, targetPort: 8080}}]}}", "front"
    )
    told = found("KR402", serving(), DB, front)
    assert bool(told) is open_
    for finding in told:
        assert finding.span.field == "spec.ports[0]"
        assert finding.message == (
            f"{kind.partition(',')[0]} Service `shop/front` leads every address outside the cluster"
            " to `shop/web` on TCP 8080"
        )
    assert not found("KR402", serving(), DB, front, DENY)


def test_a_service_from_outside_to_pods_of_the_host_network_is_not_policed() -> None:
    front = service("{type: NodePort, selector: {app: agent}, ports: [{port: 80}]}", "front")
    assert not found("KR402", WEB, pod("agent", labels=app("agent"), more="hostNetwork: true"), front)
