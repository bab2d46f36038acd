"""A difference for people: what was opened and closed, cause by cause.

Comes in: a difference. Goes out: text for a terminal of some width.
"""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from analyzer.report.difference.wording import Wording, witness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.diff import Change
    from analyzer.report.difference import DifferenceReport

_TITLE, _OPENED, _CLOSED, _FAINT = "1", "32", "31", "2"
_NARROWEST = 40


def render(report: DifferenceReport) -> Iterator[str]:
    """Yield the report, change by change."""
    wording = Wording(report)
    yield f"{wording.headline()}\n"
    for title, names in wording.endpoints():
        yield "\n" + _paint(report, title, _TITLE) + "\n"
        yield from _wrapped(report, names, "  ")
    for title, changes in wording.sections():
        yield "\n" + _paint(report, title, _TITLE) + "\n"
        for change in changes:
            yield from _change(report, wording, change)
    if more := wording.left_out():
        yield f"\n{more}\n"
    if not report.difference.changes:
        yield "\nno connection changed between what both versions have\n"


def _change(report: DifferenceReport, wording: Wording, change: Change) -> Iterator[str]:
    sign, color = ("+", _OPENED) if change.grows else ("-", _CLOSED)
    yield from _wrapped(report, wording.causes(change), "  ")
    parts, more = wording.parts(change)
    wide = min(max(len(ports) for ports, _, _ in parts), report.width // 3)
    for ports, sources, destinations in parts:
        head = f"    {_paint(report, sign, color)} {ports:<{wide}}  "
        margin = " " * (8 + max(wide, len(ports)))
        for line in _wrapped(report, f"{sources} -> {destinations}", margin):
            yield line.replace(margin, head, 1) if head else line
            head = ""
    if more:
        yield f"      {more}\n"
    yield f"      {_paint(report, f'such as {witness(change.witness)}', _FAINT)}\n"


def _wrapped(report: DifferenceReport, text: str, margin: str) -> Iterator[str]:
    """Break a text between words only: names are searched for and copied."""
    width = max(report.width - len(margin), _NARROWEST)
    for line in wrap(text, width, break_long_words=False, break_on_hyphens=False):
        yield f"{margin}{line}\n"


def _paint(report: DifferenceReport, text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if report.color else text
