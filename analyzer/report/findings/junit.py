"""Findings for build servers: JUnit's XML, one case a rule, which fails where the rule found something.

Comes in: findings. Goes out: XML. Notices alone are no failure: they are told as the case's output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity
from analyzer.lint.catalogue import CODES
from analyzer.report.junit import Case, Status, Suite, document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.lint.finding import Finding
    from analyzer.report.findings import FindingsReport

_NAME = "kubereach lint"


def render(report: FindingsReport) -> Iterator[str]:
    """Yield the document."""
    found: dict[str, list[Finding]] = {code: [] for code in report.codes}
    for each in report.findings:
        found[each.code].append(each)
    cases = [_case(code, findings) for code, findings in found.items()]
    yield from document(_NAME, [Suite(name=_NAME, cases=cases)])


def _case(code: str, findings: Sequence[Finding]) -> Case:
    failing = [each for each in findings if each.severity is not Severity.NOTICE]
    return Case(
        name=f"{code} {CODES[code]}",
        classname="kubereach.lint",
        status=Status.FAILED if failing else Status.PASSED,
        message=failing[0].message if failing else "",
        text="\n".join(each.render() for each in findings),
    )
