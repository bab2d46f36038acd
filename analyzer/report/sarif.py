"""SARIF 2.1.0, which code scanning reads: rules with their documentation, results with places.

Comes in: rules and results. Goes out: one JSON document. Files are named relative to the working directory,
as `%SRCROOT%`; fingerprints stay the same while a result is about the same thing, however its lines move.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from json import dumps
from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from analyzer.diagnostics import Span

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTICE: "note"}
_ROOT = "%SRCROOT%"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A kind of results: `name` in kebab-case, a title, what it means, and all there is to say of it."""

    id: str
    name: str
    severity: Severity
    title: str
    meaning: str
    documentation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One result. Results of the same `identity` are the same one in two versions of a file."""

    rule: str
    severity: Severity
    message: str
    span: Span
    identity: Sequence[str]


def document(rules: Sequence[Rule], results: Iterable[Result], *, kind: str) -> Iterator[str]:
    """Yield the document; `kind` names what the results are, for their fingerprints."""
    indices = {each.id: index for index, each in enumerate(rules)}
    run = {
        "tool": {"driver": {"name": "kubereach", "rules": [_rule(each) for each in rules]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, indices[each.rule], f"kubereach{kind}/v1") for each in results],
    }
    yield dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.meaning},
        "help": {"text": rule.documentation},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(result: Result, index: int, fingerprint: str) -> dict[str, object]:
    span = result.span
    return {
        "ruleId": result.rule,
        "ruleIndex": index,
        "level": _LEVELS[result.severity],
        "message": {"text": result.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(span.file),
                    "region": {"startLine": span.line, "startColumn": span.column},
                }
            }
        ],
        "partialFingerprints": {fingerprint: _hash("\0".join((result.rule, *result.identity)))},
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


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
