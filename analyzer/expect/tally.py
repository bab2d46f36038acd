"""Counts of a block: how many pairs are as expected, and the first that is not.

Comes in: rows of the evaluation, class by class. Goes out: counts and a witness.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

from analyzer.bitmaps import lowest, members
from analyzer.bounds import Bounds
from analyzer.expect.expectation import Outcome
from analyzer.expect.result import Witness
from analyzer.model import Match
from analyzer.reachability import EVERYTHING
from analyzer.sets import PortSet

if TYPE_CHECKING:
    from analyzer.bitmaps import Bitmap
    from analyzer.bounds import Cell
    from analyzer.engine import Row
    from analyzer.expect.blocks import Block
    from analyzer.expect.ends import Population


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


class Tally:
    """The pairs of a block; rows of all classes among its sources must be added, each once."""

    def __init__(self, block: Block, population: Population) -> None:
        self.block = block
        self.counts: Counter[Outcome] = Counter()
        self._population = population
        self._first: dict[Outcome, _Candidate] = {}
        self._outcomes: dict[tuple[Cell, Match], Outcome] = {}
        self._itself = 0 if block.itself else block.sources & block.destinations & population.single
        self.pairs = self._pairs()

    def _pairs(self) -> int:
        """Count them; no policy of the cluster sees those of two external endpoints."""
        inside = self._population.inside
        sources, destinations = self.block.sources, self.block.destinations
        everything = sources.bit_count() * destinations.bit_count()
        external = (sources & ~inside).bit_count() * (destinations & ~inside).bit_count()
        return everything - external - self._itself.bit_count()

    def add(self, number: int, row: Row) -> None:
        """Take in what a source class may open to every class."""
        population = self._population
        sources = self.block.sources & population.of_class[number]
        one = population.endpoints[lowest(sources)]
        if self.block.itself and one.replicas < 2:
            self._add(sources, sources, number, row, Match.YES)
        elif one.host_network:
            for host in members(sources):
                self._add_host(host, number, row)
        elif one.external:
            self._add(sources, self.block.destinations & population.inside, number, row, Match.NO)
        else:
            self._add(sources, self.block.destinations, number, row, Match.NO)

    def _add_host(self, host: int, number: int, row: Row) -> None:
        """Keep the pods that its node always reaches, or may, apart."""
        surely, maybe = self._population.admitted(host)
        there = self.block.destinations
        for match, destinations in (
            (Match.NO, there & ~(surely | maybe)),
            (Match.MAYBE, there & maybe),
            (Match.YES, there & surely),
        ):
            self._add(1 << host, destinations, number, row, match)

    def _add(self, sources: Bitmap, destinations: Bitmap, number: int, row: Row, exempt: Match) -> None:
        asked = self._population.class_bits(destinations)
        hits: dict[Outcome, Bitmap] = {}
        for cell, classes in row.items():
            outcome = self._outcome(cell, exempt)
            if outcome is not Outcome.HOLDS and (hit := classes & asked):
                hits[outcome] = hits.get(outcome, 0) | hit
        for outcome, hit in hits.items():
            count = sources.bit_count() * self._population.weights(destinations).count(hit)
            if hit >> number & 1:
                count -= (sources & destinations & self._itself).bit_count()
            if count:
                self.counts[outcome] += count
                self._note(outcome, _Candidate(lowest(sources), sources, destinations, hit))

    def _outcome(self, cell: Cell, exempt: Match) -> Outcome:
        if (found := self._outcomes.get((cell, exempt))) is None:
            bounds = self._population.reachability.engine.algebra.cells[cell]
            if exempt is Match.MAYBE:
                bounds = Bounds(bounds.certain, PortSet.all())
            found = self.block.question.outcome(EVERYTHING if exempt is Match.YES else bounds)
            self._outcomes[cell, exempt] = found
        return found

    def _note(self, outcome: Outcome, candidate: _Candidate) -> None:
        known = self._first.get(outcome)
        if known is None or candidate.first < known.first:
            self._first[outcome] = candidate

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
