"""The matrix of all class pairs as arrays, block by block: counting for clusters of thousands of classes.

Comes in: an engine and weights. Goes out: what `counting.counts` promises. Rows become arrays of small
numbers, one for each cell that occurs. Most pairs of a large cluster are closed, because one of the two ends
lets nothing pass: only the others are looked at, each by one look-up in a table of cells against cells, which
is filled as combinations turn up.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from analyzer.bounds import NONE
from analyzer.counting import Status
from analyzer.model import Direction
from analyzer.pairs import profiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from analyzer.bitmaps import Bitmap
    from analyzer.bounds import Bounds
    from analyzer.counting import Counts
    from analyzer.engine import Engine
    from analyzer.sets import PortSet

    # Unsigned integers, as wide as the numbers need.
    Numbers = NDArray[np.unsignedinteger[Any]]

_BLOCK = 256
_MOST_THREADS = 4
# Stands in the table where a status plus one is not known yet.
_UNSEEN = 0


def counts(engine: Engine, groups: Sequence[Sequence[int]], mask: PortSet) -> Iterator[tuple[int, Counts]]:
    """Yield for each source class the weight of destinations, by group and status."""
    size = len(engine.classes)
    inside = size - engine.matcher.external.bit_count()  # external classes are the last ones
    matrix = _Matrix(engine, mask)
    # NumPy lets other threads run while it computes.
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_THREADS)) as threads:
        for first, last, seen in ((0, inside, size), (inside, size, inside)):
            count = partial(matrix.count, seen=seen, weights=_Weights([group[:seen] for group in groups]))
            blocks = (slice(start, min(start + _BLOCK, last)) for start in range(first, last, _BLOCK))
            yield from enumerate(chain.from_iterable(threads.map(count, blocks)), first)


class _Matrix:
    """Both directions together."""

    def __init__(self, engine: Engine, mask: PortSet) -> None:
        self._sent = _Rows(engine, Direction.EGRESS)
        self._received = _Rows(engine, Direction.INGRESS)
        self._statuses = _Statuses(self._sent.bounds, self._received.bounds, mask)

    def count(self, sources: slice, *, seen: int, weights: _Weights) -> list[Counts]:
        """Count what some sources get of the first `seen` classes."""
        sends, receives = self._sent.of_subjects(sources, seen), self._received.of_peers(sources, seen)
        both = np.logical_and(sends, receives)
        # Quicker than `nonzero` of both dimensions at once.
        places = np.flatnonzero(both)
        here = np.repeat(np.arange(len(both)), np.count_nonzero(both, axis=1))
        there = places - here * seen
        sent = self._sent.cells(here + sources.start, sends.take(places))
        received = self._received.cells(there, receives.take(places))
        return weights.count(len(both), here, there, self._statuses.of(sent, received))


class _Weights:
    """What each class weighs in each group, as layers: in a layer a class belongs to one group.

    Most classes are in one group only, so that there are few layers.
    """

    def __init__(self, groups: Sequence[Sequence[int]]) -> None:
        weights = np.asarray(groups, dtype=np.float64)
        self._totals = weights.sum(axis=1)
        self._layers: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
        left, every = weights.copy(), np.arange(weights.shape[1])
        while left.any():
            group = left.argmax(axis=0)
            self._layers.append((group, left[group, every]))
            left[group, every] = 0

    def count(
        self, sources: int, here: NDArray[np.int64], there: NDArray[np.int64], found: NDArray[np.uint8]
    ) -> list[Counts]:
        """Return for each source the weight by group and status; pairs that are not given are denied."""
        shape = (sources, len(self._totals), len(Status))
        summed = np.zeros(shape)
        for group, weight in self._layers:
            place = here * (shape[1] * shape[2])
            place += (group * shape[2])[there]
            place += found
            summed += np.bincount(place, weight[there], summed.size).reshape(shape)
        summed[:, :, Status.DENIED] += self._totals - summed.sum(axis=2)
        counted: list[Counts] = summed.astype(np.int64).tolist()
        return counted


class _Rows:
    """The rows of one direction as arrays: a number for each class, which says something within its row only.

    Few cells occur in one row, so that a byte holds it nearly always. Number 0 is NONE. `cells` tells what
    the numbers stand for: indices of `bounds`.
    """

    def __init__(self, engine: Engine, direction: Direction) -> None:
        found = profiles(engine, direction)
        rows = [[NONE, *(cell for cell in row if cell != NONE)] for row, _ in found]
        indices = {cell: index for index, cell in enumerate(dict.fromkeys(chain.from_iterable(rows)))}
        self.bounds = [engine.algebra.cells[cell] for cell in indices]
        self._cells = np.fromiter((indices[cell] for row in rows for cell in row), np.int64)
        self._profile = np.zeros(len(engine.classes), dtype=np.int64)
        most = max(map(len, rows))
        self._lines: Numbers = np.zeros((len(found), len(engine.classes)), np.min_scalar_type(most))
        for index, (row, subjects) in enumerate(found):
            self._profile[subjects] = index
            _fill(self._lines[index], [row.get(cell, 0) for cell in rows[index]])
        self._starts = np.cumsum([0, *map(len, rows)])[self._profile]

    def of_subjects(self, some: slice, seen: int) -> Numbers:
        """Return what some subjects do to the first `seen` classes, shape (subjects, seen)."""
        return self._lines[self._profile[some], :seen]

    def of_peers(self, some: slice, seen: int) -> Numbers:
        """Return what the first `seen` classes do to some peers, shape (peers, seen)."""
        return np.take(np.ascontiguousarray(self._lines[:, some].T), self._profile[:seen], axis=1)

    def cells(self, subjects: NDArray[np.int64], numbers: Numbers) -> NDArray[np.int64]:
        """Return the indices of the bounds that numbers in the rows of these subjects stand for."""
        found: NDArray[np.int64] = self._cells[self._starts[subjects] + numbers]
        return found


def _fill(line: Numbers, parts: Sequence[Bitmap]) -> None:
    """Write into a line of zeros which of the parts of a partition each class is in.

    The binary digits of the parts' numbers become bitmaps: few, however many parts.
    """
    for digit in range((len(parts) - 1).bit_length()):
        bits = 0
        for number, part in enumerate(parts):
            if number >> digit & 1:
                bits |= part
        packed = np.frombuffer(bits.to_bytes((len(line) + 7) // 8, "little"), dtype=np.uint8)
        # Slicing and multiplying take a quarter of the time of `count` and of a shift.
        ones = np.unpackbits(packed, bitorder="little")[: len(line)]
        line |= np.multiply(ones, 1 << digit, dtype=line.dtype)


class _Statuses:
    """Statuses of pairs of cells, computed when a pair is first seen."""

    def __init__(self, sent: Sequence[Bounds], received: Sequence[Bounds], mask: PortSet) -> None:
        pieces = _Pieces((mask, *(ports for bounds in (*sent, *received) for ports in bounds)))
        everything = pieces.of(mask)
        self._all = everything
        self._sent, self._received = (
            [(pieces.of(each.certain) & everything, pieces.of(each.possible) & everything) for each in bounds]
            for bounds in (sent, received)
        )
        self._table = np.zeros(len(sent) * len(received), dtype=np.uint8)

    def of(self, sends: NDArray[np.int64], receives: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the statuses of pairs of bounds, given by their indices, of the same shape."""
        index = sends * len(self._received) + receives
        found: NDArray[np.uint8] = self._table[index]
        unseen = found == _UNSEEN
        if unseen.any():
            for pair in np.unique(index[unseen]).tolist():
                self._table[pair] = self._status(*divmod(pair, len(self._received))) + 1
            found = self._table[index]
        return found - 1

    def _status(self, sent: int, received: int) -> Status:
        """Say the same as `counting.status`, of sets of pieces."""
        certain_sent, possible_sent = self._sent[sent]
        certain_received, possible_received = self._received[received]
        certain = certain_sent & certain_received
        if certain != possible_sent & possible_received:
            return Status.UNKNOWN
        if certain == self._all:
            return Status.ALLOWED
        return Status.PARTIAL if certain else Status.DENIED


class _Pieces:
    """The pieces that some port sets cut the ports into, so that each of the sets is a bitmap of pieces."""

    def __init__(self, sets: Iterable[PortSet]) -> None:
        self._known: dict[PortSet, Bitmap] = dict.fromkeys(sets, 0)
        ends = (end for ports in self._known for first, last in ports.intervals for end in (first, last + 1))
        self._cuts = sorted(set(ends))
        for ports in self._known:
            self._known[ports] = sum(map(self._between, ports.intervals))

    def _between(self, interval: tuple[int, int]) -> Bitmap:
        first, end = bisect_left(self._cuts, interval[0]), bisect_left(self._cuts, interval[1] + 1)
        return (1 << end) - (1 << first)

    def of(self, ports: PortSet) -> Bitmap:
        """Return the pieces of one of the sets."""
        return self._known[ports]
