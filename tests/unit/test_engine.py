"""Tiers in which rules stand in order: the first that matches decides, and a pass leaves the tier."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import Phase, given, seed, settings

from analyzer.bounds import Bounds
from analyzer.diagnostics import Span
from analyzer.model import Action, AnyPeer, Cluster, Direction, Match, Policy, Ports, Rule, Tier, TierKind
from analyzer.reachability import Reachability
from analyzer.selectors import EVERYTHING, Selector
from analyzer.sets import PortSet, Protocol
from tests.property.strategies import contested_clusters
from tests.unit.manifests import analysis, pod

SPAN = Span("tiers.yaml")
WEB = Selector.labels(app="web")
ALLOW, DENY, PASS = Action.ALLOW, Action.DENY, Action.PASS


def tcp(first: int, last: int | None = None) -> PortSet:
    return PortSet.of(Protocol.TCP, first, last)


def rule(action: Action, ports: PortSet, doubt: str = "") -> Rule:
    """A rule for every peer."""
    written = Ports(numbers=ports, named=(), span=SPAN)
    return Rule(action=action, peers=(AnyPeer(span=SPAN),), ports=written, doubt=doubt, span=SPAN)


def policy(*rules: Rule, pods: Selector = EVERYTHING) -> Policy:
    return Policy(
        kind="ClusterNetworkPolicy",
        namespace="",
        name="policy",
        order=0.0,
        subject_namespaces=EVERYTHING,
        subject_pods=pods,
        directions=frozenset((Direction.INGRESS,)),
        ingress=rules,
        egress=(),
        span=SPAN,
    )


def ordered(*policies: Policy, unmatched: Action = PASS) -> Tier:
    return Tier(name="ordered", kind=TierKind.ORDERED, unmatched=unmatched, policies=policies)


def union(*policies: Policy) -> Tier:
    return Tier(name="union", kind=TierKind.UNION, unmatched=DENY, policies=policies)


def received(*tiers: Tier) -> tuple[PortSet, PortSet]:
    """Return the TCP ports that the pod `web` accepts from another: for certain, and at most."""
    cluster = replace(analysis(pod("web", labels="{app: web}"), pod("client")).cluster, tiers=tiers)
    reachability = Reachability(cluster)
    ends = {each.name: each for each in reachability.endpoints}
    bounds = reachability.connection(ends["client"], ends["web"])
    return bounds.certain & PortSet.of(Protocol.TCP), bounds.possible & PortSet.of(Protocol.TCP)


def certain(*tiers: Tier) -> PortSet:
    found, possible = received(*tiers)
    assert found == possible
    return found


ALL = PortSet.of(Protocol.TCP)


def test_the_first_rule_that_matches_decides() -> None:
    rules = (rule(DENY, tcp(80)), rule(ALLOW, tcp(80, 90)), rule(DENY, ALL))
    assert certain(ordered(policy(*rules))) == tcp(81, 90)


def test_the_rules_of_an_earlier_policy_come_first() -> None:
    allow, deny = policy(rule(ALLOW, tcp(80))), policy(rule(DENY, ALL))
    assert certain(ordered(allow, deny)) == tcp(80)
    assert certain(ordered(deny, allow)) == PortSet.none()


def test_policies_of_the_same_subjects_keep_their_places_among_others() -> None:
    first = policy(rule(ALLOW, tcp(80)), pods=WEB)
    between = policy(rule(DENY, ALL))
    last = policy(rule(ALLOW, tcp(81)), pods=WEB)
    assert certain(ordered(first, between, last)) == tcp(80)


@pytest.mark.parametrize(("unmatched", "expected"), [(ALLOW, ALL), (DENY, tcp(80)), (PASS, tcp(80, 81))])
def test_what_no_rule_matches_is_for_the_tier_to_say(unmatched: Action, expected: PortSet) -> None:
    later = union(policy(rule(ALLOW, tcp(81))))
    assert certain(ordered(policy(rule(ALLOW, tcp(80))), unmatched=unmatched), later) == expected


def test_a_tier_that_selects_the_pod_with_no_policy_does_not_count() -> None:
    other = ordered(policy(rule(DENY, ALL), pods=Selector.labels(app="other")), unmatched=DENY)
    assert certain(other, union(policy(rule(ALLOW, tcp(80))))) == tcp(80)


def test_a_pass_leaves_the_decision_to_the_next_tier() -> None:
    first = ordered(policy(rule(PASS, tcp(80, 81)), rule(DENY, ALL)))
    assert certain(first, union(policy(rule(ALLOW, tcp(81, 82))))) == tcp(81)
    assert certain(first) == tcp(80, 81)


def test_what_an_ordered_tier_allows_no_later_one_takes_back() -> None:
    assert certain(ordered(policy(rule(ALLOW, tcp(80)))), union(policy())) == tcp(80)


@pytest.mark.parametrize(
    ("action", "otherwise", "bounds"),
    [
        (ALLOW, DENY, (PortSet.none(), tcp(80))),
        (DENY, ALLOW, (ALL - tcp(80), ALL)),
        (PASS, ALLOW, (ALL - tcp(80), ALL)),  # the next tier denies
        (ALLOW, ALLOW, (ALL, ALL)),
        (DENY, DENY, (PortSet.none(), PortSet.none())),
        (PASS, DENY, (PortSet.none(), PortSet.none())),
    ],
)
def test_a_rule_that_may_not_exist_leaves_open_what_it_would_change(
    action: Action, otherwise: Action, bounds: tuple[PortSet, PortSet]
) -> None:
    doubtful = rule(action, tcp(80), "whether the rule exists")
    assert received(ordered(policy(doubtful), unmatched=otherwise), union(policy())) == bounds


def test_a_doubtful_pass_to_a_tier_that_allows_leaves_open_whether_it_is_denied() -> None:
    doubtful = rule(PASS, tcp(80), "whether the rule exists")
    later = union(policy(rule(ALLOW, tcp(80))))
    assert received(ordered(policy(doubtful), unmatched=DENY), later) == (PortSet.none(), tcp(80))


@pytest.mark.parametrize("other_nodes", Match)
def test_other_nodes_are_admitted_where_the_profile_says_so(other_nodes: Match) -> None:
    host, web = pod("host", more="hostNetwork: true, nodeName: one"), pod("web", more="nodeName: two")
    cluster = replace(
        analysis(host, web).cluster,
        tiers=(ordered(policy(rule(DENY, PortSet.all()))),),
        other_nodes=other_nodes,
    )
    reachability = Reachability(cluster)
    ends = {each.name: each for each in reachability.endpoints}
    bounds = reachability.connection(ends["host"], ends["web"])
    assert bool(bounds.certain) is (other_nodes is Match.YES)
    assert bool(bounds.possible) is (other_nodes is not Match.NO)


@pytest.mark.parametrize("other_nodes", Match)
@pytest.mark.parametrize("node", ["one", "two"])
def test_what_a_pod_sends_to_a_node_is_policed(node: str, other_nodes: Match) -> None:
    host, web = pod("host", more="hostNetwork: true, nodeName: one"), pod("web", more=f"nodeName: {node}")
    closed = replace(policy(rule(DENY, PortSet.all())), directions=frozenset((Direction.EGRESS,)))
    cluster = replace(
        analysis(host, web).cluster,
        tiers=(ordered(replace(closed, egress=closed.ingress, ingress=())),),
        other_nodes=other_nodes,
    )
    reachability = Reachability(cluster)
    ends = {each.name: each for each in reachability.endpoints}
    assert reachability.connection(ends["web"], ends["host"]).possible == PortSet.none()


# What random clusters hold


def decides(cluster: Cluster, action: Action) -> bool:
    """Tell whether pods receive something else when no rule of an action in ordered tiers has a port."""
    nothing = Ports(numbers=PortSet.none(), named=(), span=SPAN)

    def less(each: Policy) -> Policy:
        rules = (replace(rule, ports=nothing) if rule.action is action else rule for rule in each.ingress)
        return replace(each, ingress=tuple(rules))

    tiers = tuple(
        replace(tier, policies=tuple(map(less, tier.policies))) if tier.kind is TierKind.ORDERED else tier
        for tier in cluster.tiers
    )
    before = Reachability(cluster)
    after = Reachability(replace(cluster, tiers=tiers))

    def received(found: Reachability) -> list[Bounds]:
        first = {id(pod): each for each in found.endpoints for pod in each.pods}
        ends = [first[id(pod)] for pod in cluster.pods]
        return [found.connection(source, destination) for source in ends for destination in ends]

    return received(before) != received(after)


def test_rules_of_every_action_decide_something_in_random_clusters() -> None:
    found: Counter[Action] = Counter()

    @seed(1)
    @settings(max_examples=50, phases=[Phase.generate], database=None)
    @given(contested_clusters())
    def collect(cluster: Cluster) -> None:
        found.update(action for action in Action if decides(cluster, action))

    collect()
    assert min(found[action] for action in Action) >= 2, found
