"""The exposure report for pull requests and wikis: a table of GitHub's Markdown for each group of workloads.

Comes in: a report. Goes out: Markdown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.report.exposure.page import page
from analyzer.report.markdown import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.report.exposure import ExposureReport
    from analyzer.report.exposure.page import Block


def render(report: ExposureReport) -> Iterator[str]:
    """Yield the report, part by part."""
    made = page(report)
    yield f"## Exposure\n\n{escape(made.headline)}\n"
    for block in made.blocks:
        yield from _block(block)
    if made.more:
        yield f"\n{escape(made.more)}\n"
    if made.dead_ends:
        yield "\n### Routes that lead nowhere\n\n"
        yield from (f"- {escape(route)}: {escape(reason)}\n" for route, reason in made.dead_ends)
    if made.legend:
        yield "\n" + "; ".join(f"`{sign}` {escape(meaning)}" for sign, meaning in made.legend) + "\n"
    if made.notes:
        yield "\n" + "".join(f"- {escape(mark)} {escape(text)}\n" for mark, text in made.notes)


def _block(block: Block) -> Iterator[str]:
    yield f"\n### {escape(block.title)}\n\n| | with | ports | |\n|---|---|---|---|\n"
    last = ""
    for row in block.rows:
        way = "" if row.way.value == last else row.way.value
        last = row.way.value
        yield "| " + " | ".join(escape(text) for text in (way, row.peer, row.ports, row.remark)) + " |\n"
