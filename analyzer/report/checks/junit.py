"""Checked expectations for build servers: JUnit's XML, one suite a file, one case an expectation.

Comes in: results. Goes out: XML. What is unknown is an error of its case, not a failure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.expect.expectation import Outcome
from analyzer.report.checks import by_file, sentences
from analyzer.report.junit import Case, Status, Suite, document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.expect.result import Result
    from analyzer.report.checks import ChecksReport

_STATUS = {Outcome.HOLDS: Status.PASSED, Outcome.UNKNOWN: Status.ERROR, Outcome.FAILS: Status.FAILED}


def render(report: ChecksReport) -> Iterator[str]:
    """Yield the document."""
    suites = [
        Suite(name=file, cases=[_case(report, each) for each in results])
        for file, results in by_file(report).items()
    ]
    yield from document("kubereach check", suites)


def _case(report: ChecksReport, result: Result) -> Case:
    expectation, told = result.expectation, sentences(report, result)
    reason = (f"expected because: {expectation.reason}",) if told and expectation.reason else ()
    return Case(
        name=expectation.name,
        classname="kubereach.check",
        status=_STATUS[result.outcome],
        message=told[0] if told else "",
        text="\n".join((*told, *reason)),
        file=expectation.span.file,
        line=expectation.span.line,
    )
