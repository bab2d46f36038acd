"""A peer whose podSelector matches no pod, in namespaces that have pods.

What:
    The namespaces that this `from` or `to` item means have pods in the input, and none of them has the
    labels that it asks for. Not reported where a custom resource has such labels (its operator makes the
    pods), or a Service leads to such pods.

Why:
    The item allows nothing, so what it was written for is denied. A podSelector alone means pods of the
    policy's own namespace; that the pods are somewhere else is the commonest reason.

Example:
    from: [{podSelector: {matchLabels: {app: prometheus}}}]    # Prometheus runs in `monitoring`

Instead:
    Add the namespace to the same item (no dash before podSelector):
    from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}},
            podSelector: {matchLabels: {app: prometheus}}}]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity
from analyzer.lint.finding import Finding
from analyzer.lint.labels import near
from analyzer.lint.rules.and_meant_as_or import would_match
from analyzer.load.text import shown
from analyzer.model import PodPeer
from analyzer.selectors import namespace_named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.lint.evidence import Evidence
    from analyzer.model import Policy

SEVERITY = Severity.WARNING


def check(evidence: Evidence) -> Iterator[Finding]:
    """Yield the peers that mean no pod."""
    for policy in evidence.policies:
        for _, _, peer in evidence.peers(policy):
            if isinstance(peer, PodPeer) and not would_match(evidence, policy, peer):
                yield from _peer(evidence, policy, peer)


def _peer(evidence: Evidence, policy: Policy, peer: PodPeer) -> Iterator[Finding]:
    here = evidence.matcher.namespaces(peer.namespaces)
    named = evidence.matcher.labels(peer.pods)
    if not here or here & named or evidence.awaited(peer.pods, evidence.namespaces(peer.namespaces)):
        return
    own = peer.namespaces == namespace_named(policy.namespace)
    where = (
        f"namespace {shown(policy.namespace)}" if own else f"namespaces with {shown(str(peer.namespaces))}"
    )
    if meant := near(peer.pods, evidence.labels(here)):
        hint = f"did you mean {meant}?"
    elif named:
        hint = f"{evidence.named(named)} would match: add a namespaceSelector that means it"
    else:
        hint = "write the labels of the pods that are meant, or remove the item"
    yield Finding(
        code="KR105",
        name="peer-pods-match-nothing",
        severity=SEVERITY,
        span=peer.span,
        message=f"this item allows nothing: no pod of {where} matches {shown(str(peer.pods))}",
        help=hint,
    )
