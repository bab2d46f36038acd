"""Findings as annotations of a pull request.

Comes in: findings. Goes out: workflow commands of GitHub Actions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.report.github import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.report.findings import FindingsReport


def render(report: FindingsReport) -> Iterator[str]:
    """Yield an annotation for each finding."""
    yield from commands(report.findings)
