"""Labels that a selector may have meant.

Comes in: a selector that matches nothing, and the labels that there are. Goes out: the label that would match
after a slip is mended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.load.text import shown
from analyzer.selectors import Operator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from analyzer.selectors import Requirement, Selector

# The values of each key that somebody has.
Labels = dict[str, set[str]]

# Comparing a word with more of them takes longer than a hint is worth.
_MOST_COMPARED = 500
_CLOSE = 0.75


def gathered(population: Iterable[Mapping[str, str]]) -> Labels:
    """Return all labels of a population."""
    found: Labels = {}
    for each in population:
        for key, value in each.items():
            found.setdefault(key, set()).add(value)
    return found


def near(selector: Selector, labels: Labels) -> str:
    """Return, ready to show, a label like one that a selector asks for and nobody has; "" for none."""
    for requirement in selector.requirements:
        missing = not requirement.values & labels.get(requirement.key, set())
        if requirement.operator is Operator.IN and missing and (found := _nearest(requirement, labels)):
            return shown(f"{found[0]}: {found[1]}")
    return ""


def _nearest(requirement: Requirement, labels: Labels) -> tuple[str, str] | None:
    from difflib import SequenceMatcher

    best, label = _CLOSE, None
    for one, other, candidate in _candidates(requirement, labels):
        ratio = SequenceMatcher(None, one, other).ratio()
        if ratio > best:
            best, label = ratio, candidate
    return label


def _candidates(requirement: Requirement, labels: Labels) -> Iterator[tuple[str, str, tuple[str, str]]]:
    """Yield words to compare, and their label: other values of the key, and other keys of the value."""
    key = requirement.key
    for wanted in sorted(requirement.values):
        for value in sorted(labels.get(key, ()))[:_MOST_COMPARED]:
            yield wanted, value, (key, value)
        others = (other for other, values in labels.items() if other != key and wanted in values)
        for other in sorted(others)[:_MOST_COMPARED]:
            yield key, other, (other, wanted)
