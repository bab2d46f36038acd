"""Findings for code scanning: SARIF, with the documentation of the rules that looked.

Comes in: findings. Goes out: one JSON document. A finding is the same one while it stays in the same field of
the same object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.lint.catalogue import rule
from analyzer.report.sarif import Result, Rule, document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.lint.finding import Finding
    from analyzer.report.findings import FindingsReport


def render(report: FindingsReport) -> Iterator[str]:
    """Yield the document."""
    yield from document([_rule(code) for code in report.codes], map(_result, report.findings), kind="Finding")


def _rule(code: str) -> Rule:
    found = rule(code)
    return Rule(
        id=code,
        name=found.name,
        severity=found.severity,
        title=found.title,
        meaning=" ".join(found.sections["What"].split()),
        documentation=found.documentation,
    )


def _result(finding: Finding) -> Result:
    span, object_ = finding.span, finding.span.locator
    identity = [str(getattr(object_, each, "")) for each in ("kind", "namespace", "name")]
    return Result(
        rule=finding.code,
        severity=finding.severity,
        message=f"{finding.message}. {finding.help}" if finding.help else finding.message,
        span=span,
        identity=(span.file, *identity, span.field),
    )
