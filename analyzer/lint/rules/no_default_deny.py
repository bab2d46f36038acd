"""A namespace without a default deny for ingress.

What:
    The namespace has pods, and no policy isolates every pod of it for ingress, whatever its labels (an
    empty podSelector). The message counts the workloads that are open today.

Why:
    A new workload, or one whose labels change, is open to the whole cluster until somebody notices.

Example:
    # a namespace whose only policy selects app: web

Instead:
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {name: default-deny, namespace: shop}
    spec: {podSelector: {}, policyTypes: [Ingress]}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity
from analyzer.lint.finding import Finding
from analyzer.load.text import shown
from analyzer.model import Direction
from analyzer.selectors import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.diagnostics import Span
    from analyzer.endpoints import Endpoint
    from analyzer.lint.evidence import Evidence

SEVERITY = Severity.NOTICE


def check(evidence: Evidence) -> Iterator[Finding]:
    """Yield the namespaces that no policy protects as a whole."""
    protected = {
        name
        for policy in evidence.isolating
        if Direction.INGRESS in policy.directions and policy.subject_pods == EVERYTHING
        for name in evidence.namespaces(policy.subject_namespaces)
    }
    for namespace, endpoints in _by_namespace(evidence).items():
        if namespace not in protected:
            yield _finding(evidence, namespace, endpoints)


def _by_namespace(evidence: Evidence) -> dict[str, list[Endpoint]]:
    found: dict[str, list[Endpoint]] = {}
    for endpoint in evidence.endpoints(evidence.matcher.pods):
        found.setdefault(endpoint.namespace, []).append(endpoint)
    return dict(sorted(found.items()))


def _finding(evidence: Evidence, namespace: str, endpoints: list[Endpoint]) -> Finding:
    engine = evidence.engine
    exposed = [each for each in endpoints if not engine.policies(Direction.INGRESS, each.number)]
    count = f"{len(exposed):,} of {len(endpoints):,} workloads are" if exposed else "a new workload is"
    return Finding(
        code="KR401",
        name="no-default-deny",
        severity=SEVERITY,
        span=_place(evidence, namespace, endpoints),
        message=f"namespace {shown(namespace)} has no default deny: {count} open to everybody",
        help="add a policy with `podSelector: {}` and `policyTypes: [Ingress]`",
    )


def _place(evidence: Evidence, namespace: str, endpoints: list[Endpoint]) -> Span:
    """Return the place of the Namespace, or of its first pod when the input does not hold it."""
    return evidence.namespace_spans.get(namespace) or min(
        (pod.span for each in endpoints for pod in each.pods[:1]), key=lambda span: (span.file, span.line)
    )
