"""The report for people: what was analyzed, a matrix that fits the screen, and what stands out.

Comes in: an analysis and the view of it that was asked for. Goes out: text for a terminal of some width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from analyzer.report import sections
from analyzer.report.grid import draw
from analyzer.report.labels import Labels, Notes
from analyzer.report.matrix import Matrix, between_endpoints, between_namespaces
from analyzer.report.page import MORE, MOST_GROUPED, large, listings, totals
from analyzer.report.words import Cell, Tone, Words
from analyzer.summary import summarize

if TYPE_CHECKING:
    from analyzer.filters import Block
    from analyzer.report import Report
    from analyzer.report.grid import Drawing
    from analyzer.report.sections import Section
    from analyzer.summary import Summary

_NARROWEST = 40
_COLOURS = {Tone.OPEN: "32", Tone.PART: "36", Tone.CLOSED: "31", Tone.UNKNOWN: "33", Tone.FAINT: "2"}
_TITLE = "1"
_SPACES = "    "


def render(report: Report) -> Iterator[str]:
    """Yield the report, part by part."""
    page = _Page(report)
    for lines in page.parts():
        yield "\n".join((*lines, "")) if lines else ""


class _Page:
    """One report being written."""

    def __init__(self, report: Report) -> None:
        view = report.view
        self._analysis = report.analysis
        self._view = view
        self._color = report.color
        self._width = max(report.width, _NARROWEST)
        self._notes = Notes()
        self._labels = Labels(view, self._notes)
        self._words = Words(view.ports)

    def parts(self) -> Iterator[Sequence[str]]:
        """Yield groups of lines."""
        summary = summarize(self._analysis.reachability, self._view.ports)
        yield _wrapped(sections.headline(self._analysis, summary), self._width)
        if self._view.whole and large(self._view.blocks[0]):
            yield ["", *self._overview(summary)]
        else:
            for block in self._view.blocks:
                yield ["", *self._block(block)]
        labels = self._labels
        for section in (
            *sections.protection(self._view, summary, labels),
            *sections.reach_of_services(self._view, labels),
            *sections.missing_facts(self._view, summary, labels),
        ):
            yield ["", *self._section(section)]
        if notes := self._notes.lines():
            yield ["", *self._columns(notes)]

    def _overview(self, summary: Summary) -> Iterator[str]:
        """Count connections, also between namespaces where these are few enough."""
        yield from _wrapped(totals(summary), self._width)
        yield ""
        if found := list(self._parts_of_overview(summary)):
            yield from found
            yield ""
        yield from _wrapped(MORE, self._width)

    def _parts_of_overview(self, summary: Summary) -> Iterator[str]:
        if summary.groups:
            for coarse in (False, True):
                matrix = between_namespaces(summary.groups, self._words, coarse=coarse)
                if drawing := self._draw(matrix, signs=coarse):
                    yield from self._drawn(drawing, matrix)
                    return
        elif summary.endpoints <= MOST_GROUPED:
            yield from self._grouped(self._view.blocks[0])

    def _block(self, block: Block) -> Iterator[str]:
        if block.title:
            yield self._paint(block.title, _TITLE)
            yield ""
        matrix = None if large(block) else between_endpoints(self._view, block, self._words, self._labels)
        drawing = matrix and self._draw(matrix, signs=True)
        if matrix and drawing:
            yield from self._drawn(drawing, matrix)
        else:
            yield from self._grouped(block)

    def _draw(self, matrix: Matrix, *, signs: bool) -> Drawing | None:
        return draw(
            matrix, self._width, self._notes, self._cell, everything=self._words.all if signs else None
        )

    def _drawn(self, drawing: Drawing, matrix: Matrix) -> Iterator[str]:
        """Write a drawn matrix and what its signs mean."""
        yield from drawing.lines
        if drawing.columns:
            yield ""
            yield from self._hanging("columns: ", 9, ", ".join(drawing.columns))
        legend = [*self._words.legend(matrix.texts()), *matrix.legend]
        meanings = dict(legend)
        signs = [(sign, meanings.get(cell.text, cell.text)) for sign, cell in drawing.signs]
        yield ""
        yield from self._legend(signs or legend)

    def _legend(self, signs: Sequence[tuple[str, str]]) -> Iterator[str]:
        """Write signs with their meanings, as many on a line as fit."""
        lines: list[list[str]] = [[]]
        for sign, meaning in signs:
            text = f"{sign}  {meaning}"
            if lines[-1] and len(_SPACES.join((*lines[-1], text))) > self._width:
                lines.append([])
            lines[-1].append(text)
        return map(_SPACES.join, lines)

    def _grouped(self, block: Block) -> Iterator[str]:
        """Write who reaches what, sources with equal verdicts together."""
        found, more = listings(self._view, block, self._words, self._labels)
        for listing in found:
            yield from _wrapped(listing.sources, self._width)
            size = min(max(len(cell.text) for cell, _ in listing.reach), self._width // 2)
            for cell, text in listing.reach:
                head = f"  {self._cell(cell)}{' ' * (size - len(cell.text))}  "
                yield from self._hanging(head, max(size, len(cell.text)) + 4, text)
            yield ""
        if more:
            yield more
            yield ""
        shown = {cell.text for listing in found for cell, _ in listing.reach}
        yield from self._legend(self._words.legend(shown))

    def _section(self, section: Section) -> Iterator[str]:
        yield self._paint(section.title, _TITLE)
        yield from self._columns([("", *row) for row in section.rows])

    def _columns(self, rows: Sequence[Sequence[str]]) -> Iterator[str]:
        """Write rows with their texts below each other; the last text of each is wrapped."""
        most = max(map(len, rows))
        sizes = [
            max(map(len, texts))
            for texts in zip(*(row[:-1] for row in rows if len(row) == most), strict=True)
        ]
        left = sum(sizes) + 2 * len(sizes)
        for row in rows:
            head = "".join(text.ljust(size) + "  " for text, size in zip(row[:-1], sizes, strict=False))
            if left <= self._width * 2 // 3:
                yield from self._hanging(head, left if len(row) == most else len(head), row[-1])
            else:
                # A row without a first text belongs to the row above.
                yield from _wrapped(head.strip(), self._width, "  " if row[1] else "    ")
                yield from _wrapped(row[-1], self._width, "      ")

    def _hanging(self, head: str, indent: int, text: str) -> Iterator[str]:
        """Write a text behind a head, and its further lines below its start."""
        for line in _wrapped(text, max(self._width - indent, _NARROWEST // 2)):
            yield (head + line).rstrip()
            head = " " * indent

    def _cell(self, cell: Cell) -> str:
        return self._paint(cell.text, _COLOURS[cell.tone])

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._color and text.strip() else text


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Break a text between words only: names are searched for and copied."""
    lines = wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [""]
