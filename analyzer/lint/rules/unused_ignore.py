"""A comment that turns nothing off, or that names no rule.

What:
    `# kubereach: ignore[...]` stands where none of the named rules finds anything, on its own line or on
    the next one, or it names a rule that does not exist.

Why:
    It says that something is wrong here and accepted, when nothing is; and it would hide the next
    finding.

Example:
    podSelector: {}   # kubereach: ignore[KR103] all pods are meant

Instead:
    Remove the comment, mend the code, or move the comment to the line of the finding or the line above it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity, Span
from analyzer.lint.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.lint.evidence import Evidence

SEVERITY = Severity.NOTICE


def check(evidence: Evidence) -> Iterator[Finding]:
    """Yield nothing: which comments are idle is known only when all other rules have looked."""
    del evidence
    yield from ()


def finding(span: Span, message: str, hint: str) -> Finding:
    """Return the finding about one comment."""
    return Finding(
        code="KR901", name="unused-ignore", severity=SEVERITY, span=span, message=message, help=hint
    )
