"""Who reaches a Service: its cluster address, its node ports and load balancer, down to the backends.

Comes in: the evaluated cluster. Goes out: for each Service its ports with their backends, and, when
asked, for each source the ports on which every backend, or only some backends, can be reached. The
policies of a backend see the backend's own address and target port: that is what a Service address is
rewritten to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from analyzer.bitmaps import members
from analyzer.bounds import Bounds
from analyzer.engine import at
from analyzer.model import AddressPeer, Direction, Match, SelfService, ServiceType
from analyzer.reachability import exemption
from analyzer.sets import PortSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.endpoints import Endpoint
    from analyzer.engine import Engine, Row
    from analyzer.model import Peer, Pod, Service, ServicePort
    from analyzer.reachability import Reachability


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """An endpoint behind a Service port, and the numbers of its pods' target port (usually one)."""

    endpoint: Endpoint
    targets: PortSet


@dataclass(frozen=True, slots=True, kw_only=True)
class PortBackends:
    """A Service port and what it leads to; none: connections to it fail whatever the policies say."""

    port: ServicePort
    backends: tuple[Backend, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What one source gets of one Service port.

    `match` YES: every backend answers; NO: none; MAYBE: see `some` and `facts`.
    `some`: the verdict differs between backends, so that it depends on which one is chosen.
    """

    source: Endpoint
    port: ServicePort
    match: Match
    some: bool
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePorts:
    """A Service and its backends, port by port."""

    service: Service
    ports: tuple[PortBackends, ...]


def services(reachability: Reachability) -> tuple[ServicePorts, ...]:
    """Find the backends of all Services, by namespace and name."""
    nearby: dict[str, list[Endpoint]] = {}
    for endpoint in reachability.endpoints:
        nearby.setdefault(endpoint.namespace, []).append(endpoint)
    ordered = sorted(reachability.cluster.services, key=lambda each: (each.namespace, each.name))
    return tuple(_service(each, nearby.get(each.namespace, [])) for each in ordered)


def _service(service: Service, nearby: list[Endpoint]) -> ServicePorts:
    """Find the pods that the selector matches in the Service's own namespace.

    ServiceSpec.selector: "Route service traffic to pods with label keys and values matching this
    selector. If empty or not present, the service is assumed to have an external process managing its
    endpoints".
    """
    selector = service.selector
    chosen: list[tuple[Endpoint, list[Pod]]] = []
    if selector is not None and selector.requirements:
        matching = ((each, [pod for pod in each.pods if selector.matches(pod.labels)]) for each in nearby)
        chosen = [(each, pods) for each, pods in matching if pods]
    ports = (PortBackends(port=port, backends=_backends(port, chosen)) for port in service.ports)
    return ServicePorts(service=service, ports=tuple(ports))


def _backends(port: ServicePort, chosen: list[tuple[Endpoint, list[Pod]]]) -> tuple[Backend, ...]:
    found = (Backend(endpoint=each, targets=_targets(port, pods)) for each, pods in chosen)
    return tuple(backend for backend in found if backend.targets)


def _targets(port: ServicePort, pods: list[Pod]) -> PortSet:
    """Resolve a target port on each backend.

    ServicePort.targetPort: "If this is a string, it will be looked up as a named port in the target
    Pod's container ports"; a pod without such a port is no backend.
    """
    targets = PortSet.none()
    for pod in pods:
        if isinstance(port.target, int):
            targets |= PortSet.of(port.protocol, port.target)
            continue
        named = [p.number for p in pod.ports if (p.name, p.protocol) == (port.target, port.protocol)]
        # The endpoints controller takes the first port of that name.
        targets |= PortSet.of(port.protocol, named[0]) if named else PortSet.none()
    return targets


def access(
    reachability: Reachability, found: ServicePorts, sources: Sequence[Endpoint] | None = None
) -> Iterator[Access]:
    """Yield what each source (default: every endpoint) gets of each port of a Service.

    Who gets nothing is left out.
    """
    asking = reachability.endpoints if sources is None else sources
    service = found.service
    if service.type is ServiceType.EXTERNAL_NAME:
        return
    for port in found.ports:
        for source in asking:
            if port.backends and (service.from_outside or not source.external):
                verdicts = [_reach(reachability, service, source, backend) for backend in port.backends]
                yield from _joined(source, port.port, verdicts)


def _joined(source: Endpoint, port: ServicePort, verdicts: list[tuple[Match, str]]) -> Iterator[Access]:
    matches = {match for match, _ in verdicts}
    if matches != {Match.NO}:
        yield Access(
            source=source,
            port=port,
            match=next(iter(matches)) if len(matches) == 1 else Match.MAYBE,
            some=len(matches) > 1,
            facts=tuple(dict.fromkeys(fact for _, fact in verdicts if fact)),
        )


def _reach(
    reachability: Reachability, service: Service, source: Endpoint, backend: Backend
) -> tuple[Match, str]:
    """Return the verdict for one backend, and the missing fact where it is unknown.

    A headless Service is only a DNS name: its clients connect to the backends' own addresses.
    """
    if source.external and not service.preserves_source:
        return _through_a_node(reachability, source, backend)
    if source is backend.endpoint and not service.headless:
        return _own_service(reachability, source, backend)
    return within(reachability.connection(source, backend.endpoint), backend.targets), ""


def within(bounds: Bounds, targets: PortSet) -> Match:
    """Tell whether a verdict holds all numbers of a target port, some of them, or none."""
    if targets <= bounds.certain:
        return Match.YES
    return Match.MAYBE if targets & bounds.possible else Match.NO


def _own_service(reachability: Reachability, pod: Endpoint, backend: Backend) -> tuple[Match, str]:
    """Decide for a pod that is its own backend: engines differ when it chooses itself."""
    engine, number = reachability.engine, pod.number
    policed = within(engine.between(number, number), backend.targets)
    if exemption(pod, pod) is Match.NO:
        # Several replicas: another one may be chosen, and that connection is policed by everybody.
        return policed, ""
    cells = engine.algebra.cells
    sends = cells[at(engine.row(Direction.EGRESS, number), number)]
    receives = cells[at(engine.row(Direction.INGRESS, number), number)]
    match reachability.cluster.self_service:
        case SelfService.POLICED:
            return policed, ""
        case SelfService.BYPASSED:
            return Match.YES, ""
        case SelfService.EITHER_DIRECTION:
            either = Bounds(sends.certain | receives.certain, sends.possible | receives.possible)
            return within(either, backend.targets), ""
        case SelfService.UNKNOWN:
            return Match.MAYBE, f"how {reachability.cluster.profile} treats a pod behind its own Service"
        case never:
            assert_never(never)


def _through_a_node(reachability: Reachability, source: Endpoint, backend: Backend) -> tuple[Match, str]:
    """Decide for a client whose address may be replaced by that of the node it came in by.

    externalTrafficPolicy Cluster "spreads traffic evenly across all endpoints" at the price of the
    client's address: the policy sees the client or a node, and the pod's own node is always admitted.
    """
    bounds = reachability.connection(source, backend.endpoint)
    if backend.endpoint.host_network:
        return within(bounds, backend.targets), ""
    number = backend.endpoint.number
    if (seen := reachability.from_nodes.get(number)) is None:
        seen = reachability.from_nodes[number] = _from_any_node(reachability, number)
    if backend.targets <= bounds.certain and backend.targets <= seen:
        return Match.YES, ""
    return Match.MAYBE, f"whether {backend.endpoint} sees the client's address or a node's"


def _from_any_node(reachability: Reachability, number: int) -> PortSet:
    """Return what a class admits from every address that a node may have."""
    engine = reachability.engine
    admitted = PortSet.all()
    for cell, sources in _row_of_nodes(engine, number).items():
        outside = (engine.classes[number] for number in members(sources & engine.matcher.external))
        if any(each.places[0] & reachability.cluster.node_addresses for each in outside):
            admitted &= engine.algebra.cells[cell].certain
    return admitted


def _row_of_nodes(engine: Engine, number: int) -> Row:
    """Return whom a class admits by address, without blocks that may not be compared with those of nodes."""
    selecting = engine.selecting(Direction.INGRESS, number)
    rules = [(tier, [rule for policy in found for rule in policy.ingress]) for tier, found in selecting]
    if all(_means_nodes(peer) for _, some in rules for rule in some for peer in rule.peers):
        return engine.row(Direction.INGRESS, number)
    kept = [
        (tier, [replace(rule, peers=tuple(filter(_means_nodes, rule.peers))) for rule in some])
        for tier, some in rules
    ]
    return engine.fold(Direction.INGRESS, number, kept)


def _means_nodes(peer: Peer) -> bool:
    return not isinstance(peer, AddressPeer) or peer.on_hosts is Match.YES
