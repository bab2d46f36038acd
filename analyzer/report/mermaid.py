"""The report as a Mermaid flowchart, which GitHub, GitLab and many wikis draw.

Comes in: a report. Goes out: the text of a flowchart. Names stand in quotes, with everything that Mermaid or
HTML could read as markup written as an entity.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from analyzer.report.arrows import EVERYBODY, chart
from analyzer.report.picture import picture
from analyzer.report.words import Tone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.report import Report
    from analyzer.report.arrows import Arrow, Box
    from analyzer.report.picture import Picture

_UNSAFE = re.compile(r"[^A-Za-z0-9 .,()/_\-]")
_LINES = {Tone.OPEN: "==", Tone.UNKNOWN: "-.-"}
_INDENT = "    "


def render(report: Report) -> Iterator[str]:
    """Yield the flowchart, line by line."""
    yield from draw(picture(report, coarse=True))


def draw(drawn: Picture) -> Iterator[str]:
    """Yield the flowchart of a picture."""
    found = chart(drawn)
    yield f"%% {_text(drawn.headline)}\nflowchart LR\n"
    for box in found.boxes:
        yield from _box(box)
    yield from map(_arrow, found.arrows)
    if found.notes:
        yield f"{_INDENT}notes[{_label(found.notes)}]\n"
        yield f"{_INDENT}style notes text-align:left,stroke-dasharray:3\n"


def _text(text: str) -> str:
    """Return text that Mermaid shows as it is: all but letters, digits and a few signs as entities."""
    return _UNSAFE.sub(lambda found: f"#{ord(found[0])};", text)


def _label(lines: Sequence[str]) -> str:
    return '"' + "<br/>".join(map(_text, lines)) + '"'


def _box(box: Box) -> Iterator[str]:
    indent = _INDENT * 2 if box.title else _INDENT
    if box.title:
        yield f"{_INDENT}subgraph {box.name}s[{_label((box.title,))}]\n"
    for name, lines in box.nodes:
        whole = name in {box.name, EVERYBODY}
        yield f"{indent}{name}([{_label(lines)}])\n" if whole else f"{indent}{name}[{_label(lines)}]\n"
    if box.title:
        yield f"{_INDENT}end\n"


def _arrow(arrow: Arrow) -> str:
    line = _LINES.get(arrow.cell.tone, "--")
    start = "<" if arrow.both else ""
    return f"{_INDENT}{arrow.source} {start}{line}>|{_label((arrow.cell.text,))}| {arrow.destination}\n"
