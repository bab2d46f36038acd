"""A difference as annotations of a pull request: each change at the rule of the new version that caused it.

Comes in: a difference. Goes out: workflow commands of GitHub Actions. What opens is a warning, what closes a
notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.diagnostics import Diagnostic, Severity
from analyzer.diff.places import Places
from analyzer.report.difference.wording import TITLES, Wording
from analyzer.report.github import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.report.difference import DifferenceReport


def render(report: DifferenceReport) -> Iterator[str]:
    """Yield the annotations; endpoints that only one version has are told without a place."""
    yield from commands(_diagnostics(report))


def _diagnostics(report: DifferenceReport) -> Iterator[Diagnostic]:
    wording, places = Wording(report), Places(report.new.cluster)
    for title, names in wording.endpoints():
        yield Diagnostic(severity=Severity.NOTICE, code=title, message=names)
    for change in report.difference.changes:
        yield Diagnostic(
            severity=Severity.WARNING if change.grows else Severity.NOTICE,
            code=TITLES[change.before, change.after],
            message="\n".join(wording.lines(change)),
            span=places.of(change),
        )
