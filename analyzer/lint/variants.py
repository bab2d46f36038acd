"""What another CNI's reading of the NetworkPolicies changes, policy by policy.

Comes in: the evaluated cluster and its NetworkPolicies under two profiles. Goes out: for a policy the first
connection that one of them allows and the other denies. Only what a changed policy selects is evaluated
again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analyzer.bitmaps import lowest, members
from analyzer.model import AddressPeer, Direction
from analyzer.sets import PortSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.engine import Engine, Row
    from analyzer.model import Policy, Rule, Tier


class Difference(NamedTuple):
    """A connection on which two profiles disagree: the classes of its ends, and the ports.

    `usual`: the profile of the cluster allows it, and the other one denies it; else the other way round.
    """

    direction: Direction
    subject: int
    peer: int
    ports: PortSet
    usual: bool


class Variant:
    """The NetworkPolicies of a cluster under its own profile and another one; both in one order."""

    def __init__(self, engine: Engine, usual: Sequence[Policy], other: Sequence[Policy]) -> None:
        self._engine = engine
        self._usual = usual
        self._other = other
        self._changed = {_identity(old): new for old, new in zip(usual, other, strict=True) if old != new}
        self._added = {
            direction: [
                (engine.matcher.subject(new), new)
                for old, new in zip(usual, other, strict=True)
                if direction in new.directions - old.directions
            ]
            for direction in Direction
        }
        self._apart = engine.matcher.pods | engine.matcher.external
        self._known: dict[tuple[object, ...], Difference | None] = {}

    def first(self, number: int) -> Difference | None:
        """Return a connection that differs for a pod that one policy selects, None when there is none."""
        old, new = self._usual[number], self._other[number]
        if _identity(old) not in self._changed or not self._aligned(new):
            return None
        for direction in Direction:
            if old.rules(direction) != new.rules(direction) or direction in new.directions - old.directions:
                for subject in members(self._engine.matcher.subject(old)):
                    if found := self._difference(direction, subject):
                        return found
        return None

    def _aligned(self, policy: Policy) -> bool:
        """Tell whether the blocks of a policy hold all or nothing of each class of external addresses."""
        classes = self._engine.classes
        places = [classes[number].places[0] for number in members(self._engine.matcher.external)]
        blocks = {
            peer.addresses
            for direction in Direction
            for rule in policy.rules(direction)
            for peer in rule.peers
            if isinstance(peer, AddressPeer)
        }
        return all(place <= block or not place & block for block in blocks for place in places)

    def _difference(self, direction: Direction, subject: int) -> Difference | None:
        added = tuple(new for subjects, new in self._added[direction] if subjects >> subject & 1)
        key = (self._engine.profile(direction, subject), tuple(map(id, added)))
        if key not in self._known:
            here = self._engine.row(direction, subject)
            there = self._engine.fold(direction, subject, self._tiers(direction, subject, added))
            self._known[key] = next(self._compared(direction, subject, here, there), None)
        return self._known[key]

    def _tiers(
        self, direction: Direction, subject: int, added: Sequence[Policy]
    ) -> list[tuple[Tier, list[Rule]]]:
        """Return the tiers that select a class, with the rules of the other profile."""
        policies = {id(tier): list(found) for tier, found in self._engine.selecting(direction, subject)}
        tiers = []
        for tier in self._engine.cluster.tiers:
            found = [self._changed.get(_identity(each), each) for each in policies.get(id(tier), ())]
            if added and any(each.kind == added[0].kind for each in tier.policies):
                found += added
            if found:
                tiers.append((tier, [rule for each in found for rule in each.rules(direction)]))
        return tiers

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
                    yield Difference(
                        direction, subject, lowest(both), only_here or only_there, bool(only_here)
                    )


def _identity(policy: Policy) -> tuple[str, str, str]:
    return policy.kind, policy.namespace, policy.name
