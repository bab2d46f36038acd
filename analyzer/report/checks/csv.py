"""Checked expectations for spreadsheets: one line each, with the connection that shows what is wrong.

Comes in: results. Goes out: CSV. The fields of the connection are empty where an expectation holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.report.checks import expected, sentences
from analyzer.report.csv import quoted, safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.expect.result import Result, Witness
    from analyzer.report.checks import ChecksReport

_WITNESS = ("source", "destination", "service", "protocol", "port")
HEADER = (
    "file",
    "line",
    "name",
    "outcome",
    "expected",
    "pairs",
    "failing",
    "unknown",
    *_WITNESS,
    "why",
    "reason",
)


def render(report: ChecksReport) -> Iterator[str]:
    """Yield the lines."""
    yield ",".join(HEADER) + "\n"
    for each in report.results:
        yield ",".join(quoted(safe(field)) for field in _fields(report, each)) + "\n"


def _fields(report: ChecksReport, result: Result) -> tuple[str, ...]:
    expectation = result.expectation
    span = expectation.span
    counts = (result.pairs, result.failing, result.doubtful)
    return (
        *(span.file, str(span.line), expectation.name, result.outcome.value, expected(expectation)),
        *map(str, counts),
        *(_witness(result.witness) if result.witness else ("",) * len(_WITNESS)),
        "; ".join(sentences(report, result)),
        expectation.reason,
    )


def _witness(witness: Witness) -> tuple[str, ...]:
    protocol, number = witness.port
    service = f"{witness.service.namespace}/{witness.service.name}" if witness.service else ""
    return witness.source.id, witness.destination.id, service, protocol.value, str(number)
