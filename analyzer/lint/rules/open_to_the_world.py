"""Pods that every address outside the cluster may reach: by a rule that admits all, or by a Service.

What:
    A rule's peers hold every IPv4 or every IPv6 address outside the cluster: no `from` at all, a block such
    as 0.0.0.0/0, or several blocks together. Or a Service of type NodePort or LoadBalancer leads to pods that
    no policy isolates for ingress. Other pods that no policy isolates are told by KR401.

Why:
    A rule without `from` reads like "from the cluster", and is "from everywhere". For what must be public
    it is right; say so in a comment.

Example:
    ingress: [{ports: [{port: 8080}]}]

Instead:
    ingress: [{from: [{namespaceSelector: {}}], ports: [{port: 8080}]}]      # every pod of the cluster
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.bitmaps import bitmap, members
from analyzer.diagnostics import Severity
from analyzer.lint.evidence import listed
from analyzer.lint.finding import Finding
from analyzer.load.text import shown
from analyzer.model import Direction
from analyzer.services import services
from analyzer.sets import AddressSet, PortSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.bitmaps import Bitmap
    from analyzer.lint.evidence import Evidence, Written

SEVERITY = Severity.NOTICE


def check(evidence: Evidence) -> Iterator[Finding]:
    """Yield the rules that admit the world, and the Services that lead it to pods without a policy."""
    worlds = list(_worlds(evidence))
    for policy in evidence.isolating:
        if not evidence.subjects(policy):
            continue
        for written in evidence.written(policy):
            if written.direction is Direction.INGRESS:
                yield from _rule(evidence, written, worlds)
    if evidence.cluster.services:
        yield from _exposed(evidence)


def _exposed(evidence: Evidence) -> Iterator[Finding]:
    """Yield the Services that lead from outside to pods without a policy."""
    for found in services(evidence.reachability):
        service = found.service
        if not service.from_outside:
            continue
        for index, port in enumerate(found.ports):
            bare = [
                each
                for each in port.backends
                if not each.endpoint.host_network
                and not evidence.engine.policies(Direction.INGRESS, each.endpoint.number)
            ]
            if bare:
                names = listed([shown(str(each.endpoint)) for each in bare])
                yield Finding(
                    code="KR402",
                    name="open-to-the-world",
                    severity=SEVERITY,
                    span=service.span.child("spec", "ports", index),
                    message=(
                        f"{service.type.value} Service {shown(f'{service.namespace}/{service.name}')} leads "
                        f"every address outside the cluster to {names} on {bare[0].targets}"
                    ),
                    help="select the pods with a policy that names the clients, or state that this is public",
                )


def _worlds(evidence: Evidence) -> Iterator[Bitmap]:
    """Yield, for IPv4 and for IPv6, the classes of all addresses outside the cluster."""
    outside = [(n, evidence.engine.classes[n].places[0]) for n in members(evidence.matcher.external)]
    for version in (4, 6):
        family = AddressSet.family(version)
        if found := bitmap(number for number, place in outside if place & family):
            yield found


def _rule(evidence: Evidence, written: Written, worlds: list[Bitmap]) -> Iterator[Finding]:
    matched = 0
    for rule in written.rules:
        matched |= evidence.matcher.rule(rule).must
    world = next((each for each in worlds if not each & ~matched), 0)
    if not world:
        return
    exposed, ports = 0, PortSet.none()
    for subject in members(evidence.subjects(written.policy)):
        admitted = _admitted(evidence, written, subject, world)
        if admitted:
            exposed |= 1 << subject
            ports = ports | admitted
    if exposed:
        shown_ports = "all ports" if PortSet.transports() <= ports else str(ports)
        yield Finding(
            code="KR402",
            name="open-to-the-world",
            severity=SEVERITY,
            span=written.span,
            message=f"every address outside the cluster may reach {evidence.named(exposed)} on {shown_ports}",
            help="name the clients in `from`, or state in a comment that this is public",
        )


def _admitted(evidence: Evidence, written: Written, subject: int, world: Bitmap) -> PortSet:
    """Return the ports of the rule that one subject lets every address of the world reach."""
    engine = evidence.engine
    ports = PortSet.none()
    for rule in written.rules:
        for step in engine.lower(rule, Direction.INGRESS, subject):
            ports = ports | engine.algebra.cells[step.ports].certain
    for cell, peers in engine.row(Direction.INGRESS, subject).items():
        if peers & world:
            ports = ports & engine.algebra.cells[cell].certain
    return ports
