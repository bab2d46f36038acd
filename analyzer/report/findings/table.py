"""Findings for people: file by file, line by line, what is wrong and what would be right.

Comes in: findings. Goes out: text that fits the width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity
from analyzer.load.text import printable
from analyzer.report.findings.selection import by_file, counted, headline, left_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.lint.finding import Finding
    from analyzer.report.findings import FindingsReport

_COLOURS = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.NOTICE: "1;36"}
_BOLD, _FAINT = "1", "2"
_NARROWEST = 40


def render(report: FindingsReport) -> Iterator[str]:
    """Yield the findings, then how many there are."""
    shown = by_file(report)
    wide = max((len(_position(each)) for found in shown.values() for each in found), default=0)
    helped: set[tuple[str, str]] = set()
    for file, found in shown.items():
        yield f"{_paint(report, printable(file), _BOLD)}\n"
        for each in found:
            yield from _finding(report, each, wide, helped)
        yield "\n"
    for code, number in left_out(report):
        yield f"and {counted(number, 'more finding')} of {code}: `--select {code} --all` shows them\n"
    yield f"{headline(report)}\n"
    if fixes := sum(each.fix is not None for each in report.findings):
        yield f"{fixes:,} can be mended, unless that changes a verdict with another CNI: --diff shows how\n"


def _finding(
    report: FindingsReport, finding: Finding, wide: int, helped: set[tuple[str, str]]
) -> Iterator[str]:
    """Yield the lines of one finding; what would be right is said once where many say the same."""
    severity = finding.severity
    head = f"  {_position(finding):>{wide}}  "
    level = f"{severity.value:<7}"
    margin = " " * (len(head) + len(level) + len(finding.code) + 4)
    lines = _wrapped(printable(finding.message), report.width - len(margin))
    yield f"{head}{_paint(report, level, _COLOURS[severity])}  {finding.code}  {lines[0]}\n"
    yield from (f"{margin}{line}\n" for line in lines[1:])
    if finding.help and (finding.code, finding.help) not in helped:
        helped.add((finding.code, finding.help))
        for line in _wrapped(f"help: {printable(finding.help)}", report.width - len(margin)):
            yield f"{margin}{_paint(report, line, _FAINT)}\n"


def _position(finding: Finding) -> str:
    return f"{finding.span.line}:{finding.span.column}"


def _wrapped(text: str, width: int) -> list[str]:
    from textwrap import wrap

    return wrap(text, max(width, _NARROWEST), break_long_words=False, break_on_hyphens=False) or [""]


def _paint(report: FindingsReport, text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if report.color else text
