"""The matrix of all class pairs as arrays, block by block: counting for clusters of thousands of classes.

Comes in: an engine and weights. Goes out: what `counting.counts` promises. Rows become arrays of cell
numbers, shape (distinct rows, classes); a pair's status is one look-up in a table that is filled as
combinations of cells turn up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analyzer.bounds import NONE
from analyzer.counting import Status, status
from analyzer.model import Direction
from analyzer.pairs import profiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from analyzer.counting import Counts
    from analyzer.engine import Engine, Row
    from analyzer.sets import PortSet

_BLOCK = 256
_UNSEEN = 255


def counts(engine: Engine, groups: Sequence[Sequence[int]], mask: PortSet) -> Iterator[tuple[int, Counts]]:
    """Yield for each source class the weight of destinations, by group and status."""
    size = len(engine.classes)
    sent_ids, sent = _directions(engine, Direction.EGRESS)
    received_ids, received = _directions(engine, Direction.INGRESS)
    lookup = _Statuses(engine, mask)
    weights = np.asarray(groups, dtype=np.float64).T
    for start in range(0, size, _BLOCK):
        sources = slice(start, min(start + _BLOCK, size))
        sends = sent[sent_ids[sources]]
        receives = received[:, sources][received_ids].T
        statuses = lookup.of(sends, receives)
        totals = np.stack([(statuses == each) @ weights for each in Status], axis=2)
        for offset, found in enumerate(totals):
            yield start + offset, [[round(weight) for weight in group] for group in found.tolist()]


def _directions(engine: Engine, direction: Direction) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return for each class the number of its row, and the rows as cells, shape (rows, classes)."""
    rows = profiles(engine, direction)
    numbers = np.zeros(len(engine.classes), dtype=np.int64)
    cells = np.zeros((len(rows), len(engine.classes)), dtype=np.uint32)
    for number, (row, subjects) in enumerate(rows):
        numbers[subjects] = number
        _fill(cells[number], row)
    return numbers, cells


def _fill(line: NDArray[np.uint32], row: Row) -> None:
    """Write the cells of a row; its bitmaps are disjoint, so that adding them up is right."""
    size = len(line)
    for cell, bits in row.items():
        if cell != NONE:
            packed = np.frombuffer(bits.to_bytes((size + 7) // 8, "little"), dtype=np.uint8)
            line += np.unpackbits(packed, count=size, bitorder="little").astype(np.uint32) * np.uint32(cell)


class _Statuses:
    """Statuses of pairs of cells, computed when a pair is first seen."""

    def __init__(self, engine: Engine, mask: PortSet) -> None:
        self._engine = engine
        self._mask = mask
        self._width = len(engine.algebra.cells)
        self._table = np.full(self._width * self._width, _UNSEEN, dtype=np.uint8)

    def of(self, sends: NDArray[np.uint32], receives: NDArray[np.uint32]) -> NDArray[np.uint8]:
        """Return the statuses of pairs of cells, of the same shape."""
        index = sends.astype(np.int64) * self._width + receives
        found: NDArray[np.uint8] = self._table[index]
        unseen = found == _UNSEEN
        if unseen.any():
            for pair in np.unique(index[unseen]).tolist():
                self._table[pair] = self._status(*divmod(pair, self._width))
            found = self._table[index]
        return found

    def _status(self, sent: int, received: int) -> Status:
        algebra = self._engine.algebra
        return status(algebra.cells[algebra.both(sent, received)], self._mask)
