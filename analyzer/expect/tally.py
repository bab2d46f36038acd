"""Counts of a block: how many pairs are as expected, and the first that is not.

Comes in: rows of the evaluation, class by class. Goes out: counts and a witness.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Protocol, assert_never

from analyzer.bitmaps import lowest, members
from analyzer.bounds import Bounds
from analyzer.expect.crowd import WRONG, Asked
from analyzer.expect.expectation import Outcome
from analyzer.expect.result import Witness
from analyzer.model import Match
from analyzer.reachability import EVERYTHING
from analyzer.sets import PortSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.bitmaps import Bitmap
    from analyzer.bounds import Cell
    from analyzer.engine import Row
    from analyzer.expect.blocks import Block
    from analyzer.expect.crowd import Crowd
    from analyzer.expect.ends import Population
    from analyzer.expect.expectation import Question
    from analyzer.pairs import Pairs


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


class _Kind:
    """What a question says of pairs that are exempt, may be, or are not; each cell is judged once."""

    def __init__(self, question: Question, exempt: Match, population: Population) -> None:
        self._question = question
        self._exempt = exempt
        self._cells = population.reachability.engine.algebra.cells
        self._judged: dict[Cell, Outcome] = {}

    def wrong(self, row: Row) -> dict[Outcome, Bitmap]:
        """Return the classes of a row that are not as expected, by outcome."""
        found: dict[Outcome, Bitmap] = {}
        for cell, classes in row.items():
            if (outcome := self._judged.get(cell)) is None:
                outcome = self._judged[cell] = self._question.outcome(self._bounds(cell))
            if outcome is not Outcome.HOLDS:
                found[outcome] = found.get(outcome, 0) | classes
        return found

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
    """The pairs of a block.

    Most sources ask their question in the crowd; nodes, and a pod that is asked about itself, are counted
    here: rows of their classes must be added, each once.
    """

    def __init__(self, block: Block, population: Population, crowd: Crowd) -> None:
        self.block = block
        self.counts: Counter[Outcome] = Counter()
        self._population = population
        self._crowd = crowd
        self._first: dict[Outcome, _Candidate] = {}
        self._exempt, self._doubted, self._plain = (
            _Kind(block.question, match, population) for match in (Match.YES, Match.MAYBE, Match.NO)
        )
        # A pod with itself says nothing, unless nothing else is asked.
        self._itself = 0 if block.itself else block.sources & block.destinations & population.single
        self.pairs = self._pairs()
        self.special = block.sources & (population.single if block.itself else population.hosts)
        self._asked = tuple(self._questions())
        for each in self._asked:
            crowd.ask(each)

    def _pairs(self) -> int:
        """Count them; no policy of the cluster sees those of two external endpoints."""
        inside = self._population.inside
        sources, destinations = self.block.sources, self.block.destinations
        everything = sources.bit_count() * destinations.bit_count()
        external = (sources & ~inside).bit_count() * (destinations & ~inside).bit_count()
        return everything - external - self._itself.bit_count()

    def _questions(self) -> Iterator[Asked]:
        """Yield what is asked in the crowd: by pods about everybody, by addresses about pods."""
        inside, block = self._population.inside, self.block
        sources = block.sources & ~self.special
        for some, destinations in (
            (sources & inside, block.destinations),
            (sources & ~inside, block.destinations & inside),
        ):
            if some and destinations:
                yield Asked(block.question, some, destinations)

    def add(self, number: int, row: Row) -> None:
        """Take in what a class of special sources may open to every class."""
        sources = self.special & self._population.of_class[number]
        if self.block.itself:
            self._add(sources, self.block.destinations, number, row, self._exempt)
        else:
            for host in members(sources):
                self._add_host(host, number, row)

    def _add_host(self, host: int, number: int, row: Row) -> None:
        """Keep the pods that its node always reaches, or may, apart."""
        surely, maybe = self._population.admitted(host)
        there = self.block.destinations
        for kind, destinations in (
            (self._plain, there & ~(surely | maybe)),
            (self._doubted, there & maybe),
            (self._exempt, there & surely),
        ):
            if destinations:
                self._add(1 << host, destinations, number, row, kind)

    def _add(self, sources: Bitmap, destinations: Bitmap, number: int, row: Row, kind: _Kind) -> None:
        for outcome, classes in kind.wrong(row).items():
            count = sources.bit_count() * self._population.weights(destinations).count(classes)
            if classes >> number & 1:
                count -= (sources & destinations & self._itself).bit_count()
            if count:
                candidate = _Candidate(lowest(sources), sources, destinations, classes)
                self._count(outcome, count, candidate)

    def settle(self, pairs: Pairs) -> None:
        """Take in what became of the questions in the crowd; all rows must have been added."""
        for asked in self._asked:
            for outcome in WRONG:
                if found := self._crowd.wrong(asked, outcome, self._itself):
                    number = self._population.endpoints[found.first].number
                    classes = self._plain.wrong(pairs.row(number))[outcome]
                    sources = asked.sources & self._population.of_class[number]
                    candidate = _Candidate(found.first, sources, asked.destinations, classes)
                    self._count(outcome, found.pairs, candidate)

    def _count(self, outcome: Outcome, count: int, candidate: _Candidate) -> None:
        self.counts[outcome] += count
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
