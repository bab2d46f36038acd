"""A policy that selects no pod: its podSelector matches nothing in its namespace.

What:
    No pod of the input that policies apply to has the labels that `spec.podSelector` asks for in the
    policy's namespace. An empty selector in a namespace without pods is not reported, nor one that
    means pods which an operator makes (a custom resource has such labels) or a Service leads to.

Why:
    A slip in a label or a namespace leaves the pods that were meant unprotected, and nothing fails.

Example:
    spec:
      podSelector: {matchLabels: {app: fronted}}     # the pods have app: frontend

Instead:
    Write the labels that the pods' template has. Pods on the network of their node (hostNetwork) are never
    selected by a policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity
from analyzer.lint.evidence import raw
from analyzer.lint.finding import Finding
from analyzer.lint.labels import near
from analyzer.lint.wording import policy_name
from analyzer.load.text import shown
from analyzer.selectors import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.lint.evidence import Evidence
    from analyzer.model import Policy

SEVERITY = Severity.WARNING


def check(evidence: Evidence) -> Iterator[Finding]:
    """Yield the policies that select nothing."""
    for policy in evidence.policies:
        if policy.subject_pods == EVERYTHING or evidence.subjects(policy):
            continue
        here = evidence.matcher.namespaces(policy.subject_namespaces)
        if not here & evidence.matcher.labels(policy.subject_pods) and evidence.awaited(
            policy.subject_pods, evidence.namespaces(policy.subject_namespaces)
        ):
            continue
        selector = policy.span.child("spec", "podSelector")
        yield Finding(
            code="KR103",
            name="policy-selects-no-pod",
            severity=SEVERITY,
            span=policy.span if raw(selector) is None else selector,
            message=f"policy {policy_name(policy)} selects no pod: {_reason(evidence, policy)}",
            help=_help(evidence, policy),
        )


def _reason(evidence: Evidence, policy: Policy) -> str:
    selector = shown(str(policy.subject_pods))
    here = evidence.matcher.namespaces(policy.subject_namespaces)
    if not here:
        return f"there is no pod in {_where(policy)}"
    if on_hosts := here & evidence.matcher.labels(policy.subject_pods):
        return f"{selector} matches only {evidence.named(on_hosts)}, on the network of the node"
    return f"no pod in {_where(policy)} matches {selector}"


def _where(policy: Policy) -> str:
    return (
        f"namespace {shown(policy.namespace)}" if policy.namespace else shown(str(policy.subject_namespaces))
    )


def _help(evidence: Evidence, policy: Policy) -> str:
    here = evidence.matcher.namespaces(policy.subject_namespaces) & evidence.matcher.pods
    if found := near(policy.subject_pods, evidence.labels(here)):
        return f"did you mean {found}?"
    anywhere = evidence.matcher.labels(policy.subject_pods) & evidence.matcher.pods
    if anywhere:
        return f"{evidence.named(anywhere)} would match; a policy selects in its own namespace only"
    return "write the labels of the pods that are meant, or remove the policy"
