"""Probes and results come back from their lists as they were."""

from __future__ import annotations

import json
import marshal

import pytest

from lab.probes import Attempt, Icmp, Outcome, Probe, ProbeResult, Protocol
from lab.providers.netns.columns import Columns, pack_probes, pack_results, read_probes, read_results

_PROBES = [
    Probe(source="a", address="10.0.0.1", protocol=Protocol.TCP, port=80, expect="b"),
    Probe(source="b", address="2001:db8::1", protocol=Protocol.UDP, port=65535, source_address="2001:db8::2"),
    Probe(source="a", address="10.0.0.1", protocol=Protocol.SCTP, port=1, expect="a"),
]
_ICMP = Icmp(sender="10.0.0.1", type=3, code=13)
_RESULTS = [
    ProbeResult(_PROBES[0], Outcome.OPEN, (Attempt(Outcome.OPEN, 0.000001, 1.5, 40000, identity="b"),)),
    ProbeResult(
        _PROBES[1],
        Outcome.REJECTED,
        (
            Attempt(Outcome.ERROR, 0.25, 1.0, reason="no room"),
            Attempt(Outcome.REJECTED, 1.25, 0.0, 9, icmp=_ICMP, rule="g0-1"),
        ),
    ),
    ProbeResult(_PROBES[2], Outcome.DROPPED, (Attempt(Outcome.DROPPED, 2.0, 3.0, 7, rule="g0-2"),)),
]


def sent(data: Columns) -> Columns:
    """Send it as a lab's client does, and as its processes do among themselves."""
    assert marshal.loads(marshal.dumps(data)) == data
    return dict(json.loads(json.dumps(data)))


@pytest.mark.parametrize("probes", [_PROBES, _PROBES[:1], []], ids=len)
def test_probes_come_back_as_they_were(probes: list[Probe]) -> None:
    assert read_probes(sent(pack_probes(probes))) == probes


@pytest.mark.parametrize("count", [3, 2, 1, 0])
def test_results_come_back_as_they_were(count: int) -> None:
    assert read_results(_PROBES[:count], [sent(pack_results(_RESULTS[:count]))]) == _RESULTS[:count]


def test_results_of_several_processes_come_back_in_the_order_of_the_probes() -> None:
    parts = [pack_results([_RESULTS[2], _RESULTS[0]], [2, 0]), pack_results([_RESULTS[1]], [1])]
    assert read_results(_PROBES, [sent(part) for part in parts]) == _RESULTS


def test_rules_are_written_out_and_nothing_else_is() -> None:
    rules = {"g0-1": "by a policy", "b": "a name that is no rule", "no room": "nor is a reason"}
    found = read_results(_PROBES, [sent(pack_results(_RESULTS))], rules)
    assert [result.rule for result in found] == [None, "by a policy", "g0-2"]
    assert found[0] == _RESULTS[0]
    assert found[1].attempts[0] == _RESULTS[1].attempts[0]


def test_a_result_without_an_attempt_stays_one() -> None:
    bare = [ProbeResult(_PROBES[0], Outcome.ERROR, ())]
    assert read_results(_PROBES[:1], [sent(pack_results(bare))]) == bare


def test_a_result_that_is_missing_is_a_mistake_and_never_another_ones() -> None:
    with pytest.raises(KeyError):
        read_results(_PROBES, [pack_results(_RESULTS[:2])])
