"""The report for spreadsheets: one line for each pair of endpoints, protocol and verdict.

Comes in: an analysis and the view of it that was asked for. Goes out: CSV. For each pair and
protocol the lines together hold every port that was asked for exactly once; `any` is all of them.
"""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING

from analyzer.load.text import printable
from analyzer.sets import Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.bounds import Bounds
    from analyzer.report import Report
    from analyzer.sets import PortSet

ANY = "any"
HEADER = ("source", "destination", "protocol", "ports", "verdict")
# Spreadsheets run a cell that starts so as a formula, unless it is text.
_FORMULA = ("=", "+", "-", "@")
_AT_ONCE = 1000


def render(report: Report) -> Iterator[str]:
    """Yield the lines, many at a time."""
    view = report.view
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADER)
    names = {each.id: _safe(each.id) for each in view.endpoints}
    verdicts: dict[Bounds, list[tuple[str, str, str]]] = {}
    for number, (source, destination, bounds) in enumerate(view.connections(), start=1):
        if (lines := verdicts.get(bounds)) is None:
            lines = verdicts[bounds] = list(_lines(bounds, view.ports))
        ends = names[source.id], names[destination.id]
        writer.writerows((*ends, *line) for line in lines)
        if number % _AT_ONCE == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _lines(bounds: Bounds, asked: PortSet) -> Iterator[tuple[str, str, str]]:
    """Yield protocol, ports and verdict; only one line when the verdict is the same for all ports."""
    parts = (("allowed", bounds.certain), ("unknown", bounds.unknown), ("denied", asked - bounds.possible))
    for verdict, ports in parts:
        if ports == asked:
            yield ANY, ANY, verdict
            return
    for protocol in Protocol:
        everything = asked.ranges(protocol)
        for verdict, ports in parts:
            if ranges := ports.ranges(protocol):
                text = ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
                yield protocol.value, ANY if ranges == everything else text, verdict


def _safe(text: str) -> str:
    """Make text that a spreadsheet shows and does not run."""
    shown = printable(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
