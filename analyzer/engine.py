"""All pairs, exact: who may reach whom, computed once for classes of endpoints.

Comes in: a cluster. Goes out: for each class and direction a row, which partitions all classes by what
the subject's policies let pass to or from them. Rules are folded from the last to the first, tiers
likewise, each rule as one set operation on (classes x ports); rows are computed once for each set of
policies that select alike.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, assert_never

from analyzer.bitmaps import Bitmap, members
from analyzer.bounds import ALL, NONE, Algebra, Bounds, Cell
from analyzer.classes import classify
from analyzer.matching import Matched, Matcher
from analyzer.model import Action, Direction, Match, TierKind
from analyzer.record import record
from analyzer.subjects import Subjects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from analyzer.matching import Peers
    from analyzer.model import Cluster, Policy, Rule, Tier
    from analyzer.sets import PortSet
    from analyzer.subjects import Group

# A partition of all classes: what is allowed with each of them. Every class is in exactly one bitmap.
Row = dict[Cell, Bitmap]


@record()
class Step:
    """A rule in terms of the classes: on `matched` peers, `ports` meet `action`."""

    action: Action
    matched: Matched
    ports: Cell


class Engine:
    """The evaluated cluster. Classes are numbered as in `classes`; rows are made when asked for."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.classes = classify(cluster)
        self.matcher = Matcher(self.classes)
        self.algebra = Algebra()
        self._subjects = Subjects(cluster, self.matcher)
        self.face(self.matcher)

    def facing(self, peers: Peers) -> Engine:
        """Return the same subjects and policies, with rows over other peers than the classes."""
        made = copy(self)
        made.face(peers)
        return made

    def face(self, peers: Peers) -> None:
        """Start anew with these peers; use `facing` for rows over two kinds of them."""
        self._peers = peers
        self.open: Row = {ALL: peers.everybody}
        self._steps: dict[tuple[object, ...], list[Step]] = {}
        self._rows: dict[tuple[object, ...], Row] = {}
        self._rows_of: dict[tuple[Direction, int], Row] = {}

    def row(self, direction: Direction, subject: int) -> Row:
        """Return what the policies of a class let pass, by peer class; hosts and addresses have none.

        Classes with the same policies share one row object.
        """
        if (found := self._rows_of.get((direction, subject))) is None:
            found = self._rows_of[direction, subject] = self._row(direction, subject)
        return found

    def _row(self, direction: Direction, subject: int) -> Row:
        groups = self._subjects.selecting(direction, subject)
        if not groups:
            return self.open
        key = self._key(direction, subject, groups)
        if (found := self._rows.get(key)) is None:
            found = self._rows[key] = self._evaluate(direction, subject, groups)
        return found

    def profile(self, direction: Direction, subject: int) -> tuple[object, ...]:
        """Return what the row of a class depends on: equal profiles have one row, which is not made yet."""
        return self._key(direction, subject, self._subjects.selecting(direction, subject))

    def _key(self, direction: Direction, subject: int, groups: tuple[Group, ...]) -> tuple[object, ...]:
        return (direction, groups, self._names(direction, subject, groups))

    def between(self, source: int, destination: int) -> Bounds:
        """Return what a member of one class may open to a different member of another (or the same)."""
        sends = at(self.row(Direction.EGRESS, source), destination)
        receives = at(self.row(Direction.INGRESS, destination), source)
        return self.algebra.cells[self.algebra.both(sends, receives)]

    def policies(self, direction: Direction, subject: int) -> tuple[Policy, ...]:
        """Return the policies that select a class in a direction, in evaluation order."""
        groups = self._subjects.selecting(direction, subject)
        return tuple(policy for group in groups for policy in group.policies)

    def selecting(self, direction: Direction, subject: int) -> list[tuple[Tier, list[Policy]]]:
        """Return the tiers with a policy that selects a class in a direction, each with those policies."""
        found: dict[int, tuple[Tier, list[Policy]]] = {}
        for group in self._subjects.selecting(direction, subject):
            found.setdefault(id(group.tier), (group.tier, []))[1].extend(group.policies)
        return list(found.values())

    def fold(self, direction: Direction, subject: int, tiers: Sequence[tuple[Tier, Sequence[Rule]]]) -> Row:
        """Return the row that a class would have if these rules of these tiers, and no other tier, were its.

        The rules must speak of labels, addresses and port names that the classes tell apart.
        """
        row = self.open
        for tier, rules in reversed(tiers):
            row = self._tier(tier, [s for rule in rules for s in self.lower(rule, direction, subject)], row)
        return self._nodes(row) if direction is Direction.INGRESS else row

    def _names(self, direction: Direction, subject: int, groups: tuple[Group, ...]) -> tuple[PortSet, ...]:
        """Return what the port names in ingress rules stand for on the subject: part of a row's key."""
        if direction is Direction.EGRESS:
            return ()
        return tuple(self.classes[subject].named[named] for group in groups for named in group.named)

    def _evaluate(self, direction: Direction, subject: int, groups: tuple[Group, ...]) -> Row:
        """Fold tiers and rules from the end, where everything is allowed, to the first rule."""
        row = self.open
        for tier in reversed(self.cluster.tiers):
            if here := [group for group in groups if group.tier is tier]:
                steps = [step for group in here for step in self._compiled(group, direction, subject)]
                row = self._tier(tier, steps, row)
        return self._nodes(row) if direction is Direction.INGRESS else row

    def _nodes(self, row: Row) -> Row:
        """Admit the traffic of other nodes where the profile says that it is never policed."""
        match self.cluster.other_nodes:
            case Match.YES:
                return _change(row, self._peers.hosts, lambda cell: self.algebra.allow(cell, ALL))
            case Match.MAYBE:
                return _change(row, self._peers.hosts, lambda cell: self.algebra.may_allow(cell, ALL))
            case Match.NO:
                return row
            case never:
                assert_never(never)

    def _tier(self, tier: Tier, steps: list[Step], later: Row) -> Row:
        """Fold the rules of one tier; `later` is what all tiers behind it let pass."""
        unmatched = {Action.ALLOW: self.open, Action.DENY: {NONE: self._peers.everybody}}
        row = unmatched.get(tier.unmatched, later)
        for step in reversed(_united(steps) if tier.kind is TierKind.UNION else steps):
            row = self._apply(step, row, later)
        return row

    def _apply(self, step: Step, row: Row, later: Row) -> Row:
        algebra, ports = self.algebra, step.ports
        must, only_may = step.matched.must, step.matched.may & ~step.matched.must
        match step.action:
            case Action.ALLOW:
                row = _change(row, must, lambda cell: algebra.allow(cell, ports))
                return _change(row, only_may, lambda cell: algebra.may_allow(cell, ports))
            case Action.DENY:
                row = _change(row, must, lambda cell: algebra.deny(cell, ports))
                return _change(row, only_may, lambda cell: algebra.may_deny(cell, ports))
            case Action.PASS:
                row = _merge(row, must, later, lambda here, then: algebra.hand_over(here, ports, then))
                return _merge(row, only_may, later, lambda a, b: algebra.may_hand_over(a, ports, b))
            case never:
                assert_never(never)

    def _compiled(self, group: Group, direction: Direction, subject: int) -> list[Step]:
        """Return the rules of a group of policies as steps, made once for each meaning of port names."""
        key = (group, direction, self._names(direction, subject, (group,)))
        if (found := self._steps.get(key)) is None:
            rules = [rule for policy in group.policies for rule in policy.rules(direction)]
            found = [step for rule in rules for step in self.lower(rule, direction, subject)]
            if group.tier.kind is TierKind.UNION:
                found = _united(found)
            self._steps[key] = found
        return found

    def lower(self, rule: Rule, direction: Direction, subject: int) -> Iterable[Step]:
        """Split a rule into steps with plain port sets: names mean the destination's ports.

        `subject` is one of the classes that the rule's policy selects.
        """
        matched = self._peers.rule(rule)
        if not matched.may:
            return
        numbers = rule.ports.numbers
        if direction is Direction.INGRESS:
            for named in rule.ports.named:
                numbers |= self.classes[subject].named[named]
        if numbers:
            yield Step(rule.action, matched, self.algebra.cell(numbers))
        if direction is Direction.EGRESS:
            yield from self._named_steps(rule, matched)

    def _named_steps(self, rule: Rule, matched: Matched) -> Iterable[Step]:
        for named in rule.ports.named:
            for ports, where in self._peers.destinations(named):
                if matched.may & where.may:
                    both = Matched(matched.must & where.must, matched.may & where.may)
                    yield Step(rule.action, both, self.algebra.cell(ports))


def at(row: Row, column: int) -> Cell:
    """Return the cell of one class in a row."""
    found = next((cell for cell, bits in row.items() if bits >> column & 1), None)
    assert found is not None, "a row must cover every class"
    return found


def spread(row: Row, columns: Bitmap) -> dict[int, Cell]:
    """Return the cells of some classes in a row: quicker than `at` for each of them."""
    return {column: cell for cell, bits in row.items() for column in members(bits & columns)}


def _united(steps: Iterable[Step]) -> list[Step]:
    """Join the allow rules of a union by their ports: their order is irrelevant."""
    joined: dict[Cell, Matched] = {}
    for step in steps:
        old = joined.get(step.ports)
        new = step.matched
        joined[step.ports] = Matched(old.must | new.must, old.may | new.may) if old else new
    return [Step(Action.ALLOW, matched, ports) for ports, matched in joined.items()]


def _change(row: Row, where: Bitmap, operation: Callable[[Cell], Cell]) -> Row:
    """Apply an operation to the cells of some classes."""
    if not where:
        return row
    changed: Row = {}
    for cell, bits in row.items():
        rest = bits
        if inside := bits & where:
            new = operation(cell)
            changed[new] = changed[new] | inside if new in changed else inside
            rest ^= inside
        if rest:
            changed[cell] = changed[cell] | rest if cell in changed else rest
    return changed


def _merge(row: Row, where: Bitmap, other: Row, operation: Callable[[Cell, Cell], Cell]) -> Row:
    """Apply an operation of two rows' cells to some classes."""
    for cell, bits in other.items():
        # A lambda's default has no type.
        row = _change(row, where & bits, lambda here, then=cell: operation(here, then))  # type: ignore[misc]
    return row
