"""A Service whose backends nobody may reach on its target port.

What:
    The Service selects pods, and no other pod of the input, nor for NodePort and LoadBalancer any address
    outside the cluster, may connect to any of them on the targetPort of this Service port. Not reported where
    a policy admits pods that the input does not hold.

Why:
    A Service is there to be reached. Most often a policy names the port of the Service: policies see the
    port of the pod.

Example:
    # Service: port 80, targetPort 8080
    ingress: [{ports: [{port: 80}]}]

Instead:
    Allow the targetPort in the policies that the message names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.bitmaps import members
from analyzer.diagnostics import Severity
from analyzer.engine import at
from analyzer.lint.evidence import listed
from analyzer.lint.finding import Finding
from analyzer.lint.wording import placed
from analyzer.load.text import shown
from analyzer.model import Direction, PodPeer
from analyzer.services import services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.bitmaps import Bitmap
    from analyzer.lint.evidence import Evidence
    from analyzer.model import Service
    from analyzer.services import Backend, PortBackends

SEVERITY = Severity.WARNING


def check(evidence: Evidence) -> Iterator[Finding]:
    """Yield the ports of Services that nobody reaches."""
    if not evidence.cluster.services or len(list(evidence.endpoints(evidence.matcher.pods))) < 2:
        return
    for found in services(evidence.reachability):
        service = found.service
        for index, port in enumerate(found.ports):
            if not port.backends or any(_awaits(evidence, each) for each in port.backends):
                continue
            if not any(_reached(evidence, each, from_outside=service.from_outside) for each in port.backends):
                yield _finding(evidence, service, index, port)


def _awaits(evidence: Evidence, backend: Backend) -> bool:
    """Tell whether a policy admits, on the target port, pods that the input does not hold."""
    matcher = evidence.matcher
    return any(
        isinstance(peer, PodPeer)
        and not matcher.peer(peer).may
        and (rule.ports.named or rule.ports.numbers & backend.targets)
        for policy in evidence.engine.policies(Direction.INGRESS, backend.endpoint.number)
        for written, rule, peer in evidence.peers(policy)
        if written.direction is Direction.INGRESS
    )


def _reached(evidence: Evidence, backend: Backend, *, from_outside: bool) -> bool:
    """Tell whether somebody else may connect to a backend on its target port."""
    engine, cells, here = evidence.engine, evidence.engine.algebra.cells, backend.endpoint
    matcher = evidence.matcher
    among = matcher.pods | matcher.hosts | (matcher.external if from_outside else 0)
    for cell, sources in engine.row(Direction.INGRESS, here.number).items():
        ports = cells[cell].possible & backend.targets
        if not ports:
            continue
        for source in members(sources & among):
            sends = cells[at(engine.row(Direction.EGRESS, source), here.number)].possible
            if sends & ports and (source != here.number or _others(evidence, backend)):
                return True
    return False


def _others(evidence: Evidence, backend: Backend) -> bool:
    """Tell whether the class of a backend has another pod."""
    members_of_class: Bitmap = 1 << backend.endpoint.number
    return sum(each.replicas for each in evidence.endpoints(members_of_class)) > 1


def _finding(evidence: Evidence, service: Service, index: int, port: PortBackends) -> Finding:
    backends = [each.endpoint for each in port.backends]
    targets = port.backends[0].targets
    selecting = {
        id(policy): policy
        for each in backends
        for policy in evidence.engine.policies(Direction.INGRESS, each.number)
    }
    policies = listed([placed(each) for each in selecting.values()])
    names = listed([shown(str(each)) for each in backends])
    return Finding(
        code="KR206",
        name="unreachable-service",
        severity=SEVERITY,
        span=service.span.child("spec", "ports", index),
        message=(
            f"nobody may reach {names} on {targets}, where Service "
            f"{shown(f'{service.namespace}/{service.name}')} leads to"
        ),
        help=f"allow the targetPort in {policies}" if policies else "allow it in the egress of its clients",
    )
