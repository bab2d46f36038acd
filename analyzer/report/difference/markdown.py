"""A difference for a pull request's comment: a table of GitHub's Markdown for each way to change.

Comes in: a difference. Goes out: Markdown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.report.difference.wording import Wording, witness
from analyzer.report.markdown import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.diff import Change
    from analyzer.report.difference import DifferenceReport


def render(report: DifferenceReport) -> Iterator[str]:
    """Yield the report, change by change."""
    wording = Wording(report)
    yield f"## Reachability: what changed\n\n{escape(wording.headline())}\n"
    for title, names in wording.endpoints():
        yield f"\n**{title}**: {escape(names)}\n"
    for title, changes in wording.sections():
        yield f"\n### {title.capitalize()}\n\n| ports | from | to | because |\n|---|---|---|---|\n"
        for change in changes:
            yield from _change(wording, change)
    if more := wording.left_out():
        yield f"\n{more}\n"
    if not report.difference.changes:
        yield "\nNo connection changed between what both versions have.\n"


def _change(wording: Wording, change: Change) -> Iterator[str]:
    parts, more = wording.parts(change)
    because = f"{escape(wording.causes(change))}<br>such as {escape(witness(change.witness))}"
    for part in parts:
        yield "| " + " | ".join((*map(escape, part), because)) + " |\n"
        because = "the same"
    if more:
        yield f"| {more} | | | the same |\n"
