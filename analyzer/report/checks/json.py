"""Checked expectations for programs: one JSON document, described by checks.schema.json beside this module.

Comes in: results. Goes out: JSON, one result a line.
"""

from __future__ import annotations

from json import dumps
from typing import TYPE_CHECKING

from analyzer.report.checks import explained, sentences
from analyzer.report.explanation import reasons

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.expect.result import Result, Witness
    from analyzer.report.checks import ChecksReport

SCHEMA = "kubereach.dev/checks"
VERSION = 1


def render(report: ChecksReport) -> Iterator[str]:
    """Yield the document."""
    cni = dumps(report.reachability.cluster.profile)
    yield f'{{\n  "schema": {dumps(SCHEMA)},\n  "version": {VERSION},\n  "cni": {cni},\n'
    lines = ",\n    ".join(dumps(_result(report, each)) for each in report.results)
    yield f'  "results": [\n    {lines}\n  ]\n}}\n'


def _result(report: ChecksReport, result: Result) -> dict[str, object]:
    expectation, span = result.expectation, result.expectation.span
    found: dict[str, object] = {
        "name": expectation.name,
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "verdict": expectation.verdict.value,
        "ports": expectation.ports.by_protocol(),
        "reason": expectation.reason,
        "outcome": result.outcome.value,
        "pairs": {"total": result.pairs, "failing": result.failing, "unknown": result.doubtful},
        "witness": _witness(report, result.witness) if result.witness else None,
        "problem": " ".join(sentences(report, result)) if result.problem else None,
    }
    return found


def _witness(report: ChecksReport, witness: Witness) -> dict[str, object]:
    protocol, number = witness.port
    service = witness.service
    return {
        "source": witness.source.id,
        "destination": witness.destination.id,
        "service": f"{service.namespace}/{service.name}" if service else None,
        "protocol": protocol.value,
        "port": number,
        "ports": witness.ports.by_protocol(),
        "verdict": witness.verdict,
        "explanation": list(reasons(explained(report, witness))),
    }
