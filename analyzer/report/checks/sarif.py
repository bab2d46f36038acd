"""Checked expectations for code scanning: SARIF, a result at each expectation that does not hold.

Comes in: results. Goes out: one JSON document. A failure is the same one while its expectation has its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity
from analyzer.expect.expectation import Outcome
from analyzer.report.checks import sentences
from analyzer.report.sarif import Result, Rule, document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.expect.result import Result as Checked
    from analyzer.report.checks import ChecksReport

_HELP = "`kubereach explain` says why a connection is allowed or denied"
_RULES = {
    Outcome.FAILS: Rule(
        id="expectation-fails",
        name="expectation-fails",
        severity=Severity.ERROR,
        title="an expectation does not hold",
        meaning="some connection is not as the expectation says, or nobody is meant by it",
        documentation=_HELP,
    ),
    Outcome.UNKNOWN: Rule(
        id="expectation-unknown",
        name="expectation-unknown",
        severity=Severity.WARNING,
        title="an expectation may not hold",
        meaning="a fact that the input does not hold decides whether some connection is as expected",
        documentation=_HELP,
    ),
}


def render(report: ChecksReport) -> Iterator[str]:
    """Yield the document."""
    results = (_result(report, each) for each in report.results if each.outcome in _RULES)
    yield from document(list(_RULES.values()), results, kind="Expectation")


def _result(report: ChecksReport, result: Checked) -> Result:
    rule, expectation = _RULES[result.outcome], result.expectation
    reason = (f"expected because: {expectation.reason}",) if expectation.reason else ()
    return Result(
        rule=rule.id,
        severity=rule.severity,
        message="\n".join((expectation.name, *sentences(report, result), *reason)),
        span=result.problem.span if result.problem and result.problem.span else expectation.span,
        identity=(expectation.span.file, expectation.name),
    )
