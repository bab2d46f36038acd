"""Findings for programs: one JSON document, described by findings.schema.json beside this module.

Comes in: findings. Goes out: JSON, one object a line; all findings, whatever a person would be shown.
"""

from __future__ import annotations

from json import dumps
from typing import TYPE_CHECKING

from analyzer.lint.catalogue import rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from analyzer.lint.finding import Finding
    from analyzer.report.findings import FindingsReport

SCHEMA = "kubereach.dev/findings"
VERSION = 1


def render(report: FindingsReport) -> Iterator[str]:
    """Yield the document."""
    yield f'{{\n  "schema": {dumps(SCHEMA)},\n  "version": {VERSION},\n  "cni": {dumps(report.cni)},\n'
    yield f'  "ignored": {report.ignored},\n'
    yield from _array("rules", map(_rule, report.codes), end=",\n")
    yield from _array("findings", map(_finding, report.findings), end="\n")
    yield "}\n"


def _array(name: str, items: Iterable[object], *, end: str) -> Iterator[str]:
    lines = ",\n    ".join(map(dumps, items))
    yield f'  "{name}": [\n    {lines}\n  ]{end}' if lines else f'  "{name}": []{end}'


def _rule(code: str) -> dict[str, object]:
    found = rule(code)
    return {"code": code, "name": found.name, "severity": found.severity.value, "title": found.title}


def _finding(finding: Finding) -> dict[str, object]:
    span = finding.span
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "field": span.field,
        "message": finding.message,
        "help": finding.help,
        "fix": finding.fix.title if finding.fix else None,
    }
