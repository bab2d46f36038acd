"""Findings as SARIF 2.1.0, for code scanning: rules with their documentation, results with places.

Comes in: findings. Goes out: one JSON document. Files are named relative to the working directory, as
`%SRCROOT%`; fingerprints stay the same while a finding stays in the same field of the same object, however
its lines move.
"""

from __future__ import annotations

from hashlib import sha256
from json import dumps
from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity
from analyzer.lint.catalogue import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.lint.finding import Finding
    from analyzer.report.findings import FindingsReport

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTICE: "note"}
_ROOT = "%SRCROOT%"


def render(report: FindingsReport) -> Iterator[str]:
    """Yield the document."""
    indices = {code: index for index, code in enumerate(report.codes)}
    driver = {
        "name": "kubereach",
        "rules": [_rule(code) for code in report.codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, indices[each.code]) for each in report.findings],
    }
    yield dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str) -> dict[str, object]:
    found = rule(code)
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in found.name.split("-")),
        "shortDescription": {"text": found.title},
        "fullDescription": {"text": " ".join(found.sections["What"].split())},
        "help": {"text": found.documentation},
        "defaultConfiguration": {"level": _LEVELS[found.severity]},
    }


def _result(finding: Finding, index: int) -> dict[str, object]:
    span = finding.span
    text = f"{finding.message}. {finding.help}" if finding.help else finding.message
    return {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(span.file),
                    "region": {"startLine": span.line, "startColumn": span.column},
                }
            }
        ],
        "partialFingerprints": {"kubereachFinding/v1": _fingerprint(finding)},
    }


def _artifact(file: str) -> dict[str, str]:
    """Return a file as a URI: relative where it lies below the working directory."""
    from pathlib import Path
    from urllib.parse import quote

    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(path.as_posix()), "uriBaseId": _ROOT}


def _fingerprint(finding: Finding) -> str:
    """Return what is the same for the same finding in another version of a file."""
    span, object_ = finding.span, finding.span.locator
    identity = [str(getattr(object_, each, "")) for each in ("kind", "namespace", "name")]
    text = "\0".join([finding.code, span.file, *identity, span.field])
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
