"""From what a NetworkPolicy says to what a CNI makes of it.

Comes in: a draft with the API's meaning, the profile, and a census of the pods. Goes out: a policy of the
model, in which nothing is left to choose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.decode.census import Census, met
from analyzer.decode.ipblock import Block
from analyzer.model import (
    Action,
    AddressPeer,
    AnyPeer,
    Direction,
    Match,
    NamedPort,
    PodPeer,
    Policy,
    Ports,
    Rule,
)
from analyzer.profiles import Profile, UndefinedPort
from analyzer.sets import AddressSet, PortSet, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from analyzer.decode.networkpolicy import DraftPolicy, DraftRule
    from analyzer.diagnostics import Span
    from analyzer.model import Peer
    from analyzer.sets import Interval

    Peers = tuple[Peer, ...]

_CHAIN = (
    "kube-router applies the {} rules of a policy of both types to both ends of a connection; whether this"
    " rule means the pod at this end depends on the pod"
)
_SAME_CIDR = "kube-router keeps one set per rule, in which the same CIDR cannot be both named and excepted"


class Lowering:
    """The choices of a profile, applied to one draft after the other."""

    def __init__(self, profile: Profile, census: Census) -> None:
        self.profile = profile
        self.census = census

    def policy(self, draft: DraftPolicy) -> Policy:
        """Return the policy that the profile's CNI enforces."""
        directions = draft.directions
        if self.profile.rules_isolate:
            directions |= {direction for direction in Direction if draft.rules(direction)}
        rules = {direction: self._rules(draft, direction) for direction in directions}
        if self.profile.shared_chain and len(rules) == len(Direction):
            rules = {direction: self._both_ends(draft, direction, rules) for direction in rules}
        if self.profile.icmp_doubt:
            icmp = Ports(numbers=PortSet.of(Protocol.ICMP), named=(), span=draft.span)
            rule = _allow((AnyPeer(span=draft.span),), icmp, draft.span, self.profile.icmp_doubt)
            rules = {direction: (*found, rule) for direction, found in rules.items()}
        return Policy(
            kind="NetworkPolicy",
            namespace=draft.namespace,
            name=draft.name,
            order=0.0,
            subject_namespaces=draft.own,
            subject_pods=draft.subject,
            directions=directions,
            ingress=rules.get(Direction.INGRESS, ()),
            egress=rules.get(Direction.EGRESS, ()),
            span=draft.span,
        )

    def _rules(self, draft: DraftPolicy, direction: Direction) -> tuple[Rule, ...]:
        return tuple(
            lowered for rule in draft.rules(direction) for lowered in self._rule(draft, rule, direction)
        )

    def _rule(self, draft: DraftPolicy, rule: DraftRule, direction: Direction) -> Iterator[Rule]:
        """Lower one rule; it becomes several where its peers differ in ports or certainty."""
        peers, undecided = self._peers(rule.peers)
        ports = self._ports(rule)
        if self._is_without_ports(draft, rule, direction):
            pods = tuple(peer for peer in peers if isinstance(peer, PodPeer))
            peers = tuple(peer for peer in peers if not isinstance(peer, PodPeer))
            if pods:
                everything = Ports(numbers=PortSet.all(), named=(), span=rule.ports_span)
                yield _allow(pods, everything, rule.span)
        if peers:
            yield _allow(peers, ports, rule.span)
        if undecided:
            yield _allow(undecided, ports, rule.span, _SAME_CIDR)

    def _ports(self, rule: DraftRule) -> Ports:
        if self.profile.undefined_port is UndefinedPort.WHOLE_PROTOCOL:
            numbers = rule.numbers
            for _, protocol in rule.names:
                numbers |= PortSet.of(protocol)
            return Ports(numbers=numbers, named=(), span=rule.ports_span)
        # "named port on a pod": on a pod that has none of the name, it stands for nothing.
        named = tuple(
            NamedPort(name=name, protocol=protocol, undefined=PortSet.none()) for name, protocol in rule.names
        )
        return Ports(numbers=rule.numbers, named=named, span=rule.ports_span)

    def _is_without_ports(self, draft: DraftPolicy, rule: DraftRule, direction: Direction) -> bool:
        """Tell whether all ports of a rule are names that no pod at the receiving end defines."""
        if self.profile.undefined_port is not UndefinedPort.ALL_FROM_PODS or rule.numbers or not rule.names:
            return False
        receiving = [peer for peer in rule.peers if isinstance(peer, PodPeer)]
        if direction is Direction.INGRESS:
            receiving = [_selected(draft, rule.span)]
        return not any(self.census.defines(receiving, name, protocol) for name, protocol in rule.names)

    def _peers(self, drafts: tuple[AnyPeer | PodPeer | Block, ...]) -> tuple[Peers, Peers]:
        """Lower peers; the second ones are those that may or may not be meant."""
        peers: list[Peer] = []
        doubtful: list[Peer] = []
        blocks = [peer for peer in drafts if isinstance(peer, Block)]
        shared = _one_set(blocks) if blocks and self.profile.shared_excepts else None
        for peer in drafts:
            if not isinstance(peer, Block):
                peers.append(peer)
            elif shared is None:
                peers.append(self._addresses(peer, peer.addresses - AddressSet.union(peer.excepts)))
            else:
                peers.append(self._addresses(peer, peer.addresses & shared[0]))
                if rest := peer.addresses & shared[1]:
                    doubtful.append(self._addresses(peer, rest))
        return tuple(peers), tuple(doubtful)

    def _addresses(self, block: Block, addresses: AddressSet) -> AddressPeer:
        return AddressPeer(
            addresses=addresses,
            on_pods=self.profile.blocks_on_pods,
            on_hosts=self.profile.blocks_on_hosts,
            span=block.span,
        )

    def _both_ends(
        self, draft: DraftPolicy, direction: Direction, rules: Mapping[Direction, tuple[Rule, ...]]
    ) -> tuple[Rule, ...]:
        """Add to the rules of one direction what those of the other one admit between selected pods."""
        added = []
        here = self.census.selected(draft.namespace, draft.subject)
        other = Direction.EGRESS if direction is Direction.INGRESS else Direction.INGRESS
        for rule in rules[other]:
            meant = met(here, rule.peers)
            if meant is not Match.NO:
                doubt = rule.doubt if meant is Match.YES else _CHAIN.format(other.value)
                added.append(_allow((_selected(draft, rule.span),), rule.ports, rule.span, doubt))
        return (*rules[direction], *added)


def _selected(draft: DraftPolicy, span: Span) -> PodPeer:
    """Return the pods that a policy selects, as peers."""
    return PodPeer(namespaces=draft.own, pods=draft.subject, on_hosts=Match.NO, span=span)


def _allow(peers: Peers, ports: Ports, span: Span, doubt: str = "") -> Rule:
    return Rule(action=Action.ALLOW, peers=peers, ports=ports, doubt=doubt, span=span)


def _one_set(blocks: list[Block]) -> tuple[AddressSet, AddressSet]:
    """Put CIDRs and excepts into one set in which the longest prefix decides (ipset's hash:net).

    Returns the addresses that match, and those on which a CIDR and an except of equal prefix disagree.
    """
    named = {interval for block in blocks for interval in block.addresses.intervals}
    excepted = {interval for block in blocks for each in block.excepts for interval in each.intervals}
    certain: list[Interval] = []
    undecided: list[Interval] = []
    for cidr, part in _innermost(named | excepted):
        if cidr in named and part[0] <= part[1]:
            (undecided if cidr in excepted else certain).append(part)
    return AddressSet(certain), AddressSet(undecided)


def _innermost(cidrs: Iterable[Interval]) -> Iterator[tuple[Interval, Interval]]:
    """Yield the parts of each CIDR, some of them empty, that no smaller one covers.

    Of two CIDRs one lies inside the other, or they have nothing in common.
    """
    around: list[Interval] = []
    at = 0
    for cidr in sorted(cidrs, key=lambda each: (each[0], -each[1])):
        while around and around[-1][1] < cidr[0]:
            yield around[-1], (at, around[-1][1])
            at = around.pop()[1] + 1
        if around:
            yield around[-1], (at, cidr[0] - 1)
        at = cidr[0]
        around.append(cidr)
    while around:
        yield around[-1], (at, around[-1][1])
        at = around.pop()[1] + 1
