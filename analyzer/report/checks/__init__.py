"""Renderers of checked expectations, one module a format, each with a function `render(report)`.

What they share: the report, and the sentences that a failed expectation is told in.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from analyzer.expect.expectation import Outcome
from analyzer.explain import explain
from analyzer.load.text import printable
from analyzer.report.explanation import reasons
from analyzer.sets import AddressSet, PortSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer.endpoints import Endpoint
    from analyzer.expect.expectation import Expectation
    from analyzer.expect.result import Result, Witness
    from analyzer.explain import Explanation
    from analyzer.reachability import Reachability


_LONGEST = 60
# Addresses that stand for the sender itself (RFC 791) make no good example.
_THIS_NETWORK = AddressSet.of("0.0.0.0/8")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksReport:
    """Results in the order of their files, and the cluster that they are about.

    `width` and `color` are as for other reports.
    """

    results: Sequence[Result]
    reachability: Reachability
    width: int = 100
    color: bool = False


def explained(report: ChecksReport, witness: Witness) -> Explanation:
    """Explain the connection that a witness shows; for a Service, that to its backend."""
    source = _short(witness.source)
    destination = source if witness.destination is witness.source else _short(witness.destination)
    return explain(report.reachability, source, destination, witness.target or witness.port)


def _short(endpoint: Endpoint) -> Endpoint:
    """Name an endpoint by one of its addresses where all of them would fill several lines."""
    if len(endpoint.name) <= _LONGEST or not endpoint.external:
        return endpoint
    addresses = endpoint.addresses - _THIS_NETWORK or endpoint.addresses
    return replace(endpoint, name=f"external addresses such as {next(addresses.addresses())}")


def connection(witness: Witness) -> str:
    """Write a witness: `shop/web -> shop/db TCP 80`."""
    protocol, number = witness.port
    service = witness.service
    to = f"service {service.namespace}/{service.name}" if service else _short(witness.destination)
    return printable(f"{_short(witness.source)} -> {to} on {protocol.value} {number}")


def expected(expectation: Expectation) -> str:
    """Write what is expected: `deny on TCP 80`."""
    every = expectation.ports == PortSet.transports()
    return f"{expectation.verdict.value} on {'every port' if every else expectation.ports}"


def sentences(report: ChecksReport, result: Result) -> tuple[str, ...]:
    """Say why an expectation does not hold: what is so, and which rules decide; nothing of one that holds."""
    if result.problem:
        hint = (result.problem.help,) if result.problem.help else ()
        return tuple(map(printable, (result.problem.message, *hint)))
    witness = result.witness
    if witness is None:
        return ()
    what = f"{connection(witness)} is {witness.verdict}, not as expected: {expected(result.expectation)}"
    number = result.failing if result.outcome is Outcome.FAILS else result.doubtful
    others = f"the first of {number:,} such pairs" if number > 1 else "the only such pair"
    via = (f"the Service leads to {witness.destination}",) if witness.service else ()
    because = reasons(explained(report, witness))
    return tuple(
        map(printable, (f"{what} ({others}; {counted(result.pairs, 'pair')} looked at)", *via, *because))
    )


def headline(report: ChecksReport) -> str:
    """Say how many expectations there are, and what became of them."""
    counts = Counter(each.outcome for each in report.results)
    words = {
        Outcome.HOLDS: ("holds", "hold"),
        Outcome.UNKNOWN: ("is unknown", "are unknown"),
        Outcome.FAILS: ("fails", "fail"),
    }
    parts = (f"{counts[each]:,} {words[each][counts[each] > 1]}" for each in words if counts[each])
    files = len({each.expectation.span.file for each in report.results})
    where = f"{counted(files, 'file')}, cni {report.reachability.cluster.profile}"
    return f"{counted(len(report.results), 'expectation')}: {', '.join(parts)} ({where})"


def counted(number: int, word: str) -> str:
    """Write a number with its word."""
    return f"{number:,} {word}{'s' if number != 1 else ''}"


def by_file(report: ChecksReport) -> dict[str, list[Result]]:
    """Return the results file by file."""
    found: dict[str, list[Result]] = {}
    for each in report.results:
        found.setdefault(each.expectation.span.file, []).append(each)
    return found
