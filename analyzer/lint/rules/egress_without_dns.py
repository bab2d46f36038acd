"""Pods whose egress is isolated, that may talk to somebody, but not to any DNS server.

What:
    The pods may open some connections, and UDP 53 to nobody. Pods that may open no connection at all are
    not reported. UDP 5353, on which OpenShift's DNS pods listen, counts too.

Why:
    Names are asked for over UDP; without it nearly every client fails before its first connection, and
    what is seen is a timeout. A port without a protocol is a TCP port.

Example:
    egress: [{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]}]

Instead:
    Add a rule for DNS, or a policy with it for the whole namespace:
    egress:
    - to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}]
      ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.bitmaps import bitmap
from analyzer.diagnostics import Severity
from analyzer.lint.evidence import raw
from analyzer.lint.finding import Finding
from analyzer.model import Direction
from analyzer.pairs import profiles
from analyzer.sets import PortSet, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.bitmaps import Bitmap
    from analyzer.engine import Row
    from analyzer.lint.evidence import Evidence
    from analyzer.model import Policy

SEVERITY = Severity.WARNING
_DNS = PortSet.of(Protocol.UDP, 53) | PortSet.of(Protocol.UDP, 5353)
_OVER_TCP = PortSet.of(Protocol.TCP, 53)


def check(evidence: Evidence) -> Iterator[Finding]:
    """Yield, once a policy that isolates, the pods that have no DNS."""
    found: dict[int, tuple[Policy, Bitmap, bool]] = {}
    for row, subjects in profiles(evidence.engine, Direction.EGRESS):
        if row is evidence.engine.open or _allows(evidence, row, _DNS):
            continue
        if not _allows(evidence, row, PortSet.transports()):
            continue
        policies = evidence.engine.policies(Direction.EGRESS, subjects[0])
        policy = next((each for each in policies if each.egress), policies[0])
        _, classes, over_tcp = found.get(id(policy), (policy, 0, False))
        over_tcp |= _allows(evidence, row, _OVER_TCP)
        found[id(policy)] = (policy, classes | bitmap(subjects), over_tcp)
    for policy, classes, over_tcp in found.values():
        yield _finding(evidence, policy, classes, over_tcp=over_tcp)


def _allows(evidence: Evidence, row: Row, ports: PortSet) -> bool:
    return any(evidence.engine.algebra.cells[cell].possible & ports for cell in row)


def _finding(evidence: Evidence, policy: Policy, classes: Bitmap, *, over_tcp: bool) -> Finding:
    where = policy.span.child("spec", "egress")
    only = ", only TCP 53" if over_tcp else ""
    return Finding(
        code="KR203",
        name="egress-without-dns",
        severity=SEVERITY,
        span=policy.span if raw(where) is None else where,
        message=f"{evidence.named(classes)} may not ask any DNS server: UDP 53 is allowed to nobody{only}",
        help="write `protocol: UDP` for port 53" if over_tcp else "allow UDP and TCP 53 to the cluster's DNS",
    )
