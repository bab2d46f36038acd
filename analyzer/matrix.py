"""The matrix of all class pairs as arrays, block by block: counting for clusters of thousands of classes.

Comes in: an engine and weights. Goes out: what `counting.counts` promises. Rows become arrays of small
numbers, shape (distinct rows, classes), one for each cell that occurs; a pair's status is one look-up in a
table that is filled as combinations turn up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analyzer.bitmaps import members
from analyzer.bounds import Bounds
from analyzer.counting import Status, status
from analyzer.model import Direction
from analyzer.pairs import profiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from analyzer.bitmaps import Bitmap
    from analyzer.counting import Counts
    from analyzer.engine import Engine
    from analyzer.sets import PortSet

_BLOCK = 256
_UNSEEN = 255
# Bitmaps with fewer members than one in so many are written member by member.
_SPARSE = 64


def counts(engine: Engine, groups: Sequence[Sequence[int]], mask: PortSet) -> Iterator[tuple[int, Counts]]:
    """Yield for each source class the weight of destinations, by group and status."""
    size = len(engine.classes)
    sent = _Rows(engine, Direction.EGRESS)
    received = _Rows(engine, Direction.INGRESS)
    statuses = _Statuses(sent.bounds, received.bounds, mask)
    weights = np.asarray(groups, dtype=np.float64).T
    for start in range(0, size, _BLOCK):
        sources = slice(start, min(start + _BLOCK, size))
        found = statuses.of(sent.of_subjects(sources), received.of_peers(sources))
        totals = np.stack([(found == each) @ weights for each in Status], axis=2)
        for offset, numbers in enumerate(totals):
            yield start + offset, [[round(weight) for weight in group] for group in numbers.tolist()]


class _Rows:
    """The rows of one direction; `bounds` are those that occur, by the numbers that stand for them."""

    def __init__(self, engine: Engine, direction: Direction) -> None:
        found = profiles(engine, direction)
        cells = dict.fromkeys(cell for row, _ in found for cell in row)
        numbers = {cell: number for number, cell in enumerate(cells)}
        self.bounds = [engine.algebra.cells[cell] for cell in cells]
        self._profile = np.zeros(len(engine.classes), dtype=np.int64)
        self._lines = np.zeros((len(found), len(engine.classes)), dtype=np.uint32)
        for index, (row, subjects) in enumerate(found):
            self._profile[subjects] = index
            for cell, bits in row.items():
                _fill(self._lines[index], bits, numbers[cell])

    def of_subjects(self, some: slice) -> NDArray[np.uint32]:
        """Return the rows of some subjects, shape (subjects, classes)."""
        return self._lines[self._profile[some]]

    def of_peers(self, some: slice) -> NDArray[np.uint32]:
        """Return what all subjects do to some peers, shape (peers, classes)."""
        return self._lines[:, some][self._profile].T


def _fill(line: NDArray[np.uint32], bits: Bitmap, number: int) -> None:
    """Write a cell into a row, which is zero where its bitmap is: the bitmaps of a row are disjoint."""
    if not number:
        return
    if bits.bit_count() * _SPARSE < len(line):
        line[list(members(bits))] = number
    else:
        packed = np.frombuffer(bits.to_bytes((len(line) + 7) // 8, "little"), dtype=np.uint8)
        line += np.unpackbits(packed, count=len(line), bitorder="little") * np.uint32(number)


class _Statuses:
    """Statuses of pairs of cells, computed when a pair is first seen."""

    def __init__(self, sent: Sequence[Bounds], received: Sequence[Bounds], mask: PortSet) -> None:
        self._sent = [_masked(bounds, mask) for bounds in sent]
        self._received = [_masked(bounds, mask) for bounds in received]
        self._mask = mask
        self._table = np.full(len(sent) * len(received), _UNSEEN, dtype=np.uint8)

    def of(self, sends: NDArray[np.uint32], receives: NDArray[np.uint32]) -> NDArray[np.uint8]:
        """Return the statuses of pairs of cells, of the same shape."""
        index = sends.astype(np.int64) * len(self._received) + receives
        found: NDArray[np.uint8] = self._table[index]
        unseen = found == _UNSEEN
        if unseen.any():
            for pair in np.unique(index[unseen]).tolist():
                sent, received = divmod(pair, len(self._received))
                self._table[pair] = self._status(self._sent[sent], self._received[received])
            found = self._table[index]
        return found

    def _status(self, sent: Bounds, received: Bounds) -> Status:
        certain = sent.certain & received.certain
        if sent.certain is sent.possible and received.certain is received.possible:
            return status(Bounds(certain, certain), self._mask)
        return status(Bounds(certain, sent.possible & received.possible), self._mask)


def _masked(bounds: Bounds, mask: PortSet) -> Bounds:
    """Restrict bounds; where nothing is unknown, both are one object."""
    certain = bounds.certain & mask
    possible = bounds.possible & mask
    return Bounds(certain, certain if certain == possible else possible)
