"""A difference for programs: JSON in the form of difference.schema.json, one folder above.

Comes in: a difference. Goes out: pieces of one JSON document, a change a line.
"""

from __future__ import annotations

from json import dumps
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.diff import Cause, Change, Ends
    from analyzer.endpoints import Endpoint
    from analyzer.report.difference import DifferenceReport

SCHEMA = "kubereach.dev/difference"
VERSION = 1


def render(report: DifferenceReport) -> Iterator[str]:
    """Yield the document."""
    found = report.difference
    cni = {"old": report.old.cluster.profile, "new": report.new.cluster.profile}
    ends = {"added": _ids(found.added), "removed": _ids(found.removed), "kept": found.kept}
    yield f'{{\n  "schema": "{SCHEMA}",\n  "version": {VERSION},\n'
    yield f'  "cni": {dumps(cni)},\n  "endpoints": {dumps(ends)},\n  "changes": ['
    between, end = "\n    ", ""
    for change in found.changes:
        yield between + dumps(_change(change))
        between, end = ",\n    ", "\n  "
    yield f"{end}]\n}}\n"


def _ids(endpoints: Sequence[Endpoint]) -> list[str]:
    return [each.id for each in endpoints]


def _change(change: Change) -> dict[str, object]:
    kind = "changed" if change.unknown else "added" if change.grows else "removed"
    seen = change.witness
    return {
        "change": kind,
        "before": change.before.name.lower(),
        "after": change.after.name.lower(),
        "causes": [_cause(each) for each in change.causes],
        "witness": {
            "source": seen.source,
            "destination": seen.destination,
            "protocol": seen.protocol.value,
            "port": seen.port,
        },
        "parts": [
            {
                "ports": part.ports.by_protocol(),
                "sources": _ends(part.sources),
                "destinations": _ends(part.destinations),
            }
            for part in change.parts
        ],
    }


def _cause(cause: Cause) -> dict[str, object]:
    policy, span = cause.policy, cause.span
    return {
        "effect": cause.effect.value,
        "version": "new" if cause.effect.is_new else "old",
        "edited": cause.edited,
        "direction": cause.direction.value,
        "policy": "/".join(part for part in (policy.namespace, policy.kind, policy.name) if part),
        "file": span.file,
        "line": span.line,
        "field": span.field,
    }


def _ends(ends: Ends) -> dict[str, object]:
    return {"endpoints": _ids(ends.endpoints), "cidrs": ends.addresses.cidrs()}
