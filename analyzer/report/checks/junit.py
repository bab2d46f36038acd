"""Checked expectations for build servers: JUnit's XML, one suite a file, one case an expectation.

Comes in: results. Goes out: XML. What is unknown is an error of its case, not a failure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.expect.expectation import Outcome
from analyzer.report.checks import sentences
from analyzer.report.junit import Case, Status, Suite, document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from analyzer.expect.expectation import Expectation
    from analyzer.report.checks import ChecksReport

_STATUS = {Outcome.HOLDS: Status.PASSED, Outcome.UNKNOWN: Status.ERROR, Outcome.FAILS: Status.FAILED}


def render(report: ChecksReport) -> Iterator[str]:
    """Yield the document."""
    told = ((each.expectation, _STATUS[each.outcome], sentences(report, each)) for each in report.results)
    yield from document("kubereach check", suites("kubereach.check", told))


def suites(classname: str, told: Iterable[tuple[Expectation, Status, Sequence[str]]]) -> Sequence[Suite]:
    """Return a suite a file, from expectations, what became of each, and the sentences that say why."""
    found: dict[str, list[Case]] = {}
    for expectation, status, sentences_ in told:
        found.setdefault(expectation.span.file, []).append(_case(classname, expectation, status, sentences_))
    return [Suite(name=file, cases=cases) for file, cases in found.items()]


def _case(classname: str, expectation: Expectation, status: Status, told: Sequence[str]) -> Case:
    reason = (f"expected because: {expectation.reason}",) if told and expectation.reason else ()
    return Case(
        name=expectation.name,
        classname=classname,
        status=status,
        message=told[0] if told else "",
        text="\n".join((*told, *reason)),
        file=expectation.span.file,
        line=expectation.span.line,
    )
