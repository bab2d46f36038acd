"""Expectations of Services: what sources get at a Service's own address.

Comes in: blocks that end at a Service. Goes out: counts and a witness; or why a Service cannot be asked.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from analyzer.bitmaps import members
from analyzer.bounds import Bounds
from analyzer.expect.ends import did_you_mean
from analyzer.expect.expectation import Outcome, Verdict
from analyzer.expect.result import Witness, first
from analyzer.load.text import shown
from analyzer.model import Match, ServiceType
from analyzer.services import access, services, within
from analyzer.sets import PortSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.endpoints import Endpoint
    from analyzer.expect.blocks import ServiceBlock
    from analyzer.expect.ends import Population
    from analyzer.expect.expectation import Expectation, ToService
    from analyzer.services import Backend, ServicePorts

_NOTHING = Bounds(PortSet.none(), PortSet.none())


class Services:
    """The Services of a cluster by name."""

    def __init__(self, population: Population) -> None:
        self._population = population
        found = services(population.reachability)
        self._known = {(each.service.namespace, each.service.name): each for each in found}

    def problem(self, end: ToService, expectation: Expectation) -> tuple[str, str]:
        """Return why nothing can be asked of a Service, and a hint; "" when it can."""
        name = f"{end.namespace}/{end.name}"
        found = self._known.get((end.namespace, end.name))
        if found is None:
            return f"there is no Service {shown(name)}", did_you_mean(
                name, ["/".join(key) for key in self._known]
            )
        if found.service.type is ServiceType.EXTERNAL_NAME:
            return f"Service {shown(name)} is a name for something outside the cluster", ""
        own = _ports(found)
        if not own:
            return f"there is no pod behind Service {shown(name)}", ""
        ports = expectation.ports
        if not (own & ports if expectation.verdict is Verdict.DENY else ports <= own):
            return f"Service {shown(name)} leads to pods on {own}, and not on {ports - own}", ""
        return "", ""

    def tally(self, block: ServiceBlock) -> ServiceTally:
        """Ask every source of a block."""
        found = self._known[block.service.namespace, block.service.name]
        return ServiceTally(block, found, self._population)


class ServiceTally:
    """The sources of a block, and what each of them gets."""

    def __init__(self, block: ServiceBlock, found: ServicePorts, population: Population) -> None:
        self.pairs = block.sources.bit_count()
        self.counts: Counter[Outcome] = Counter()
        self._block = block
        self._service = found
        self._population = population
        self._first: dict[Outcome, tuple[int, Bounds]] = {}
        groups = dict(self._groups())
        got = self._got([population.endpoints[index] for index in groups])
        for index, size in groups.items():
            bounds = got.get(population.endpoints[index].id, _NOTHING)
            outcome = block.question.outcome(bounds)
            if outcome is not Outcome.HOLDS:
                self.counts[outcome] += size
                if index < self._first.get(outcome, (index + 1, bounds))[0]:
                    self._first[outcome] = index, bounds

    def _groups(self) -> Iterator[tuple[int, int]]:
        """Yield sources that get the same by their first: those of a class, without nodes and backends."""
        population, sources = self._population, self._block.sources
        backends = {each.endpoint.id for port in self._service.ports for each in port.backends}
        for number in population.classes(sources):
            here = list(members(sources & population.of_class[number]))
            special = [i for i in here if self._special(population.endpoints[i], backends)]
            yield from ((index, 1) for index in special)
            if others := sorted(set(here) - set(special)):
                yield others[0], len(others)

    def _special(self, endpoint: Endpoint, backends: set[str]) -> bool:
        return endpoint.host_network or endpoint.id in backends

    def _got(self, sources: list[Endpoint]) -> dict[str, Bounds]:
        """Return the Service's own ports that lead each source to a backend, whichever is chosen."""
        found: dict[str, Bounds] = {}
        for each in access(self._population.reachability, self._service, sources):
            port = PortSet.of(each.port.protocol, each.port.port)
            certain, possible = found.get(each.source.id, _NOTHING)
            sure = each.match is Match.YES
            found[each.source.id] = Bounds(certain | port if sure else certain, possible | port)
        return found

    def place(self, outcome: Outcome) -> int:
        """Return the number of the first source that has an outcome; some has."""
        return self._first[outcome][0]

    def witness(self, outcome: Outcome) -> Witness:
        """Return the first source that has an outcome; some has."""
        index, bounds = self._first[outcome]
        source = self._population.endpoints[index]
        ports = self._block.question.against(bounds, outcome)
        backend = self._backend(source, ports)
        return Witness(
            source=source,
            destination=backend.endpoint,
            ports=ports,
            bounds=bounds,
            service=self._service.service,
            target=first(backend.targets),
        )

    def _backend(self, source: Endpoint, ports: PortSet) -> Backend:
        """Return a backend of the first port that shows what is not as expected; any, where none does."""
        protocol, number = first(ports)
        served = (each for each in self._service.ports if each.port.protocol is protocol)
        backends = next(each.backends for each in served if each.port.port == number)
        question, one = self._block.question, PortSet.of(protocol, number)
        expected = Match.YES if question.verdict is not Verdict.DENY and one <= question.ports else Match.NO
        connection = self._population.reachability.connection
        telling = (
            each
            for each in backends
            if within(connection(source, each.endpoint), each.targets) is not expected
        )
        return next(telling, backends[0])


def _ports(found: ServicePorts) -> PortSet:
    """Return the Service's ports that lead to some pod."""
    ports = PortSet.none()
    for each in found.ports:
        if each.backends:
            ports |= PortSet.of(each.port.protocol, each.port.port)
    return ports
