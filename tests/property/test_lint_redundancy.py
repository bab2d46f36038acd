"""What lint calls redundant can be removed: policies and rules are removed and all is evaluated again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hypothesis import given, strategies as st

from analyzer import Analysis, Span
from analyzer.bitmaps import members
from analyzer.engine import Engine, at
from analyzer.lint import lint
from analyzer.lint.evidence import Evidence
from analyzer.lint.redundancy import Contributions
from analyzer.model import (
    AddressPeer,
    AnyPeer,
    Cluster,
    Direction,
    Match,
    Peer,
    Pod,
    PodPeer,
    Policy,
    Rule,
)
from analyzer.reachability import Reachability
from analyzer.sets import AddressSet
from tests.property.strategies import CIDRS, clusters

if TYPE_CHECKING:
    from collections.abc import Collection

    from analyzer.bounds import Bounds

ADDRESSES = tuple(next(AddressSet.of(cidr).addresses()) for cidr in CIDRS)


def without(cluster: Cluster, gone: Collection[int]) -> Cluster:
    """Return a cluster without the policies and rules of some `id`."""
    tiers = tuple(
        replace(
            tier, policies=tuple(_less(policy, gone) for policy in tier.policies if id(policy) not in gone)
        )
        for tier in cluster.tiers
    )
    return replace(cluster, tiers=tiers)


def _less(policy: Policy, gone: Collection[int]) -> Policy:
    def left(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        return tuple(rule for rule in rules if id(rule) not in gone)

    return replace(policy, ingress=left(policy.ingress), egress=left(policy.egress))


def passes(cluster: Cluster) -> list[Bounds]:
    """Return what each pod lets pass in each direction, with each pod and some external addresses."""
    engine = Engine(cluster)
    numbers = {id(pod): number for number, each in enumerate(engine.classes) for pod in each.pods}
    pods = [numbers[id(pod)] for pod in cluster.pods]
    external = [
        next(
            (
                n
                for n, each in enumerate(engine.classes)
                if not each.pods and AddressSet.of(a) <= each.places[0]
            ),
            None,
        )
        for a in ADDRESSES
        if not AddressSet.of(a) <= cluster.pod_addresses
    ]
    return [
        engine.algebra.cells[at(engine.row(direction, subject), peer)]
        for direction in Direction
        for subject in pods
        for peer in (*pods, *external)
        if peer is not None
    ]


def selecting(cluster: Cluster) -> list[Policy]:
    matcher = Engine(cluster).matcher
    return [policy for policy in cluster.policies if matcher.subject(policy)]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is not known, decided: `place` chooses the addresses of pods."""

    rules_exist: bool
    blocks_mean_pods: bool
    blocks_mean_hosts: bool
    selectors_mean_hosts: bool
    other_nodes: bool
    place: int


facts = st.builds(
    Facts,
    rules_exist=st.booleans(),
    blocks_mean_pods=st.booleans(),
    blocks_mean_hosts=st.booleans(),
    selectors_mean_hosts=st.booleans(),
    other_nodes=st.booleans(),
    place=st.integers(0, 59),
)
ON_HOSTS = ("192.168.0.1", "192.168.0.200", "203.0.113.1")
ON_PODS = ("10.244.0.1", "10.244.0.9", "fd00::1", "fd00::2", "10.244.9.9")


def settled(cluster: Cluster, known: Facts) -> Cluster:
    """Return a cluster of which nothing is unknown."""
    tiers = tuple(
        replace(tier, policies=tuple(_policy(each, known) for each in tier.policies))
        for tier in cluster.tiers
    )
    pods = tuple(_pod(pod, known.place + number) for number, pod in enumerate(cluster.pods))
    other_nodes = _decided(cluster.other_nodes, yes=known.other_nodes)
    return replace(cluster, tiers=tiers, pods=pods, other_nodes=other_nodes)


def _pod(pod: Pod, place: int) -> Pod:
    places = pod.addresses or (ON_HOSTS if pod.host_network else ON_PODS)
    return replace(pod, addresses=(places[place % len(places)],))


def _policy(policy: Policy, known: Facts) -> Policy:
    def rules(written: tuple[Rule, ...]) -> tuple[Rule, ...]:
        exist = (rule for rule in written if known.rules_exist or not rule.doubt)
        return tuple(
            replace(rule, doubt="", peers=tuple(_peer(each, known) for each in rule.peers)) for rule in exist
        )

    return replace(policy, ingress=rules(policy.ingress), egress=rules(policy.egress))


def _peer(peer: Peer, known: Facts) -> Peer:
    match peer:
        case PodPeer():
            return replace(peer, on_hosts=_decided(peer.on_hosts, yes=known.selectors_mean_hosts))
        case AddressPeer():
            on_pods = _decided(peer.on_pods, yes=known.blocks_mean_pods)
            return replace(
                peer, on_pods=on_pods, on_hosts=_decided(peer.on_hosts, yes=known.blocks_mean_hosts)
            )
        case AnyPeer():
            return peer


def _decided(match: Match, *, yes: bool) -> Match:
    return match if match is not Match.MAYBE else Match.YES if yes else Match.NO


def holds(cluster: Cluster, gone: Collection[int], known: Facts, *, redundant: bool) -> None:
    """Check that nothing changes without what is redundant, and that what has no effect is found."""
    less = without(cluster, gone)
    if redundant:
        assert passes(settled(less, known)) == passes(settled(cluster, known))
    elif not any(each.unknown for each in passes(cluster)):
        assert passes(less) != passes(cluster)


@given(clusters(), facts)
def test_a_policy_is_redundant_when_everything_is_the_same_without_it(cluster: Cluster, known: Facts) -> None:
    for each in (cluster, settled(cluster, known)):
        contributions = Contributions(Engine(each))
        for policy in selecting(each):
            found = contributions.policy(policy) is not None
            holds(each, {id(policy)}, known, redundant=found)


@given(clusters(), facts)
def test_a_rule_is_redundant_when_everything_is_the_same_without_it(cluster: Cluster, known: Facts) -> None:
    for each in (cluster, settled(cluster, known)):
        contributions = Contributions(Engine(each))
        for policy in selecting(each):
            for direction in Direction:
                for rule in policy.rules(direction):
                    found = contributions.rules(policy, (rule,)) is not None
                    holds(each, {id(rule)}, known, redundant=found)


def placed(cluster: Cluster) -> Cluster:
    """Return a cluster whose policies and rules have places of their own."""
    policies = {
        id(policy): replace(
            policy,
            span=Span("random.yaml", (number,)),
            ingress=_placed(number, "ingress", policy.ingress),
            egress=_placed(number, "egress", policy.egress),
        )
        for number, policy in enumerate(cluster.policies)
    }
    tiers = [
        replace(tier, policies=tuple(policies[id(policy)] for policy in tier.policies))
        for tier in cluster.tiers
    ]
    return replace(cluster, tiers=tuple(tiers))


def _placed(number: int, field: str, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return tuple(
        replace(
            rule,
            span=Span("random.yaml", (number, field, index)),
            peers=tuple(
                replace(peer, span=Span("random.yaml", (number, field, index, each)))
                for each, peer in enumerate(rule.peers)
            ),
        )
        for index, rule in enumerate(rules)
    )


@given(clusters().map(placed), facts)
def test_all_that_is_reported_can_be_removed_together(cluster: Cluster, known: Facts) -> None:
    analysis = Analysis(
        files=(), cluster=cluster, reachability=Reachability(cluster), diagnostics=(), other_kinds={}
    )
    found = Evidence(analysis).redundancies
    gone = {id(policy) for policy, _ in found.policies}
    gone |= {id(rule) for written, _ in found.rules for rule in written.rules}
    holds(cluster, gone, known, redundant=True)
    for written, _ in found.rules:
        assert id(written.policy) not in gone


@given(clusters().map(placed))
def test_nothing_gets_through_where_lint_says_that_a_peer_is_half_open(cluster: Cluster) -> None:
    analysis = Analysis(
        files=(), cluster=cluster, reachability=Reachability(cluster), diagnostics=(), other_kinds={}
    )
    engine, policies = analysis.reachability.engine, tuple(cluster.policies)
    for finding in lint(analysis).findings:
        if finding.code == "KR205":
            number, field, index, each = finding.span.path
            policy = policies[int(number)]
            rule = (policy.ingress if field == "ingress" else policy.egress)[int(index)]
            for subject in members(engine.matcher.subject(policy)):
                for peer in members(engine.matcher.peer(rule.peers[int(each)]).may):
                    ends = (peer, subject) if field == "ingress" else (subject, peer)
                    assert not engine.between(*ends).possible & rule.ports.numbers
