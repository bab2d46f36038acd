"""The report as a picture: a matrix in SVG that any browser opens, light or dark as the reader likes it.

Comes in: a report. Goes out: one SVG document without scripts, links or fonts of its own. Rows are sources,
columns destinations; what stands in a cell is told in full when one points at it.
"""

from __future__ import annotations

from html import escape
from string import ascii_uppercase
from textwrap import wrap
from typing import TYPE_CHECKING

from analyzer.load.text import printable
from analyzer.report.picture import picture

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.report import Report
    from analyzer.report.picture import Node, Picture

# Pixels. A character of the font at this size is a little narrower than this.
_CHARACTER = 7.5
_LINE = 16
_ROW = 26
_MARGIN = 16
_PADDING = 10
_NARROWEST = 26
_LEAST_WIDTH = 480
_LONGEST_CELL = 12
_LONGEST_NAME = 44
_FONT = "12px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
_STYLE = f"""\
<style>
text {{ font: {_FONT}; fill: #1b1f24; }}
.faint {{ fill: #6e7781; }} .head {{ font-weight: bold; }} .middle {{ text-anchor: middle; }}
.paper {{ fill: #ffffff; }} .rule {{ stroke: #afb8c1; }} rect.cell {{ stroke: #ffffff; }}
rect.open {{ fill: #aceebb; }} rect.part {{ fill: #b6e3ff; }} rect.closed {{ fill: #f0f1f3; }}
rect.unknown {{ fill: #ffe08a; }} rect.faint {{ fill: none; stroke: none; }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #e6edf3; }} .faint {{ fill: #8b949e; }}
.paper {{ fill: #0d1117; }} .rule {{ stroke: #57606a; }} rect.cell {{ stroke: #0d1117; }}
rect.open {{ fill: #1a6334; }} rect.part {{ fill: #0c4a8a; }} rect.closed {{ fill: #20262e; }}
rect.unknown {{ fill: #7a5200; }} rect.faint {{ fill: none; stroke: none; }}
}}
</style>
"""


def render(report: Report) -> Iterator[str]:
    """Yield the document, part by part."""
    yield from draw(picture(report))


def draw(drawn: Picture) -> Iterator[str]:
    """Yield the document of a picture."""
    yield from _Sheet(drawn).parts()


class _Sheet:
    """One picture being drawn."""

    def __init__(self, drawn: Picture) -> None:
        self._picture = drawn
        self._rows = [index for index, node in enumerate(drawn.nodes) if node.sends]
        self._columns = [index for index, node in enumerate(drawn.nodes) if node.receives]
        self._names = [_name(node) for node in drawn.nodes]
        self._letters = self._long_texts()
        longest = max(len(self._shown(text)) for text in self._texts())
        self._cell = max(_NARROWEST, longest * _CHARACTER + _PADDING)
        self._left = _MARGIN + max(len(self._names[index]) for index in self._rows) * _CHARACTER + _PADDING
        tallest = max(len(self._names[index]) for index in self._columns) * _CHARACTER
        self._width = max(self._left + len(self._columns) * self._cell + _MARGIN, _LEAST_WIDTH)
        self._title = self._wrapped(drawn.headline)
        self._top = _MARGIN + _LINE * (len(self._title) + 1) + tallest + _PADDING

    def parts(self) -> Iterator[str]:
        """Yield the parts of the document."""
        width = self._width
        below = self._top + len(self._rows) * _ROW + _LINE * 1.5
        legend = self._legend()
        height = below + len(legend) * _LINE + _MARGIN
        title = escape(self._picture.headline)
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" height="{height:.0f}"'
            f' viewBox="0 0 {width:.0f} {height:.0f}">\n<title>{title}</title>\n'
        )
        yield _STYLE
        yield f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>\n'
        yield from self._lines(self._title, _MARGIN + _LINE / 2, "head")
        yield from self._heads()
        for position, index in enumerate(self._rows):
            yield from self._row(position, index)
        yield from self._rules()
        yield from self._lines(legend, below, "faint")
        yield "</svg>\n"

    def _wrapped(self, text: str) -> list[str]:
        return wrap(text, int((self._width - _MARGIN * 2) / _CHARACTER), subsequent_indent="   ")

    def _lines(self, lines: Sequence[str], top: float, kind: str) -> Iterator[str]:
        for number, line in enumerate(lines):
            y = top + number * _LINE
            place = f'x="{_MARGIN}" y="{y:.0f}" xml:space="preserve"'
            yield f'<text class="{kind}" {place}>{escape(line)}</text>\n'

    def _heads(self) -> Iterator[str]:
        """Write the names of the columns upwards."""
        for position, index in enumerate(self._columns):
            x = self._left + (position + 0.5) * self._cell + 4
            place = f'transform="translate({x:.1f} {self._top - _PADDING:.1f}) rotate(-90)"'
            yield self._label(index, place)
        corner = f'x="{self._left - _PADDING:.1f}" y="{self._top - _PADDING:.1f}" text-anchor="end"'
        yield f'<text class="faint" {corner}>from \\ to</text>\n'

    def _row(self, position: int, index: int) -> Iterator[str]:
        top = self._top + position * _ROW
        baseline = top + _ROW / 2 + 4
        place = f'x="{self._left - _PADDING:.1f}" y="{baseline:.1f}" text-anchor="end"'
        yield self._label(index, place)
        for column, destination in enumerate(self._columns):
            cell = self._picture.cells[index][destination]
            if not cell.text:
                continue
            left = self._left + column * self._cell
            pair = f"{self._full(index)} \u2192 {self._full(destination)}: {cell.text}"
            yield (
                f'<g><title>{escape(pair)}</title><rect class="cell {cell.tone.value}" x="{left:.1f}"'
                f' y="{top:.1f}" width="{self._cell:.1f}" height="{_ROW}"/>'
                f'<text class="middle" x="{left + self._cell / 2:.1f}" y="{baseline:.1f}">'
                f"{escape(self._shown(cell.text))}</text></g>\n"
            )

    def _label(self, index: int, place: str) -> str:
        namespace = _prefix(self._picture.nodes[index])
        faint = f'<tspan class="faint">{escape(namespace)}</tspan>' if namespace else ""
        rest = escape(self._names[index].removeprefix(namespace))
        return f"<text {place}><title>{escape(self._full(index))}</title>{faint}{rest}</text>\n"

    def _rules(self) -> Iterator[str]:
        """Draw a line wherever another namespace begins."""
        right, bottom = self._left + len(self._columns) * self._cell, self._top + len(self._rows) * _ROW
        for position in self._borders(self._rows):
            y = self._top + position * _ROW
            yield f'<line class="rule" x1="{_MARGIN}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>\n'
        for position in self._borders(self._columns):
            x = self._left + position * self._cell
            start = _MARGIN + _LINE * len(self._title)
            yield f'<line class="rule" x1="{x:.1f}" x2="{x:.1f}" y1="{start}" y2="{bottom:.1f}"/>\n'

    def _borders(self, indices: Sequence[int]) -> list[int]:
        spaces = [self._picture.nodes[index].namespace for index in indices]
        return [at for at in range(len(spaces) + 1) if at in {0, len(spaces)} or spaces[at - 1] != spaces[at]]

    def _texts(self) -> list[str]:
        cells = self._picture.cells
        return list(dict.fromkeys(cells[row][column].text for row in self._rows for column in self._columns))

    def _long_texts(self) -> dict[str, str]:
        """Give texts that are too long for a cell a letter each."""
        long = [text for text in self._texts() if len(text) > _LONGEST_CELL]
        names = (*ascii_uppercase, *(f"{a}{b}" for a in ascii_uppercase for b in ascii_uppercase))
        return dict(zip(long, names, strict=False))

    def _shown(self, text: str) -> str:
        return self._letters.get(text, text[:_LONGEST_CELL])

    def _legend(self) -> list[str]:
        found = self._picture
        texts = [f"{sign}  {meaning}" for sign, meaning in found.legend]
        texts += [f"{letter}  {text}" for text, letter in self._letters.items()]
        return [line for text in (*texts, *found.notes) for line in self._wrapped(text)]

    def _full(self, index: int) -> str:
        node = self._picture.nodes[index]
        return f"{_prefix(node)}{node.title}"


def _prefix(node: Node) -> str:
    return f"{printable(node.namespace)}/" if node.namespace else ""


def _name(node: Node) -> str:
    """Write a node on one line."""
    first, *others = node.lines
    more = f" and {others[-1].removeprefix('and ')}" if others and others[-1].startswith("and ") else ""
    name = _prefix(node) + ", ".join((first, *(others[:-1] if more else others))) + more
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}\u2026"
