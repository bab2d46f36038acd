"""Many questions about many sources: each row of the evaluation is counted once for all who ask.

Comes in: questions about blocks, then rows, class by class. Goes out: for each question how many pairs are
not as expected, and the first source that has one. Cells that the same questions find wrong are counted
together, and questions about the same destinations share the counts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from analyzer.bitmaps import lowest, members
from analyzer.expect.expectation import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from analyzer.bitmaps import Bitmap
    from analyzer.bounds import Cell
    from analyzer.engine import Row
    from analyzer.expect.ends import Population
    from analyzer.expect.expectation import Question

WRONG = (Outcome.FAILS, Outcome.UNKNOWN)


class Asked(NamedTuple):
    """A question about every pair of some sources, no nodes among them, and some destinations."""

    question: Question
    sources: Bitmap
    destinations: Bitmap


class Wrong(NamedTuple):
    """How many pairs have an outcome, some do, and the first source of the first class that has one."""

    pairs: int
    first: int


@dataclass(slots=True)
class _Judged:
    """What questions, by their numbers, say of a cell: which were asked, and which have an outcome."""

    asked: Bitmap = 0
    wrong: dict[Outcome, Bitmap] = field(default_factory=lambda: dict.fromkeys(WRONG, 0))


@dataclass(slots=True)
class _Found:
    """With how many destinations each source class has an outcome.

    `sources`: the endpoints of these classes. `same`: those whose own class is among the destinations.
    """

    counts: dict[int, int] = field(default_factory=dict)
    sources: Bitmap = 0
    same: Bitmap = 0


class Crowd:
    """All questions, and what is known of them. Everything is asked before the first row is added."""

    def __init__(self, population: Population) -> None:
        self._population = population
        self._cells = population.reachability.engine.algebra.cells
        self._numbers: dict[Question, int] = {}
        self._asked: dict[Bitmap, dict[Bitmap, Bitmap]] = {}
        self._judged: dict[Cell, _Judged] = {}
        self._found: dict[tuple[Outcome, Bitmap], dict[Bitmap, _Found]] = {}
        self._sizes: dict[Bitmap, Counter[int]] = {}

    def ask(self, asked: Asked) -> None:
        """Ask a question about some pairs."""
        bit = 1 << self._numbers.setdefault(asked.question, len(self._numbers))
        questions = self._asked.setdefault(asked.sources, {})
        questions[asked.destinations] = questions.get(asked.destinations, 0) | bit

    @cached_property
    def asking(self) -> dict[int, dict[Bitmap, Bitmap]]:
        """The source classes whose rows must be added: by destinations, the questions about them."""
        groups = list(self._asked.values())
        found: dict[int, list[int]] = {}
        for index, sources in enumerate(self._asked):
            for number in self._population.classes(sources):
                found.setdefault(number, []).append(index)
        joined: dict[tuple[int, ...], dict[Bitmap, Bitmap]] = {}
        for several in map(tuple, found.values()):
            if several not in joined:
                joined[several] = _joined(groups[index] for index in several)
        return {number: joined[tuple(several)] for number, several in found.items()}

    def add(self, number: int, row: Row) -> None:
        """Take in what a source class may open to every class."""
        asking = self.asking.get(number, {})
        everything = 0
        for questions in asking.values():
            everything |= questions
        here = self._population.of_class[number]
        for (outcome, askers), classes in self._wrong(row, everything).items():
            same = here if classes >> number & 1 else 0
            for destinations, questions in asking.items():
                weights = self._population.weights(destinations)
                if askers & questions and (count := weights.count(classes)):
                    found = self._found.setdefault((outcome, destinations), {})
                    kept = found.setdefault(askers, _Found())
                    kept.counts[number] = count
                    kept.sources |= here
                    kept.same |= same

    def _wrong(self, row: Row, questions: Bitmap) -> dict[tuple[Outcome, Bitmap], Bitmap]:
        """Return the classes of a row by outcome and by the questions that have it there."""
        found: dict[tuple[Outcome, Bitmap], Bitmap] = {}
        for cell, classes in row.items():
            for outcome, askers in self._judge(cell, questions).wrong.items():
                if askers := askers & questions:
                    found[outcome, askers] = found.get((outcome, askers), 0) | classes
        return found

    def _judge(self, cell: Cell, questions: Bitmap) -> _Judged:
        """Judge a cell by some questions, by each question once."""
        judged = self._judged.setdefault(cell, _Judged())
        if new := questions & ~judged.asked:
            judged.asked |= new
            numbered = list(self._numbers)
            for number in members(new):
                outcome = numbered[number].outcome(self._cells[cell])
                if outcome is not Outcome.HOLDS:
                    judged.wrong[outcome] |= 1 << number
        return judged

    def wrong(self, asked: Asked, outcome: Outcome, alone: Bitmap) -> Wrong | None:
        """Return how many pairs have an outcome, None when none has.

        Of the endpoints that are `alone` a pair with themselves is none.
        """
        number = self._numbers[asked.question]
        by_askers = self._found.get((outcome, asked.destinations), {})
        found = [each for askers, each in by_askers.items() if askers >> number & 1]
        sizes = self._size(asked.sources)
        same = sources = 0
        for each in found:
            same |= each.same
            sources |= each.sources
        same &= asked.sources & asked.destinations & alone
        pairs = sum(_product(sizes, each.counts) for each in found) - same.bit_count()
        left = asked.sources & sources if pairs else 0
        while left:
            first = lowest(left)
            number = self._population.endpoints[first].number
            alike = self._population.of_class[number]
            with_all = sizes[number] * sum(each.counts.get(number, 0) for each in found)
            if with_all > (same & alike).bit_count():
                return Wrong(pairs, first)
            left &= ~alike  # it has it with itself only
        return None

    def _size(self, endpoints: Bitmap) -> Counter[int]:
        """Return how many of some endpoints each class has."""
        if (found := self._sizes.get(endpoints)) is None:
            numbers = (self._population.endpoints[index].number for index in members(endpoints))
            found = self._sizes[endpoints] = Counter(numbers)
        return found


def _joined(groups: Iterable[Mapping[Bitmap, Bitmap]]) -> dict[Bitmap, Bitmap]:
    """Return what is asked by several groups of sources together."""
    found: dict[Bitmap, Bitmap] = {}
    for each in groups:
        for destinations, questions in each.items():
            found[destinations] = found.get(destinations, 0) | questions
    return found


def _product(sizes: Mapping[int, int], counts: Mapping[int, int]) -> int:
    """Return the sum, over the classes that both have, of the products."""
    fewer, more = sorted((sizes, counts), key=len)
    return sum(number * more[class_] for class_, number in fewer.items() if class_ in more)
