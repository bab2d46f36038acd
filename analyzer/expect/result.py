"""The answer to one expectation.

Comes in: nothing (`checking` builds it). Goes out: frozen data that every report reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.expect.expectation import Outcome
from analyzer.sets import PortSet, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analyzer.bounds import Bounds
    from analyzer.diagnostics import Diagnostic
    from analyzer.endpoints import Endpoint
    from analyzer.expect.expectation import Exempt, Expectation
    from analyzer.model import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A connection that is not as expected, and the `ports` on which it is not.

    With a `service`, `destination` is one of its backends, and `target` is the port there; `ports` and
    `bounds` are the Service's own.
    """

    source: Endpoint
    destination: Endpoint
    ports: PortSet
    bounds: Bounds
    service: Service | None = None
    target: tuple[Protocol, int] | None = None

    @property
    def port(self) -> tuple[Protocol, int]:
        """The first of the ports."""
        return first(self.ports)

    @property
    def verdict(self) -> str:
        """What is so instead of what is expected."""
        protocol, number = self.port
        if self.bounds.certain.has(protocol, number):
            return "allowed"
        return "unknown" if self.bounds.possible.has(protocol, number) else "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of an expectation.

    `pairs` were looked at; of these `failing` are not as expected, and `doubtful` may not be. `problem` says
    why there was nothing to look at. `idle` are exceptions that mean nobody.
    """

    expectation: Expectation
    outcome: Outcome
    pairs: int
    failing: int = 0
    doubtful: int = 0
    witness: Witness | None = None
    problem: Diagnostic | None = None
    idle: tuple[Exempt, ...] = ()


def first(ports: PortSet) -> tuple[Protocol, int]:
    """Return the first port of a set that is not empty."""
    return next((protocol, ports.ranges(protocol)[0][0]) for protocol in Protocol if ports.ranges(protocol))


def overall(results: Iterable[Result]) -> Outcome:
    """Return the outcome of all together: FAILS when one does, else UNKNOWN when one is."""
    outcomes = {each.outcome for each in results}
    return next(
        each for each in (Outcome.FAILS, Outcome.UNKNOWN, Outcome.HOLDS) if each in {*outcomes, Outcome.HOLDS}
    )
