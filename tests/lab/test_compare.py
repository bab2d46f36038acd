"""Predictions and answers side by side: when they agree, differ, or say nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analyzer import Match, PortSet, Protocol
from lab.compare import Comparison, Status, judge, seen
from lab.plan import Question
from lab.probes import Outcome, ProbeResult
from tests.lab.labs import ROOT
from tests.lab.seen import all_alike, answer, as_predicted, of_paths

_SHOP = (str(ROOT / "examples" / "allow-only-a-port"),)
_AGREES, _DIFFERS, _UNKNOWN, _FAILED = Status.AGREES, Status.DIFFERS, Status.UNKNOWN, Status.FAILED


@pytest.fixture(scope="module")
def question() -> Question:
    return of_paths(_SHOP).questions[0]


@pytest.mark.parametrize(
    ("predicted", "outcome", "status"),
    [
        (Match.YES, Outcome.OPEN, _AGREES),
        (Match.YES, Outcome.REFUSED, _AGREES),
        (Match.YES, Outcome.DROPPED, _DIFFERS),
        (Match.YES, Outcome.REJECTED, _DIFFERS),
        (Match.YES, Outcome.UNREACHABLE, _FAILED),
        (Match.YES, Outcome.WRONG_IDENTITY, _DIFFERS),
        (Match.YES, Outcome.ERROR, _FAILED),
        (Match.NO, Outcome.OPEN, _DIFFERS),
        (Match.NO, Outcome.REFUSED, _DIFFERS),
        (Match.NO, Outcome.DROPPED, _AGREES),
        (Match.NO, Outcome.REJECTED, _AGREES),
        (Match.NO, Outcome.UNREACHABLE, _FAILED),
        (Match.NO, Outcome.WRONG_IDENTITY, _DIFFERS),
        (Match.NO, Outcome.ERROR, _FAILED),
        (Match.MAYBE, Outcome.OPEN, _UNKNOWN),
        (Match.MAYBE, Outcome.REFUSED, _UNKNOWN),
        (Match.MAYBE, Outcome.DROPPED, _UNKNOWN),
        (Match.MAYBE, Outcome.REJECTED, _UNKNOWN),
        (Match.MAYBE, Outcome.UNREACHABLE, _FAILED),
        (Match.MAYBE, Outcome.WRONG_IDENTITY, _DIFFERS),
        (Match.MAYBE, Outcome.ERROR, _FAILED),
    ],
)
def test_every_outcome_has_one_meaning(
    question: Question, predicted: Match, outcome: Outcome, status: Status
) -> None:
    asked = question._replace(predicted=predicted)
    assert judge(asked, answer(asked, outcome, min(asked.answering))) is status


@pytest.mark.parametrize("predicted", list(Match))
def test_an_answer_of_somebody_else_is_a_difference(question: Question, predicted: Match) -> None:
    asked = question._replace(predicted=predicted)
    assert judge(asked, answer(asked, Outcome.OPEN, "somebody/else")) is _DIFFERS
    assert judge(asked, answer(asked, Outcome.OPEN)) is _DIFFERS
    nobody = ProbeResult(probe=asked.probe, outcome=Outcome.OPEN, attempts=())
    assert judge(asked, nobody) is _DIFFERS


def test_what_is_as_predicted_is_verified() -> None:
    found = as_predicted(of_paths(_SHOP))
    assert found.verified
    assert found.counts[_AGREES] == len(found.findings) > 0


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_lab_in_which_all_is_alike_verifies_nothing(outcome: Outcome) -> None:
    assert not all_alike(of_paths(_SHOP), outcome).verified


def test_one_answer_that_is_wrong_is_enough() -> None:
    made = as_predicted(of_paths(_SHOP))
    for number, each in enumerate(made.findings):
        results = [finding.result for finding in made.findings]
        results[number] = answer(each.question, Outcome.ERROR)
        assert Comparison(made.plan, results).counts[_FAILED] == 1
        assert not Comparison(made.plan, results).verified


def test_as_many_answers_as_questions_are_needed() -> None:
    made = of_paths(_SHOP)
    with pytest.raises(ValueError, match="zip"):
        Comparison(made, [])


def test_what_was_seen_between_endpoints_is_what_was_predicted_when_all_agrees() -> None:
    for folder in ("allow-only-a-port", "ip-blocks-and-pods", "and-or-selectors", "udp-and-sctp"):
        found = as_predicted(of_paths((str(ROOT / "examples" / folder),)))
        asked = {(each.question.source.id, each.question.destination.id) for each in found.findings}
        for source, destination, bounds in found.plan.view.connections():
            if (source.id, destination.id) in asked:
                observed = found.observed(source, destination)
                for each in found.findings:
                    if (each.question.source, each.question.destination) == (source, destination):
                        ports = each.question.ports
                        assert ports <= (observed.certain if ports <= bounds.certain else ~observed.possible)


def test_what_was_not_asked_is_possible_and_not_certain() -> None:
    made = of_paths(_SHOP)
    found = Comparison(replace(made, questions=()), [])
    end = made.questions[0].source
    observed = found.observed(end, end)
    assert not observed.certain
    assert observed.possible == PortSet.transports()


def test_answers_that_contradict_each_other_are_not_certain(question: Question) -> None:
    ports = PortSet.of(Protocol.TCP, 80)
    asked = question._replace(ports=ports, predicted=Match.YES)
    opened, dropped = answer(asked, Outcome.OPEN, min(asked.answering)), answer(asked, Outcome.DROPPED)
    findings = Comparison(replace(of_paths(_SHOP), questions=(asked, asked)), [opened, dropped]).findings
    both = seen(findings)
    assert not both.certain & ports
    assert ports <= both.possible
    assert ports <= seen(findings[:1]).certain
    assert not seen(findings[1:]).possible & ports


def test_an_error_says_nothing_about_ports(question: Question) -> None:
    ports = PortSet.of(Protocol.TCP, 80)
    asked = question._replace(ports=ports)
    made = Comparison(replace(of_paths(_SHOP), questions=(asked,)), [answer(asked, Outcome.ERROR)])
    found = seen(made.findings)
    assert not found.certain & ports
    assert ports <= found.possible
