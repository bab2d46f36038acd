"""Findings for pull requests and wikis: a table of GitHub's Markdown for each file.

Comes in: findings. Goes out: Markdown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.load.text import printable
from analyzer.report.findings.selection import by_file, counted, headline, left_out
from analyzer.report.markdown import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.report.findings import FindingsReport

_HEAD = "| line | rule | finding | what would be right |\n|---|---|---|---|\n"


def render(report: FindingsReport) -> Iterator[str]:
    """Yield the report, file by file."""
    yield f"## Lint\n\n{escape(headline(report))}\n"
    for file, found in by_file(report).items():
        yield f"\n### {escape(printable(file))}\n\n{_HEAD}"
        for each in found:
            texts = (f"{each.severity.value} {each.code}", each.message, each.help)
            cells = (str(each.span.line), *(escape(printable(text)) for text in texts))
            yield f"| {' | '.join(cells)} |\n"
    for code, number in left_out(report):
        yield f"\nand {counted(number, 'more finding')} of {code}\n"
