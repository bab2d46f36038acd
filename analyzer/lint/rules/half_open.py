"""A peer that is allowed on one side and denied on the other: a connection needs both.

What:
    This `from` or `to` item allows pods whose own policies deny all of these connections: the sources'
    egress, or the destinations' ingress. Items of which some connection gets through are not reported,
    nor those that mean any peer or addresses.

Why:
    The item looks like access that exists. Somebody wrote half of it, or removed half of it.

Example:
    # web: ingress from api is allowed; api: egress only to db

Instead:
    Allow it in the policy of the other side too, which the message names, or remove the item.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.bitmaps import lowest, members
from analyzer.diagnostics import Severity
from analyzer.lint.evidence import listed
from analyzer.lint.finding import Finding
from analyzer.lint.wording import placed
from analyzer.model import Direction, PodPeer
from analyzer.sets import PortSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.bitmaps import Bitmap
    from analyzer.lint.evidence import Evidence, Written
    from analyzer.model import Rule

SEVERITY = Severity.WARNING
_OTHER = {Direction.INGRESS: Direction.EGRESS, Direction.EGRESS: Direction.INGRESS}


def check(evidence: Evidence) -> Iterator[Finding]:
    """Yield the peers whose own policies deny all that is allowed here."""
    for policy in evidence.isolating:
        subjects = evidence.subjects(policy)
        for written, rule, peer in evidence.peers(policy) if subjects else ():
            if isinstance(peer, PodPeer):
                meant = evidence.matcher.peer(peer).may
                if meant and not _gets_through(evidence, written, rule, subjects, meant):
                    yield _finding(evidence, written, peer, subjects, meant)


def _gets_through(evidence: Evidence, written: Written, rule: Rule, subjects: Bitmap, meant: Bitmap) -> bool:
    """Tell whether the other side lets some of the connections pass, with one subject at least."""
    other = _OTHER[written.direction]
    ports = _ports(evidence, written, rule)
    cells = evidence.engine.algebra.cells
    seen = set()
    for number in members(meant):
        row = evidence.engine.row(other, number)
        if id(row) in seen:
            continue
        seen.add(id(row))
        if any(bits & subjects and cells[cell].possible & ports for cell, bits in row.items()):
            return True
    return False


def _ports(evidence: Evidence, written: Written, rule: Rule) -> PortSet:
    """Return the ports of a rule, with all that its names stand for somewhere."""
    ports = rule.ports.numbers
    destinations = evidence.destinations(written, rule)
    for named in rule.ports.named:
        for found, classes in evidence.matcher.named(named):
            if classes & destinations:
                ports = ports | found
    return ports


def _finding(evidence: Evidence, written: Written, peer: PodPeer, subjects: Bitmap, meant: Bitmap) -> Finding:
    other = _OTHER[written.direction]
    there = lowest(meant)
    policies = listed([placed(each) for each in evidence.engine.policies(other, there)])
    direction = written.direction.value
    return Finding(
        code="KR205",
        name="half-open",
        severity=SEVERITY,
        span=peer.span,
        message=(
            f"this {direction} item allows nothing: {other.value} of {evidence.named(meant)} "
            f"denies every such connection with {evidence.named(subjects)}"
        ),
        help=f"allow it in {policies} too, or remove the item",
    )
