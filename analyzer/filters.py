"""What part of the answer is asked for: sources, destinations, namespaces and ports.

Comes in: the evaluated cluster and the user's filters. Goes out: a View, which every report reads: the
pairs of endpoints that are left, and their verdicts on the ports that are left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING

from analyzer.bitmaps import bitmap, members
from analyzer.bounds import Bounds
from analyzer.classes import Kind
from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity
from analyzer.load.text import shown
from analyzer.model import Direction, Match
from analyzer.names import Names
from analyzer.pairs import Pairs, profiles, row_of
from analyzer.reachability import exemption
from analyzer.sets import PortSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.bitmaps import Bitmap
    from analyzer.endpoints import Endpoint
    from analyzer.reachability import Reachability
    from analyzer.services import Access, PortBackends, ServicePorts

    Connection = tuple[Endpoint, Endpoint, Bounds]

# Rows of verdicts with all classes that are kept: endpoints of one class follow upon each other, mostly.
_MOST_KEPT = 256
# So many rows are made one by one; for more it is worth it to sort all ingress rows by source.
_FEW_ROWS = 16
_NOTHING = Bounds(PortSet.none(), PortSet.none())


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the user wrote: names, patterns or addresses; () restricts nothing. `ports` is the mask."""

    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    ports: PortSet = PortSet.transports()  # noqa: RUF009 - a constant, not made anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Every pair of some sources and some destinations; `title` is "" when it is all there is."""

    title: str
    sources: tuple[Endpoint, ...]
    destinations: tuple[Endpoint, ...]

    @property
    def inside(self) -> tuple[Endpoint, ...]:
        """The destinations that are not external: no policy sees what external sources do to others."""
        return tuple(each for each in self.destinations if not each.external)


class View:
    """The part of the answer that the filters leave.

    `blocks` hold every pair once: all sources and destinations, or with a namespace filter the
    connections that start in the namespaces, and those that come to them from elsewhere.
    """

    def __init__(self, reachability: Reachability, filters: Filters | None = None) -> None:
        chosen = filters or Filters()
        self.reachability = reachability
        self.ports = chosen.ports
        self.names = Names(reachability)
        self.whole = not (chosen.sources or chosen.destinations or chosen.namespaces)
        self.blocks, self._named = _blocks(self.names, reachability, chosen)
        self._masked: dict[Bounds, Bounds] = {}
        self._kept: dict[int, list[Bounds]] = {}
        self._made_rows = 0

    @cached_property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every endpoint that is a source or a destination."""
        ids = {each.id for block in self.blocks for each in (*block.sources, *block.destinations)}
        return tuple(each for each in self.reachability.endpoints if each.id in ids)

    @cached_property
    def subjects(self) -> tuple[Endpoint, ...]:
        """The endpoints that the filters name; all of them when nothing is filtered."""
        return tuple(each for each in self.endpoints if self._named is None or each.id in self._named)

    def verdict(self, source: Endpoint, destination: Endpoint) -> Bounds:
        """Return what one endpoint may open to another, on the ports asked for."""
        return self._mask(self.reachability.connection(source, destination))

    def replicas(self, endpoint: Endpoint) -> Bounds:
        """Return what one replica of an endpoint may open to another one, if it has any."""
        return self._mask(self.reachability.engine.between(endpoint.number, endpoint.number))

    def _mask(self, bounds: Bounds) -> Bounds:
        if (found := self._masked.get(bounds)) is None:
            found = Bounds(bounds.certain & self.ports, bounds.possible & self.ports)
            self._masked[bounds] = found
        return found

    def connections(self) -> Iterator[Connection]:
        """Yield every pair with its verdict, by source and destination in the order of all endpoints.

        Pairs of two external endpoints are left out: no policy of the cluster sees them. Equal verdicts
        are one object.
        """
        for source, destinations in self._rows_of_pairs():
            yield from self._from(source, destinations)

    def unknown(self) -> Iterator[Connection]:
        """Yield the connections of which some port depends on a fact that the input does not hold."""
        doubtful = self._doubtful()
        for source, destinations in self._rows_of_pairs():
            if doubtful >> source.number & 1 or source.host_network:
                yield from (each for each in self._from(source, destinations) if each[2].unknown)

    def _doubtful(self) -> Bitmap:
        """Return the source classes of which one of the two directions may leave something open somewhere.

        Only a mask that leaves out ports of the transports is looked at: it is rarely what decides.
        """
        engine = self.reachability.engine
        rows = {direction: profiles(engine, direction) for direction in Direction}
        doubtful = {
            cell
            for cell, bounds in enumerate(engine.algebra.cells)
            if bounds.certain is not bounds.possible
            and (self.ports == PortSet.transports() or self._mask(bounds).unknown)
        }
        found = 0
        for row, subjects in rows[Direction.EGRESS]:
            if not doubtful.isdisjoint(row):
                found |= bitmap(subjects)
        for row, _ in rows[Direction.INGRESS]:
            for cell in row.keys() & doubtful:
                found |= row[cell]
        return found

    def _rows_of_pairs(self) -> Iterator[tuple[Endpoint, tuple[Endpoint, ...]]]:
        """Yield each source with its destinations; those of external sources lie inside the cluster."""
        of_source: dict[str, tuple[tuple[Endpoint, ...], tuple[Endpoint, ...]]] = {}
        for block in self.blocks:
            both = block.destinations, block.inside
            of_source.update((each.id, both) for each in block.sources)
        for source in self.reachability.endpoints:
            if source.id in of_source:
                yield source, of_source[source.id][source.external]

    def _from(self, source: Endpoint, destinations: Sequence[Endpoint]) -> Iterator[Connection]:
        return zip(repeat(source), destinations, self.row(source, destinations), strict=False)

    def row(self, source: Endpoint, destinations: Sequence[Endpoint]) -> Iterator[Bounds]:
        """Yield what a source may open to some destinations, on the ports asked for.

        The destinations of an external source must lie inside the cluster.
        """
        verdicts = self._row(source.number)
        return (self._at(verdicts, source, destination) for destination in destinations)

    @cached_property
    def sources(self) -> tuple[Endpoint, ...]:
        """Every source."""
        return tuple(each for block in self.blocks for each in block.sources)

    def services(self) -> Iterator[ServicePorts]:
        """Yield the Services with the ports that are left.

        When endpoints are filtered, those with a backend among the destinations; when ports are, those of
        which a port, or what it leads to, was asked for.
        """
        if not self.reachability.cluster.services:
            return
        from analyzer.services import services

        shown = {each.id for block in self.blocks for each in block.destinations}
        every_port = PortSet.transports() <= self.ports
        for each in services(self.reachability):
            ports = tuple(filter(self._asks_for, each.ports))
            backends = (backend.endpoint.id for port in ports for backend in port.backends)
            if not shown.isdisjoint(backends) or (self.whole and (ports or every_port)):
                yield replace(each, ports=ports)

    def _asks_for(self, found: PortBackends) -> bool:
        """Tell whether a port of a Service, or one of its target ports, was asked for."""
        own = self.ports.has(found.port.protocol, found.port.port)
        return own or any(backend.targets & self.ports for backend in found.backends)

    def access(self, found: ServicePorts) -> Iterator[Access]:
        """Yield what each source gets of each port of a Service; who gets nothing is left out."""
        from analyzer.services import access

        shown = {each.id for each in self.sources}
        return (each for each in access(self.reachability, found) if each.source.id in shown)

    @cached_property
    def _pairs(self) -> Pairs:
        return Pairs(self.reachability.engine)

    def _row(self, number: int) -> list[Bounds]:
        """Return the verdicts of one source class, by destination class; those of the last ones are kept."""
        if (found := self._kept.get(number)) is None:
            if len(self._kept) == _MOST_KEPT:
                self._kept.clear()
            found = self._kept[number] = self._made(number)
        return found

    def _made(self, number: int) -> list[Bounds]:
        engine = self.reachability.engine
        # External classes are the last ones, and nobody asks what they do to each other.
        seen = len(engine.classes)
        if engine.classes[number].kind is Kind.EXTERNAL:
            seen -= engine.matcher.external.bit_count()
        if self._made_rows < _FEW_ROWS:
            self._made_rows += 1
            row = row_of(engine, number)
        else:
            row = self._pairs.row(number)
        found = [_NOTHING] * seen
        for cell, classes in row.items():
            bounds = self._mask(engine.algebra.cells[cell])
            for each in members(classes & ((1 << seen) - 1)):
                found[each] = bounds
        return found

    def _at(self, verdicts: Sequence[Bounds], source: Endpoint, destination: Endpoint) -> Bounds:
        """Return one verdict of a row, unless the connection of these two endpoints is exempt."""
        special = source is destination or source.host_network
        if special and exemption(source, destination) is not Match.NO:
            return self.verdict(source, destination)
        return verdicts[destination.number]


def _blocks(
    names: Names, reachability: Reachability, filters: Filters
) -> tuple[tuple[Block, ...], frozenset[str] | None]:
    """Return the pairs that filters leave, and the ids of the endpoints that they name."""
    sources = _selected(names, reachability, filters.sources)
    destinations = _selected(names, reachability, filters.destinations)
    if not filters.namespaces:
        chosen = (*(sources if filters.sources else ()), *(destinations if filters.destinations else ()))
        block = Block(title="", sources=sources, destinations=destinations)
        return (block,), frozenset(each.id for each in chosen) if chosen else None
    inside = frozenset(_known(reachability, name) for name in filters.namespaces)
    title = ", ".join(sorted(inside))
    here, elsewhere = _split(sources, inside)
    there, _ = _split(destinations, inside)
    blocks = (
        Block(title=f"from {title}", sources=here, destinations=destinations),
        Block(title=f"to {title} from elsewhere", sources=elsewhere, destinations=there),
    )
    found = tuple(block for block in blocks if block.sources and block.destinations)
    if not found:
        raise _error("empty-selection", "these filters leave no connection", "drop one of them")
    return found, frozenset(each.id for each in (*here, *there))


def _selected(names: Names, reachability: Reachability, patterns: Sequence[str]) -> tuple[Endpoint, ...]:
    if not patterns:
        return reachability.endpoints
    ids = {each.id for pattern in patterns for each in names.select(pattern)}
    return tuple(each for each in reachability.endpoints if each.id in ids)


def _split(
    found: Sequence[Endpoint], namespaces: frozenset[str]
) -> tuple[tuple[Endpoint, ...], tuple[Endpoint, ...]]:
    inside = tuple(each for each in found if each.namespace in namespaces)
    return inside, tuple(each for each in found if each.namespace not in namespaces)


def _known(reachability: Reachability, name: str) -> str:
    namespaces = {each.namespace for each in reachability.endpoints if not each.external}
    if name in namespaces:
        return name
    from difflib import get_close_matches

    close = get_close_matches(name, sorted(namespaces), n=3)
    hint = f"did you mean {' or '.join(map(shown, close))}?" if close else ""
    raise _error("unknown-namespace", f"no pod is in a namespace called {shown(name)}", hint)


def _error(code: str, message: str, hint: str) -> AnalyzerError:
    return AnalyzerError(Diagnostic(severity=Severity.ERROR, code=code, message=message, help=hint))
