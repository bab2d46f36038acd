"""An ipBlock that holds addresses of pods, where it makes a difference.

What:
    The block holds, or may hold, addresses of pods of the input, and no other rule allows the same to
    them. Calico and most other engines then allow (some of) these pods; Cilium never matches pods by
    address, and the API says that blocks "should be cluster-external IPs, since Pod IPs are ephemeral".

Why:
    The policy does one thing on one cluster and another on the next; and what was meant for the internet
    opens the cluster's own pods.

Example:
    egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]      # the internet, and every pod

Instead:
    Take the pod network out, and name pods by their labels:
    egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.244.0.0/16]}}]}]
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity
from analyzer.endpoints import address_name
from analyzer.lint.finding import Finding
from analyzer.load.text import shown
from analyzer.model import AddressPeer, Match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.lint.evidence import Evidence, Written

SEVERITY = Severity.NOTICE


def check(evidence: Evidence) -> Iterator[Finding]:
    """Yield the blocks that decide about pods."""
    for policy in evidence.isolating:
        if evidence.subjects(policy):
            for written, _, peer in evidence.peers(policy):
                if isinstance(peer, AddressPeer):
                    yield from _block(evidence, written, peer)


def _block(evidence: Evidence, written: Written, peer: AddressPeer) -> Iterator[Finding]:
    compared = replace(peer, on_pods=Match.YES)
    inside = evidence.matcher.peer(compared).may & evidence.matcher.pods
    if not inside or not evidence.contributions.adds(written.policy, written.rules, inside):
        return
    network = evidence.cluster.pod_addresses & peer.addresses
    hint = f"add {shown(address_name(network))} to `except`, and" if network else "leave them out, and"
    yield Finding(
        code="KR301",
        name="ip-block-covers-pods",
        severity=SEVERITY,
        span=peer.span,
        message=(
            f"this block holds addresses of pods, {evidence.named(inside)}: "
            f"Calico and most engines then allow them, Cilium does not"
        ),
        help=f"{hint} name pods by their labels",
    )
