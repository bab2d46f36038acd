"""Which sets of labels a selector means, so that selectors can be compared with each other.

Comes in: selectors. Goes out: for each key the values that it may have, as a finite set or all but a finite
one. Keys are independent, and there are always more values than any selector names: that one selector lies
within another, or that both can match, is decided exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from analyzer.selectors import Operator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analyzer.selectors import Requirement, Selector


@dataclass(frozen=True, slots=True)
class Values:
    """What one key may hold: nothing at all (`absent`), and `values`, or all others when `others`."""

    absent: bool
    others: bool
    values: frozenset[str] = frozenset()

    def __and__(self, other: Values) -> Values:
        """Return what both allow."""
        absent = self.absent and other.absent
        if self.others and other.others:
            return Values(absent, others=True, values=self.values | other.values)
        if not self.others and not other.others:
            return Values(absent, others=False, values=self.values & other.values)
        named, excluded = (other, self) if self.others else (self, other)
        return Values(absent, others=False, values=named.values - excluded.values)

    def __bool__(self) -> bool:
        return self.absent or self.others or bool(self.values)

    def __le__(self, other: Values) -> bool:
        """Tell whether everything that this one allows is allowed by the other."""
        if self.absent and not other.absent:
            return False
        if not self.others:
            return self.values.isdisjoint(other.values) if other.others else self.values <= other.values
        return other.others and other.values <= self.values


ANYTHING = Values(absent=True, others=True)
PRESENT = Values(absent=False, others=True)
ABSENT = Values(absent=True, others=False)

# What each key may hold; a key that is missing may hold anything.
LabelSets = dict[str, Values]


def exactly(value: str) -> Values:
    """Return what a key holds that has this value."""
    return Values(absent=False, others=False, values=frozenset((value,)))


def label_sets(selector: Selector) -> LabelSets:
    """Return the sets of labels that a selector matches."""
    found: LabelSets = {}
    for requirement in selector.requirements:
        found[requirement.key] = found.get(requirement.key, ANYTHING) & _values(requirement)
    return found


def _values(requirement: Requirement) -> Values:
    match requirement.operator:
        case Operator.IN:
            return Values(absent=False, others=False, values=requirement.values)
        case Operator.NOT_IN:
            return Values(absent=True, others=True, values=requirement.values)
        case Operator.EXISTS:
            return PRESENT
        case Operator.DOES_NOT_EXIST:
            return ABSENT
        case never:
            assert_never(never)


def example(sets: Mapping[str, Values]) -> dict[str, str] | None:
    """Return the fewest labels that are one of these sets; None when there are none."""
    found: dict[str, str] = {}
    for key, values in sets.items():
        if not values:
            return None
        if not values.absent:
            found[key] = min(values.values) if not values.others else _another(values.values)
    return found


def _another(excluded: frozenset[str]) -> str:
    """Return a short value that is not excluded."""
    return next(
        value for value in (f"x{number}" for number in range(len(excluded) + 1)) if value not in excluded
    )
