"""An exposure as rows of short texts, which the formats for people and the CSV lay out.

Comes in: an exposure. Goes out: for each statement its way (exposes, uses, published), the peer, the ports
and a remark.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from analyzer.bounds import Bounds
from analyzer.load.text import printable
from analyzer.model import Direction, Match
from analyzer.report.sections import counted, listed
from analyzer.selectors import EVERYTHING, NAMESPACE_NAME, Operator, Selector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.edge import Arrival, DeadEnd
    from analyzer.endpoints import Endpoint
    from analyzer.exposure import Exposure, Group, HostPort, Published, Side
    from analyzer.report.labels import Labels
    from analyzer.report.words import Words
    from analyzer.symbolic import PodGroup

_MOST_ADDRESSES = 3
_MOST_PODS = 4
UNPROTECTED = "unprotected: no policy selects it"
ON_HOST = "unprotected: policies do not select pods on the host network"


class Way(Enum):
    """What a row is about."""

    EXPOSES = "exposes"
    USES = "uses"
    PUBLISHED = "published"


class Kind(Enum):
    """What kind of peer a row is about; ANYBODY: pods and addresses alike."""

    ANYBODY = "anybody"
    OUTSIDE = "outside"
    ANY_POD = "any pod"
    PODS = "pods"
    OTHER_PODS = "other pods"
    SERVICE = "service"
    HOST_PORT = "host port"
    ROUTE = "route"


class Row(NamedTuple):
    """One statement."""

    way: Way
    kind: Kind
    peer: str
    ports: str
    remark: str


_WAYS = {Direction.INGRESS: Way.EXPOSES, Direction.EGRESS: Way.USES}


class Rows:
    """Writes exposures with the labels and words of one report."""

    def __init__(self, labels: Labels, words: Words) -> None:
        self._labels = labels
        self._words = words
        self._sides: dict[tuple[int, bool], tuple[Side, tuple[Row, ...]]] = {}

    def of(self, exposure: Exposure) -> tuple[Row, ...]:
        """Return everything that is said of one endpoint."""
        host = exposure.endpoint.host_network
        return (
            *self._side(exposure.ingress, host=host),
            *self._side(exposure.egress, host=host),
            *map(self._published, exposure.published),
            *map(self._host_port, exposure.host_ports),
            *(self._arrival(each) for each in exposure.arrivals),
        )

    def _side(self, side: Side, *, host: bool) -> tuple[Row, ...]:
        """Return the rows of a side; many endpoints share one, which is kept beside them."""
        if (found := self._sides.get((id(side), host))) is None:
            found = self._sides[id(side), host] = (
                side,
                tuple(self._made(side, ON_HOST if host else UNPROTECTED)),
            )
        return found[1]

    def _made(self, side: Side, unprotected: str) -> Iterator[Row]:
        way, remark = _WAYS[side.direction], "" if side.protected else unprotected
        outside = {each.bounds for each in side.outside}
        if not side.groups and outside <= {side.others}:
            anybody = "anybody" if side.others.possible else "nobody"
            yield Row(way, Kind.ANYBODY, anybody, self._ports(side.others), remark)
            return
        yield from self._outside(way, side)
        if side.others.certain == side.anyone.certain:
            yield Row(way, Kind.ANY_POD, "any pod", self._ports(side.others), remark)
        elif side.anyone.certain:
            certain = Bounds(side.anyone.certain, side.anyone.certain)
            yield Row(way, Kind.ANY_POD, "any pod", self._ports(certain), remark)
        for group in side.groups:
            yield Row(way, Kind.PODS, described(group.pods), self._of_group(group), _now(group))
        if side.others.certain != side.anyone.certain:
            yield Row(way, Kind.OTHER_PODS, "any other pod", self._ports(side.others), remark)

    def _outside(self, way: Way, side: Side) -> Iterator[Row]:
        """Yield addresses, those with equal verdicts together."""
        alike: dict[Bounds, list[Endpoint]] = {}
        for each in side.outside:
            alike.setdefault(each.bounds, []).append(each.endpoint)
        for bounds, found in alike.items():
            names = listed([self._labels.of(each) for each in found], _MOST_ADDRESSES)
            peer = "outside" if len(alike) == 1 else names
            yield Row(way, Kind.OUTSIDE, peer, self._ports(bounds), "")

    def _ports(self, bounds: Bounds) -> str:
        return self._words.cell(bounds).text

    def _of_group(self, group: Group) -> str:
        """Write the ports of a group; those that its pods resolve by name, by their names."""
        if not group.names:
            return self._ports(group.bounds)
        certain = [self._words.ports(group.bounds.certain)] if group.bounds.certain else []
        return ", ".join((*certain, *(f"{name} (its own)" for name in map(printable, group.names))))

    def _published(self, published: Published) -> Row:
        service, port = published.service.service, published.port.port
        node = f":{port.node_port}" if port.node_port else ""
        at = f" at {listed(service.external_ips, _MOST_ADDRESSES)}" if service.external_ips else ""
        name = f"{service.type.value} {service.namespace}/{service.name}{at}"
        return Row(
            Way.PUBLISHED,
            Kind.SERVICE,
            printable(name),
            f"{port.port}{node}/{port.protocol.value}",
            self._access(published),
        )

    def _host_port(self, found: HostPort) -> Row:
        port = found.port
        ports = f"{port.number}:{port.host_port}/{port.protocol.value}"
        names = ((self._labels.of(each), match) for each, match in found.access)
        by_match: dict[Match, list[str]] = {}
        for name, match in names:
            by_match.setdefault(match, []).append(name)
        parts = [
            f"{word} {listed(by_match[match], _MOST_ADDRESSES)}"
            for word, match in (("from", Match.YES), ("unknown from", Match.MAYBE))
            if match in by_match
        ]
        remark = printable(", ".join(parts) or "closed by policies")
        return Row(Way.PUBLISHED, Kind.HOST_PORT, "hostPort of its nodes", ports, remark)

    def _access(self, published: Published) -> str:
        """Tell who outside gets through, and what is not known."""
        parts = []
        for word, match in (("from", Match.YES), ("unknown from", Match.MAYBE)):
            if found := [each for each in published.access if each.match is match]:
                names = listed([self._labels.of(each.source) for each in found], _MOST_ADDRESSES)
                facts = dict.fromkeys(fact for each in found for fact in each.facts)
                parts.append(f"{word} {names}" + (f": {'; '.join(facts)}" if facts else ""))
        return printable(", ".join(parts) or "closed by policies")

    def _arrival(self, arrival: Arrival) -> Row:
        names = listed([self._labels.of(each) for each in arrival.via], _MOST_PODS)
        words = {Match.YES: "open", Match.NO: "closed by policies", Match.MAYBE: "unknown"}
        remark = words[arrival.match] + (f" from {names}" if names else "")
        if arrival.facts:
            remark += f": {'; '.join(arrival.facts)}"
        return Row(
            Way.PUBLISHED, Kind.ROUTE, route_text(arrival), str(arrival.backend.targets), printable(remark)
        )


def route_text(end: Arrival | DeadEnd) -> str:
    """Write a route with what it asks for and the Service that it leads to."""
    asked = end.target.match or ",".join(end.route.hosts)
    middle = f" {asked}" if asked else ""
    return printable(f"{end.route}{middle} to Service {end.target.namespace}/{end.target.service}")


def described(group: PodGroup) -> str:
    """Write a group of pods as a user would say it."""
    pods = "any pod" if group.pods == EVERYTHING else f"pods labelled {group.pods}"
    return printable(f"{pods} in {_where(group.namespaces)}")


def _where(namespaces: Selector) -> str:
    if namespaces == EVERYTHING:
        return "any namespace"
    first, *others = namespaces.requirements
    if not others and first.key == NAMESPACE_NAME and first.operator is Operator.IN:
        return f"namespace {' or '.join(sorted(first.values))}"
    return f"namespaces labelled {namespaces}"


def _now(group: Group) -> str:
    """Tell how many there are now, and what an order of rules may take away from some of them."""
    number = counted(group.now, "endpoint") if group.now else "no endpoint"
    less = not group.bounds.certain <= group.certain
    return f"{number} now" + ("; another rule may decide otherwise for some" if less else "")
