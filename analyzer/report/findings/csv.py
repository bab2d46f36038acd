"""Findings for spreadsheets: one line each, all of them.

Comes in: findings. Goes out: CSV.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.report.csv import quoted, safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.report.findings import FindingsReport

HEADER = ("code", "name", "severity", "file", "line", "column", "field", "message", "help")


def render(report: FindingsReport) -> Iterator[str]:
    """Yield the lines."""
    yield ",".join(HEADER) + "\n"
    for each in report.findings:
        span = each.span
        place = (span.file, str(span.line), str(span.column), span.field)
        fields = (each.code, each.name, each.severity.value, *place, each.message, each.help)
        yield ",".join(quoted(safe(field)) for field in fields) + "\n"
