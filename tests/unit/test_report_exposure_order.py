"""Tiers with an order: what every pod gets, what a group gets, and what all others get."""

from __future__ import annotations

from dataclasses import replace

from analyzer import Analysis
from analyzer.model import Action, AnyPeer, Direction, Match, PodPeer, Policy, Ports, Rule, Tier, TierKind
from analyzer.reachability import Reachability
from analyzer.report.exposure import table
from analyzer.selectors import EVERYTHING, Selector
from analyzer.sets import PortSet, Protocol
from tests.property.strategies import SPAN
from tests.unit.manifests import analysis, pod
from tests.unit.test_report_exposure import report


def rule(action: Action, ports: PortSet, **labels: str) -> Rule:
    pods = PodPeer(namespaces=EVERYTHING, pods=Selector.labels(**labels), on_hosts=Match.NO, span=SPAN)
    peer = pods if labels else AnyPeer(span=SPAN)
    return Rule(
        action=action, peers=(peer,), ports=Ports(numbers=ports, named=(), span=SPAN), doubt="", span=SPAN
    )


def lines(*rules: Rule) -> list[str]:
    policy = Policy(
        kind="Ordered",
        namespace="",
        name="first",
        order=0.0,
        subject_namespaces=EVERYTHING,
        subject_pods=EVERYTHING,
        directions=frozenset((Direction.INGRESS,)),
        ingress=rules,
        egress=(),
        span=SPAN,
    )
    tier = Tier(name="ordered", kind=TierKind.ORDERED, unmatched=Action.PASS, policies=(policy,))
    cluster = replace(analysis(pod("a")).cluster, tiers=(tier,))
    found = Analysis(
        files=(), cluster=cluster, reachability=Reachability(cluster), diagnostics=(), other_kinds={}
    )
    return [" ".join(line.split()) for line in "".join(table.render(report(found, width=200))).splitlines()]


def test_a_group_that_is_denied_leaves_the_others() -> None:
    found = lines(rule(Action.DENY, PortSet.all(), role="bad"))
    assert "pods labelled role=bad in any namespace - no endpoint now" in found
    assert "any other pod all" in found
    assert not any(line.startswith("any pod") for line in found)


def test_what_everybody_gets_is_told_first() -> None:
    found = lines(
        rule(Action.ALLOW, PortSet.of(Protocol.TCP, 80)), rule(Action.DENY, PortSet.all(), role="bad")
    )
    assert "any pod TCP 80" in found
    assert "any other pod all" in found


def test_an_earlier_rule_may_take_away_what_a_group_gets() -> None:
    found = lines(
        rule(Action.DENY, PortSet.all(), role="bad"),
        rule(Action.ALLOW, PortSet.of(Protocol.TCP, 80), app="web"),
        rule(Action.DENY, PortSet.all()),
    )
    group = "pods labelled app=web in any namespace TCP 80 no endpoint now; another rule may decide"
    assert any(line.startswith(group) for line in found), found
