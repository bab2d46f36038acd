"""A policy without effect: removing it changes no verdict.

What:
    For every pod that the policy selects, other policies keep the same directions isolated and already
    allow everything that this one allows. All policies that are reported can be removed together.

Why:
    It is read as protection or as access that somebody relies on, and is neither. The next change to the
    policies that cover it brings it back to life, unnoticed.

Example:
    # allow-all admits everybody to every pod of the namespace, so this adds nothing:
    metadata: {name: allow-web}
    spec: {podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 80}]}]}

Instead:
    Remove it, or narrow the policies that cover it. A default deny (an empty podSelector and no rules) is
    never reported: it protects pods that do not exist yet. A policy whose peers match nothing here is not
    reported either: see KR104 and KR105.
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
    """Yield the policies without effect."""
    for policy, cover in evidence.redundancies.policies:
        name = policy_name(policy)
        yield Finding(
            code="KR101",
            name="policy-without-effect",
            severity=SEVERITY if cover.by else Severity.NOTICE,
            span=policy.span,
            message=f"policy {name} has no effect: {covered_by(cover, policy)}",
            help="remove it, or narrow what covers it",
            fix=Fix(title=f"remove policy {name}", span=policy.span) if cover.by else None,
        )
