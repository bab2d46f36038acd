"""What was seen, written: every format is well-formed, complete, and safe to print."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from analyzer import Match
from lab.commands.probe import FORMATS, writer
from lab.compare import Comparison
from lab.errors import LabError
from lab.probes import Attempt, Icmp, Outcome, ProbeResult
from lab.report.table import attempt_line
from tests.lab.labs import EXAMPLES
from tests.lab.seen import all_alike, answer, as_predicted, of_paths, planned

_NASTY = "a<b>&\"'\x1b[31m\n]]>\0,ü\u202e"


@pytest.fixture(scope="module")
def good() -> Comparison:
    return as_predicted(of_paths(("manifests/",)))


@pytest.fixture(scope="module")
def bad() -> Comparison:
    return all_alike(of_paths(("manifests/",)), Outcome.ERROR)


@pytest.fixture(scope="module")
def nasty(good: Comparison) -> Comparison:
    """Return a comparison in which everybody's name is what no name should be."""
    questions = [
        each.question._replace(probe=each.question.probe._replace(source=_NASTY, expect=_NASTY))
        for each in good.findings
    ]
    return Comparison(
        replace(good.plan, questions=tuple(questions)),
        [answer(each, Outcome.OPEN, _NASTY) for each in questions],
    )


def written(form: str, comparison: Comparison) -> str:
    return "".join(writer(form)(comparison))


def test_junit_has_a_case_for_each_pair_that_says_what_became_of_it(
    good: Comparison, bad: Comparison
) -> None:
    pairs = {(each.question.probe.source, each.question.probe.expect) for each in good.findings}
    suite = ET.fromstring(written("junit", good))[0]
    assert {each.get("name") for each in suite} == {f"{a} -> {b}" for a, b in pairs}
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == (str(len(pairs)), "0", "0")
    undecided = ET.fromstring(written("junit", bad))[0]
    assert (undecided.get("failures"), undecided.get("errors")) == ("0", str(len(pairs)))
    assert all("seen error" in (each.text or "") for each in undecided.iter("error"))


def test_a_pair_of_which_one_prediction_is_false_fails_in_junit(bad: Comparison) -> None:
    """Also where others of the same pair are undecided."""
    question = bad.findings[0].question
    other = Outcome.DROPPED if question.predicted is Match.YES else Outcome.REFUSED
    wrong = ProbeResult(probe=question.probe, outcome=other, attempts=())
    found = Comparison(bad.plan, [wrong, *(each.result for each in bad.findings[1:])])
    suite = ET.fromstring(written("junit", found))[0]
    (failure,) = suite.iter("failure")
    assert f"seen {other.value}" in (failure.get("message") or "")
    assert suite.get("errors") == str(len(suite) - 1)


def test_json_has_every_question_with_all_attempts(good: Comparison) -> None:
    found = json.loads(written("json", good))
    assert (found["schema"], found["version"]) == ("kubereach.dev/observations", 1)
    assert found["verified"] is True
    assert len(found["observations"]) == len(good.findings) == sum(found["counts"].values())
    for row, each in zip(found["observations"], good.findings, strict=True):
        assert (row["source"], row["port"]) == (each.question.probe.source, each.question.probe.port)
        assert row["attempts"][0]["outcome"] == row["observed"] == each.result.outcome.value


def test_csv_has_a_line_for_each_question(good: Comparison) -> None:
    head, *rows = csv.reader(StringIO(written("csv", good)))
    assert len(rows) == len(good.findings)
    assert {len(row) for row in rows} == {len(head)}
    assert {row[head.index("status")] for row in rows} == {"agrees"}


def test_the_table_sums_up_and_explains_what_differs(good: Comparison, bad: Comparison) -> None:
    count = len(good.findings)
    assert f"{count} predictions probed: {count} true, 0 false, 0 left open" in written("table", good)
    text = written("table", bad)
    assert f"{count} undecided" in text
    assert "attempt error, after 1.0 ms" in text
    assert f"and {count - 20} more; `--format json` has all" in text


@pytest.mark.parametrize("form", FORMATS)
def test_no_name_breaks_a_report_or_reaches_the_terminal_as_it_is(nasty: Comparison, form: str) -> None:
    text = written(form, nasty)
    assert not {"\x1b", "\0", "\u202e"} & set(text)
    match form:
        case "json":
            assert json.loads(text)["observations"][0]["source"] == _NASTY
        case "csv":
            assert len([*csv.reader(StringIO(text))]) == len(nasty.findings) + 1
        case "junit":
            assert len(ET.fromstring(text)[0]) == 1
        case _:
            assert "predictions probed" in text


@pytest.mark.parametrize("form", FORMATS)
def test_a_report_of_nothing_is_well_formed(good: Comparison, form: str) -> None:
    empty = Comparison(replace(good.plan, questions=()), [])
    text = written(form, empty)
    if form == "json":
        assert json.loads(text)["observations"] == []
    elif form == "junit":
        assert len(ET.fromstring(text)[0]) == 0
    else:
        assert text.endswith("\n")


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda path: path.name)
def test_every_example_can_be_written_in_every_format(folder: object) -> None:
    comparison = as_predicted(of_paths((str(folder),)))
    assert json.loads(written("json", comparison))["verified"] is True
    assert ET.fromstring(written("junit", comparison))[0].get("failures") == "0"
    assert ", 0 false, " in written("table", comparison)
    assert written("csv", comparison).count("\n") == len(comparison.findings) + 1


def _many(folder: Path, pods: int) -> Comparison:
    """Return a comparison of so many pods of three kinds, of which nothing reached anything."""
    labels = ("web", "db", "job")
    made = (
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p{number}, namespace: a, labels: {{app: {label}}}}}\n"
        "spec: {containers: [{name: c, image: i}]}\n---\n"
        for number in range(pods)
        for label in (labels[number % 3],)
    )
    policies = (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        f"metadata: {{name: {label}, namespace: a}}\n"
        f"spec: {{podSelector: {{matchLabels: {{app: {label}}}}}, ingress: [{{}}]}}\n---\n"
        for label in labels
    )
    return all_alike(planned("".join((*made, *policies)), folder), Outcome.DROPPED)


@pytest.mark.parametrize("pods", [3, 40, 500])
def test_the_table_shows_what_was_seen_and_not_what_is_predicted(pods: int, tmp_path: Path) -> None:
    comparison = _many(tmp_path, pods)
    assert {each.question.predicted for each in comparison.findings} == {Match.YES}
    shown = "".join(writer("table")(comparison)).partition("predictions probed")[0]
    assert "nothing" in shown
    assert "all  every port" not in shown
    assert ("alike" in shown) is (pods > 3)


def test_an_unknown_format_is_refused_with_those_there_are() -> None:
    with pytest.raises(LabError, match="there is no format `xml`") as caught:
        writer("xml")
    assert caught.value.help == "write one of table, json, csv, junit"


def test_an_attempt_is_told_with_all_that_it_saw() -> None:
    attempt = Attempt(
        outcome=Outcome.REJECTED,
        started=0.0,
        took=0.0021,
        icmp=Icmp(sender="10.0.0.1", type=3, code=13),
        rule="egress: by p",
        reason="Connection refused",
    )
    assert attempt_line(attempt) == (
        "rejected, after 2.1 ms, icmp 3/13 from 10.0.0.1, egress: by p, Connection refused"
    )


def test_an_answer_without_attempts_can_be_written(good: Comparison) -> None:
    question = good.findings[0].question
    result = ProbeResult(probe=question.probe, outcome=Outcome.ERROR, attempts=())
    one = Comparison(replace(good.plan, questions=(question,)), [result])
    for form in FORMATS:
        assert written(form, one)
