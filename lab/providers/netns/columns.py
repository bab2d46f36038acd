"""Many probes, or what became of them, as a few long lists: for other processes, and for JSON.

Comes in: probes or results, or the lists made of them. Goes out: the one from the other, as it was. A list
for each field is written and read many times faster than one for each probe. Texts, of which there are few,
are numbers in it; numbers stand there as the bytes that this machine has for them, which neither end has to
spell.
"""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from lab.probes import Attempt, Icmp, Outcome, Probe, ProbeResult, Protocol

Columns = dict[str, Any]
_PROTOCOLS = {protocol.value: protocol for protocol in Protocol}
_PROTOCOL_NUMBERS = {protocol: number for number, protocol in _PROTOCOLS.items()}
_OUTCOMES = list(Outcome)
_OUTCOME_NUMBERS = {outcome: number for number, outcome in enumerate(_OUTCOMES)}
NO_RULES: Mapping[str, str] = {}


def _packed(numbers: Iterable[int]) -> str:
    """Return whole numbers as text: the base64 of 4 bytes each."""
    return b64encode(array("i", numbers)).decode("ascii")


def _numbers(text: str) -> array[int]:
    """Return the numbers in a text."""
    found = array("i")
    found.frombytes(b64decode(text))
    return found


def _packed_times(seconds: Iterable[float]) -> str:
    """Return times as text: the base64 of 8 bytes each."""
    return b64encode(array("d", seconds)).decode("ascii")


def _times(text: str) -> array[float]:
    """Return the times in a text."""
    found = array("d")
    found.frombytes(b64decode(text))
    return found


class _Values:
    """Values that occur many times, numbered."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def numbered(self, values: Iterable[Hashable]) -> str:
        numbers = self._numbers
        return _packed([numbers.setdefault(value, len(numbers)) for value in values])

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
        _packed(map(_PROTOCOL_NUMBERS.__getitem__, protocols)),
        _packed(ports),
        texts.numbered(expected),
        texts.numbered(starts),
    ]
    return {"values": texts.plain(), "columns": columns}


def read_probes(data: Columns) -> list[Probe]:
    """Return probes from lists."""
    text = data["values"].__getitem__
    sources, addresses, protocols, ports, expected, starts = map(_numbers, data["columns"])
    fields = (
        map(text, sources),
        map(text, addresses),
        map(_PROTOCOLS.__getitem__, protocols),
        ports,
        map(text, expected),
        map(text, starts),
    )
    return list(map(Probe, *fields))


def renumbered(data: Columns, numbers: Iterable[int]) -> Columns:
    """Return results that turn out to be those of other probes: `numbers` say which ones."""
    return {**data, "numbers": _packed(numbers)}


def pack_results(results: Sequence[ProbeResult], numbers: Iterable[int] | None = None) -> Columns:
    """Return results as lists, without their probes; `numbers` say which ones they were."""
    attempts = [attempt for result in results for attempt in result.attempts]
    outcomes, started, took, ports, identities, icmps, rules, reasons = (
        zip(*attempts, strict=True) if attempts else ((),) * 8
    )
    values = _Values()
    columns = [
        _packed(map(_OUTCOME_NUMBERS.__getitem__, outcomes)),
        _packed_times(started),
        _packed_times(took),
        _packed(ports),
        values.numbered(identities),
        values.numbered(icmps),
        values.numbered(rules),
        values.numbered(reasons),
    ]
    return {
        "numbers": _packed(range(len(results)) if numbers is None else numbers),
        "outcomes": _packed([_OUTCOME_NUMBERS[result.outcome] for result in results]),
        "attempts": _packed([len(result.attempts) for result in results]),
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
        numbers = _numbers(part["numbers"])
        mine = map(probes.__getitem__, numbers)
        outcomes = map(_OUTCOMES.__getitem__, _numbers(part["outcomes"]))
        grouped = _grouped(_attempts(part, rules), _numbers(part["attempts"]))
        found.update(zip(numbers, map(ProbeResult, mine, outcomes, grouped), strict=True))
    return [found[number] for number in range(len(probes))]


def _grouped(attempts: Iterator[Attempt], counts: array[int]) -> Iterator[tuple[Attempt, ...]]:
    """Divide attempts among the probes that made them; most made one."""
    if counts.count(1) == len(counts):
        return zip(attempts, strict=True)
    return (tuple(islice(attempts, count)) for count in counts)


def _attempts(data: Columns, rules: Mapping[str, str]) -> Iterator[Attempt]:
    values: list[Any] = [Icmp(*value) if isinstance(value, list) else value for value in data["values"]]
    value, rule = values.__getitem__, [rules.get(each, each) for each in values].__getitem__
    outcomes, started, took, ports, identities, icmps, numbers, reasons = data["columns"]
    fields = (
        map(_OUTCOMES.__getitem__, _numbers(outcomes)),
        _times(started),
        _times(took),
        _numbers(ports),
        map(value, _numbers(identities)),
        map(value, _numbers(icmps)),
        map(rule, _numbers(numbers)),
        map(value, _numbers(reasons)),
    )
    return map(Attempt, *fields)
