"""Two items, OR, that read like one, AND: a namespaceSelector and a podSelector with a dash each.

What:
    A `from` or `to` has an item with only a namespaceSelector and, next to it, one with only a
    podSelector. Pods that meet both exist, and as two items they admit more: every pod of those
    namespaces, and pods of the policy's own namespace with those labels, wherever the others are.

Why:
    One dash is the whole difference, and it opens a whole namespace.

Example:
    from:
    - namespaceSelector: {matchLabels: {team: ops}}
    - podSelector: {matchLabels: {role: probe}}

Instead:
    from:
    - namespaceSelector: {matchLabels: {team: ops}}
      podSelector: {matchLabels: {role: probe}}
    Where either is meant, say so: # kubereach: ignore[KR201] all of ops, and our own probes
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity
from analyzer.lint.evidence import raw
from analyzer.lint.finding import Finding
from analyzer.model import PodPeer
from analyzer.selectors import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.lint.evidence import Evidence

SEVERITY = Severity.WARNING


def check(evidence: Evidence) -> Iterator[Finding]:
    """Yield the second of two items that were hardly meant apart."""
    for policy in evidence.policies:
        peers = [peer for _, _, peer in evidence.peers(policy) if isinstance(peer, PodPeer)]
        for one, other in pairwise(peers):
            if one.span.path[:-1] == other.span.path[:-1]:
                yield from _pair(evidence, one, other)


def _pair(evidence: Evidence, one: PodPeer, other: PodPeer) -> Iterator[Finding]:
    alone = {_only(one): one, _only(other): other}
    namespaces, pods = alone.get("namespaceSelector"), alone.get("podSelector")
    if namespaces is None or pods is None or pods.pods == EVERYTHING:
        return
    matcher = evidence.matcher
    there = matcher.namespaces(namespaces.namespaces)
    both = there & matcher.labels(pods.pods)
    more = (there | matcher.peer(pods).may) & ~both
    if both and more:
        yield Finding(
            code="KR201",
            name="or-meant-as-and",
            severity=SEVERITY,
            span=other.span,
            message=(
                f"these two items are alternatives: they allow {evidence.named(more)} too; "
                f"as one item they would mean only {evidence.named(both)}"
            ),
            help=f"if both must match, remove the dash before `{_only(other)}`",
        )


def _only(peer: PodPeer) -> str:
    """Return the one field that an item has, "" when it has several."""
    item = raw(peer.span)
    given = [str(key) for key, value in item.items() if value is not None] if isinstance(item, dict) else []
    return given[0] if len(given) == 1 else ""
