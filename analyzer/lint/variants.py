"""What another CNI's reading of the NetworkPolicies changes, policy by policy.

Comes in: the evaluated cluster and its NetworkPolicies under two profiles. Goes out: for a policy the first
connection that one of them allows and the other denies. Only what a changed policy selects is evaluated
again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from analyzer.bitmaps import lowest, members
from analyzer.endpoints import address_name
from analyzer.engine import Engine
from analyzer.lint.evidence import listed
from analyzer.load.text import shown
from analyzer.model import Action, AddressPeer, Direction, Tier, TierKind
from analyzer.sets import PortSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.engine import Row
    from analyzer.model import Policy, Rule


class Difference(NamedTuple):
    """A connection on which two profiles disagree: the names of its ends, and the ports.

    `usual`: the profile of the cluster allows it, and the other one denies it; else the other way round.
    """

    source: str
    destination: str
    ports: PortSet
    usual: bool


class Variant:
    """The NetworkPolicies of a cluster under its own profile and another one; both in one order."""

    def __init__(self, engine: Engine, usual: Sequence[Policy], other: Sequence[Policy]) -> None:
        self._usual = usual
        self._other = other
        self._changed = {_identity(old): new for old, new in zip(usual, other, strict=True) if old != new}
        self._engine = _finer(engine, list(self._changed.values()))
        self._added = {
            direction: [
                (self._engine.matcher.subject(new), new)
                for old, new in zip(usual, other, strict=True)
                if direction in new.directions - old.directions
            ]
            for direction in Direction
        }
        self._tiers = engine.cluster.tiers
        self._apart = self._engine.matcher.pods | self._engine.matcher.external
        self._known: dict[tuple[object, ...], Difference | None] = {}

    def first(self, number: int) -> Difference | None:
        """Return a connection that differs for a pod that one policy selects, None when there is none."""
        old, new = self._usual[number], self._other[number]
        for direction in Direction if _identity(old) in self._changed else ():
            if old.rules(direction) != new.rules(direction) or direction in old.directions ^ new.directions:
                for subject in members(self._engine.matcher.subject(old)):
                    if found := self._difference(direction, subject):
                        return found
        return None

    def _difference(self, direction: Direction, subject: int) -> Difference | None:
        added = [new for subjects, new in self._added[direction] if subjects >> subject & 1]
        key = (self._engine.profile(direction, subject), tuple(map(id, added)))
        if key not in self._known:
            here = self._row(direction, subject, {}, ())
            there = self._row(direction, subject, self._changed, added)
            self._known[key] = next(self._compared(direction, subject, here, there), None)
        return self._known[key]

    def _row(
        self,
        direction: Direction,
        subject: int,
        changed: dict[tuple[str, str, str], Policy],
        added: Sequence[Policy],
    ) -> Row:
        """Return the row of a class with changed and added policies."""
        selecting = {id(tier): found for tier, found in self._engine.selecting(direction, subject)}
        tiers: list[tuple[Tier, list[Rule]]] = []
        for tier in self._tiers:
            policies = [changed.get(_identity(each), each) for each in selecting.get(id(tier), ())]
            if added and any(each.kind == added[0].kind for each in tier.policies):
                policies += added
            if left := [each for each in policies if direction in each.directions]:
                tiers.append((tier, [rule for each in left for rule in each.rules(direction)]))
        return self._engine.fold(direction, subject, tiers) if tiers else self._engine.open

    def _compared(self, direction: Direction, subject: int, here: Row, there: Row) -> Iterator[Difference]:
        """Yield where one row allows for certain what the other denies for certain."""
        cells, transports = self._engine.algebra.cells, PortSet.transports()
        alone = sum(pod.replicas for pod in self._engine.classes[subject].pods) < 2
        apart = self._apart & ~(1 << subject if alone else 0)
        for one, peers in here.items():
            for other, others in there.items():
                both = peers & others & apart
                if one == other or not both:
                    continue
                only_here = (cells[one].certain - cells[other].possible) & transports
                only_there = (cells[other].certain - cells[one].possible) & transports
                if only_here or only_there:
                    ends = self._name(subject), self._name(lowest(both))
                    source, destination = ends if direction is Direction.EGRESS else reversed(ends)
                    yield Difference(source, destination, only_here or only_there, bool(only_here))

    def _name(self, number: int) -> str:
        """Return the names of the pods, or the addresses, of a class."""
        found = self._engine.classes[number]
        names = dict.fromkeys(f"{pod.namespace}/{pod.workload.name}" for pod in found.pods)
        return listed([shown(each) for each in names or [address_name(found.places[0])]])


def _finer(engine: Engine, policies: Sequence[Policy]) -> Engine:
    """Return an engine whose classes tell apart what some policies do; mostly the same one.

    Labels are those of the cluster's own policies under every profile; port names and pieces of blocks may
    not be.
    """
    rules = [rule for policy in policies for direction in Direction for rule in policy.rules(direction)]
    blocks = {peer.addresses for rule in rules for peer in rule.peers if isinstance(peer, AddressPeer)}
    outside = [engine.classes[number].places[0] for number in members(engine.matcher.external)]
    aligned = all(place <= block or not place & block for block in blocks for place in outside)
    known = next((set(engine.classes[number].named) for number in members(engine.matcher.pods)), set())
    if aligned and known.issuperset(name for rule in rules for name in rule.ports.named):
        return engine
    tier = Tier(name="variant", kind=TierKind.UNION, unmatched=Action.PASS, policies=tuple(policies))
    return Engine(replace(engine.cluster, tiers=(*engine.cluster.tiers, tier)))


def _identity(policy: Policy) -> tuple[str, str, str]:
    return policy.kind, policy.namespace, policy.name
