"""The report in the DOT language, for Graphviz and everything that reads it.

Comes in: a report. Goes out: a digraph. Every name is a quoted string (graphviz.org/doc/info/lang.html); in
labels, backslashes and ampersands are escaped too, for they begin escapes and entities there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.report.arrows import EVERYBODY, chart
from analyzer.report.picture import picture
from analyzer.report.words import Tone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.report import Report
    from analyzer.report.arrows import Arrow, Box
    from analyzer.report.picture import Picture

_STYLES = {Tone.OPEN: "bold", Tone.UNKNOWN: "dashed"}
_COLOURS = {Tone.OPEN: "#2e7d32", Tone.UNKNOWN: "#b26a00"}
_INDENT = "  "
_HEAD = """\
  graph [fontname="sans-serif", labeljust=l, labelloc=b, newrank=true, rankdir=LR];
  node [fontname="sans-serif", shape=box, style=rounded];
  edge [fontname="sans-serif", fontsize=10];
"""


def render(report: Report) -> Iterator[str]:
    """Yield the graph, line by line."""
    yield from draw(picture(report, coarse=True))


def draw(drawn: Picture) -> Iterator[str]:
    """Yield the graph of a picture."""
    found = chart(drawn)
    yield "digraph reachability {\n" + _HEAD
    yield f"{_INDENT}label={_lines((drawn.headline, *found.notes))};\n"
    for number, box in enumerate(found.boxes):
        yield from _box(number, box)
    yield from map(_arrow, found.arrows)
    yield "}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")


def _label(lines: Sequence[str]) -> str:
    return '"' + "\\n".join(map(_escaped, lines)) + '"'


def _lines(lines: Sequence[str]) -> str:
    """Return a label of which every line starts at the left."""
    return '"' + "".join(f"{_escaped(line)}\\l" for line in lines) + '"'


def _box(number: int, box: Box) -> Iterator[str]:
    indent = _INDENT * 2 if box.title else _INDENT
    if box.title:
        yield f"{_INDENT}subgraph cluster_{number} {{\n"
        yield f'{indent}label={_label((box.title,))}; labelloc=t; color="#888888";\n'
    for name, lines in box.nodes:
        whole = ', style="rounded,dashed"' if name in {box.name, EVERYBODY} else ""
        yield f"{indent}{name} [label={_label(lines)}{whole}];\n"
    if box.title:
        yield f"{_INDENT}}}\n"


def _arrow(arrow: Arrow) -> str:
    parts = [f"label={_label((arrow.cell.text,))}"]
    parts += ["dir=both"] if arrow.both else []
    parts += [f"style={style}"] if (style := _STYLES.get(arrow.cell.tone)) else []
    parts += [f'color="{color}"'] if (color := _COLOURS.get(arrow.cell.tone)) else []
    return f"{_INDENT}{arrow.source} -> {arrow.destination} [{', '.join(parts)}];\n"
