"""Checked expectations as annotations of a pull request, one at each expectation that does not hold.

Comes in: results. Goes out: workflow commands of GitHub Actions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.diagnostics import Diagnostic, Severity
from analyzer.expect.expectation import Outcome
from analyzer.report.checks import sentences
from analyzer.report.github import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.expect.result import Result
    from analyzer.report.checks import ChecksReport

_SEVERITIES = {Outcome.FAILS: Severity.ERROR, Outcome.UNKNOWN: Severity.WARNING}


def render(report: ChecksReport) -> Iterator[str]:
    """Yield the annotations."""
    yield from commands(_diagnostic(report, each) for each in report.results if each.outcome in _SEVERITIES)


def _diagnostic(report: ChecksReport, result: Result) -> Diagnostic:
    told = "\n".join(sentences(report, result))
    return Diagnostic(
        severity=_SEVERITIES[result.outcome],
        code=f"expectation {result.outcome.value}",
        message=f"{result.expectation.name}\n{told}",
        span=result.problem.span if result.problem else result.expectation.span,
        help=result.expectation.reason,
    )
