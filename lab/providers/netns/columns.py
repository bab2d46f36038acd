"""Many probes, or what became of them, as a few long lists: for other processes, and for JSON.

Comes in: probes or results, or the lists made of them. Goes out: the one from the other; times come back
rounded to microseconds, everything else as it was. A list for each field is written and read many times
faster than one for each probe; texts, of which there are few, are numbers in it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from lab.probes import Attempt, Icmp, Outcome, Probe, ProbeResult, Protocol

Columns = dict[str, Any]
_PROTOCOLS = {protocol.value: protocol for protocol in Protocol}
_PROTOCOL_NUMBERS = {protocol: number for number, protocol in _PROTOCOLS.items()}
_OUTCOMES = list(Outcome)
_OUTCOME_NUMBERS = {outcome: number for number, outcome in enumerate(_OUTCOMES)}
_SECOND = 1_000_000
NO_RULES: Mapping[str, str] = {}


class _Values:
    """Values that occur many times, numbered."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def numbered(self, values: Iterable[Hashable]) -> list[int]:
        numbers = self._numbers
        return [numbers.setdefault(value, len(numbers)) for value in values]

    def plain(self) -> list[Any]:
        return [list(value) if isinstance(value, tuple) else value for value in self._numbers]


def pack_probes(probes: Sequence[Probe]) -> Columns:
    """Return probes as lists."""
    sources, addresses, protocols, ports, expected, starts = (
        zip(*probes, strict=True) if probes else ((),) * 6
    )
    texts = _Values()
    columns = [
        texts.numbered(sources),
        texts.numbered(addresses),
        [_PROTOCOL_NUMBERS[each] for each in protocols],
        list(ports),
        texts.numbered(expected),
        texts.numbered(starts),
    ]
    return {"values": texts.plain(), "columns": columns}


def read_probes(data: Columns) -> list[Probe]:
    """Return probes from lists."""
    text = data["values"].__getitem__
    sources, addresses, protocols, ports, expected, starts = data["columns"]
    fields = (
        map(text, sources),
        map(text, addresses),
        map(_PROTOCOLS.__getitem__, protocols),
        ports,
        map(text, expected),
        map(text, starts),
    )
    return list(map(Probe, *fields))


def pack_results(results: Sequence[ProbeResult], numbers: Iterable[int] | None = None) -> Columns:
    """Return results as lists, without their probes; `numbers` say which ones they were."""
    attempts = [attempt for result in results for attempt in result.attempts]
    outcomes, started, took, ports, identities, icmps, rules, reasons = (
        zip(*attempts, strict=True) if attempts else ((),) * 8
    )
    values = _Values()
    columns = [
        [_OUTCOME_NUMBERS[each] for each in outcomes],
        [round(each * _SECOND) for each in started],
        [round(each * _SECOND) for each in took],
        list(ports),
        values.numbered(identities),
        values.numbered(icmps),
        values.numbered(rules),
        values.numbered(reasons),
    ]
    return {
        "numbers": list(range(len(results)) if numbers is None else numbers),
        "outcomes": [_OUTCOME_NUMBERS[result.outcome] for result in results],
        "attempts": [len(result.attempts) for result in results],
        "values": values.plain(),
        "columns": columns,
    }


def read_results(
    probes: Sequence[Probe], parts: Iterable[Columns], rules: Mapping[str, str] = NO_RULES
) -> list[ProbeResult]:
    """Return the results of probes, in their order, from lists that have one for each.

    Rules are written out that are in `rules`.
    """
    found: dict[int, ProbeResult] = {}
    for part in parts:
        attempts, counts = _attempts(part, rules), part["attempts"]
        mine = map(probes.__getitem__, part["numbers"])
        outcomes = map(_OUTCOMES.__getitem__, part["outcomes"])
        grouped = _grouped(attempts, counts)
        found.update(zip(part["numbers"], map(ProbeResult, mine, outcomes, grouped), strict=True))
    return [found[number] for number in range(len(probes))]


def _grouped(attempts: Iterator[Attempt], counts: Sequence[int]) -> Iterator[tuple[Attempt, ...]]:
    """Divide attempts among the probes that made them; most made one."""
    if counts.count(1) == len(counts):
        return zip(attempts, strict=True)
    return (tuple(islice(attempts, count)) for count in counts)


def _attempts(data: Columns, rules: Mapping[str, str]) -> Iterator[Attempt]:
    values: list[Any] = [Icmp(*value) if isinstance(value, list) else value for value in data["values"]]
    value, rule = values.__getitem__, [rules.get(each, each) for each in values].__getitem__
    outcomes, started, took, ports, identities, icmps, numbers, reasons = data["columns"]
    fields = (
        map(_OUTCOMES.__getitem__, outcomes),
        (each / _SECOND for each in started),
        (each / _SECOND for each in took),
        ports,
        map(value, identities),
        map(value, icmps),
        map(rule, numbers),
        map(value, reasons),
    )
    return map(Attempt, *fields)
