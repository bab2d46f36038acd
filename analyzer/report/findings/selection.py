"""Which findings a person is shown: of many by one rule the first few, and how many there are of each.

Comes in: findings. Goes out: those that are shown, by file; counts by severity and by rule.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity
from analyzer.lint.catalogue import CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer.lint.finding import Finding
    from analyzer.report.findings import FindingsReport


def by_file(report: FindingsReport) -> dict[str, list[Finding]]:
    """Return the findings that are shown, file by file."""
    seen: Counter[str] = Counter()
    found: dict[str, list[Finding]] = {}
    for each in report.findings:
        seen[each.code] += 1
        if report.most is None or seen[each.code] <= report.most:
            found.setdefault(each.span.file, []).append(each)
    return found


def left_out(report: FindingsReport) -> list[tuple[str, int]]:
    """Return the rules of which not all findings are shown, with how many are not."""
    if report.most is None:
        return []
    counts = Counter(each.code for each in report.findings)
    return [(code, counts[code] - report.most) for code in CODES if counts[code] > report.most]


def headline(report: FindingsReport) -> str:
    """Say how many findings there are, and of which severity."""
    findings = report.findings
    ignored = f"; {report.ignored} turned off by comments" if report.ignored else ""
    where = f"{len(report.files)} file{'s' if len(report.files) != 1 else ''}, cni {report.cni}"
    if not findings:
        return f"no findings ({counted(len(report.codes), 'rule')}, {where}){ignored}"
    return f"{total(findings)} ({where}){ignored}"


def total(findings: Sequence[Finding]) -> str:
    """Write a number of findings with their severities: `3 findings: 1 warning, 2 notices`."""
    counts = Counter(each.severity for each in findings)
    parts = ", ".join(counted(counts[each], each.value) for each in Severity if counts[each])
    return f"{counted(len(findings), 'finding')}: {parts}"


def counted(number: int, word: str) -> str:
    """Write a number with its word."""
    return f"{number:,} {word}{'s' if number != 1 else ''}"
