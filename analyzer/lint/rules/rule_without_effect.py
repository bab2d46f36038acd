"""A rule without effect: the other rules allow all of it already.

What:
    For every pod that the policy selects, the other rules of this policy and of other policies allow
    every connection that the rule allows. All rules and policies that are reported can be removed
    together.

Why:
    Rules that say nothing hide those that do, and a reader takes them for the reason why something works.

Example:
    ingress:
    - {}                      # everybody
    - from: [{podSelector: {matchLabels: {app: web}}}]   # adds nothing

Instead:
    Remove the rule, or the wider one that covers it when the narrow one is what is meant. A rule whose peers
    or ports match nothing here is not reported: see KR104, KR105 and KR106.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity
from analyzer.lint.finding import Finding, Fix
from analyzer.lint.wording import covered_by, policy_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.lint.evidence import Evidence

SEVERITY = Severity.WARNING


def check(evidence: Evidence) -> Iterator[Finding]:
    """Yield the rules without effect, of policies that have one."""
    for written, cover in evidence.redundancies.rules:
        direction, name = written.direction.value, policy_name(written.policy)
        yield Finding(
            code="KR102",
            name="rule-without-effect",
            severity=SEVERITY,
            span=written.span,
            message=f"this {direction} rule of {name} has no effect: {covered_by(cover, written.policy)}",
            help="remove it, or the wider rule that covers it",
            fix=Fix(title=f"remove this rule of policy {name}", span=written.span),
        )
