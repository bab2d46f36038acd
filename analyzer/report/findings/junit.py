"""Findings for build servers: JUnit's XML, one case a rule, which fails where the rule found something.

Comes in: findings. Goes out: XML. Notices alone are no failure: they are told as the case's output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from analyzer.diagnostics import Severity
from analyzer.lint.catalogue import CODES
from analyzer.load.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.lint.finding import Finding
    from analyzer.report.findings import FindingsReport


def render(report: FindingsReport) -> Iterator[str]:
    """Yield the document."""
    found: dict[str, list[Finding]] = {code: [] for code in report.codes}
    for each in report.findings:
        found[each.code].append(each)
    failures = sum(any(map(_fails, each)) for each in found.values())
    counts = f'tests="{len(found)}" failures="{failures}" errors="0"'
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites name="kubereach lint" {counts}>\n  <testsuite name="kubereach lint" {counts}>\n'
    for code, findings in found.items():
        yield from _case(code, findings)
    yield "  </testsuite>\n</testsuites>\n"


def _fails(finding: Finding) -> bool:
    return finding.severity is not Severity.NOTICE


def _case(code: str, findings: Sequence[Finding]) -> Iterator[str]:
    head = f'    <testcase classname="kubereach.lint" name={quoteattr(f"{code} {CODES[code]}")}'
    if not findings:
        yield f"{head}/>\n"
        return
    text = escape("\n".join(printable(line) for each in findings for line in each.render().splitlines()))
    failing = [each for each in findings if _fails(each)]
    if failing:
        yield f"{head}>\n      <failure message={quoteattr(printable(failing[0].message))}>{text}</failure>\n"
    else:
        yield f"{head}>\n      <system-out>{text}</system-out>\n"
    yield "    </testcase>\n"
