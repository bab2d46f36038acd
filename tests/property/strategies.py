"""Random clusters over small domains, so that selectors collide, blocks overlap and names clash."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from analyzer.diagnostics import Span
from analyzer.model import (
    Action,
    AddressPeer,
    AnyPeer,
    Cluster,
    ContainerPort,
    Denial,
    Direction,
    Match,
    NamedPort,
    Namespace,
    Pod,
    PodPeer,
    Policy,
    Ports,
    Rule,
    SelfService,
    Tier,
    TierKind,
    Workload,
)
from analyzer.selectors import EVERYTHING, NAMESPACE_NAME, Operator, Requirement, Selector, namespace_named
from analyzer.sets import AddressSet, PortSet, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

NAMESPACES = ("alpha", "beta", "gamma")
KEYS = ("app", "tier")
VALUES = ("", "a", "b")
PORTS = (1, 79, 80, 81, 8080, 65535)
NAMES = ("http", "dns")
POD_CIDR = AddressSet.of("10.244.0.0/16") | AddressSet.of("fd00::/64")
NODES = ("node-1", "node-2", "")
CIDRS = (
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/8",
    "10.244.0.0/16",
    "10.244.0.0/30",
    "10.244.0.1/32",
    "192.168.0.0/24",
    "192.168.0.128/25",
    "fd00::/64",
    "fd00::1/128",
    "2001:db8::/32",
)
SPAN = Span("random.yaml")

labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=2)


def _weighted(likely: object, *rare: object) -> SearchStrategy[object]:
    return st.sampled_from([likely] * 4 + list(rare))


@st.composite
def requirements(draw: DrawFn, keys: Sequence[str] = KEYS) -> Requirement:
    """One requirement on the small label domain."""
    operator = draw(st.sampled_from(Operator))
    needs_values = operator in {Operator.IN, Operator.NOT_IN}
    values = draw(st.frozensets(st.sampled_from(VALUES), min_size=1, max_size=2)) if needs_values else ()
    return Requirement(draw(st.sampled_from(keys)), operator, frozenset(values))


# Half of all selectors match everybody: policies that meet nobody decide nothing.
selectors = st.one_of(
    st.just(EVERYTHING),
    st.builds(lambda found: Selector.of(*found), st.lists(requirements(), min_size=1, max_size=2)),
)
namespace_selectors = st.one_of(
    st.just(EVERYTHING), selectors, st.sampled_from(NAMESPACES).map(namespace_named)
)
matches = st.sampled_from(Match)
pod_peers = st.builds(
    PodPeer,
    namespaces=namespace_selectors,
    pods=selectors,
    on_hosts=_weighted(Match.NO, Match.MAYBE, Match.YES),
    span=st.just(SPAN),
)


@st.composite
def blocks(draw: DrawFn) -> AddressSet:
    """A block of the small CIDR domain, less some excepts."""
    block = AddressSet.of(draw(st.sampled_from(CIDRS)))
    for each in draw(st.lists(st.sampled_from(CIDRS), max_size=2)):
        block -= AddressSet.of(each)
    return block


address_peers = st.builds(
    AddressPeer,
    addresses=blocks(),
    on_pods=_weighted(Match.YES, Match.MAYBE, Match.NO),
    on_hosts=_weighted(Match.YES, Match.MAYBE, Match.NO),
    span=st.just(SPAN),
)
peers = st.one_of(pod_peers, address_peers, st.just(AnyPeer(span=SPAN)))


@st.composite
def port_sets(draw: DrawFn) -> PortSet:
    """All ports, a protocol, a port or a range."""
    protocol = draw(st.sampled_from((Protocol.TCP, Protocol.TCP, Protocol.UDP, Protocol.ICMP)))
    if protocol is Protocol.ICMP:
        return draw(st.sampled_from((PortSet.all(), PortSet.of(Protocol.ICMP))))
    first = draw(st.sampled_from(PORTS))
    last = draw(st.sampled_from(PORTS))
    return draw(st.sampled_from((PortSet.of(protocol), PortSet.of(protocol, first, max(first, last)))))


named_ports = st.builds(
    NamedPort,
    name=st.sampled_from(NAMES),
    protocol=st.sampled_from((Protocol.TCP, Protocol.UDP)),
    undefined=_weighted(PortSet.none(), PortSet.all(), PortSet.of(Protocol.TCP, 81)),
)


@st.composite
def ports(draw: DrawFn) -> Ports:
    """The ports of a rule: numbers, names or both."""
    numbers = PortSet.none()
    for each in draw(st.lists(port_sets(), max_size=2)):
        numbers |= each
    named = tuple(draw(st.lists(named_ports, max_size=0 if numbers else 2)))
    return Ports(numbers=numbers if numbers or named else PortSet.all(), named=named, span=SPAN)


def rules(actions: Sequence[Action]) -> SearchStrategy[Rule]:
    """A rule with one of some actions."""
    return st.builds(
        Rule,
        action=st.sampled_from(actions),
        peers=st.lists(peers, min_size=1, max_size=2).map(tuple),
        ports=ports(),
        doubt=_weighted("", "whether the rule exists"),
        span=st.just(SPAN),
    )


def policies(actions: Sequence[Action], fewest: int = 0) -> SearchStrategy[Policy]:
    """A policy whose rules have some actions; `fewest` is the least number of them in a direction."""
    return st.builds(
        Policy,
        kind=st.just("NetworkPolicy"),
        namespace=st.sampled_from(NAMESPACES),
        name=st.sampled_from(("one", "two", "three")),
        order=st.just(0.0),
        subject_namespaces=st.one_of(st.just(EVERYTHING), namespace_selectors),
        subject_pods=st.one_of(st.just(EVERYTHING), selectors),
        directions=st.frozensets(st.sampled_from(Direction), min_size=1),
        ingress=st.lists(rules(actions), min_size=fewest, max_size=3).map(tuple),
        egress=st.lists(rules(actions), min_size=fewest, max_size=3).map(tuple),
        span=st.just(SPAN),
    )


@st.composite
def tiers(draw: DrawFn) -> Tier:
    """A union that isolates, or an ordered tier of any kind."""
    kind = draw(st.sampled_from(TierKind))
    if kind is TierKind.UNION:
        found = draw(st.lists(policies([Action.ALLOW]), min_size=1, max_size=4))
        return Tier(name="union", kind=kind, unmatched=Action.DENY, policies=tuple(found))
    found = draw(st.lists(policies(tuple(Action), 1), min_size=1, max_size=3))
    unmatched = draw(st.sampled_from(Action))
    return Tier(name="ordered", kind=kind, unmatched=unmatched, policies=tuple(found))


container_ports = st.builds(
    ContainerPort,
    name=st.sampled_from(NAMES),
    protocol=st.sampled_from((Protocol.TCP, Protocol.UDP)),
    number=st.sampled_from(PORTS),
)
addresses = st.sampled_from(
    (
        (),
        (),
        ("10.244.0.1",),
        ("10.244.0.9",),
        ("10.244.0.2", "fd00::1"),
        ("10.244.7.2", "fd00::2"),
        ("192.168.0.1",),
        ("192.168.0.200",),
    )
)


@st.composite
def clusters(draw: DrawFn) -> Cluster:
    """A few pods under a few policies of every form that the model has."""
    namespaces = {
        name: Namespace(name=name, labels={**draw(labels), NAMESPACE_NAME: name}) for name in NAMESPACES
    }
    pods = tuple(_pod(draw, number) for number in range(draw(st.sampled_from((1, 2, 3, 3, 4, 5)))))
    return Cluster(
        profile="random",
        namespaces=namespaces,
        pods=pods,
        services=(),
        tiers=tuple(draw(tiers()) for _ in range(draw(st.sampled_from((0, 1, 2, 2, 3))))),
        pod_addresses=POD_CIDR,
        node_addresses=~POD_CIDR,
        other_nodes=draw(matches),
        self_service=SelfService.POLICED,
        denial=Denial.TIMEOUT,
    )


@st.composite
def contested_clusters(draw: DrawFn) -> Cluster:
    """Pods that an ordered tier selects, all of them, before another tier does: every rule counts."""
    cluster = draw(clusters())
    ordered = draw(st.lists(policies(tuple(Action), 1), min_size=1, max_size=3))
    everybody = [
        replace(
            policy,
            subject_namespaces=EVERYTHING,
            subject_pods=draw(st.sampled_from((EVERYTHING, policy.subject_pods))),
            directions=frozenset(Direction),
            ingress=tuple(_for_most(draw, rule) for rule in policy.ingress),
            egress=tuple(_for_most(draw, rule) for rule in policy.egress),
        )
        for policy in ordered
    ]
    unmatched = draw(st.sampled_from((Action.DENY, Action.PASS, Action.ALLOW)))
    first = Tier(name="first", kind=TierKind.ORDERED, unmatched=unmatched, policies=tuple(everybody))
    return replace(cluster, tiers=(first, draw(tiers())))


def _for_most(draw: DrawFn, rule: Rule) -> Rule:
    return replace(rule, peers=(AnyPeer(span=SPAN),)) if draw(st.booleans()) else rule


def _pod(draw: DrawFn, number: int) -> Pod:
    name = f"pod-{number}"
    return Pod(
        name=name,
        workload=Workload(kind="Pod", namespace=draw(st.sampled_from(NAMESPACES)), name=name),
        labels=draw(labels),
        ports=tuple(draw(st.lists(container_ports, max_size=2))),
        addresses=draw(addresses),
        host_network=draw(st.sampled_from((False, False, False, True))),
        node=draw(st.sampled_from(NODES)),
        replicas=draw(st.sampled_from((1, 1, 2))),
        span=SPAN,
    )
