"""A port number that no pod at the receiving end declares.

What:
    Every pod that would be connected to (those that the policy selects, or for egress those that the
    rule's peers mean) declares container ports, and none declares this one. It is a warning where the
    number is the port of a Service that leads to another port of these pods.

Why:
    Policies see the connection after a Service has rewritten it: the port of the pod (targetPort) counts,
    never that of the Service. Otherwise it may be a slip, or a port that was given up. containerPort is
    information only, so a port that is not declared may be served all the same.

Example:
    # Service web: port 80, targetPort 8080
    ingress: [{ports: [{port: 80}]}]

Instead:
    ingress: [{ports: [{port: 8080}]}]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analyzer.diagnostics import Severity
from analyzer.lint.evidence import raw
from analyzer.lint.finding import Finding
from analyzer.load.text import shown
from analyzer.model import Direction, PodPeer, Service, ServicePort
from analyzer.sets import PortSet, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.bitmaps import Bitmap
    from analyzer.lint.evidence import Evidence, Written
    from analyzer.model import Ports, Rule

SEVERITY = Severity.NOTICE


class _Item(NamedTuple):
    """An item of `ports` with a number: its place in the list, its protocol and its ports."""

    at: int
    protocol: Protocol
    first: int
    ports: PortSet


def check(evidence: Evidence) -> Iterator[Finding]:
    """Yield the ports that nobody declares."""
    for policy in evidence.policies:
        for written in evidence.written(policy):
            for rule in written.rules[:1]:
                yield from _rule(evidence, written, rule)


def _rule(evidence: Evidence, written: Written, rule: Rule) -> Iterator[Finding]:
    if written.direction is Direction.EGRESS and not all(isinstance(peer, PodPeer) for peer in rule.peers):
        return
    items = list(_items(rule.ports))
    receiving = evidence.destinations(written, rule) if items else 0
    if not receiving:
        return
    declared = evidence.declared.by(receiving)
    for item in items:
        if declared.all_declare and not item.ports & declared.numbers:
            behind = _service(evidence, receiving, item)
            yield Finding(
                code="KR107",
                name="port-nobody-serves",
                severity=Severity.WARNING if behind else SEVERITY,
                span=rule.ports.span.child(item.at),
                message=f"{evidence.named(receiving)} declares no port of {item.ports}",
                help=_help(behind, declared.numbers),
            )


def _help(behind: tuple[Service, ServicePort] | None, declared: PortSet) -> str:
    if behind is None:
        return f"declared is {declared}; a port may be served without being declared"
    service, port = behind
    name = shown(f"{service.namespace}/{service.name}")
    return f"{port.port} is the port of Service {name}; policies see its targetPort {shown(str(port.target))}"


def _items(ports: Ports) -> Iterator[_Item]:
    items = raw(ports.span)
    for index, item in enumerate(items if isinstance(items, list) else ()):
        number = item.get("port") if isinstance(item, dict) else None
        if isinstance(number, int):
            protocol = Protocol(item.get("protocol") or "TCP")
            found = PortSet.of(protocol, number, item.get("endPort"))
            yield _Item(index, protocol, number, found)


def _service(evidence: Evidence, receiving: Bitmap, item: _Item) -> tuple[Service, ServicePort] | None:
    """Find a Service in front of the pods whose own port was written instead of theirs."""
    for endpoint in evidence.endpoints(receiving):
        for service in evidence.services_of.get(endpoint.namespace, ()):
            if (
                service.selector
                and service.selector.requirements
                and service.selector.matches(endpoint.labels)
            ):
                for port in service.ports:
                    if (port.protocol, port.port) == (item.protocol, item.first) and port.target != port.port:
                        return service, port
    return None
