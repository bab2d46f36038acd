from __future__ import annotations

import pytest

from analyzer.lint import lint
from tests.unit.lint.linting import app, egress, found, ingress, match
from tests.unit.lint.test_matches_nothing import serving
from tests.unit.manifests import analysis, pod, policy

WEB, DB = pod("web", labels=app("web")), pod("db", labels=app("db"))


def test_a_block_that_holds_pods_is_told_with_the_pods() -> None:
    (finding,) = found("KR301", WEB, DB, egress("[{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]", match(app("web"))))
    assert finding.span.field == "spec.egress[0].to[0]"
    assert "holds addresses of pods, `shop/db` and `shop/web`" in finding.message
    assert finding.help == "add `10.244.0.0/16` to `except`, and name pods by their labels"


def test_it_is_told_under_every_profile_also_where_blocks_never_match_pods() -> None:
    assert found("KR301", WEB, DB, egress("[{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]"), cni="cilium")


def test_a_block_that_holds_the_known_address_of_a_pod_outside_the_pod_network_is_told() -> None:
    elsewhere = pod(
        "db", labels=app("db"), status="{phase: Running, podIP: 192.0.2.9, podIPs: [{ip: 192.0.2.9}]}"
    )
    (finding,) = found("KR301", WEB, elsewhere, egress("[{to: [{ipBlock: {cidr: 192.0.2.0/24}}]}]"))
    assert finding.help == "leave them out, and name pods by their labels"


@pytest.mark.parametrize(
    "rules",
    [
        "[{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.244.0.0/16]}}]}]",
        "[{to: [{ipBlock: {cidr: 192.0.2.0/24}}]}]",
        "[{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}, {to: [{namespaceSelector: {}}]}]",
    ],
)
def test_a_block_that_decides_nothing_about_pods_is_fine(rules: str) -> None:
    assert not found("KR301", WEB, DB, egress(rules))


def test_a_block_of_a_policy_that_selects_nothing_is_fine() -> None:
    assert not found("KR301", WEB, egress("[{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]", match(app("x"))))


def test_rules_that_policy_types_leaves_out_differ_by_cni() -> None:
    rules = "ingress: [{}], egress: [{ports: [{port: 53, protocol: UDP}]}]"
    (finding,) = found(
        "KR302",
        WEB,
        DB,
        policy(f"spec: {{podSelector: {match(app('web'))}, policyTypes: [Ingress], {rules}}}"),
    )
    assert "`shop/web` to `shop/db` on" in finding.message
    assert finding.message.endswith("is allowed by Calico, denied by Cilium and Antrea")


def test_seen_from_the_other_cni_it_is_the_other_way_round() -> None:
    rules = "ingress: [{}], egress: [{ports: [{port: 53, protocol: UDP}]}]"
    spec = f"spec: {{podSelector: {match(app('web'))}, policyTypes: [Ingress], {rules}}}"
    (finding,) = found("KR302", WEB, DB, policy(spec), cni="cilium")
    assert "UDP 53" not in finding.message
    assert "is allowed by Calico, kindnet (kube-network-policies), kube-router and OVN" in finding.message
    assert finding.message.endswith("denied by Cilium")


def test_rules_that_are_left_out_beside_a_policy_that_isolates_join_it() -> None:
    rules = "ingress: [{}], egress: [{ports: [{port: 53, protocol: UDP}]}]"
    spec = f"spec: {{podSelector: {{}}, policyTypes: [Ingress], {rules}}}"
    deny = policy("spec: {podSelector: {}, policyTypes: [Egress]}", "deny")
    (finding,) = found("KR302", WEB, DB, policy(spec), deny)
    assert "on UDP 53 is allowed by Cilium and Antrea, denied by Calico" in finding.message


def test_named_ports_differ_by_cni() -> None:
    (finding,) = found(
        "KR302",
        serving(),
        DB,
        ingress("[{from: [{podSelector: {}}], ports: [{port: http}]}]", match(app("web"))),
    )
    assert "TCP 1-8079,8081-65535 is allowed by OVN-Kubernetes, denied by Calico" in finding.message
    assert "`shop/db` to `shop/web`" in finding.message


def test_named_ports_are_known_also_where_the_own_cni_ignores_them() -> None:
    named = ingress("[{from: [{podSelector: {}}], ports: [{port: http}]}]", match(app("web")))
    (finding,) = found("KR302", serving(), DB, named, cni="ovn-kubernetes")
    assert "TCP 1-8079,8081-65535 is allowed by OVN-Kubernetes, denied by Calico, Cilium" in finding.message


def test_a_single_pod_always_reaches_itself_whatever_the_cni() -> None:
    only = policy(
        "spec: {podSelector: {}, policyTypes: [Ingress], "
        "ingress: [{from: [{podSelector: {}}], ports: [{port: http}]}]}"
    )
    assert not found("KR302", serving(), only)


def test_plain_policies_are_the_same_everywhere() -> None:
    assert not found("KR302", WEB, DB, ingress("[{from: [{podSelector: {}}], ports: [{port: 80}]}]"))


def test_a_policy_that_is_read_otherwise_to_the_same_effect_is_fine() -> None:
    rules = "ingress: [{}], egress: [{}]"
    assert not found(
        "KR302", WEB, DB, policy(f"spec: {{podSelector: {{}}, policyTypes: [Ingress], {rules}}}")
    )


def test_excepts_that_one_set_shares_differ_by_cni() -> None:
    blocks = "{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.0/25]}}, {ipBlock: {cidr: 192.0.0.0/16}}"
    (finding,) = found("KR302", WEB, ingress(f"[{{from: [{blocks}]}}]"))
    assert (
        "`192.0.2.0/25` to `shop/web` on all ports is allowed by Calico, denied by kube-router"
        in finding.message
    )


def test_what_was_not_decoded_from_documents_is_not_compared() -> None:
    from dataclasses import replace

    whole = analysis(serving(), DB, ingress("[{from: [{podSelector: {}}], ports: [{port: http}]}]"))
    assert lint(whole, ["KR302"]).findings
    assert not lint(replace(whole, options=None), ["KR302"]).findings


def test_what_a_cni_leaves_undecided_is_no_difference() -> None:
    """The same CIDR named and excepted in one rule: kube-router keeps one of the two, nobody knows which."""
    blocks = "{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.0/25]}}, {ipBlock: {cidr: 192.0.2.0/25}}"
    assert not found("KR302", WEB, ingress(f"[{{from: [{blocks}]}}]"))


def test_pods_of_one_kind_are_evaluated_once() -> None:
    rules = "ingress: [{from: [{podSelector: {matchLabels: {app: db}}}]}], egress: [{}]"
    spec = f"spec: {{podSelector: {{}}, policyTypes: [Ingress], {rules}}}"
    assert not found("KR302", WEB, DB, policy(spec))
