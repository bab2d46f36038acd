"""Expectations that packets decided, written: one module a format, each with a function `render(report)`.

What they share: the report, and the sentences that an answer is told in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analyzer import Protocol
from analyzer.explain import explain
from analyzer.load.text import printable
from analyzer.report.checks import counted, expected
from analyzer.report.explanation import reasons
from lab.compare import Comparison, Finding
from lab.expectations import Answer, Call, Decision
from lab.report.table import attempt_line

_WORDS = {
    Decision.HOLDS: ("holds", "hold"),
    Decision.OPEN: ("is open", "are open"),
    Decision.UNDECIDED: ("is undecided", "are undecided"),
    Decision.FAILS: ("fails", "fail"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersReport:
    """Answers in the order of their files, and the comparison that they come from."""

    answers: Sequence[Answer]
    comparison: Comparison
    width: int = 100


def by_file(report: AnswersReport) -> dict[str, list[Answer]]:
    """Return the answers file by file."""
    found: dict[str, list[Answer]] = {}
    for each in report.answers:
        found.setdefault(each.expectation.span.file, []).append(each)
    return found


def headline(report: AnswersReport) -> str:
    """Say how many expectations there are, and what became of them."""
    counts = Counter(each.decision for each in report.answers)
    parts = (f"{counts[each]:,} {_WORDS[each][counts[each] > 1]}" for each in _WORDS if counts[each])
    probes = counted(len(report.comparison.findings), "probe")
    return f"{counted(len(report.answers), 'expectation')}: {', '.join(parts)} ({probes})"


def sentences(report: AnswersReport, answer: Answer) -> tuple[str, ...]:
    """Say why something does not hold: a connection, what was seen of it, what was predicted."""
    return tuple(map(printable, _sentences(report, answer)))


def _sentences(report: AnswersReport, answer: Answer) -> Iterator[str]:
    problem = answer.result.problem
    if problem:
        yield problem.message
        yield from (problem.help,) if problem.help else ()
    elif answer.decision is Decision.OPEN:
        yield "the manifests leave it open, and a packet can show only one of what may be"
    elif answer.shown and answer.finding:
        yield f"{_line(answer, answer.finding)} ({_counts(answer)})"
        yield from (f"attempt {attempt_line(each)}" for each in answer.finding.result.attempts)
        yield from _predicted(report, answer.finding)
    elif answer.shown:
        yield f"{_ends(answer.shown)} could not be probed ({_counts(answer)})"
        yield from (f"not probed: {why}" for why in report.comparison.plan.impossible)


def _line(answer: Answer, finding: Finding) -> str:
    question, probe = finding.question, finding.question.probe
    name = f"service {question.service}" if question.service else probe.expect or probe.address
    seen = (
        f"{probe.source} -> {name} on {probe.protocol.name} {probe.port}: seen {finding.result.outcome.value}"
    )
    if answer.decision is Decision.FAILS:
        return f"{seen}, not as expected: {expected(answer.expectation)}"
    return f"{seen}, which does not decide: {expected(answer.expectation)}"


def _ends(call: Call) -> str:
    return f"{call.source} -> {call.destination or f'service {call.service}'}"


def _counts(answer: Answer) -> str:
    number = answer.wrong or answer.open
    return f"{number:,} of {counted(answer.calls, 'pair')}; {counted(answer.probes, 'probe')}"


def _predicted(report: AnswersReport, finding: Finding) -> Iterator[str]:
    """Say what was predicted, and which rules decide."""
    question = finding.question
    word = {"yes": "allowed", "no": "denied"}.get(question.predicted.name.lower(), "left open by the API")
    yield f"predicted: {word}; {finding.status.value}"
    if not question.service:
        port = Protocol[question.probe.protocol.name], question.probe.port
        reachability = report.comparison.plan.view.reachability
        yield from reasons(explain(reachability, question.source, question.destination, port))
