"""Both directions together: what every class may open to every other.

Comes in: an engine. Goes out: for each source class a row over the destination classes, in which its own
egress and every destination's ingress are combined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.bitmaps import bitmap, members
from analyzer.bounds import NONE
from analyzer.engine import at
from analyzer.model import Direction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.bitmaps import Bitmap
    from analyzer.bounds import Cell
    from analyzer.engine import Engine, Row


class Pairs:
    """The rows of both directions together, made when asked for: all of them need much memory."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._received = _Received(engine)

    def row(self, source: int) -> Row:
        """Return what a source class may open to every destination class."""
        sends = self._engine.row(Direction.EGRESS, source)
        return _combine(self._engine, sends, self._received.row(source))


def pairs(engine: Engine) -> Iterator[tuple[int, Row]]:
    """Yield each source class with a row of what it may open to every destination class."""
    found = Pairs(engine)
    for source in range(len(engine.classes)):
        yield source, found.row(source)


def row_of(engine: Engine, source: int) -> Row:
    """Return one row of `Pairs`: quicker where only a few are asked for."""
    receives: dict[Cell, list[int]] = {}
    for row, subjects in profiles(engine, Direction.INGRESS):
        receives.setdefault(at(row, source), []).extend(subjects)
    sends = engine.row(Direction.EGRESS, source)
    return _combine(engine, sends, {cell: bitmap(subjects) for cell, subjects in receives.items()})


def _combine(engine: Engine, sends: Row, receives: Row) -> Row:
    both = engine.algebra.both
    row: Row = {}
    for sent, there in sends.items():
        if sent == NONE:
            row[NONE] = row.get(NONE, 0) | there
            continue
        for received, bits in receives.items():
            if common := there & bits:
                cell = both(sent, received)
                row[cell] = row.get(cell, 0) | common
    return row


def profiles(engine: Engine, direction: Direction) -> list[tuple[Row, list[int]]]:
    """Return the distinct rows of a direction, each with the classes that have it."""
    rows: dict[int, tuple[Row, list[int]]] = {}
    for subject in range(len(engine.classes)):
        row = engine.row(direction, subject)
        rows.setdefault(id(row), (row, []))[1].append(subject)
    return list(rows.values())


class _Received:
    """The ingress rows of all destinations, seen from the sources.

    What a destination does to most sources is written down once, and only the others are listed.
    """

    def __init__(self, engine: Engine) -> None:
        self._common: Row = {}
        self._others: dict[int, Row] = {}
        for row, subjects in profiles(engine, Direction.INGRESS):
            self._add(row, bitmap(subjects))

    def _add(self, row: Row, destinations: Bitmap) -> None:
        usual = max(row, key=lambda cell: row[cell].bit_count())
        self._common[usual] = self._common.get(usual, 0) | destinations
        for cell, sources in row.items():
            if cell != usual:
                for source in members(sources):
                    other = self._others.setdefault(source, {})
                    other[cell] = other.get(cell, 0) | destinations

    def row(self, source: int) -> Row:
        """Return what the ingress policies of every destination let pass from a source."""
        row = dict(self._others.get(source, {}))
        listed = 0
        for destinations in row.values():
            listed |= destinations
        for cell, destinations in self._common.items():
            if usual := destinations & ~listed:
                row[cell] = row.get(cell, 0) | usual
        return row
