"""Expectations that packets decided, as JUnit's XML: one suite a file, one case an expectation.

Comes in: answers. Goes out: XML. What packets did not decide is an error of its case; what none can decide
is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.report.checks.junit import suites
from analyzer.report.junit import Status, document
from lab.expectations import Decision
from lab.report.answers import AnswersReport, sentences

_STATUS = {
    Decision.HOLDS: Status.PASSED,
    Decision.OPEN: Status.SKIPPED,
    Decision.UNDECIDED: Status.ERROR,
    Decision.FAILS: Status.FAILED,
}


def render(report: AnswersReport) -> Iterator[str]:
    """Yield the document."""
    told = ((each.expectation, _STATUS[each.decision], sentences(report, each)) for each in report.answers)
    yield from document("kubereach lab", suites("kubereach.lab.expectations", told))
