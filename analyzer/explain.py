"""Why a verdict is what it is: the policies, rules and peers of one connection, as the engine saw them.

Comes in: the evaluated cluster and two endpoints. Goes out: for each direction every policy that selects
the endpoint and how each of its rules met the other end, read off the bitmaps of the evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from analyzer.endpoints import address_name
from analyzer.engine import at
from analyzer.model import AddressPeer, AnyPeer, Direction, Match, PodPeer
from analyzer.reachability import exemption
from analyzer.selectors import EVERYTHING, namespace_named
from analyzer.sets import AddressSet, PortSet, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.bounds import Bounds
    from analyzer.endpoints import Endpoint
    from analyzer.matching import Matched
    from analyzer.model import Peer, Policy, Rule
    from analyzer.reachability import Reachability


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerTrace:
    """How one peer of a rule met the other end; `reason` says why it did not, or what is not known."""

    peer: Peer
    match: Match
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTrace:
    """How one rule met the other end: `match` of its peers, and its ports on this destination."""

    rule: Rule
    match: Match
    ports: PortSet
    peers: tuple[PeerTrace, ...]

    def on(self, port: PortSet) -> bool:
        """Tell whether the rule speaks of some of the ports asked for."""
        return bool(self.ports & port)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTrace:
    """A policy that selects the subject, with all rules of the direction."""

    policy: Policy
    rules: tuple[RuleTrace, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One end's view: what its policies let pass. No policies: that direction is open.

    `exempt`: whether the connection is let in whatever they say.
    """

    direction: Direction
    subject: Endpoint
    peer: Endpoint
    policies: tuple[PolicyTrace, ...]
    exempt: Match
    bounds: Bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A verdict with both sides. `port` is what was asked for; None: all of TCP, UDP and SCTP."""

    source: Endpoint
    destination: Endpoint
    port: tuple[Protocol, int] | None
    bounds: Bounds
    sides: tuple[Side, Side]

    @property
    def asked(self) -> PortSet:
        """The ports that were asked for."""
        if self.port is None:
            return PortSet.transports()
        protocol, number = self.port
        return PortSet.of(protocol) if protocol is Protocol.ICMP else PortSet.of(protocol, number)

    @property
    def facts(self) -> tuple[str, ...]:
        """What would have to be known to decide what is unknown; empty when nothing is."""
        if not self.bounds.unknown & self.asked:
            return ()
        found = [fact for side in self.sides for fact in _facts(side, self.asked)]
        return tuple(dict.fromkeys(found))


def explain(
    reachability: Reachability,
    source: Endpoint,
    destination: Endpoint,
    port: tuple[Protocol, int] | None = None,
) -> Explanation:
    """Explain what `source` may open to `destination`."""
    exempt = exemption(source, destination)
    egress_exempt = exempt if source is destination else Match.NO
    return Explanation(
        source=source,
        destination=destination,
        port=port,
        bounds=reachability.connection(source, destination),
        sides=(
            _side(reachability, Direction.EGRESS, source, destination, egress_exempt),
            _side(reachability, Direction.INGRESS, destination, source, exempt),
        ),
    )


def _side(
    reachability: Reachability, direction: Direction, subject: Endpoint, peer: Endpoint, exempt: Match
) -> Side:
    engine = reachability.engine
    destination = subject if direction is Direction.INGRESS else peer
    traces = []
    for policy in engine.policies(direction, subject.number):
        rules = tuple(
            _rule(reachability, policy, rule, peer, destination) for rule in policy.rules(direction)
        )
        traces.append(PolicyTrace(policy=policy, rules=rules))
    cell = at(engine.row(direction, subject.number), peer.number)
    return Side(
        direction=direction,
        subject=subject,
        peer=peer,
        policies=tuple(traces),
        exempt=exempt,
        bounds=engine.algebra.cells[cell],
    )


def _rule(
    reachability: Reachability, policy: Policy, rule: Rule, peer: Endpoint, destination: Endpoint
) -> RuleTrace:
    matcher = reachability.engine.matcher
    numbers = rule.ports.numbers
    for named in rule.ports.named:
        for ports, where in matcher.named(named):
            if where >> destination.number & 1:
                numbers |= ports
    return RuleTrace(
        rule=rule,
        match=_bit(matcher.rule(rule), peer.number),
        ports=numbers,
        peers=tuple(_peer(reachability, policy, each, peer) for each in rule.peers),
    )


def _bit(matched: Matched, number: int) -> Match:
    if matched.must >> number & 1:
        return Match.YES
    return Match.MAYBE if matched.may >> number & 1 else Match.NO


def _peer(reachability: Reachability, policy: Policy, peer: Peer, end: Endpoint) -> PeerTrace:
    match = _bit(reachability.engine.matcher.peer(peer), end.number)
    return PeerTrace(peer=peer, match=match, reason=_reason(reachability, policy, peer, end, match))


def _reason(reachability: Reachability, policy: Policy, peer: Peer, end: Endpoint, match: Match) -> str:
    if match is Match.YES:
        return ""
    assert not isinstance(peer, AnyPeer), "any peer matches everything"
    if isinstance(peer, PodPeer):
        return _pod_reason(reachability, policy, peer, end, match)
    return _address_reason(reachability, peer, end, match)


def _pod_reason(
    reachability: Reachability, policy: Policy, peer: PodPeer, end: Endpoint, match: Match
) -> str:
    if end.external:
        return f"{describe(peer, policy)} means pods, not addresses outside the cluster"
    matcher, bit = reachability.engine.matcher, 1 << end.number
    if not matcher.namespaces(peer.namespaces) & bit:
        return _other_namespace(policy, peer, end)
    if not matcher.labels(peer.pods) & bit:
        return f"podSelector {peer.pods} does not match {end}"
    if match is Match.NO:
        return f"{end} uses the host network: selectors do not mean it"
    return f"whether selectors mean {end}, which uses the host network"


def _other_namespace(policy: Policy, peer: PodPeer, end: Endpoint) -> str:
    if _own_namespace(policy, peer):
        return f"podSelector {peer.pods} means pods of namespace {policy.namespace} only"
    return f"namespaceSelector {peer.namespaces} does not match {end.namespace}"


def _own_namespace(policy: Policy, peer: PodPeer) -> bool:
    return bool(policy.namespace) and peer.namespaces == namespace_named(policy.namespace)


def _address_reason(reachability: Reachability, peer: AddressPeer, end: Endpoint, match: Match) -> str:
    block = f"ipBlock {address_name(peer.addresses)}"
    if end.external:
        return f"{block} does not hold {end}"
    what = "nodes" if end.host_network else "pods"
    compared = peer.on_hosts if end.host_network else peer.on_pods
    if compared is Match.NO:
        return f"{block} is not compared with addresses of {what} by {reachability.cluster.profile}"
    place, known = _place(reachability, end)
    if match is Match.NO:
        return f"{block} does not hold {place}" if known else f"{block} holds no address of {what}"
    if place <= peer.addresses:
        return f"whether {reachability.cluster.profile} compares {block} with addresses of {what}"
    if known:
        return f"which IP family is used: {block} holds only a part of {place}"
    return f"the address of {end}: {block} covers a part of where it may lie"


def _place(reachability: Reachability, end: Endpoint) -> tuple[AddressSet, bool]:
    """Return the addresses of an endpoint's pods, and whether they are known or only where they lie."""
    known = AddressSet.union(AddressSet.of(address) for pod in end.pods for address in pod.addresses)
    if known:
        return known, True
    cluster = reachability.cluster
    return cluster.node_addresses if end.host_network else cluster.pod_addresses, False


def describe(peer: Peer, policy: Policy) -> str:
    """Write a peer as a user would say it: `namespaceSelector ns=test-c`, `ipBlock 10.0.0.0/8`."""
    match peer:
        case AnyPeer():
            return "any peer"
        case AddressPeer():
            return f"ipBlock {address_name(peer.addresses)}"
        case PodPeer():
            if _own_namespace(policy, peer):
                return f"podSelector {peer.pods}"
            if peer.pods == EVERYTHING:
                return f"namespaceSelector {peer.namespaces}"
            return f"namespaceSelector {peer.namespaces} with podSelector {peer.pods}"
        case never:
            assert_never(never)


def _facts(side: Side, asked: PortSet) -> Iterator[str]:
    if side.exempt is Match.MAYBE:
        yield f"whether {side.peer} runs on the node of {side.subject}, which always reaches its pods"
    for policy in side.policies:
        for rule in policy.rules:
            if rule.match is Match.MAYBE and rule.on(asked):
                yield from (each.reason for each in rule.peers if each.match is Match.MAYBE)
                if rule.rule.doubt:
                    yield rule.rule.doubt
    if side.bounds.unknown & asked and side.peer.host_network:
        yield f"whether nodes other than its own reach {side.subject}"
