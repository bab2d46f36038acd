"""A matrix drawn in characters of equal width: in words, with numbered columns, or in single signs.

Comes in: a matrix and the width that there is. Goes out: lines; None when it does not fit in any way.
Written here rather than with a library because importing one takes longer than a whole small analysis.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_letters
from typing import TYPE_CHECKING

from analyzer.report.words import DENIED, ITSELF, UNKNOWN, Cell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from analyzer.report.labels import Notes
    from analyzer.report.matrix import Matrix

    Paint = Callable[[Cell], str]

_GAP = "  "
_LONGEST_CELL = 20
_CORNER = "from \\ to"
_OPEN = "+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Lines of a drawn matrix.

    `signs`: the single characters that stand for words in it. `columns`: what the numbers above the
    columns mean where the rows do not tell.
    """

    lines: tuple[str, ...]
    signs: tuple[tuple[str, Cell], ...] = ()
    columns: tuple[str, ...] = ()


def draw(matrix: Matrix, width: int, notes: Notes, paint: Paint, everything: str | None) -> Drawing | None:
    """Draw in the most readable way that fits.

    `everything`: the word for all ports; without one, verdicts are not reduced to single signs.
    """
    found = _in_words(matrix, width, notes, paint, numbered=False)
    found = found or _in_words(matrix, width, notes, paint, numbered=True)
    if found or everything is None:
        return found
    return _in_signs(matrix, width, everything, paint)


def _in_words(matrix: Matrix, width: int, notes: Notes, paint: Paint, *, numbered: bool) -> Drawing | None:
    """Draw with verdicts written out; columns under their names or under numbers."""
    numbers = tuple((str(each + 1),) for each in range(len(matrix.columns)))
    heads = _stacked(numbers if numbered else matrix.heads)
    lengths = [min(max(map(len, texts)), _LONGEST_CELL + len(" (99)")) for texts in _columns(matrix)]
    widths = [max(length, *map(len, head)) for head, length in zip(heads, lengths, strict=True)]
    labels = _rows(matrix, numbered=numbered)
    left = max(map(len, (*labels, _CORNER)))
    if left + sum(len(_GAP) + size for size in widths) > width:
        return None
    lines: list[str] = []
    for level in zip(*heads, strict=True):
        corner = "" if len(lines) + 1 < len(heads[0]) else _CORNER
        lines.append(
            _line(corner, left, [text.ljust(size) for text, size in zip(level, widths, strict=True)])
        )
    lines.append(_line("-" * left, left, ["-" * size for size in widths]))
    for label, row in zip(labels, matrix.cells, strict=True):
        cells = [_shortened(cell, notes) for cell in row]
        painted = [_padded(cell, size, paint) for cell, size in zip(cells, widths, strict=True)]
        lines.append(_line(label, left, painted))
    return Drawing(lines=tuple(lines), columns=_key(matrix) if numbered else ())


def _stacked(heads: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Give all heads the same number of lines, empty ones on top."""
    most = max(map(len, heads))
    return [("",) * (most - len(head)) + head for head in heads]


def _columns(matrix: Matrix) -> list[list[str]]:
    return [[row[index].text for row in matrix.cells] for index in range(len(matrix.columns))]


def _rows(matrix: Matrix, *, numbered: bool) -> tuple[str, ...]:
    """Return the labels of the rows, with the number of the column of the same name."""
    if not numbered or matrix.rows != matrix.columns:
        return matrix.rows
    digits = len(str(len(matrix.rows)))
    return tuple(f"{number:>{digits}} {label}" for number, label in enumerate(matrix.rows, start=1))


def _key(matrix: Matrix) -> tuple[str, ...]:
    """Return what the numbers of the columns mean, unless the rows have the same numbers."""
    if matrix.rows == matrix.columns:
        return ()
    return tuple(f"{number} {label}" for number, label in enumerate(matrix.columns, start=1))


def _line(label: str, left: int, cells: Sequence[str]) -> str:
    return _GAP.join((label.ljust(left), *cells)).rstrip()


def _padded(cell: Cell, width: int, paint: Paint) -> str:
    return paint(cell) + " " * (width - len(cell.text))


def _shortened(cell: Cell, notes: Notes) -> Cell:
    """Cut a long list of ports after a port, and put all of it into a note."""
    if len(cell.text) <= _LONGEST_CELL:
        return cell
    kept = cell.text[: _LONGEST_CELL - 2]
    cut = max(kept.rfind(","), kept.rfind(";"))
    return Cell(f"{kept[:cut] if cut > 0 else kept}.. {notes.mark(cell.text)}", cell.tone)


def _in_signs(matrix: Matrix, width: int, everything: str, paint: Paint) -> Drawing | None:
    """Draw one character a verdict: `+` for all ports, letters for some."""
    signs = _signs(matrix, everything)
    labels = _rows(matrix, numbered=True)
    left = max(map(len, labels))
    count, digits = len(matrix.columns), len(str(len(matrix.columns)))
    if signs is None or left + count * 2 + 1 > width:
        return None
    stacked = left + count * (digits + 1) + 1 > width
    size = 1 if stacked else digits
    lines = [f"{' ' * left}  {head}" for head in _heads(count, digits, stacked=stacked)]
    for label, row in zip(labels, matrix.cells, strict=True):
        cells = [" " * (size - 1) + paint(Cell(signs[cell.text], cell.tone)) for cell in row]
        lines.append(f"{label.ljust(left)}  {' '.join(cells)}".rstrip())
    used = {signs[cell.text]: cell for row in matrix.cells for cell in row if cell.text}
    return Drawing(
        lines=tuple(lines),
        signs=tuple((sign, used[sign]) for sign in signs.values() if sign in used),
        columns=_key(matrix),
    )


def _signs(matrix: Matrix, everything: str) -> dict[str, str] | None:
    """Choose a character for every text that occurs; None when there are not enough letters."""
    signs = {everything: _OPEN, DENIED: DENIED, ITSELF: ITSELF, UNKNOWN: UNKNOWN, "": " "}
    letters = iter(ascii_letters)
    for cell in (cell for row in matrix.cells for cell in row):
        if cell.text not in signs:
            if (letter := next(letters, None)) is None:
                return None
            signs[cell.text] = letter
    return signs


def _heads(count: int, digits: int, *, stacked: bool) -> list[str]:
    """Return the numbers of the columns, side by side or with their digits below each other."""
    numbers = [str(number).rjust(digits) for number in range(1, count + 1)]
    if not stacked:
        return [" ".join(numbers)]
    return [" ".join(number[digit] for number in numbers) for digit in range(digits)]
