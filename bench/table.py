"""Figures as a table: numbers in, Markdown for people and JSON for programs out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Cell = str | int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A titled table; the columns' names hold the units of their numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def markdown(self) -> str:
        """Return the table as Markdown, aligned so that it reads well as it stands."""
        cells = [self.columns, *(tuple(text(cell) for cell in row) for row in self.rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(self.columns))]
        numeric = [
            all(not isinstance(row[column], str) for row in self.rows) for column in range(len(self.columns))
        ]
        rule = [
            "-" * (width - 1) + ":" if right else "-" * width
            for width, right in zip(widths, numeric, strict=True)
        ]
        lines = [line(cells[0], widths, numeric), f"| {' | '.join(rule)} |"]
        lines += [line(row, widths, numeric) for row in cells[1:]]
        return f"## {self.title}\n\n" + "\n".join(lines) + "\n"

    def document(self) -> dict[str, object]:
        """Return the table for a JSON file, its numbers unrounded."""
        return {"title": self.title, "columns": list(self.columns), "rows": [list(row) for row in self.rows]}


def line(row: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    """Return one line, numbers to the right."""
    padded = [
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(row, widths, numeric, strict=True)
    ]
    return f"| {' | '.join(padded)} |"


def text(cell: Cell) -> str:
    """Return a cell for people: three digits of what was measured, all digits of what was chosen."""
    if isinstance(cell, float):
        return f"{cell:,.0f}" if cell >= 100 else f"{cell:#.3g}"
    return f"{cell:,}" if isinstance(cell, int) else cell
