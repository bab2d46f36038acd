"""Verdicts of all pairs, counted by status and by groups of destinations.

Comes in: an engine and a weight for each destination class. Goes out: for every source class how much
weight it reaches wholly, in part, perhaps or not at all. Large clusters are counted with NumPy where it is
installed; the numbers are the same.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from analyzer.bitmaps import Weights
from analyzer.pairs import pairs
from analyzer.sets import PortSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.bounds import Bounds
    from analyzer.engine import Engine

# From this many classes on, array operations are worth the import of NumPy.
LARGE = 1500


class Status(IntEnum):
    """What a source gets of a destination, in the ports that verdicts cover."""

    ALLOWED = 0
    PARTIAL = 1
    DENIED = 2
    UNKNOWN = 3


def status(bounds: Bounds, mask: PortSet) -> Status:
    """Classify a verdict; UNKNOWN as soon as one port is."""
    certain = bounds.certain & mask
    if bounds.certain is not bounds.possible and certain != bounds.possible & mask:
        return Status.UNKNOWN
    if certain == mask:
        return Status.ALLOWED
    return Status.PARTIAL if certain else Status.DENIED


# For each group of destinations, the weight in each status.
Counts = list[list[int]]


def counts(
    engine: Engine, groups: Sequence[Sequence[int]], mask: PortSet, large: int = LARGE
) -> Iterator[tuple[int, Counts]]:
    """Yield for each source class the weight of destinations, by group and status.

    `groups` holds for each group a weight for each class: shape (groups, classes). The result has shape
    (groups, statuses). No policy sees what one external class does to another: of an external source only
    the classes inside the cluster are counted.
    """
    if len(engine.classes) >= large:
        try:
            from analyzer.matrix import counts as array_counts
        except ImportError:
            pass
        else:
            return array_counts(engine, groups, mask)
    return _bitmap_counts(engine, groups, mask)


def _bitmap_counts(
    engine: Engine, groups: Sequence[Sequence[int]], mask: PortSet
) -> Iterator[tuple[int, Counts]]:
    weights = [Weights(group) for group in groups]
    known: dict[int, Status] = {}
    external = engine.matcher.external
    for source, row in pairs(engine):
        by_status = [0] * len(Status)
        counted = ~external if external >> source & 1 else ~0
        for cell, bits in row.items():
            if cell not in known:
                known[cell] = status(engine.algebra.cells[cell], mask)
            by_status[known[cell]] |= bits & counted
        yield source, [[weight.count(bits) for bits in by_status] for weight in weights]
