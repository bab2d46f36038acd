"""Counts of a block: how many pairs are as expected, and the first that is not.

Comes in: rows of the evaluation, class by class. Goes out: counts and a witness.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol, assert_never

from analyzer.bitmaps import bitmap, lowest, members
from analyzer.bounds import Bounds
from analyzer.classes import Kind
from analyzer.expect.expectation import Outcome
from analyzer.expect.result import Witness
from analyzer.model import Match
from analyzer.reachability import EVERYTHING
from analyzer.sets import PortSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.bitmaps import Bitmap, Weights
    from analyzer.bounds import Cell
    from analyzer.engine import Row
    from analyzer.expect.blocks import Block
    from analyzer.expect.ends import Population
    from analyzer.expect.expectation import Question


class Found(Protocol):
    """What is known of some pairs: how many there are, and how many have which outcome other than HOLDS."""

    pairs: int
    counts: Counter[Outcome]

    def place(self, outcome: Outcome) -> int:
        """Return the number of the first source that has such a pair; some has."""
        ...

    def witness(self, outcome: Outcome) -> Witness:
        """Return its first such pair."""
        ...


class _Candidate(NamedTuple):
    """Sources of one class and the destination classes with which they have an outcome."""

    first: int
    sources: Bitmap
    destinations: Bitmap
    classes: Bitmap


class _Destinations:
    """Destinations, as classes and counted by class: worked out when there is something to count."""

    def __init__(self, population: Population, endpoints: Bitmap) -> None:
        self.endpoints = endpoints
        self._population = population

    @cached_property
    def classes(self) -> Bitmap:
        """Their classes."""
        return bitmap(self._population.classes(self.endpoints))

    @cached_property
    def weights(self) -> Weights:
        """How many of them each class has."""
        return self._population.weights(self.endpoints)


class _Kind:
    """Which cells are not as expected of pairs that are exempt, may be, or are not; each is judged once."""

    def __init__(self, question: Question, exempt: Match, population: Population) -> None:
        self._question = question
        self._exempt = exempt
        self._cells = population.reachability.engine.algebra.cells
        self._judged: set[Cell] = set()
        self._wrong: set[Cell] = set()
        self._failing: set[Cell] = set()

    def wrong(self, cells: frozenset[Cell]) -> frozenset[Cell]:
        """Return those of some cells that are not as expected."""
        if not cells <= self._judged:
            for cell in cells - self._judged:
                outcome = self._question.outcome(self._bounds(cell))
                if outcome is not Outcome.HOLDS:
                    self._wrong.add(cell)
                if outcome is Outcome.FAILS:
                    self._failing.add(cell)
            self._judged |= cells
        return cells & self._wrong

    def parted(self, wrong: frozenset[Cell]) -> Iterator[tuple[Outcome, frozenset[Cell]]]:
        """Yield what `wrong` returned by outcome."""
        if failing := wrong & self._failing:
            yield Outcome.FAILS, failing
        if doubtful := wrong - failing:
            yield Outcome.UNKNOWN, doubtful

    def _bounds(self, cell: Cell) -> Bounds:
        bounds = self._cells[cell]
        match self._exempt:
            case Match.YES:
                return EVERYTHING
            case Match.MAYBE:
                return Bounds(bounds.certain, PortSet.all())
            case Match.NO:
                return bounds
            case never:
                assert_never(never)


class Tally:
    """The pairs of a block; rows of all classes among its sources must be added, each once."""

    def __init__(self, block: Block, population: Population) -> None:
        self.block = block
        self.counts: Counter[Outcome] = Counter()
        self._population = population
        self._first: dict[Outcome, _Candidate] = {}
        self._exempt, self._doubted, self._plain = (
            _Kind(block.question, match, population) for match in (Match.YES, Match.MAYBE, Match.NO)
        )
        self._all = _Destinations(population, block.destinations)
        self._pods = _Destinations(population, block.destinations & population.inside)
        # A pod with itself says nothing, unless nothing else is asked.
        self._itself = 0 if block.itself else block.sources & block.destinations & population.single
        self.pairs = self._pairs()

    def _pairs(self) -> int:
        """Count them; no policy of the cluster sees those of two external endpoints."""
        inside = self._population.inside
        sources, destinations = self.block.sources, self.block.destinations
        everything = sources.bit_count() * destinations.bit_count()
        external = (sources & ~inside).bit_count() * (destinations & ~inside).bit_count()
        return everything - external - self._itself.bit_count()

    def add(self, number: int, row: Row, cells: frozenset[Cell]) -> None:
        """Take in what a source class may open to every class; `cells` are the keys of the row."""
        population, kind = self._population, self._population.kinds[number]
        sources = self.block.sources & population.of_class[number]
        if self.block.itself and sources & population.single:
            self._add(sources, self._all, number, row, self._exempt, cells)
        elif kind is Kind.HOST:
            for host in members(sources):
                self._add_host(host, number, row, cells)
        else:
            destinations = self._pods if kind is Kind.EXTERNAL else self._all
            self._add(sources, destinations, number, row, self._plain, cells)

    def _add_host(self, host: int, number: int, row: Row, cells: frozenset[Cell]) -> None:
        """Keep the pods that its node always reaches, or may, apart."""
        surely, maybe = self._population.admitted(host)
        there = self.block.destinations
        for kind, endpoints in (
            (self._plain, there & ~(surely | maybe)),
            (self._doubted, there & maybe),
            (self._exempt, there & surely),
        ):
            self._add(1 << host, _Destinations(self._population, endpoints), number, row, kind, cells)

    def _add(
        self,
        sources: Bitmap,
        destinations: _Destinations,
        number: int,
        row: Row,
        kind: _Kind,
        cells: frozenset[Cell],
    ) -> None:
        if wrong := kind.wrong(cells):
            for outcome, found in kind.parted(wrong):
                hit = 0
                for cell in found:
                    hit |= row[cell]
                if hit := hit & destinations.classes:
                    self._count(outcome, sources, destinations, hit, number)

    def _count(
        self, outcome: Outcome, sources: Bitmap, destinations: _Destinations, classes: Bitmap, number: int
    ) -> None:
        count = sources.bit_count() * destinations.weights.count(classes)
        if self._itself and classes >> number & 1:
            count -= (sources & destinations.endpoints & self._itself).bit_count()
        if count:
            self.counts[outcome] += count
            known, first = self._first.get(outcome), lowest(sources)
            if known is None or first < known.first:
                self._first[outcome] = _Candidate(first, sources, destinations.endpoints, classes)

    def place(self, outcome: Outcome) -> int:
        """Return the number of the first source that has such a pair; some has."""
        return self._first[outcome].first

    def witness(self, outcome: Outcome) -> Witness:
        """Return the first pair that has an outcome; some has."""
        found, population = self._first[outcome], self._population
        there = 0
        for number in members(found.classes):
            there |= population.of_class[number]
        there &= found.destinations
        pairs = ((each, there & ~(1 << each & self._itself)) for each in members(found.sources))
        source, others = next(pair for pair in pairs if pair[1])
        one, other = population.endpoints[source], population.endpoints[lowest(others)]
        bounds = population.reachability.connection(one, other)
        ports = self.block.question.against(bounds, outcome)
        return Witness(source=one, destination=other, ports=ports, bounds=bounds)
