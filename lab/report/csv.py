"""What was seen as CSV: a line for each question.

Comes in: a comparison. Goes out: lines, the first of which names the columns.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO

from analyzer.load.text import printable
from lab.compare import Comparison

COLUMNS = (
    "source",
    "destination",
    "address",
    "protocol",
    "port",
    "predicted",
    "observed",
    "status",
    "rule",
)


def render(comparison: Comparison) -> Iterator[str]:
    """Yield the lines."""
    yield _line(COLUMNS)
    for each in comparison.findings:
        question, probe = each.question, each.question.probe
        yield _line(
            (
                probe.source,
                question.service or probe.expect or "",
                probe.address,
                probe.protocol.name,
                str(probe.port),
                question.predicted.name.lower(),
                each.result.outcome.value,
                each.status.value,
                each.result.rule or "",
            )
        )


def _line(cells: tuple[str, ...]) -> str:
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerow(map(printable, cells))
    return out.getvalue()
