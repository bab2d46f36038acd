"""Labels that a selector may have meant.

Comes in: a selector that matches nothing, and the labels that there are. Goes out: the requirement that would
match after a slip is mended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.load.text import shown
from analyzer.selectors import Operator, Requirement

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from analyzer.selectors import Selector

_CLOSE = 0.75


def near(selector: Selector, labels: Collection[tuple[str, str]]) -> str:
    """Return, ready to show, a label like one that a selector asks for and nobody has; "" for none."""
    for requirement in selector.requirements:
        wanted = requirement.operator is Operator.IN and not any(_has(requirement, each) for each in labels)
        if wanted and (found := _nearest(requirement, sorted(labels))):
            return shown(f"{found[0]}: {found[1]}")
    return ""


def _has(requirement: Requirement, label: tuple[str, str]) -> bool:
    return label[0] == requirement.key and label[1] in requirement.values


def _nearest(requirement: Requirement, labels: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """Find a label with the same key and a value like it, or the same value under a key like it."""
    from difflib import SequenceMatcher

    best, label = _CLOSE, None
    for wanted in sorted(requirement.values):
        for key, value in labels:
            if key == requirement.key or value == wanted:
                one, other = (wanted, value) if key == requirement.key else (requirement.key, key)
                ratio = SequenceMatcher(None, one, other).ratio()
                if ratio > best:
                    best, label = ratio, (key, value)
    return label
