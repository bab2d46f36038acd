"""An ipBlock whose excepts take out more than they leave.

What:
    The excepts of an ipBlock hold more than half of the addresses of its cidr. It is a warning when
    nothing is left.

Why:
    What is meant is hard to see, and a slip in a prefix length looks just like this.

Example:
    ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/9, 10.128.0.0/10]}

Instead:
    Write what is left: cidr: 10.192.0.0/10. The message names it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity
from analyzer.lint.evidence import listed, raw
from analyzer.lint.finding import Finding
from analyzer.load.text import shown
from analyzer.model import AddressPeer
from analyzer.sets import AddressSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.lint.evidence import Evidence

SEVERITY = Severity.NOTICE


def check(evidence: Evidence) -> Iterator[Finding]:
    """Yield the blocks of which less than half is left."""
    for policy in evidence.policies:
        for _, _, peer in evidence.peers(policy):
            if not isinstance(peer, AddressPeer):
                continue
            block = raw(peer.span.child("ipBlock"))
            if isinstance(block, dict) and block.get("except"):
                whole = AddressSet.of(block["cidr"])
                left = whole - AddressSet.union(map(AddressSet.of, block["except"]))
                if 2 * left.size < whole.size:
                    yield _finding(peer, block["cidr"], whole, left)


def _finding(peer: AddressPeer, cidr: str, whole: AddressSet, left: AddressSet) -> Finding:
    if not left:
        message, hint = f"nothing is left of {shown(cidr)}: this item allows nothing", "narrow `except`"
    else:
        share = 100 * (whole.size - left.size) / whole.size
        message = f"`except` takes {share:.3g} % out of {shown(cidr)}"
        hint = f"write what is left: {listed([shown(each) for each in left.cidrs()])}"
    return Finding(
        code="KR204",
        name="except-larger-than-rest",
        severity=SEVERITY if left else Severity.WARNING,
        span=peer.span,
        message=message,
        help=hint,
    )
