"""Expectations that packets decided, as JUnit's XML: one suite a file, one case an expectation.

Comes in: answers. Goes out: XML. What packets did not decide is an error of its case; what none can decide
is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.report.junit import Case, Status, Suite, document
from lab.expectations import Answer, Decision
from lab.report.answers import AnswersReport, by_file, sentences

_STATUS = {
    Decision.HOLDS: Status.PASSED,
    Decision.OPEN: Status.SKIPPED,
    Decision.UNDECIDED: Status.ERROR,
    Decision.FAILS: Status.FAILED,
}


def render(report: AnswersReport) -> Iterator[str]:
    """Yield the document."""
    suites = [
        Suite(name=file, cases=[_case(report, each) for each in answers])
        for file, answers in by_file(report).items()
    ]
    yield from document("kubereach lab", suites)


def _case(report: AnswersReport, answer: Answer) -> Case:
    expectation, told = answer.expectation, sentences(report, answer)
    reason = (f"expected because: {expectation.reason}",) if told and expectation.reason else ()
    return Case(
        name=expectation.name,
        classname="kubereach.lab.expectations",
        status=_STATUS[answer.decision],
        message=told[0] if told else "",
        text="\n".join((*told, *reason)),
        file=expectation.span.file,
        line=expectation.span.line,
    )
