"""One item with both selectors, AND, that matches nothing, where two items, OR, would.

What:
    A `from` or `to` item has a namespaceSelector and a podSelector. Such namespaces have pods, and the
    policy's own namespace has pods with such labels, but no pod meets both.

Why:
    Selectors in one item must both match. As two items they would mean pods of those namespaces, and pods
    of the policy's own namespace with those labels.

Example:
    from:
    - namespaceSelector: {matchLabels: {team: ops}}
      podSelector: {matchLabels: {role: web}}         # web runs in the policy's own namespace

Instead:
    from:
    - namespaceSelector: {matchLabels: {team: ops}}
    - podSelector: {matchLabels: {role: web}}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity
from analyzer.lint.finding import Finding
from analyzer.load.text import shown
from analyzer.model import PodPeer
from analyzer.selectors import EVERYTHING, namespace_named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.bitmaps import Bitmap
    from analyzer.lint.evidence import Evidence
    from analyzer.model import Policy

SEVERITY = Severity.WARNING


def check(evidence: Evidence) -> Iterator[Finding]:
    """Yield the items that match nothing together and something apart."""
    for policy in evidence.policies:
        for _, _, peer in evidence.peers(policy):
            if isinstance(peer, PodPeer) and (apart := would_match(evidence, policy, peer)):
                yield Finding(
                    code="KR202",
                    name="and-meant-as-or",
                    severity=SEVERITY,
                    span=peer.span,
                    message=(
                        f"no pod meets both {shown(str(peer.namespaces))} and {shown(str(peer.pods))}: "
                        f"this item allows nothing; as two items it would allow {evidence.named(apart)}"
                    ),
                    help="if either is meant, start `podSelector` with a dash of its own",
                )


def would_match(evidence: Evidence, policy: Policy, peer: PodPeer) -> Bitmap:
    """Return the pods that the two selectors of an item would mean as two items; none unless both would."""
    own = namespace_named(policy.namespace)
    if peer.namespaces == own or not policy.namespace or peer.pods == EVERYTHING:
        return 0
    matcher = evidence.matcher
    there, labelled = matcher.namespaces(peer.namespaces), matcher.labels(peer.pods)
    here = matcher.namespaces(own) & labelled
    return 0 if there & labelled or not there or not here else there | here
