"""The exposure report for spreadsheets: one line for each statement about each workload.

Comes in: a report. Goes out: CSV.
"""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING

from analyzer.load.text import printable
from analyzer.report.exposure.rows import Rows
from analyzer.report.labels import Labels, Notes
from analyzer.report.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.endpoints import Endpoint
    from analyzer.report.exposure import ExposureReport

HEADER = ("workload", "way", "kind", "peer", "ports", "remark")
# Spreadsheets run a cell that starts so as a formula, unless it is text.
_FORMULA = ("=", "+", "-", "@")


class _InFull(Labels):
    """Labels without footnotes: a line stands alone."""

    def of(self, endpoint: Endpoint) -> str:
        """Return the whole name."""
        return printable(endpoint.name if endpoint.external else endpoint.id)


def render(report: ExposureReport) -> Iterator[str]:
    """Yield the lines."""
    rows = Rows(_InFull(report.view, Notes()), Words(report.exposures.mask))
    yield _line(HEADER)
    for endpoint in report.endpoints:
        for row in rows.of(report.exposures.of(endpoint)):
            cells = (endpoint.id, row.way.value, row.kind.value, row.peer, row.ports, row.remark)
            yield _line([_safe(text) for text in cells])


def _line(cells: Sequence[str]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _safe(text: str) -> str:
    """Make text that a spreadsheet shows and does not run; a dash alone is how nothing is written."""
    shown = printable(text)
    return f"'{shown}" if shown.startswith(_FORMULA) and shown != "-" else shown
