"""Expectations that packets decided, for people: a line each, and below those that do not hold what was seen.

Comes in: answers. Goes out: text that fits the width.
"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from analyzer.load.text import printable
from lab.expectations import Answer, Decision
from lab.report.answers import AnswersReport, by_file, headline, sentences
from lab.report.table import differences, summary

_WIDEST = max(len(each.value) for each in Decision)
_NARROWEST = 40


def render(report: AnswersReport) -> Iterator[str]:
    """Yield the answers, then how many there are of each kind, then what was not as predicted."""
    for file, answers in by_file(report).items():
        yield f"{printable(file)}\n"
        wide = len(str(max(each.expectation.span.line for each in answers)))
        for each in answers:
            yield from _answer(report, each, f"{each.expectation.span.line:>{wide}}")
        yield "\n"
    yield f"{headline(report)}\n"
    lines = [*summary(report.comparison)]
    if not report.comparison.verified:
        lines += differences(report.comparison)
    yield "\n".join((*lines, ""))


def _answer(report: AnswersReport, answer: Answer, line: str) -> Iterator[str]:
    margin = " " * (len(line) + _WIDEST + 6)
    first, *rest = _wrapped(printable(answer.expectation.name), report.width - len(margin))
    yield f"  {line}  {answer.decision.value:<{_WIDEST}}  {first}\n"
    yield from (f"{margin}{more}\n" for more in rest)
    if answer.decision is Decision.HOLDS:
        return
    reason = answer.expectation.reason
    because = (f"expected because: {printable(reason)}",) if reason else ()
    for detail in (*sentences(report, answer), *because):
        start, *others = _wrapped(detail, report.width - len(margin) - 4)
        yield f"{margin}  {start}\n"
        yield from (f"{margin}    {more}\n" for more in others)


def _wrapped(text: str, width: int) -> list[str]:
    return wrap(text, max(width, _NARROWEST), break_long_words=False, break_on_hyphens=False) or [""]
