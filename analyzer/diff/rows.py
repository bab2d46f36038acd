"""Rows of both clusters, compared: where the policies of a group let pass something else than before.

Comes in: the joint groups. Goes out: for each direction the groups that share their rows in both versions,
and what these say column by column. Where the rules are the same, only columns that changed are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.bitmaps import Bitmap, bitmap, lowest
from analyzer.model import Direction, TierKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.bounds import Bounds
    from analyzer.diff.joint import Joint, Version
    from analyzer.engine import Row
    from analyzer.model import NamedPort, Rule


class Profile:
    """Groups, a bitmap, whose policies are the same within each version; `first` is one of them."""

    def __init__(self, joint: Joint, direction: Direction, subjects: Bitmap, *, same: bool) -> None:
        self.direction = direction
        self.subjects = subjects
        self.same = same
        self.first = joint.groups[lowest(subjects)]
        self._joint = joint

    def differing(self) -> Iterator[tuple[Bounds, Bounds, Bitmap]]:
        """Yield verdicts before and after that differ, with the peers of whom they are so."""
        among = self._joint.unsteady if self.same else self._joint.everything
        return (each for each in self.cells(among) if each[0] != each[1])

    def cells(self, among: Bitmap) -> Iterator[tuple[Bounds, Bounds, Bitmap]]:
        """Yield the verdicts before and after for some peers."""
        if not among:
            return
        old, new = self._joint.old, self._joint.new
        later = list(new.cells(self._row(new, self.first.new), among))
        for before, those in old.cells(self._row(old, self.first.old), among):
            for after, these in later:
                if both := those & these:
                    yield before, after, both

    def _row(self, version: Version, number: int) -> Row:
        return version.engine.row(self.direction, number)


def profiles(joint: Joint, direction: Direction) -> list[Profile]:
    """Return the profiles of a direction; every group is in exactly one."""
    found: dict[tuple[object, ...], list[int]] = {}
    for number, group in enumerate(joint.groups):
        before = joint.old.engine.profile(direction, group.old)
        after = joint.new.engine.profile(direction, group.new)
        found.setdefault((before, after), []).append(number)
    contents = _Contents(direction)
    made = []
    for numbers in found.values():
        group = joint.groups[numbers[0]]
        before = contents.of(joint.old, group.old)
        after = contents.of(joint.new, group.new)
        made.append(Profile(joint, direction, bitmap(numbers), same=before == after))
    return made


class _Contents:
    """What the policies of a class say, whatever they are called and in whichever order they are joined."""

    def __init__(self, direction: Direction) -> None:
        self._direction = direction
        self._numbers: dict[object, int] = {}
        self._of_policy: dict[int, int] = {}

    def of(self, version: Version, number: int) -> tuple[object, ...]:
        """Return a value that is equal for equal rules, in tiers of the same kind."""
        tiers: dict[int, tuple[TierKind, object, list[int]]] = {}
        named: set[NamedPort] = set()
        for policy in version.engine.policies(self._direction, number):
            tier = version.tiers[id(policy)]
            rules = policy.rules(self._direction)
            named.update(name for rule in rules for name in rule.ports.named)
            here = tiers.setdefault(id(tier), (tier.kind, tier.unmatched, []))
            here[2].append(self._number(id(policy), rules))
        means = version.engine.classes[number].named if self._direction is Direction.INGRESS else {}
        return (
            frozenset((name, means[name]) for name in named if name in means),
            *(
                (kind, unmatched, frozenset(rules) if kind is TierKind.UNION else tuple(rules))
                for kind, unmatched, rules in tiers.values()
            ),
        )

    def _number(self, policy: int, rules: tuple[Rule, ...]) -> int:
        if (found := self._of_policy.get(policy)) is None:
            found = self._of_policy[policy] = self._numbers.setdefault(rules, len(self._numbers))
        return found
