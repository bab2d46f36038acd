"""Checked expectations for pull requests and wikis: a table of GitHub's Markdown for each file.

Comes in: results. Goes out: Markdown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.load.text import printable
from analyzer.report.checks import by_file, headline, sentences
from analyzer.report.markdown import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.report.checks import ChecksReport

_HEAD = "| line | outcome | expectation | why |\n|---|---|---|---|\n"


def render(report: ChecksReport) -> Iterator[str]:
    """Yield the report, file by file."""
    yield f"## Expectations\n\n{escape(headline(report))}\n"
    for file, results in by_file(report).items():
        yield f"\n### {escape(printable(file))}\n\n{_HEAD}"
        for each in results:
            why = "<br>".join(map(escape, sentences(report, each)))
            name = escape(printable(each.expectation.name))
            yield f"| {each.expectation.span.line} | {each.outcome.value} | {name} | {why} |\n"
