"""One connection, evaluated naively: the executable specification that the engine is tested against.

Comes in: a cluster, two ends, a protocol and a port. Goes out: YES, NO, or MAYBE where a missing fact
decides. Every step quotes the sentence it implements; nothing here is fast and nothing is shared with the
engine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from analyzer.model import Action, AddressPeer, AnyPeer, Direction, Match, Pod, PodPeer
from analyzer.sets import AddressSet

if TYPE_CHECKING:
    from analyzer.model import Cluster, NamedPort, Peer, Policy, Rule, Tier
    from analyzer.sets import PortSet, Protocol

# An end of a connection: a pod, or an address outside the cluster.
End = Pod | str


def connects(cluster: Cluster, source: End, destination: End, protocol: Protocol, port: int) -> Match:
    """Tell whether `source` can open a connection to `port` of `destination`.

    For a workload of several replicas, source and destination being the same means two of its replicas.
    """
    # NetworkPolicy concepts: "A pod cannot block access to itself."
    if source is destination and isinstance(source, Pod) and source.replicas < 2:
        return Match.YES
    # "For a connection from a source pod to a destination pod to be allowed, both the egress policy on
    # the source pod and the ingress policy on the destination pod need to allow the connection."
    sends = permits(Attempt(cluster, Direction.EGRESS, source, destination, protocol, port))
    receives = permits(Attempt(cluster, Direction.INGRESS, destination, source, protocol, port))
    return min(sends, _any_of(receives, _as_node(cluster, source, destination)), key=_value)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A connection as the policies of one end, the subject, see it."""

    cluster: Cluster
    direction: Direction
    subject: End
    peer: End
    protocol: Protocol
    port: int

    @property
    def destination(self) -> End:
        """The end that the port belongs to."""
        return self.subject if self.direction is Direction.INGRESS else self.peer


def permits(attempt: Attempt) -> Match:
    """Tell whether the policies of one end let the connection pass in one direction."""
    # "NetworkPolicies apply to a connection with a pod on one or both ends"; hostNetwork pods are not
    # selected.
    if not isinstance(attempt.subject, Pod) or attempt.subject.host_network:
        return Match.YES
    verdict = Match.YES
    for tier in reversed(attempt.cluster.tiers):
        verdict = _tier(attempt, attempt.subject, tier, verdict)
    return verdict


def _tier(attempt: Attempt, subject: Pod, tier: Tier, later: Match) -> Match:
    """Evaluate one tier; `later` is the verdict of all that come after it."""
    applying = [policy for policy in tier.policies if attempt.direction in policy.directions]
    selecting = [policy for policy in applying if _selects(attempt.cluster, policy, subject)]
    # "By default, a pod is non-isolated": a tier that selects it with no policy does not count.
    if not selecting:
        return later
    outcome = {Action.ALLOW: Match.YES, Action.DENY: Match.NO, Action.PASS: later}
    # The first rule that matches decides, so the last one is asked first and each earlier one overrules.
    # Allow rules alone make a union: "Network policies do not conflict; they are additive."
    verdict = outcome[tier.unmatched]
    for rule in reversed([rule for policy in selecting for rule in policy.rules(attempt.direction)]):
        match _applies(attempt, rule):
            case Match.YES:
                verdict = outcome[rule.action]
            case Match.MAYBE if verdict is not outcome[rule.action]:
                verdict = Match.MAYBE
    return verdict


def _selects(cluster: Cluster, policy: Policy, pod: Pod) -> bool:
    """Tell whether a policy's subject selectors match a pod."""
    namespace = cluster.namespaces[pod.namespace]
    return policy.subject_namespaces.matches(namespace.labels) and policy.subject_pods.matches(pod.labels)


def _applies(attempt: Attempt, rule: Rule) -> Match:
    """Match a rule: one of its peers, one of its ports, and whatever it is doubtful about."""
    # NetworkPolicyPeer items "are combined using a logical OR operation".
    alternatives = (*rule.peers, *_together(rule.peers))
    peers = _any_of(*(_meets(attempt.cluster, peer, attempt.peer) for peer in alternatives))
    # A rule "matches traffic if and only if the traffic matches both" its ports and its peers.
    certain = Match.MAYBE if rule.doubt else Match.YES
    return min(peers, _on_port(attempt, rule), certain, key=_value)


def _together(peers: tuple[Peer, ...]) -> list[AddressPeer]:
    """Return, for each block, the block and all that are compared like it, as one.

    A pod whose address is not known, or that has one of each IP family, may lie in none of them for certain
    and yet in all of them together.
    """
    blocks = [peer for peer in peers if isinstance(peer, AddressPeer)]
    return [
        replace(
            block, addresses=AddressSet.union(other.addresses for other in blocks if _alike(block, other))
        )
        for block in blocks
    ]


def _alike(block: AddressPeer, other: AddressPeer) -> bool:
    return (block.on_pods, block.on_hosts) == (other.on_pods, other.on_hosts)


def _meets(cluster: Cluster, peer: Peer, end: End) -> Match:
    """Match one peer of a rule against the other end."""
    match peer:
        case AnyPeer():
            return Match.YES
        case PodPeer():
            # podSelector and namespaceSelector: "the Pods matching podSelector in the Namespaces
            # selected by namespaceSelector"; no address outside the cluster is a pod.
            if not isinstance(end, Pod):
                return Match.NO
            labels = cluster.namespaces[end.namespace].labels
            if not (peer.namespaces.matches(labels) and peer.pods.matches(end.labels)):
                return Match.NO
            return peer.on_hosts if end.host_network else Match.YES
        case AddressPeer():
            if not isinstance(end, Pod):
                return Match.YES if AddressSet.of(end) <= peer.addresses else Match.NO
            compared = peer.on_hosts if end.host_network else peer.on_pods
            return min(compared, _inside(cluster, peer.addresses, end), key=_value)
        case never:
            assert_never(never)


def _inside(cluster: Cluster, block: AddressSet, pod: Pod) -> Match:
    """Compare a pod's addresses, or where they must lie, with a block."""
    unknown = cluster.node_addresses if pod.host_network else cluster.pod_addresses
    places = [AddressSet.of(address) for address in pod.addresses] or [unknown]
    if all(place <= block for place in places):
        return Match.YES
    return Match.MAYBE if any(place & block for place in places) else Match.NO


def _on_port(attempt: Attempt, rule: Rule) -> Match:
    """Match the ports of a rule; names are looked up on the destination, in egress rules too."""
    sets = [rule.ports.numbers]
    if isinstance(attempt.destination, Pod) and not attempt.destination.host_network:
        sets += [_resolve(named, attempt.destination) for named in rule.ports.named]
    return Match.YES if any(each.has(attempt.protocol, attempt.port) for each in sets) else Match.NO


def _resolve(named: NamedPort, pod: Pod) -> PortSet:
    """Look a port name up on a pod.

    NetworkPolicyPort: "The port on the given protocol. This can either be a numerical or named port on a
    pod."
    """
    numbers = [p.number for p in pod.ports if (p.name, p.protocol) == (named.name, named.protocol)]
    found = type(named.undefined).none()
    for number in numbers:
        found |= type(found).of(named.protocol, number)
    return found if numbers else named.undefined


def _as_node(cluster: Cluster, source: End, destination: End) -> Match:
    """Tell whether a pod must receive from this source because it is a node.

    "Traffic to and from the node where a Pod is running is always allowed, regardless of the IP address
    of the Pod or the node." Only the way from the node is kept by every CNI; the way to it is policed.
    """
    if not (isinstance(source, Pod) and source.host_network and isinstance(destination, Pod)):
        return Match.NO
    if source.node and destination.node:
        own = Match.YES if source.node == destination.node else Match.NO
    else:
        own = Match.MAYBE
    return _any_of(own, cluster.other_nodes)


def _any_of(*matches: Match) -> Match:
    return max(matches, key=_value, default=Match.NO)


def _value(match: Match) -> int:
    return match.value
