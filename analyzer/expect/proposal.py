"""The expectations that describe what is: a first guard, to be read and made shorter by who knows better.

Comes in: the evaluated cluster. Goes out: expectations that hold, in a stable order; together they speak of
every pair and every port of TCP, UDP and SCTP, so that one of them fails when reach changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from analyzer.bitmaps import lowest, members
from analyzer.bounds import Bounds
from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity, Span
from analyzer.expect.ends import Population
from analyzer.expect.expectation import EVERY_POD, Exempt, Expectation, Named, Outside, Verdict
from analyzer.pairs import Pairs
from analyzer.reachability import EVERYTHING
from analyzer.sets import AddressSet, PortSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence, Sized

    from analyzer.bitmaps import Bitmap
    from analyzer.engine import Row
    from analyzer.expect.expectation import End
    from analyzer.reachability import Reachability

# More than these are not read by anybody.
MOST = 2_000
_NOWHERE = Span("")
_MOST_NAMES = 3
_ALL = PortSet.transports()
# What sources of one kind may open: verdicts, each with all the endpoints that it is about.
_Verdicts = tuple[tuple[Bounds, "Bitmap"], ...]


def propose(reachability: Reachability, most: int = MOST) -> tuple[Expectation, ...]:
    """Return the expectations. Raises AnalyzerError when there would be more than `most`."""
    population = Population(reachability)
    writer = _Writer(population)
    for destinations, verdicts in _destinations(population, _sources(population, most), most):
        writer.write(destinations, verdicts)
        _limit(writer.found, most)
    return tuple(writer.found)


def _limit(found: Sized, most: int) -> None:
    """Give up where the answer would be too long, before all of it is known."""
    if len(found) > most:
        raise AnalyzerError(
            Diagnostic(
                severity=Severity.ERROR,
                code="too-many-expectations",
                message=f"what is would take more than {most:,} expectations, or has more kinds of sources",
                help="give a part of the manifests, or write down by hand what matters",
            )
        )


def _sources(population: Population, most: int) -> list[tuple[Bitmap, _Verdicts]]:
    """Return the sources, those together that have the same verdicts with everybody, in a stable order."""
    alike: dict[_Verdicts, Bitmap] = {}
    for sources, verdicts in _rows(population):
        alike[verdicts] = alike.get(verdicts, 0) | sources
        _limit(alike, most)
    return sorted(((bits, verdicts) for verdicts, bits in alike.items()), key=lambda each: lowest(each[0]))


def _rows(population: Population) -> Iterator[tuple[Bitmap, _Verdicts]]:
    pairs = Pairs(population.reachability.engine)
    for number, endpoints in enumerate(population.of_class):
        verdicts = _verdicts(population, pairs.row(number))
        if population.endpoints[lowest(endpoints)].host_network:
            for host in members(endpoints):
                yield 1 << host, _ordered(_as_host(population, host, verdicts))
        else:
            yield endpoints, _ordered(verdicts)


def _verdicts(population: Population, row: Row) -> dict[Bounds, Bitmap]:
    found: dict[Bounds, Bitmap] = {}
    for cell, classes in row.items():
        bounds = _masked(population.reachability.engine.algebra.cells[cell])
        endpoints = found.get(bounds, 0)
        for number in members(classes):
            endpoints |= population.of_class[number]
        found[bounds] = endpoints
    return found


def _as_host(population: Population, host: int, verdicts: dict[Bounds, Bitmap]) -> dict[Bounds, Bitmap]:
    """Admit a node to the pods that it runs, or may run; itself it reaches anyway, which says nothing."""
    surely, maybe = (bits & ~(1 << host) for bits in population.admitted(host))
    found = {_masked(EVERYTHING): surely}
    for bounds, endpoints in verdicts.items():
        doubted = Bounds(bounds.certain, _ALL)
        found[doubted] = found.get(doubted, 0) | (endpoints & maybe)
        found[bounds] = found.get(bounds, 0) | (endpoints & ~surely & ~maybe)
    return found


def _masked(bounds: Bounds) -> Bounds:
    return Bounds(bounds.certain & _ALL, bounds.possible & _ALL)


def _ordered(verdicts: dict[Bounds, Bitmap]) -> _Verdicts:
    found = ((bounds, endpoints) for bounds, endpoints in verdicts.items() if endpoints)
    return tuple(sorted(found, key=lambda each: lowest(each[1])))


def _destinations(
    population: Population, sources: Sequence[tuple[Bitmap, _Verdicts]], most: int
) -> Iterator[tuple[Bitmap, dict[Bounds, Bitmap]]]:
    """Yield destinations, those together to which everybody has the same verdict, with who has which."""
    everybody = (1 << len(population.endpoints)) - 1
    for part, asking in ((population.inside, everybody), (everybody & ~population.inside, population.inside)):
        groups: list[tuple[Bitmap, dict[Bounds, Bitmap]]] = [(part, {})] if part else []
        for who, verdicts in sources:
            if here := who & asking:
                groups = [split for group in groups for split in _split(group, here, verdicts)]
                _limit(groups, most)
        yield from sorted(groups, key=lambda each: lowest(each[0]))


def _split(
    group: tuple[Bitmap, dict[Bounds, Bitmap]], sources: Bitmap, verdicts: _Verdicts
) -> Iterator[tuple[Bitmap, dict[Bounds, Bitmap]]]:
    destinations, known = group
    for bounds, endpoints in verdicts:
        if common := destinations & endpoints:
            yield common, {**known, bounds: known.get(bounds, 0) | sources}


class _Ends:
    """Endpoints as a file names them: listed, or all without the others, whichever is shorter."""

    def __init__(self, population: Population) -> None:
        self._population = population
        self._by_namespace: dict[str, Bitmap] = {}
        for index in members(population.inside):
            namespace = population.endpoints[index].namespace
            self._by_namespace[namespace] = self._by_namespace.get(namespace, 0) | 1 << index

    def of(self, endpoints: Bitmap) -> tuple[tuple[End, ...], tuple[End, ...]]:
        """Return ends, and those to be taken out of them."""
        inside, outside = self._pods(endpoints), self._addresses(endpoints)
        return (*inside[0], *outside[0]), (*inside[1], *outside[1])

    def _pods(self, endpoints: Bitmap) -> tuple[list[End], list[End]]:
        everybody = self._population.inside
        here, others = endpoints & everybody, everybody & ~endpoints
        if not here:
            return [], []
        listed, left_out = self._names(here), self._names(others)
        if len(listed) < len(left_out):
            return listed, []
        return [Named(namespace="*", kind="", name="*", span=_NOWHERE)], left_out

    def _names(self, endpoints: Bitmap) -> list[End]:
        """Return the names of endpoints, or `namespace/*` for all of a namespace."""
        found: list[End] = []
        for namespace, everybody in self._by_namespace.items():
            here = endpoints & everybody
            if here == everybody and here.bit_count() > 1:
                found.append(Named(namespace=namespace, kind="", name="*", span=_NOWHERE))
            else:
                found += map(self._name, members(here))
        return found

    def _name(self, index: int) -> Named:
        *namespace_and_kind, name = self._population.name(self._population.endpoints[index]).split("/")
        namespace, kind = (*namespace_and_kind, "")[:2]
        return Named(namespace=namespace, kind=kind, name=name, span=_NOWHERE)

    def _addresses(self, endpoints: Bitmap) -> tuple[list[End], list[End]]:
        outside = endpoints & ~self._population.inside
        if not outside:
            return [], []
        addresses = AddressSet.union(
            self._population.endpoints[index].addresses for index in members(outside)
        )
        listed, left_out = self._blocks(addresses), self._blocks(~addresses)
        if len(listed) < len(left_out):
            return listed, []
        return [Outside(addresses=AddressSet.all(), span=_NOWHERE)], left_out

    def _blocks(self, addresses: AddressSet) -> list[End]:
        """Return blocks that hold addresses, without those that hold nothing but addresses of pods."""
        blocks = (Outside(addresses=AddressSet.of(each), span=_NOWHERE) for each in addresses.cidrs())
        return [each for each in blocks if self._population.meant(each)]


class _Writer:
    """Writes the verdicts of destinations as expectations.

    Their names differ: neither two groups of destinations nor two of their sources share an endpoint.
    """

    def __init__(self, population: Population) -> None:
        self.found: list[Expectation] = []
        self._population = population
        self._ends = _Ends(population)

    def write(self, destinations: Bitmap, verdicts: dict[Bounds, Bitmap]) -> None:
        """Write what each source may open, the few before the many."""
        to, never_to = self._ends.of(destinations)
        for bounds, sources in sorted(
            verdicts.items(), key=lambda each: (each[1].bit_count(), lowest(each[1]))
        ):
            itself = sources & destinations & self._population.single
            if sources.bit_count() * destinations.bit_count() > itself.bit_count():
                ends, never = self._ends.of(sources)
                unless = _exempt(never, never_to)
                who = f"{_described(ends, never)} -> {_described(to, never_to)}"
                for verdict, ports in _stated(bounds):
                    self._expect(ends, to, unless, verdict, ports, f"{who} {_told(verdict, ports)}")

    def _expect(
        self,
        sources: tuple[End, ...],
        destinations: tuple[End, ...],
        unless: tuple[Exempt, ...],
        verdict: Verdict,
        ports: PortSet,
        name: str,
    ) -> None:
        self.found.append(
            Expectation(
                name=name,
                sources=sources,
                destinations=destinations,
                ports=ports,
                verdict=verdict,
                unless=unless,
                span=_NOWHERE,
            )
        )


def _exempt(sources: tuple[End, ...], destinations: tuple[End, ...]) -> tuple[Exempt, ...]:
    """Take ends out on each side: whoever is on one of the two lists is not spoken of."""
    found = (Exempt(sources=sources, destinations=(), ports=_ALL, span=_NOWHERE),) if sources else ()
    return (
        (*found, Exempt(sources=(), destinations=destinations, ports=_ALL, span=_NOWHERE))
        if destinations
        else found
    )


def _stated(bounds: Bounds) -> Iterator[tuple[Verdict, PortSet]]:
    """Yield what is to be expected of bounds, so that together every port is spoken of."""
    if bounds.certain == bounds.possible and bounds.certain not in {_ALL, PortSet.none()}:
        yield Verdict.ONLY, bounds.certain
        return
    for verdict, ports in (
        (Verdict.ALLOW, bounds.certain),
        (Verdict.UNKNOWN, bounds.unknown),
        (Verdict.DENY, _ALL - bounds.possible),
    ):
        if ports:
            yield verdict, ports


def _told(verdict: Verdict, ports: PortSet) -> str:
    what = "every port" if ports == _ALL else str(ports)
    match verdict:
        case Verdict.ALLOW:
            return f"on {what}"
        case Verdict.ONLY:
            return f"on {what} only"
        case Verdict.DENY:
            return "on no port" if ports == _ALL else f"not on {what}"
        case Verdict.UNKNOWN:
            return f"not known on {what}"
        case never:
            assert_never(never)


def _described(ends: Sequence[End], never: Sequence[End]) -> str:
    if {*map(str, ends)} == {EVERY_POD, "external"}:
        whole = "everybody"
    else:
        whole = _listed("every pod" if str(end) == EVERY_POD else str(end) for end in ends)
    return f"{whole} but {_listed(map(str, never))}" if never else whole


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    kept = found if len(found) <= _MOST_NAMES + 1 else found[:_MOST_NAMES]
    more = len(found) - len(kept)
    return ", ".join(kept) + (f" and {more} more" if more else "")
