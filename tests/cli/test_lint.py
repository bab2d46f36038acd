from __future__ import annotations

import json

from tests.cli.running import Commands
from tests.unit.manifests import ALLOW_TCP_80, pod, policy

ALLOW_ALL = "spec: {podSelector: {}, ingress: [{}]}"


def test_a_finding_at_the_default_level_is_exit_code_1(elsewhere: Commands) -> None:
    elsewhere.write("a.yaml", pod("web"), policy(ALLOW_ALL, "all"), policy(ALLOW_TCP_80, "http"))
    ran = elsewhere("lint", "a.yaml", "--select", "KR101")
    assert ran.code == 1
    assert "KR101  policy `shop/http` has no effect" in ran.out
    assert "`shop/all` (a.yaml:6) allows all of it" in ran.out


def test_nothing_found_is_exit_code_0(elsewhere: Commands) -> None:
    elsewhere.write("a.yaml", pod("web"), policy(ALLOW_TCP_80))
    ran = elsewhere("lint", "a.yaml", "--select", "KR101")
    assert (ran.code, ran.out) == (0, "no findings (1 rule, 1 file, cni calico)\n")


def test_json_has_every_finding_with_its_place(elsewhere: Commands) -> None:
    elsewhere.write("a.yaml", pod("web"), policy(ALLOW_ALL, "all"), policy(ALLOW_TCP_80, "http"))
    found = json.loads(elsewhere("lint", "a.yaml", "--select", "KR101", "--format", "json").out)
    assert [(each["code"], each["file"], each["line"]) for each in found["findings"]] == [
        ("KR101", "a.yaml", 11)
    ]


def test_rule_lists_all_rules_and_prints_one(run: Commands) -> None:
    assert "KR101  warning  policy-without-effect" in run("rule").out
    assert run("rule", "KR101").out.startswith("KR101 policy-without-effect (warning)\n")
