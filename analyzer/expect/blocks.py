"""An expectation as questions: who is asked what, once the exceptions are taken out.

Comes in: an expectation and the endpoints. Goes out: blocks of sources and destinations with one question
each, that do not overlap, and what an expectation leaves to be told when it has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.expect.ends import NOBODY
from analyzer.expect.expectation import Question, ToService
from analyzer.sets import PortSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.bitmaps import Bitmap
    from analyzer.expect.ends import Meant, Population
    from analyzer.expect.expectation import End, Exempt, Expectation

# The exceptions that a group falls under, by their place.
_Under = frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Every source with every destination, by their numbers in the population.

    `itself`: the expectation is about one pod and itself; elsewhere a pod with itself says nothing.
    """

    question: Question
    sources: Bitmap
    destinations: Bitmap
    itself: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBlock:
    """Every source with a Service."""

    question: Question
    sources: Bitmap
    service: ToService


def blocks(expectation: Expectation, population: Population) -> Iterator[Block]:
    """Yield the blocks between endpoints."""
    destinations = _split(
        population, expectation.destinations, [each.destinations for each in expectation.unless]
    )
    whole, to = (population.union(ends) for ends in (expectation.sources, expectation.destinations))
    itself = whole == to and not whole.outside and whole.inside.bit_count() == 1
    for meant, under in _sources(expectation, population):
        by_question: dict[Question, Bitmap] = {}
        for there, also in destinations:
            question = _question(expectation, under & also)
            by_question[question] = by_question.get(question, 0) | population.indices(there)
        here = population.indices(meant)
        for question, there_bits in by_question.items():
            if here and there_bits and not question.empty:
                yield Block(question=question, sources=here, destinations=there_bits, itself=itself)


def service_blocks(expectation: Expectation, population: Population) -> Iterator[ServiceBlock]:
    """Yield the blocks from endpoints to Services."""
    named = [end for end in expectation.destinations if isinstance(end, ToService)]
    for meant, under in _sources(expectation, population) if named else ():
        for end in dict.fromkeys(named):
            also = frozenset(i for i, each in enumerate(expectation.unless) if _speaks_of(each, end))
            question = _question(expectation, under & also)
            if (here := population.indices(meant)) and not question.empty:
                yield ServiceBlock(question=question, sources=here, service=end)


def _speaks_of(exempt: Exempt, service: ToService) -> bool:
    return not exempt.destinations or service in exempt.destinations


def _sources(expectation: Expectation, population: Population) -> list[tuple[Meant, _Under]]:
    return _split(population, expectation.sources, [each.sources for each in expectation.unless])


def _split(
    population: Population, ends: Sequence[End], exceptions: Sequence[Sequence[End]]
) -> list[tuple[Meant, _Under]]:
    """Split what some ends mean along all exceptions; one without an end of this side means everybody."""
    everywhere = frozenset(i for i, each in enumerate(exceptions) if not each)
    groups: list[tuple[Meant, _Under]] = [(population.union(ends), everywhere)]
    for number, exception in enumerate(exceptions):
        if exception and (meant := population.union(exception)):
            parts = [
                part
                for group, under in groups
                for part in ((group.common(meant), under | {number}), (group.less(meant), under))
            ]
            groups = [part for part in parts if part[0]]
    return groups


def _question(expectation: Expectation, under: _Under) -> Question:
    mask = PortSet.transports()
    for number in under:
        mask -= expectation.unless[number].ports
    return Question(verdict=expectation.verdict, ports=expectation.ports, mask=mask)


def idle(expectation: Expectation, population: Population) -> tuple[Exempt, ...]:
    """Return the exceptions one end of which means nobody here."""
    return tuple(
        each
        for each in expectation.unless
        if any(
            ends and population.union(ends) == NOBODY and not any(isinstance(end, ToService) for end in ends)
            for ends in (each.sources, each.destinations)
        )
    )
