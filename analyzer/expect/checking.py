"""Expectations against the evaluated cluster.

Comes in: expectations. Goes out: a result for each, in their order. Pairs are asked class by class, each row
of the evaluation once for all expectations, so that selectors which mean ten thousand pods take seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.diagnostics import Diagnostic, Severity
from analyzer.expect.blocks import blocks, idle, service_blocks
from analyzer.expect.crowd import Crowd
from analyzer.expect.ends import Population
from analyzer.expect.expectation import Outcome, ToService
from analyzer.expect.result import Result
from analyzer.expect.services import Services
from analyzer.expect.tally import Tally
from analyzer.load.text import printable
from analyzer.pairs import Pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer.diagnostics import Span
    from analyzer.expect.expectation import End, Expectation
    from analyzer.expect.tally import Found
    from analyzer.reachability import Reachability

_NO_CONNECTION = "nothing is left to look at"
_NO_CONNECTION_HELP = "a pod with itself, addresses outside with each other and exceptions do not count"


def check(reachability: Reachability, expectations: Sequence[Expectation]) -> tuple[Result, ...]:
    """Ask everything that is expected, and return what became of it."""
    population = Population(reachability)
    services = Services(population)
    crowd = Crowd(population)
    asked = [_Asked(each, population, services, crowd) for each in expectations]
    _take_rows(population, crowd, [tally for each in asked for tally in each.tallies])
    return tuple(each.result() for each in asked)


def _take_rows(population: Population, crowd: Crowd, tallies: Sequence[Tally]) -> None:
    """Make every row that somebody asks for once, and hand it to all who do."""
    if not tallies:
        return
    pairs = Pairs(population.reachability.engine)
    special: dict[int, list[Tally]] = {}
    for tally in tallies:
        for number in population.classes(tally.special):
            special.setdefault(number, []).append(tally)
    for number in sorted({*crowd.asking, *special}):
        row = pairs.row(number)
        crowd.add(number, row)
        for tally in special.get(number, ()):
            tally.add(number, row)
    for tally in tallies:
        tally.settle(pairs)


class _Asked:
    """One expectation: its counts, or why nothing can be counted."""

    def __init__(
        self, expectation: Expectation, population: Population, services: Services, crowd: Crowd
    ) -> None:
        self._expectation = expectation
        self._population = population
        self._services = services
        self._problem = self._nobody()
        self.tallies: list[Tally] = []
        self._to_services: list[Found] = []
        if self._problem is None:
            self.tallies = [Tally(block, population, crowd) for block in blocks(expectation, population)]
            self._to_services = [services.tally(block) for block in service_blocks(expectation, population)]

    def result(self) -> Result:
        """Return what became of it; all rows must have been added."""
        found: list[Found] = [*self.tallies, *self._to_services]
        pairs = sum(each.pairs for each in found)
        problem = self._problem
        if problem is None and not pairs:
            problem = _problem(_NO_CONNECTION, self._expectation.span, _NO_CONNECTION_HELP)
        failing, doubtful = (
            sum(each.counts[outcome] for each in found) for outcome in (Outcome.FAILS, Outcome.UNKNOWN)
        )
        outcome = Outcome.FAILS if failing or problem else Outcome.UNKNOWN if doubtful else Outcome.HOLDS
        having = [each for each in found if each.counts[outcome]]
        first = min(having, key=lambda each: each.place(outcome), default=None)
        return Result(
            expectation=self._expectation,
            outcome=outcome,
            pairs=pairs,
            failing=failing,
            doubtful=doubtful,
            witness=first.witness(outcome) if first else None,
            problem=problem,
            idle=idle(self._expectation, self._population),
        )

    def _nobody(self) -> Diagnostic | None:
        """Say which end means nobody: what holds for nobody says nothing."""
        for end in (*self._expectation.sources, *self._expectation.destinations):
            message, hint = self._empty(end)
            if message:
                return _problem(message, end.span, hint)
        return None

    def _empty(self, end: End) -> tuple[str, str]:
        if isinstance(end, ToService):
            return self._services.problem(end, self._expectation)
        if self._population.meant(end):
            return "", ""
        return f"no endpoint is meant by `{printable(str(end))}`", self._population.suggestion(end)


def _problem(message: str, span: Span, hint: str = "") -> Diagnostic:
    return Diagnostic(severity=Severity.ERROR, code="matches-nothing", message=message, span=span, help=hint)
