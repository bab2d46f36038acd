"""Expectations that packets decided, for programs: an object each, on a line of its own.

Comes in: answers. Goes out: JSON; `docs/expectations.md` describes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lab.expectations import Answer
from lab.report.answers import AnswersReport, sentences
from lab.report.json import plain

SCHEMA = "kubereach.dev/answers"
VERSION = 1


def render(report: AnswersReport) -> Iterator[str]:
    """Yield the document."""
    head = {
        "schema": SCHEMA,
        "version": VERSION,
        "cni": report.comparison.plan.world.cluster.profile,
        "verified": report.comparison.verified,
    }
    yield json.dumps(head)[:-1] + ', "answers": [\n'
    yield ",\n".join(json.dumps(_plain(report, each)) for each in report.answers)
    yield "\n]}\n"


def _plain(report: AnswersReport, answer: Answer) -> dict[str, Any]:
    expectation, span = answer.expectation, answer.expectation.span
    return {
        "name": expectation.name,
        "file": span.file,
        "line": span.line,
        "verdict": expectation.verdict.value,
        "decision": answer.decision.value,
        "pairs": {"total": answer.calls, "failing": answer.wrong, "undecided": answer.open},
        "probes": answer.probes,
        "observation": plain(answer.finding) if answer.finding else None,
        "why": list(sentences(report, answer)),
    }
