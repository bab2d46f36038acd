"""Checked expectations for people: file by file a line each, and below those that do not hold why.

Comes in: results. Goes out: text that fits the width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.expect.expectation import Outcome
from analyzer.load.text import printable
from analyzer.report.checks import by_file, headline, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.expect.result import Result
    from analyzer.report.checks import ChecksReport

_COLOURS = {Outcome.HOLDS: "32", Outcome.UNKNOWN: "1;33", Outcome.FAILS: "1;31"}
_BOLD, _FAINT = "1", "2"
_NARROWEST = 40
_WIDEST_OUTCOME = max(len(each.value) for each in Outcome)


def render(report: ChecksReport) -> Iterator[str]:
    """Yield the results, then how many there are of each kind."""
    for file, results in by_file(report).items():
        yield f"{_paint(report, printable(file), _BOLD)}\n"
        lines = {id(each): each.expectation.span.line for each in results}
        wide = len(str(max(lines.values())))
        for each in results:
            yield from _result(report, each, f"{lines[id(each)]:>{wide}}")
        yield "\n"
    yield f"{headline(report)}\n"


def _result(report: ChecksReport, result: Result, line: str) -> Iterator[str]:
    outcome = result.outcome
    head = f"  {line}  "
    margin = " " * (len(head) + _WIDEST_OUTCOME + 2)
    name = _wrapped(printable(result.expectation.name), report.width - len(margin))
    word = _paint(report, f"{outcome.value:<{_WIDEST_OUTCOME}}", _COLOURS[outcome])
    yield f"{head}{word}  {name[0]}\n"
    yield from (f"{margin}{more}\n" for more in name[1:])
    if outcome is Outcome.HOLDS:
        return
    details = list(sentences(report, result))
    if reason := result.expectation.reason:
        details.append(f"expected because: {printable(reason)}")
    for detail in details:
        first, *rest = _wrapped(detail, report.width - len(margin) - 4)
        yield f"{margin}  {first}\n"
        yield from (f"{margin}    {more}\n" for more in rest)


def _wrapped(text: str, width: int) -> list[str]:
    from textwrap import wrap

    return wrap(text, max(width, _NARROWEST), break_long_words=False, break_on_hyphens=False) or [""]


def _paint(report: ChecksReport, text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if report.color else text
