"""What a program in a pod said of a connection, and what it means: arrived, stopped, or not to be told."""

from __future__ import annotations

import pytest

from analyzer.profiles import PROFILES
from lab.probes import Outcome, Probe, Protocol
from lab.providers.context.probing.asking import Report
from lab.providers.context.probing.script import Said
from lab.providers.context.probing.verdicts import Place

TCP, UDP, SCTP = Protocol.TCP, Protocol.UDP, Protocol.SCTP


def meaning(
    said: Said, protocol: Protocol = TCP, *, words: str = "", cni: str = "calico", answering: bool = False
) -> Outcome:
    """What a report about port 80 of `web` means, where `web` answers there for us, or does not."""
    why = "" if answering else "permission denied"
    listening = {("10.244.0.1", protocol, 80): why, ("10.244.0.2", protocol, 80): ""}
    probe = Probe(source="client", address="10.244.0.1", protocol=protocol, port=80, expect="web")
    report = Report(said=said, words=words, started=2.0, took=0.5)
    attempt = Place(profile=cni, answering=listening, began=1.0).attempt(probe, report)
    assert (attempt.started, attempt.took) == (1.0, 0.5)
    return attempt.outcome


@pytest.mark.parametrize("protocol", Protocol)
def test_an_answer_has_arrived(protocol: Protocol) -> None:
    assert meaning(Said.OPEN, protocol) is Outcome.OPEN


@pytest.mark.parametrize("cni", PROFILES)
def test_a_refusal_has_arrived_unless_the_cni_refuses_what_it_denies(cni: str) -> None:
    expected = Outcome.UNDECIDABLE if cni == "kube-router" else Outcome.REFUSED
    assert meaning(Said.REFUSED, cni=cni) is expected


@pytest.mark.parametrize(
    ("protocol", "answering", "expected"),
    [
        (TCP, False, Outcome.DROPPED),
        (TCP, True, Outcome.DROPPED),
        (UDP, True, Outcome.DROPPED),
        (UDP, False, Outcome.UNDECIDABLE),
        (SCTP, True, Outcome.DROPPED),
        (SCTP, False, Outcome.UNDECIDABLE),
    ],
)
def test_silence_is_a_drop_only_where_somebody_would_answer(
    protocol: Protocol, *, answering: bool, expected: Outcome
) -> None:
    assert meaning(Said.TIMEOUT, protocol, answering=answering) is expected


@pytest.mark.parametrize(
    ("said", "words", "expected"),
    [
        (Said.BROKEN, "", Outcome.ERROR),
        (Said.BROKEN, "command not found", Outcome.ERROR),
        (Said.OTHER, "no route to host", Outcome.UNREACHABLE),
        (Said.OTHER, "protocol not supported", Outcome.UNDECIDABLE),
        (Said.UNSUPPORTED, "no program speaks UDP", Outcome.UNDECIDABLE),
    ],
)
def test_a_probe_that_failed_is_never_a_denial(said: Said, words: str, expected: Outcome) -> None:
    assert meaning(said, words=words) is expected
