from __future__ import annotations

from dataclasses import replace

import pytest

from analyzer.decode import Options
from analyzer.engine import Engine
from analyzer.lint import lint
from analyzer.lint.redundancy import Contributions
from analyzer.model import Action, Match, Tier, TierKind
from analyzer.profiles import PROFILES
from tests.unit.lint.linting import app, egress, fields, found, ingress, match
from tests.unit.manifests import analysis, pod, policy

WEB, DB = pod("web", labels=app("web")), pod("db", labels=app("db"))
DENY = policy("spec: {podSelector: {}, policyTypes: [Ingress]}", "deny")
OPEN = ingress("[{}]", name="open")
HTTP = "[{ports: [{port: 80}]}]"


@pytest.fixture(autouse=True, params=[0, 32], ids=["one by one", "by their peers"])
def narrow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that match few classes are found by these; either way, what is found is the same."""
    monkeypatch.setattr("analyzer.lint.redundancy._NARROW", request.param)


def test_a_policy_that_a_wider_one_covers_has_no_effect_and_is_told_which() -> None:
    (finding,) = found(
        "KR101",
        WEB,
        ingress("[{from: [{podSelector: {}}]}]", name="wide"),
        ingress(f"[{{from: [{{podSelector: {match(app('web'))}}}]}}]", name="narrow"),
    )
    assert finding.message == "policy `shop/narrow` has no effect: `shop/wide` (<stdin>:6) allows all of it"
    assert finding.fix is not None


def test_two_policies_that_cover_a_third_together_are_both_named() -> None:
    (finding,) = found(
        "KR101",
        WEB,
        ingress("[{ports: [{port: 80}]}]", name="a"),
        ingress("[{ports: [{port: 81}]}]", name="b"),
        ingress("[{ports: [{port: 80, endPort: 81}]}]", name="c"),
    )
    assert "`shop/a` (<stdin>:6) and `shop/b` (<stdin>:11) allow all of it" in finding.message


def test_what_covers_ingress_is_named_before_what_covers_egress() -> None:
    rules = "ingress: [{ports: [{port: 80}]}], egress: [{ports: [{port: 80}]}]"
    (finding,) = found(
        "KR101",
        WEB,
        egress("[{ports: [{port: 80}]}]", name="a"),
        ingress("[{ports: [{port: 80}]}]", name="b"),
        policy(f"spec: {{podSelector: {match(app('web'))}, {rules}, policyTypes: [Ingress, Egress]}}", "c"),
    )
    assert "`shop/b` (<stdin>:11) and `shop/a` (<stdin>:6) allow all of it" in finding.message


def test_of_two_equal_policies_the_first_stays() -> None:
    assert fields("KR101", WEB, ingress(HTTP, name="first"), ingress(HTTP, name="second")) == [("second", "")]


def test_an_isolating_policy_beside_another_has_no_effect() -> None:
    only_web = policy(f"spec: {{podSelector: {match(app('web'))}, policyTypes: [Ingress]}}", "web")
    (finding,) = found("KR101", WEB, DENY, only_web)
    assert finding.message == (
        "policy `shop/web` has no effect: what it selects is isolated by `shop/deny` (<stdin>:6) already"
    )


def test_a_default_deny_is_never_without_effect() -> None:
    assert not found("KR101", WEB, DENY, ingress(HTTP, name="http"))


def test_a_policy_that_isolates_alone_has_an_effect() -> None:
    assert not found("KR101", WEB, ingress(HTTP))


def test_a_policy_that_covers_one_of_two_directions_only_leaves_the_other() -> None:
    both = policy(f"spec: {{podSelector: {{}}, policyTypes: [Ingress, Egress], ingress: {HTTP}}}", "both")
    assert fields("KR101", WEB, ingress(HTTP, name="one"), both) == [("one", "")]


def test_allowing_everything_without_another_policy_is_a_notice_without_a_fix() -> None:
    (finding,) = found("KR101", WEB, OPEN)
    assert finding.severity.value == "notice"
    assert finding.fix is None
    assert "no other policy isolates" in finding.message


def test_allowing_everything_beside_a_policy_that_isolates_has_an_effect() -> None:
    assert fields("KR101", WEB, OPEN, ingress(HTTP, name="http")) == [("http", "")]


def test_a_policy_whose_peers_match_nothing_is_left_to_other_rules() -> None:
    nobody = ingress(f"[{{from: [{{podSelector: {match(app('none'))}}}]}}]", name="nobody")
    assert not found("KR101", WEB, DENY, nobody)


def test_a_policy_that_selects_nothing_is_left_to_other_rules() -> None:
    assert fields("KR101", WEB, OPEN, ingress(HTTP, match(app("none")), name="none")) == [("open", "")]


def test_a_rule_that_another_rule_of_the_policy_covers_has_no_effect() -> None:
    (finding,) = found(
        "KR102",
        WEB,
        DB,
        ingress("[{from: [{podSelector: {}}]}, {from: [{podSelector: {}}], ports: [{port: 80}]}]"),
    )
    assert finding.span.field == "spec.ingress[1]"
    assert "`spec.ingress[0]` (line 14) allows all of it" in finding.message


def test_a_rule_that_another_policy_covers_has_no_effect() -> None:
    (finding,) = found(
        "KR102",
        WEB,
        DB,
        egress("[{to: [{podSelector: {}}]}]", name="all"),
        egress(
            f"[{{to: [{{podSelector: {match(app('db'))}}}]}}, {{to: [{{ipBlock: {{cidr: 192.0.2.0/24}}}}]}}]",
            name="some",
        ),
    )
    assert finding.span.field == "spec.egress[0]"
    assert finding.message.endswith("has no effect: `shop/all` (<stdin>:11) allows all of it")


def test_rules_that_each_add_something_have_an_effect() -> None:
    assert not found("KR102", WEB, DB, ingress("[{ports: [{port: 80}]}, {ports: [{port: 81}]}]"))


def test_a_rule_that_matches_nothing_is_left_to_other_rules() -> None:
    nobody = f"{{from: [{{podSelector: {match(app('none'))}}}]}}"
    assert not found("KR102", WEB, ingress(f"[{nobody}, {{ports: [{{port: 80}}]}}]"))


def test_what_only_some_pods_have_already_keeps_its_effect() -> None:
    web_only = ingress(HTTP, match(app("web")), name="web")
    assert not found("KR101", WEB, DB, DENY, web_only, ingress(HTTP, match(app("db")), name="db"))


def test_a_doubtful_match_does_not_cover_a_certain_one() -> None:
    """A block that holds a part of the pod network may hold the pod; the selector holds it for certain."""
    block = ingress("[{from: [{ipBlock: {cidr: 10.244.0.0/24}}]}]", name="block")
    selector = ingress("[{from: [{podSelector: {}}]}]", name="selector")
    assert fields("KR101", WEB, DB, block, selector) == [("block", "")]


def placed(name: str, addresses: str) -> str:
    return pod(name, status=f"{{podIPs: [{addresses}]}}")


def blocks(*cidrs: str) -> str:
    """One rule for each block, for one port."""
    rules = (f"{{from: [{{ipBlock: {{cidr: '{each}'}}}}], ports: [{{port: 80}}]}}" for each in cidrs)
    return ingress(f"[{', '.join(rules)}]")


@pytest.mark.parametrize("cni", ["calico", "kube-router", "api"])
@pytest.mark.parametrize(
    ("cidrs", "redundant"),
    [
        (("10.244.1.0/24", "10.244.2.0/24"), []),
        (("10.244.1.0/24", "10.244.1.0/24"), ["spec.ingress[1]"]),
        (("10.244.1.0/24", "10.244.0.0/23"), ["spec.ingress[0]"]),
        (("10.244.0.0/23", "10.244.1.0/24"), ["spec.ingress[1]"]),
        (("10.244.0.0/16", "10.244.1.0/24"), ["spec.ingress[1]"]),
    ],
)
def test_a_block_that_may_hold_a_pod_covers_only_what_it_holds(
    cni: str, cidrs: tuple[str, ...], redundant: list[str]
) -> None:
    assert [field for _, field in fields("KR102", WEB, DB, blocks(*cidrs), cni=cni)] == redundant


def test_a_block_of_one_ip_family_does_not_cover_one_of_the_other() -> None:
    web = placed("web", "{ip: 10.244.0.1}, {ip: 'fd00::1'}")
    db = placed("db", "{ip: 10.244.0.2}, {ip: 'fd00::2'}")
    options = Options(pod_cidrs=("10.244.0.0/16", "fd00::/64"))
    found = lint(analysis(web, db, blocks("10.244.0.0/16", "fd00::/64"), options=options), ["KR102"])
    assert not found.findings


@pytest.mark.parametrize("cni", ["kube-router", "api"])
def test_what_a_cni_adds_to_equal_policies_is_equal(cni: str) -> None:
    assert fields("KR101", WEB, ingress(HTTP, name="first"), ingress(HTTP, name="second"), cni=cni) == [
        ("second", "")
    ]


def test_selectors_that_may_mean_nodes_cover_only_themselves() -> None:
    host, other = (pod(name, labels=app(name), more="hostNetwork: true") for name in ("agent", "other"))

    def rule(name: str) -> str:
        return f"{{from: [{{podSelector: {match(app(name))}}}]}}"

    rules = ingress(f"[{rule('agent')}, {rule('other')}, {rule('agent')}]")
    assert [field for _, field in fields("KR102", WEB, host, other, rules, cni="api")] == ["spec.ingress[2]"]


@pytest.mark.parametrize("other_nodes", Match)
def test_what_nodes_are_always_admitted_for_needs_no_rule(other_nodes: Match) -> None:
    host = pod("agent", labels=app("agent"), more="hostNetwork: true")
    agent = ingress(f"[{{from: [{{podSelector: {match(app('agent'))}}}]}}]", name="agent")
    plain = analysis(WEB, host, DENY, agent, options=Options(profile=PROFILES["api"])).cluster
    # Of the profile only what it says of selectors is wanted, not its rule for ICMP.
    (tier,) = plain.tiers
    policies = tuple(replace(each, ingress=each.ingress[:-1]) for each in tier.policies)
    cluster = replace(plain, tiers=(replace(tier, policies=policies),), other_nodes=other_nodes)
    found = Contributions(Engine(cluster)).policy(policies[0])
    assert policies[0].name == "agent"
    assert (found is not None) is (other_nodes is Match.YES)


def test_a_rule_that_a_cni_applies_to_both_directions_keeps_its_own() -> None:
    both = policy(
        "spec: {podSelector: {}, policyTypes: [Ingress, Egress], "
        "egress: [{to: [{podSelector: {}}]}, {to: [{podSelector: {}}], ports: [{port: 80}]}]}"
    )
    (finding,) = found("KR102", WEB, DB, both, cni="kube-router")
    assert finding.span.field == "spec.egress[1]"
    assert finding.message.startswith("this egress rule of `shop/policy`")


def test_several_rules_together_cover_ports_of_several_peers() -> None:
    def rule(peers: str, ports: str, name: str) -> str:
        return ingress(f"[{{from: [{{podSelector: {peers}}}], ports: {ports}}}]", name=name)

    (finding,) = found(
        "KR101",
        WEB,
        DB,
        rule("{}", "[{port: 80, endPort: 81}, {port: 90}]", "whole"),
        rule("{}", "[{port: 80}, {port: 70}]", "one"),
        rule("{}", "[{port: 53, protocol: UDP}]", "other"),
        rule(match(app("web")), "[{port: 81}, {port: 71}]", "two"),
        rule(match(app("db")), "[{port: 81}, {port: 90}, {port: 71}]", "three"),
        rule(match(app("web")), "[{port: 90}, {port: 72}]", "four"),
    )
    assert "policy `shop/whole` has no effect: `shop/" in finding.message
    assert "other" not in finding.message


def test_what_a_rule_of_an_earlier_tier_denies_has_no_effect_later() -> None:
    plain = analysis(WEB, DB, ingress(HTTP, match(app("web")), name="http"), DENY)
    (union,) = plain.cluster.tiers
    (http,) = [each for each in union.policies if each.name == "http"]
    for action, redundant in ((Action.DENY, True), (Action.PASS, False)):
        rule = replace(http.ingress[0], action=action, span=http.span.child("spec", "ingress", 7))
        first = Tier(
            name="admin",
            kind=TierKind.ORDERED,
            unmatched=Action.PASS,
            policies=(replace(http, name="admin", ingress=(rule,)),),
        )
        cluster = replace(plain.cluster, tiers=(first, union))
        contributions = Contributions(Engine(cluster))
        assert (contributions.policy(http) is not None) is redundant
        assert (contributions.rules(http, http.ingress) is not None) is redundant


def test_policies_of_an_earlier_tier_that_only_pass_have_no_effect() -> None:
    plain = analysis(WEB, DB, ingress(HTTP, name="http"))
    (union,) = plain.cluster.tiers
    rules = (replace(union.policies[0].ingress[0], action=Action.PASS),)
    first = Tier(
        name="admin",
        kind=TierKind.ORDERED,
        unmatched=Action.PASS,
        policies=(replace(union.policies[0], name="admin", ingress=rules),),
    )
    contributions = Contributions(Engine(replace(plain.cluster, tiers=(first, union))))
    cover = contributions.policy(first.policies[0])
    assert cover is not None
    assert [str(policy) for policy, _ in cover.by] == ["shop/http"]
