"""A difference for code scanning: SARIF, each change at the rule of the new version that caused it.

Comes in: a difference. Goes out: one JSON document. A change is the same one while the same rules of the same
policies cause it. Endpoints that only one version has are no results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity
from analyzer.diff.places import Places
from analyzer.report.difference.wording import TITLES, Wording
from analyzer.report.sarif import Result, Rule, document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.diff import Cause, Change
    from analyzer.report.difference import DifferenceReport

_KINDS = {
    "opened": "connections are allowed that were not, or of which it was unknown",
    "perhaps-opened": "connections may be allowed that were denied: a fact is missing that decides",
    "closed": "connections are denied that were not, or of which it was unknown",
    "perhaps-closed": "connections may be denied that were allowed: a fact is missing that decides",
}
_GROWING = ("opened", "perhaps-opened")
_HELP = "`kubereach explain` says why a connection is allowed or denied; `--fail-on` makes a change a failure"


def render(report: DifferenceReport) -> Iterator[str]:
    """Yield the document."""
    wording, places = Wording(report), Places(report.new.cluster)
    results = (_result(each, wording, places) for each in report.difference.changes)
    yield from document([_rule(kind) for kind in _KINDS], results, kind="Change")


def _rule(kind: str) -> Rule:
    title = f"a change: {kind.replace('-', ' ')}"
    severity = Severity.WARNING if kind in _GROWING else Severity.NOTICE
    return Rule(id=kind, name=kind, severity=severity, title=title, meaning=_KINDS[kind], documentation=_HELP)


def _result(change: Change, wording: Wording, places: Places) -> Result:
    title = TITLES[change.before, change.after]
    kind = title.partition(":")[0].replace(" ", "-")
    return Result(
        rule=kind,
        severity=Severity.WARNING if change.grows else Severity.NOTICE,
        message="\n".join((title, *wording.lines(change))),
        span=places.of(change),
        identity=[title, *(text for each in change.causes for text in _identity(each))],
    )


def _identity(cause: Cause) -> tuple[str, ...]:
    policy = cause.policy
    field = cause.rule.span.field if cause.rule else ""
    return cause.effect.value, cause.direction.value, policy.kind, policy.namespace, policy.name, field
