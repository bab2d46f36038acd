"""What lint says: one sentence about one place in a policy, and where it is safe the edit that mends it.

Comes in: what a rule found. Goes out: one frozen type, a Diagnostic with a fix, that every renderer shows.
"""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.diagnostics import Diagnostic, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """An edit that changes no verdict: remove what stands at `span`, a whole object or an item of a list."""

    title: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Diagnostic):
    """A Diagnostic that always has a place; `code` is that of a rule, such as `KR101`, `name` its name."""

    name: str
    span: Span
    fix: Fix | None = None


def place(finding: Finding) -> tuple[str, int, int, str, str]:
    """Return what findings are sorted by: file, line and column, then code and message."""
    span = finding.span
    return span.file, span.line, span.column, finding.code, finding.message
