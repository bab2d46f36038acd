"""The exposure report for people: each workload with what it exposes, what it uses and how it is published.

Comes in: a report. Goes out: text for a terminal of some width.
"""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from analyzer.report.exposure.page import page

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.report.exposure import ExposureReport
    from analyzer.report.exposure.page import Block

_NARROWEST = 40


def render(report: ExposureReport) -> Iterator[str]:
    """Yield the report, part by part."""
    made, width = page(report), max(report.width, _NARROWEST)
    yield _text((made.headline,), width)
    for block in made.blocks:
        yield "\n" + _block(block, width)
    if made.more:
        yield "\n" + _text((made.more,), width)
    if made.dead_ends:
        lines = [f"{route}: {reason}" for route, reason in made.dead_ends]
        yield "\n" + _text(("routes that lead nowhere", *(f"  {line}" for line in lines)), width)
    if made.legend:
        yield "\n" + _text(("    ".join(f"{sign}  {meaning}" for sign, meaning in made.legend),), width)
    if made.notes:
        yield "\n" + _text([f"{mark} {text}" for mark, text in made.notes], width)


def _text(lines: Sequence[str], width: int) -> str:
    return "".join(f"{part}\n" for line in lines for part in _wrapped(line, width))


def _wrapped(line: str, width: int) -> list[str]:
    """Break a line between words only, its further lines indented."""
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _block(block: Block, width: int) -> str:
    """Write a title and its rows in columns, the way only where it changes."""
    left = max(len(row.way.value) for row in block.rows) + 2
    peer = min(max(len(row.peer) for row in block.rows), width * 3 // 4)
    lines = _wrapped(block.title, width)
    last = ""
    for row in block.rows:
        way = "" if row.way.value == last else row.way.value
        last = row.way.value
        head = f"  {way.ljust(left)}{row.peer.ljust(peer)}  {row.ports}"
        lines += _row(head, row.remark, 2 + left, width)
    return "".join(f"{line}\n" for line in lines)


def _row(head: str, remark: str, indent: int, width: int) -> list[str]:
    """Write a row; a remark for which there is no room stands below it."""
    if len(head) + len(remark) + 3 <= width:
        return [f"{head}   {remark}".rstrip()]
    room = max(width - indent - 4, _NARROWEST // 2)
    below = wrap(remark, room, break_long_words=False, break_on_hyphens=False)
    return [head.rstrip(), *(" " * (indent + 4) + line for line in below)]
