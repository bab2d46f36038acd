"""A difference is what comparing every pair of endpoints on their own finds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given, strategies as st

from analyzer.bounds import Bounds
from analyzer.diff import Difference, Ends, Verdict, difference
from analyzer.model import AddressPeer, Cluster, Peer, Policy, Rule, TierKind
from analyzer.reachability import Reachability
from analyzer.sets import AddressSet, PortSet
from tests.property.strategies import CIDRS, clusters

if TYPE_CHECKING:
    from hypothesis.strategies import DataObject, DrawFn

    from analyzer.endpoints import Endpoint

ADDRESSES = tuple(
    address
    for cidr in CIDRS
    for address in (next(AddressSet.of(cidr).addresses()), "192.168.0.127", "192.168.0.255", "11.0.0.0")
)
Found = dict[tuple[str, str, Verdict, Verdict], PortSet]


@st.composite
def versions(draw: DrawFn) -> tuple[Cluster, Cluster]:
    """A cluster, and another in its place of which some parts are the same; most pods keep their names."""
    old = draw(clusters())
    new = draw(clusters())
    kept = draw(st.sampled_from((("pods", "namespaces"), ("pods",), ("tiers",), ("tiers", "namespaces"), ())))
    pods = tuple(replace(b, workload=a.workload) for a, b in zip(old.pods, new.pods, strict=False))
    new = replace(new, pods=pods + new.pods[len(pods) :])
    return old, replace(new, **{name: getattr(old, name) for name in kept})


def named(ends: Ends) -> list[str]:
    """Return endpoints by id, and sampled addresses."""
    inside = [each.id for each in ends.endpoints]
    return inside + [each for each in dict.fromkeys(ADDRESSES) if AddressSet.of(each) <= ends.addresses]


def told(found: Difference) -> Found:
    """Return what a difference says of each pair; no pair and port may be told twice."""
    pairs: Found = {}
    for change in found.changes:
        for part in change.parts:
            for source in named(part.sources):
                for destination in named(part.destinations):
                    key = (source, destination, change.before, change.after)
                    assert not pairs.get(key, PortSet.none()) & part.ports
                    pairs[key] = pairs.get(key, PortSet.none()) | part.ports
    return pairs


def ends(reachability: Reachability) -> dict[str, Endpoint]:
    """Return endpoints by id and by sampled addresses."""
    found = {each.id: each for each in reachability.endpoints if not each.external}
    outside = [each for each in reachability.endpoints if each.external]
    for address in ADDRESSES:
        for each in outside:
            if AddressSet.of(address) <= each.addresses:
                found[address] = each
    return found


def verdicts(bounds: Bounds) -> dict[Verdict, PortSet]:
    asked = PortSet.transports()
    return {
        Verdict.ALLOWED: bounds.certain & asked,
        Verdict.UNKNOWN: bounds.unknown & asked,
        Verdict.DENIED: asked - bounds.possible,
    }


def expected(old: Reachability, new: Reachability) -> Found:
    """Compare pair by pair."""
    before, after = ends(old), ends(new)
    pairs: Found = {}
    both = [name for name in before if name in after]
    for source in both:
        for destination in both:
            if before[source].external and before[destination].external:
                continue
            if source == destination and (before[source].replicas < 2 or after[source].replicas < 2):
                continue
            was = verdicts(old.connection(before[source], before[destination]))
            now = verdicts(new.connection(after[source], after[destination]))
            for early, those in was.items():
                for late, these in now.items():
                    if early is not late and (ports := those & these):
                        pairs[source, destination, early, late] = ports
    return pairs


def without_alone(pairs: Found, old: Reachability, new: Reachability) -> Found:
    """Leave out what a part says of a pod that is alone with itself, which is nothing."""
    replicas = {
        name: min(endpoint.replicas, ends(new)[name].replicas)
        for name, endpoint in ends(old).items()
        if name in ends(new)
    }
    return {key: ports for key, ports in pairs.items() if key[0] != key[1] or replicas[key[0]] > 1}


@given(versions())
def test_a_difference_is_what_comparing_every_pair_finds(both: tuple[Cluster, Cluster]) -> None:
    old, new = map(Reachability, both)
    assert without_alone(told(difference(old, new)), old, new) == expected(old, new)


@given(versions())
def test_witnesses_are_connections_that_changed(both: tuple[Cluster, Cluster]) -> None:
    old, new = map(Reachability, both)
    for change in difference(old, new).changes:
        witness = change.witness
        for reachability, verdict in ((old, change.before), (new, change.after)):
            source, destination = (_end(reachability, name) for name in (witness.source, witness.destination))
            bounds = verdicts(reachability.connection(source, destination))
            assert bounds[verdict].has(witness.protocol, witness.port)


def _end(reachability: Reachability, name: str) -> Endpoint:
    inside = {each.id: each for each in reachability.endpoints if not each.external}
    if name in inside:
        return inside[name]
    return next(each for each in reachability.endpoints if AddressSet.of(name) <= each.addresses)


@given(clusters())
def test_nothing_differs_from_itself(cluster: Cluster) -> None:
    assert not difference(Reachability(cluster), Reachability(cluster))


@given(versions())
def test_what_is_added_one_way_is_removed_the_other(both: tuple[Cluster, Cluster]) -> None:
    old, new = map(Reachability, both)
    there, back = difference(old, new), difference(new, old)
    assert told(there) == {(s, d, b, a): ports for (s, d, a, b), ports in told(back).items()}
    assert [each.id for each in there.added] == [each.id for each in back.removed]


@st.composite
def rewritten(draw: DrawFn) -> tuple[Cluster, Cluster]:
    """A cluster, and the same one written differently: order, duplicates, split blocks, split ports."""
    cluster = draw(clusters())
    data: DataObject = draw(st.data())

    def rule(each: Rule) -> list[Rule]:
        peers = [part for peer in each.peers for part in _halves(peer)]
        halves = each.ports.numbers & PortSet([(0, 80)]), each.ports.numbers - PortSet([(0, 80)])
        split = [replace(each.ports, numbers=half) for half in halves if half]
        if each.ports.named:
            split.append(replace(each.ports, numbers=PortSet.none()))
        shuffled = tuple(data.draw(st.permutations(peers + peers[:1])))
        return [replace(each, peers=shuffled, ports=ports) for ports in split]

    def policy(each: Policy, *, ordered: bool) -> Policy:
        sides = [[part for one in side for part in rule(one)] for side in (each.ingress, each.egress)]
        if not ordered:
            sides = [data.draw(st.permutations(side)) for side in sides]
        return replace(each, name=f"{each.name}-again", ingress=tuple(sides[0]), egress=tuple(sides[1]))

    changed = []
    for tier in cluster.tiers:
        ordered = tier.kind is TierKind.ORDERED
        found = [policy(each, ordered=ordered) for each in tier.policies]
        if not ordered:
            found = data.draw(st.permutations(found + found[:1]))
        changed.append(replace(tier, policies=tuple(found)))
    return cluster, replace(cluster, tiers=tuple(changed))


def _halves(peer: Peer) -> list[Peer]:
    if not isinstance(peer, AddressPeer) or peer.addresses.size < 2:
        return [peer]
    first, last = peer.addresses.intervals[0]
    half = AddressSet([(first, (first + last) // 2)])
    parts = [each for each in (half, peer.addresses - half) if each]
    return [replace(peer, addresses=part) for part in parts]


@given(rewritten())
def test_what_is_written_differently_and_means_the_same_is_no_difference(
    both: tuple[Cluster, Cluster],
) -> None:
    old, new = both
    assert not difference(Reachability(old), Reachability(new))
