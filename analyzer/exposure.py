"""What each workload exposes and uses: to addresses outside, to pods that need not exist, and from the edge.

Comes in: the evaluated cluster. Goes out: for each endpoint and direction what its own policies let pass, and
the Services and routes by which it is reached from outside. What is said of addresses outside is what
connects; what is said of pods is what this side admits: the policies of the other side still count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.bitmaps import Weights
from analyzer.bounds import Bounds
from analyzer.edge import Arrival, DeadEnd, Edge
from analyzer.engine import spread
from analyzer.model import Direction, Match
from analyzer.services import access, services, within
from analyzer.sets import PortSet
from analyzer.symbolic import ANY_POD, PodGroup, Symbolic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.endpoints import Endpoint
    from analyzer.model import ContainerPort, Policy, Rule
    from analyzer.reachability import Reachability
    from analyzer.services import Access, PortBackends, ServicePorts


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What may be opened to or from addresses outside the cluster."""

    endpoint: Endpoint
    bounds: Bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Pods that policies speak of, whether there are any, and what this side lets pass.

    `bounds`: for a pod of the group that is in no other one. `certain`: for every pod of the group, whatever
    other labels it has. `names`: ports that each such pod resolves by itself. `now`: how many endpoints of
    the cluster belong to it. A pod of several groups gets what each of them gets, unless rules have an order.
    """

    pods: PodGroup
    bounds: Bounds
    certain: PortSet
    names: tuple[str, ...]
    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One direction of a workload. Without policies it is unprotected.

    `anyone`: what every pod of the cluster may open, now and later. `others`: a pod that is in none of the
    groups. `groups`: those that get something else than such a pod.
    """

    direction: Direction
    policies: tuple[Policy, ...]
    outside: tuple[Outside, ...]
    anyone: Bounds
    others: Bounds
    groups: tuple[Group, ...]

    @property
    def protected(self) -> bool:
        """Whether some policy selects the workload in this direction."""
        return bool(self.policies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A Service port by which a workload is reached from outside, and what each address gets of it."""

    service: ServicePorts
    port: PortBackends
    access: tuple[Access, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPort:
    """A port of the node that leads to a port of the workload, and what each address outside gets of it."""

    port: ContainerPort
    access: tuple[tuple[Endpoint, Match], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What one endpoint exposes (`ingress`) and uses (`egress`), and how it is published."""

    endpoint: Endpoint
    ingress: Side
    egress: Side
    published: tuple[Published, ...]
    host_ports: tuple[HostPort, ...]
    arrivals: tuple[Arrival, ...]

    @property
    def unknown(self) -> bool:
        """Whether something about addresses outside, a Service or a route depends on a missing fact."""
        outside = (each.bounds.unknown for side in (self.ingress, self.egress) for each in side.outside)
        return (
            any(outside)
            or any(each.match is Match.MAYBE for each in self.arrivals)
            or any(got.match is Match.MAYBE for each in self.published for got in each.access)
            or any(match is Match.MAYBE for each in self.host_ports for _, match in each.access)
        )


class Exposures:
    """The exposure of every endpoint, made when asked for, on the ports of `mask`."""

    def __init__(
        self,
        reachability: Reachability,
        controllers: Sequence[Endpoint] = (),
        mask: PortSet | None = None,
    ) -> None:
        self.reachability = reachability
        self.mask = PortSet.transports() if mask is None else mask
        self._engine = reachability.engine
        self._symbolic = Symbolic(reachability.engine)
        self._external = tuple(each for each in reachability.endpoints if each.external)
        self._weights = Weights(self._members())
        self._sides: dict[tuple[Direction, int, int], Side] = {}
        self._masked: dict[Bounds, Bounds] = {}
        self._now: dict[PodGroup, int] = {}
        self._published = self._publications()
        self._arrivals: dict[str, list[Arrival]] = {}
        dead: list[DeadEnd] = []
        for each in Edge(reachability, self._symbolic, controllers).follow():
            if isinstance(each, DeadEnd):
                dead.append(each)
            else:
                self._arrivals.setdefault(each.backend.endpoint.id, []).append(each)
        self.dead_ends = tuple(dead)

    def of(self, endpoint: Endpoint) -> Exposure:
        """Return the exposure of one endpoint of the cluster."""
        return Exposure(
            endpoint=endpoint,
            ingress=self._side(Direction.INGRESS, endpoint.number),
            egress=self._side(Direction.EGRESS, endpoint.number),
            published=tuple(self._published.get(endpoint.id, ())),
            host_ports=tuple(self._host_ports(endpoint)),
            arrivals=tuple(self._arrivals.get(endpoint.id, ())),
        )

    def _members(self) -> list[int]:
        """Count the endpoints of the cluster in each class."""
        found = [0] * len(self._engine.classes)
        for each in self.reachability.endpoints:
            found[each.number] += not each.external
        return found

    def _publications(self) -> dict[str, list[Published]]:
        """Return the Service ports that are open to the outside, by the ids of the endpoints behind them."""
        found: dict[str, list[Published]] = {}
        if not any(each.from_outside for each in self.reachability.cluster.services):
            return found
        for each in services(self.reachability):
            if each.service.from_outside:
                got = list(access(self.reachability, each, self._external))
                for port in each.ports:
                    mine = tuple(one for one in got if one.port is port.port)
                    published = Published(service=each, port=port, access=mine)
                    for backend in port.backends:
                        found.setdefault(backend.endpoint.id, []).append(published)
        return found

    def _host_ports(self, endpoint: Endpoint) -> Iterator[HostPort]:
        """Yield the node's ports of an endpoint; one on the host network listens there by itself."""
        ports = () if endpoint.host_network else (port for pod in endpoint.pods for port in pod.ports)
        found = {(port.host_port, port.protocol, port.number): port for port in ports if port.host_port}
        for port in found.values():
            target = PortSet.of(port.protocol, port.number)
            got = (
                (each, within(self.reachability.connection(each, endpoint), target))
                for each in self._external
            )
            yield HostPort(port=port, access=tuple(each for each in got if each[1] is not Match.NO))

    def _side(self, direction: Direction, number: int) -> Side:
        """Return one direction of a class; classes with the same policies share it."""
        own, symbolic = self._engine.row(direction, number), self._symbolic.row(direction, number)
        key = (direction, id(own), id(symbolic))
        if (found := self._sides.get(key)) is None:
            found = self._sides[key] = self._make(direction, number)
        return found

    def _make(self, direction: Direction, number: int) -> Side:
        policies = self._engine.policies(direction, number)
        own, symbolic = self._engine.row(direction, number), self._symbolic.row(direction, number)
        cells = self._engine.algebra.cells
        outside = spread(own, self._engine.matcher.external)
        verdict = self._symbolic.verdict(symbolic, ANY_POD)
        others = self._mask(verdict.alone)
        groups = []
        for pods, rules in self._symbolic.groups(policies, direction).items():
            of_group = self._symbolic.verdict(symbolic, pods)
            bounds = self._mask(of_group.alone)
            if bounds != others:
                groups.append(
                    Group(
                        pods=pods,
                        bounds=bounds,
                        certain=of_group.every.certain & self.mask,
                        names=_names(rules) if direction is Direction.EGRESS else (),
                        now=self._count(pods),
                    )
                )
        return Side(
            direction=direction,
            policies=policies,
            outside=tuple(
                Outside(endpoint=each, bounds=self._mask(cells[outside[each.number]]))
                for each in self._external
            ),
            anyone=self._mask(verdict.every),
            others=others,
            groups=tuple(groups),
        )

    def _count(self, group: PodGroup) -> int:
        if (found := self._now.get(group)) is None:
            matcher = self._engine.matcher
            meant = matcher.namespaces(group.namespaces) & matcher.labels(group.pods) & matcher.pods
            found = self._now[group] = self._weights.count(meant)
        return found

    def _mask(self, bounds: Bounds) -> Bounds:
        if (found := self._masked.get(bounds)) is None:
            found = Bounds(bounds.certain & self.mask, bounds.possible & self.mask)
            self._masked[bounds] = found
        return found


def _names(rules: Sequence[Rule]) -> tuple[str, ...]:
    """Return the port names in some rules, with their protocols."""
    named = (f"{each.protocol.value} {each.name}" for rule in rules for each in rule.ports.named)
    return tuple(dict.fromkeys(named))
