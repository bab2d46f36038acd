"""A peer whose namespaceSelector matches no namespace of the input, or only namespaces without a pod.

What:
    No namespace of the input has the labels that the selector of this `from` or `to` item asks for, or no
    pod of the input is in those that have. It is a warning where a namespace has a label much like it.

Why:
    The item allows nothing. Often the namespace simply is not part of what was read; sometimes the label
    is misspelt, or was never put on the namespace.

Example:
    from: [{namespaceSelector: {matchLabels: {name: monitoring}}}]   # no namespace has a label `name`

Instead:
    Use the label that every namespace has: kubernetes.io/metadata.name: monitoring. Give lint the manifests
    of the other namespaces too, so that it can see them.

"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity
from analyzer.lint.evidence import listed
from analyzer.lint.finding import Finding
from analyzer.lint.labels import near
from analyzer.load.text import shown
from analyzer.model import PodPeer
from analyzer.selectors import NAMESPACE_NAME, namespace_named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.lint.evidence import Evidence

SEVERITY = Severity.NOTICE


def check(evidence: Evidence) -> Iterator[Finding]:
    """Yield the peers that mean no namespace with a pod."""
    for policy in evidence.policies:
        own = namespace_named(policy.namespace)
        for _, _, peer in evidence.peers(policy):
            if isinstance(peer, PodPeer) and peer.namespaces != own:
                yield from _peer(evidence, peer)


def _peer(evidence: Evidence, peer: PodPeer) -> Iterator[Finding]:
    if evidence.matcher.namespaces(peer.namespaces):
        return
    selector = shown(str(peer.namespaces))
    found = evidence.namespaces(peer.namespaces)
    meant = "" if found else near(peer.namespaces, evidence.namespace_labels)
    if found:
        message = f"{selector} means {listed([shown(each) for each in found])}, where the input has no pod"
    else:
        message = f"no namespace of the input matches {selector}"
    yield Finding(
        code="KR104",
        name="peer-namespace-matches-nothing",
        severity=Severity.WARNING if meant else SEVERITY,
        span=peer.span,
        message=f"this item allows nothing: {message}",
        help=f"did you mean {meant}?" if meant else _help(peer),
    )


def _help(peer: PodPeer) -> str:
    if NAMESPACE_NAME in peer.namespaces.keys():  # noqa: SIM118 - a method of ours, not a dictionary's
        return "read the manifests of that namespace too, or remove the item"
    return f"read the manifests of that namespace too; every namespace has the label {NAMESPACE_NAME}"
