"""A world's Services, as one asks them: which address and port, from whom, and who may answer.

Comes in: a world and who may reach whom. Goes out: what is to be asked, with the prediction for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analyzer import Endpoint, Match, Protocol, Reachability, Service, ServiceType, View
from analyzer.services import PortBackends, ServicePorts, access, services as found_services
from lab.world import World


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
class Services:
    """The Services of a world."""

    world: World

    def targets(self) -> Iterator[tuple[str, Protocol, int]]:
        """Yield the pods behind Services, with the protocol and port they are reached on."""
        if self.world.cluster.services:
            names = self._names()
            for each in found_services(Reachability(self.world.cluster)):
                yield from self._targets(each, names)

    def asked(self, reachability: Reachability, view: View) -> Iterator[Asked]:
        """Yield what is to be asked of every Service that has an address of its own."""
        if not self.world.cluster.services:
            return
        names = self._names()
        chosen = {each.id for each in view.sources}
        sources = [each for each in reachability.endpoints if each.id in chosen]
        for each in found_services(reachability):
            if not (each.service.headless or each.service.type is ServiceType.EXTERNAL_NAME):
                verdicts = {(one.source.id, one.port): one.match for one in access(reachability, each)}
                for port in filter(lambda port: port.backends, each.ports):
                    backends = frozenset(names[backend.endpoint.id] for backend in port.backends)
                    for source in sources:
                        match = verdicts.get((source.id, port.port), Match.NO)
                        yield from self._of_port(each.service, port, source, match, backends)

    def _of_port(
        self,
        service: Service,
        port: PortBackends,
        source: Endpoint,
        match: Match,
        backends: frozenset[str],
    ) -> Iterator[Asked]:
        """Yield the questions of one source: pods ask the cluster's addresses, others those of nodes."""
        addresses, number = service.cluster_ips, port.port.port
        if source.external:
            addresses = tuple(address for node in self.world.nodes for address in node.addresses)
            number = port.port.node_port or 0
        for address in addresses if number else ():
            yield Asked(
                name=f"{service.namespace}/{service.name}",
                address=address,
                protocol=port.port.protocol,
                port=number,
                source=source,
                match=match,
                backends=backends,
                own=source in [each.endpoint for each in port.backends],
            )

    def _names(self) -> dict[str, str]:
        """Return the pods' names in the lab by the id of their endpoint."""
        return {str(pod.workload): name for name, pod in self.world.pods()}

    def _targets(self, found: ServicePorts, names: dict[str, str]) -> Iterator[tuple[str, Protocol, int]]:
        for port in found.ports:
            for backend in port.backends:
                for first, last in backend.targets.ranges(port.port.protocol):
                    for number in range(first, last + 1):
                        yield names[backend.endpoint.id], port.port.protocol, number


def services(world: World) -> Services:
    """Return the Services of a world."""
    return Services(world=world)
