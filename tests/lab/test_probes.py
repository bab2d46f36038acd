from __future__ import annotations

import pytest

from lab.probes import Attempt, Icmp, Outcome, Patience, Probe, ProbeResult, Protocol
from lab.providers.netns.flights import failed, judge
from lab.providers.netns.identity import datagram_answer, read_answer, stream_answer


def tried(outcome: Outcome, rule: str | None = None, reason: str | None = None) -> Attempt:
    return Attempt(outcome=outcome, started=0, took=0, rule=rule, reason=reason)


DROPPED, ERROR = tried(Outcome.DROPPED), tried(Outcome.ERROR)
CERTAIN = [Outcome.OPEN, Outcome.REFUSED, Outcome.REJECTED, Outcome.UNREACHABLE, Outcome.WRONG_IDENTITY]


@pytest.mark.parametrize("outcome", CERTAIN)
def test_what_was_seen_needs_no_second_look(outcome: Outcome) -> None:
    assert Patience().verdict((tried(outcome),)) is outcome
    assert Patience().verdict((DROPPED, ERROR, tried(outcome))) is outcome


def test_a_drop_with_evidence_is_certain() -> None:
    assert Patience().verdict((tried(Outcome.DROPPED, rule="ns/deny#1"),)) is Outcome.DROPPED
    assert Patience().verdict((tried(Outcome.DROPPED, reason="not permitted"),)) is Outcome.DROPPED


def test_silence_is_a_drop_only_twice_in_a_row() -> None:
    assert Patience().verdict((DROPPED,)) is None
    assert Patience().verdict((DROPPED, DROPPED)) is Outcome.DROPPED
    assert Patience().verdict((DROPPED, ERROR)) is None
    assert Patience().verdict((DROPPED, ERROR, DROPPED)) is None
    assert Patience().verdict((DROPPED, ERROR, DROPPED, DROPPED)) is Outcome.DROPPED


def test_attempts_that_never_agree_end_as_an_error() -> None:
    assert Patience(attempts=3).verdict((DROPPED, ERROR, DROPPED)) is Outcome.ERROR
    assert Patience().verdict((ERROR, ERROR)) is Outcome.ERROR


def test_each_attempt_has_more_time() -> None:
    patience = Patience(timeout=0.5)
    assert [patience.life(earlier) for earlier in range(3)] == [0.5, 1.0, 2.0]


def test_a_result_names_the_rule_of_its_last_attempt() -> None:
    probe = Probe(source="a", address="10.0.0.1", protocol=Protocol.TCP, port=80)
    dropped = tried(Outcome.DROPPED, rule="deny")
    assert ProbeResult(probe=probe, outcome=Outcome.DROPPED, attempts=(DROPPED, dropped)).rule == "deny"
    assert ProbeResult(probe=probe, outcome=Outcome.ERROR, attempts=()).rule is None


@pytest.mark.parametrize("name", ["ns/pod", "ü/é", "a" * 317])
def test_an_identity_survives_both_ways_of_telling_it(name: str) -> None:
    assert read_answer(stream_answer(name)) == name
    assert read_answer(datagram_answer(name)) == name


def test_a_strangers_words_are_reported_as_they_are() -> None:
    assert read_answer(b"SSH-2.0-other\xff\r\n") == "SSH-2.0-other\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("sender", "type_", "code", "protocol", "outcome"),
    [
        ("10.0.0.2", 3, 3, Protocol.UDP, Outcome.REFUSED),
        ("10.0.0.2", 3, 2, Protocol.SCTP, Outcome.REFUSED),
        ("10.0.0.2", 3, 3, Protocol.TCP, Outcome.REJECTED),
        ("10.0.0.9", 3, 3, Protocol.UDP, Outcome.REJECTED),
        ("10.0.0.9", 3, 13, Protocol.TCP, Outcome.REJECTED),
        ("10.0.0.2", 3, 10, Protocol.TCP, Outcome.REJECTED),
        ("10.0.0.9", 3, 1, Protocol.TCP, Outcome.UNREACHABLE),
        ("10.0.0.9", 3, 0, Protocol.TCP, Outcome.UNREACHABLE),
        ("10.0.0.9", 11, 0, Protocol.TCP, Outcome.UNREACHABLE),
        ("fd00::9", 1, 1, Protocol.TCP, Outcome.REJECTED),
        ("fd00::9", 1, 5, Protocol.TCP, Outcome.REJECTED),
        ("fd00::9", 1, 3, Protocol.TCP, Outcome.UNREACHABLE),
        ("fd00::9", 1, 4, Protocol.UDP, Outcome.REJECTED),
        ("10.0.0.2", 1, 4, Protocol.UDP, Outcome.UNREACHABLE),
    ],
)
def test_an_icmp_error_means_what_its_sender_type_and_code_say(
    sender: str, type_: int, code: int, protocol: Protocol, outcome: Outcome
) -> None:
    assert judge(Icmp(sender=sender, type=type_, code=code), "10.0.0.2", protocol) is outcome


def test_an_unknown_failure_is_an_error_and_never_a_drop() -> None:
    assert failed(OSError(12, "Cannot allocate memory")).outcome is Outcome.ERROR
