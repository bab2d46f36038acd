"""A world's Services, as one asks them: which address and port, from whom, and who may answer.

Comes in: a world and who may reach whom. Goes out: what is to be asked, with the prediction for each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from analyzer import Endpoint, Match, Protocol, Reachability, Service, ServiceType
from analyzer.services import Backend, ServicePorts, access, services as found_services
from lab.world import World

Who = Callable[[Collection[str]], Sequence[Endpoint]]
"""Who asks a Service, by the ids of the endpoints behind it."""
_EXPOSED = (ServiceType.NODE_PORT, ServiceType.LOAD_BALANCER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One address and port of a Service, asked by one endpoint. `own`: the endpoint is a backend itself."""

    name: str
    address: str
    protocol: Protocol
    port: int
    source: Endpoint
    match: Match
    backends: frozenset[str]
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Door:
    """One address of a Service: the cluster's (`node` is "" then) or that of a node.

    `only_here`: externalTrafficPolicy Local, which leads to pods of that node only, and "drops" the rest.
    `refuses`: where nobody is behind it, it is known to refuse, and that can be told from a pod's refusal.
    """

    address: str
    node: str = ""
    only_here: bool = False
    refuses: bool = False

    def fits(self, backend: Backend) -> bool:
        """Tell whether a backend has an address of this IP version: others are never led to."""
        addresses = (address for pod in backend.endpoint.pods for address in pod.addresses)
        return any((":" in each) == (":" in self.address) for each in addresses)

    def leads_to(self, backend: Backend) -> bool:
        """Tell whether a backend of this IP version may be chosen here."""
        return not self.only_here or any(pod.node == self.node for pod in backend.endpoint.pods)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The Services of a world."""

    world: World

    def targets(self) -> Iterator[tuple[str, Protocol, int]]:
        """Yield the pods behind Services, with the protocol and port they are reached on."""
        if self.world.cluster.services:
            names = self._names()
            for each in found_services(Reachability(self.world.cluster)):
                yield from self._targets(each, names)

    def asked(self, reachability: Reachability, who: Who) -> Iterator[Asked]:
        """Yield what is to be asked of every Service that has an address of its own, and by whom."""
        if not self.world.cluster.services:
            return
        names = self._names()
        for each in found_services(reachability):
            if not (each.service.headless or each.service.type is ServiceType.EXTERNAL_NAME):
                backends = {backend.endpoint.id for port in each.ports for backend in port.backends}
                sources = who(backends)
                for door in self._doors(each.service):
                    asking = [source for source in sources if source.external is bool(door.node)]
                    yield from _at(reachability, each, door, asking, names)

    def _doors(self, service: Service) -> Iterator[_Door]:
        """Yield where a Service is asked: pods ask the cluster's addresses, others those of nodes."""
        known = service.selector is not None and bool(service.selector.requirements)
        refuses = known and self.world.limits.identified
        for address in service.cluster_ips:
            yield _Door(address=address, refuses=refuses)
        for node in self.world.nodes if service.type in _EXPOSED else ():
            for address in node.addresses:
                local = service.preserves_source
                yield _Door(address=address, node=node.name, only_here=local, refuses=refuses)

    def _names(self) -> dict[str, str]:
        """Return the pods' names in the lab by the id of their endpoint."""
        return {str(pod.workload): name for name, pod in self.world.pods()}

    def _targets(self, found: ServicePorts, names: dict[str, str]) -> Iterator[tuple[str, Protocol, int]]:
        for port in found.ports:
            for backend in port.backends:
                for first, last in backend.targets.ranges(port.port.protocol):
                    for number in range(first, last + 1):
                        yield names[backend.endpoint.id], port.port.protocol, number


def _at(
    reachability: Reachability,
    found: ServicePorts,
    door: _Door,
    asking: Sequence[Endpoint],
    names: Mapping[str, str],
) -> Iterator[Asked]:
    """Yield the questions at one address, of the ports that somebody is behind, or that refuse."""
    ports = [replace(port, backends=tuple(filter(door.fits, port.backends))) for port in found.ports]
    behind = [replace(port, backends=tuple(filter(door.leads_to, port.backends))) for port in ports]
    within = replace(found, ports=tuple(behind))
    verdicts = {(one.source.id, one.port): one.match for one in access(reachability, within, asking)}
    for port, leading in zip(ports, behind, strict=True):
        number = port.port.node_port if door.node else port.port.port
        backends = [backend.endpoint for backend in leading.backends]
        for source in asking if number and (port.backends or door.refuses) else ():
            yield Asked(
                name=f"{found.service.namespace}/{found.service.name}",
                address=door.address,
                protocol=port.port.protocol,
                port=number or 0,
                source=source,
                match=verdicts.get((source.id, port.port), Match.NO),
                backends=frozenset(names[each.id] for each in backends),
                own=source in backends,
            )


def services(world: World) -> Services:
    """Return the Services of a world."""
    return Services(world=world)
