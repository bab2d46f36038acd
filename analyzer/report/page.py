"""What a report for people shows of a block of pairs: a matrix while one can be read, else lists.

Comes in: blocks and counts. Goes out: the decision and the texts that the table and the markdown report
share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.grouping import groups
from analyzer.report.sections import listed

if TYPE_CHECKING:
    from analyzer.filters import Block, View
    from analyzer.grouping import Group
    from analyzer.report.labels import Labels
    from analyzer.report.words import Cell, Words
    from analyzer.summary import Summary

# A matrix of more pods, or with all external addresses of more rows or columns, cannot be read at a glance.
_MOST_PODS = 30
_MOST_COLUMNS = 40
# Sources with equal verdicts are found by looking at every pair.
MOST_GROUPED = 400
_MOST_GROUPS = 60
_MOST_NAMES = 40

MORE = (
    "`--namespace`, `--source` and `--destination` show a part as a table; "
    "`--format csv` and `--format json` have every pair"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Sources that have the same verdicts, and what each of them may open."""

    sources: str
    reach: tuple[tuple[Cell, str], ...]


def large(block: Block) -> bool:
    """Tell whether a matrix of a block could not be read at a glance."""
    return any(
        len(side) > _MOST_COLUMNS or sum(not each.external for each in side) > _MOST_PODS
        for side in (block.sources, block.destinations)
    )


def totals(summary: Summary) -> str:
    """Write how many pairs are open."""
    total = summary.total
    counts = (
        (total.allowed, "open"),
        (total.partial, "open on some ports"),
        (total.denied, "closed"),
        (total.unknown, "not known"),
    )
    return f"{total.pairs:,} pairs: " + ", ".join(f"{number:,} {word}" for number, word in counts if number)


def listings(view: View, block: Block, words: Words, labels: Labels) -> tuple[list[Listing], str]:
    """Return who reaches what, sources with equal verdicts together, and how many groups are left out."""
    found = groups(view, block)
    shown = [_listing(group, block, words, labels) for group in found[:_MOST_GROUPS]]
    more = len(found) - len(shown)
    return shown, f"and {more:,} more groups of sources; every pair is in `--format csv`" if more else ""


def _listing(group: Group, block: Block, words: Words, labels: Labels) -> Listing:
    rest = "everything else" if len(group.reach) > 1 else "everything"
    return Listing(
        sources=listed(labels.several(group.sources, block.sources), _MOST_NAMES),
        reach=tuple(
            (
                words.cell(bounds),
                listed(labels.several(found, block.destinations), _MOST_NAMES) if bounds.possible else rest,
            )
            for bounds, found in group.reach
        ),
    )
