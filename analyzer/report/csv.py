"""The report for spreadsheets: one line for each pair of endpoints, protocol and verdict.

Comes in: an analysis and the view of it that was asked for. Goes out: CSV. For each pair and
protocol the lines together hold every port that was asked for exactly once; `any` is all of them.
"""

from __future__ import annotations

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
    names = {each.id: quoted(safe(each.id)) for each in view.endpoints}
    verdicts: dict[Bounds, list[str]] = {}
    yield ",".join(HEADER) + "\n"
    made: list[str] = []
    for source, destination, bounds in view.connections():
        if (endings := verdicts.get(bounds)) is None:
            endings = verdicts[bounds] = list(_endings(bounds, view.ports))
        ends = f"{names[source.id]},{names[destination.id]},"
        made += [ends + ending for ending in endings]
        if len(made) >= _AT_ONCE:
            yield "".join(made)
            made.clear()
    yield "".join(made)


def _endings(bounds: Bounds, asked: PortSet) -> Iterator[str]:
    """Yield the last three fields of each line about a verdict; these are written once."""
    for protocol, ports, verdict in _lines(bounds, asked):
        yield f"{protocol},{quoted(ports)},{verdict}\n"


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


def safe(text: str) -> str:
    """Make text that a spreadsheet shows and does not run."""
    shown = printable(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def quoted(text: str) -> str:
    """Put a field in quotes where it holds a separator (RFC 4180, section 2)."""
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if "," in text or '"' in text else text
