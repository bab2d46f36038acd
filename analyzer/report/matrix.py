"""Tables of verdicts before they are drawn: who to whom, or namespace to namespace.

Comes in: a block of pairs, or counts by namespace. Goes out: labels and cells, without any layout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.load.text import printable
from analyzer.model import Match
from analyzer.reachability import exemption
from analyzer.report.words import DENIED, ITSELF, UNKNOWN, Cell, Tone
from analyzer.summary import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analyzer.endpoints import Endpoint
    from analyzer.filters import Block, View
    from analyzer.report.labels import Labels
    from analyzer.report.words import Words
    from analyzer.summary import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Rows are sources, columns destinations.

    `heads`: the labels of the columns in lines of their own. `legend`: signs of this matrix alone.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    heads: tuple[tuple[str, ...], ...]
    cells: tuple[tuple[Cell, ...], ...]
    legend: tuple[tuple[str, str], ...] = ()

    def texts(self) -> set[str]:
        """Return every text that stands in a cell."""
        return {cell.text for row in self.cells for cell in row}


def between_endpoints(view: View, block: Block, words: Words, labels: Labels) -> Matrix:
    """Return the verdicts of a block."""
    return Matrix(
        rows=tuple(map(labels.of, block.sources)),
        columns=tuple(map(labels.of, block.destinations)),
        heads=tuple(_head(each, labels.of(each)) for each in block.destinations),
        cells=tuple(
            tuple(_cell(view, words, source, destination) for destination in block.destinations)
            for source in block.sources
        ),
    )


def _head(endpoint: Endpoint, label: str) -> tuple[str, ...]:
    """Put the namespace above the name, so that columns are narrow."""
    if endpoint.external:
        return (label,)
    *before, last = label.split("/")
    return (*(f"{part}/" for part in before), last)


def _cell(view: View, words: Words, source: Endpoint, destination: Endpoint) -> Cell:
    if source.external and destination.external:
        return Cell("")
    if source is destination and exemption(source, destination) is Match.YES:
        return Cell(ITSELF)
    return words.cell(view.verdict(source, destination))


def between_namespaces(groups: Mapping[tuple[str, str], Tally], words: Words, *, coarse: bool) -> Matrix:
    """Return the share of open pairs between namespaces; when `coarse`, only whether some are open."""
    rows = tuple(dict.fromkeys(source for source, _ in groups))
    columns = tuple(dict.fromkeys(destination for _, destination in groups))
    cells = tuple(
        tuple(_tally(groups.get((row, column)), words, coarse=coarse) for column in columns) for row in rows
    )
    tones = {cell.tone for row in cells for cell in row}
    shares = (("%", "pairs that are open, at least on some ports"),) if Tone.PART in tones else ()
    return Matrix(
        rows=tuple(map(_namespace, rows)),
        columns=tuple(map(_namespace, columns)),
        heads=tuple((_namespace(column),) for column in columns),
        cells=cells,
        legend=() if coarse else shares,
    )


def _namespace(name: str) -> str:
    return "external" if name == OUTSIDE else printable(name)


def _tally(tally: Tally | None, words: Words, *, coarse: bool) -> Cell:
    if tally is None or not tally.pairs:
        return Cell("")
    if tally.allowed == tally.pairs:
        return Cell(words.all, Tone.OPEN)
    if tally.denied == tally.pairs:
        return Cell(DENIED, Tone.CLOSED)
    if tally.unknown == tally.pairs:
        return Cell(UNKNOWN, Tone.UNKNOWN)
    some = "some" if coarse else _share(tally.allowed + tally.partial, tally.pairs)
    return Cell(f"{some} {UNKNOWN}", Tone.UNKNOWN) if tally.unknown else Cell(some, Tone.PART)


def _share(part: int, whole: int) -> str:
    """Write a share in percent; only nothing is 0 and only everything is 100."""
    if part * 100 < whole:
        return "<1%" if part else "0%"
    if part < whole and part * 100 > whole * 99:
        return ">99%"
    return f"{part * 100 // whole}%"
