from __future__ import annotations

import csv
import json
from io import BytesIO, StringIO
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft7Validator

from analyzer.expect.checking import check
from analyzer.expect.reading import read_expectations
from analyzer.load import load
from analyzer.report.checks import (
    ChecksReport,
    counted,
    csv as csv_report,
    github,
    headline,
    json as json_report,
    junit,
    markdown,
    sarif,
    sentences,
    table,
)
from tests.cli.test_check import VALIDATOR
from tests.unit.lint.sarif_schema import sarif_schema
from tests.unit.manifests import ALLOW_TCP_80, DENY, analysis, pod, policy, service

HEAD = "apiVersion: kubereach.dev/v1alpha1\nkind: Expectations\nexpectations:\n"
RENDERERS = pytest.mark.parametrize(
    "renderer", [table, json_report, csv_report, junit, github, markdown, sarif]
)


def item(name: str, source: str, to: str, verdict: str, ports: str = "80/TCP", *, reason: str = "") -> str:
    return (
        f"- name: {json.dumps(name)}\n  from: {source}\n  to: {to}\n  ports: [{ports}]\n"
        f"  verdict: {verdict}\n  reason: {json.dumps(reason)}\n"
    )


def report(items: str, *documents: str, width: int = 100, color: bool = False) -> ChecksReport:
    found, _ = read_expectations(load(["-"], stdin=BytesIO((HEAD + items).encode())).documents)
    reachability = analysis(*documents).reachability
    return ChecksReport(
        results=check(reachability, found), reachability=reachability, width=width, color=color
    )


def text(renderer: ModuleType, made: ChecksReport) -> str:
    return "".join(renderer.render(made))


def why(items: str, *documents: str) -> str:
    made = report(items, *documents)
    (result,) = made.results
    return " ".join(sentences(made, result))


def test_what_holds_needs_no_reason() -> None:
    assert why(item("a", "shop/a", "shop/b", "allow", reason="so"), pod("a"), pod("b")) == ""


def test_a_failure_says_what_is_so_what_was_expected_and_how_often() -> None:
    found = why(item("a", "shop/*", "shop/*", "deny"), pod("a"), pod("b"))
    assert "shop/a -> shop/b on TCP 80 is allowed, not as expected: deny on TCP 80" in found
    assert "the first of 2 such pairs; 2 pairs looked at" in found


def test_what_is_not_known_is_told_as_such() -> None:
    host = pod("host", more="hostNetwork: true")
    found = why(item("a", "shop/host", "shop/b", "allow"), host, pod("b"), policy(DENY))
    assert "shop/host -> shop/b on TCP 80 is unknown, not as expected: allow on TCP 80" in found
    assert "the only such pair" in found


def test_every_port_is_called_so() -> None:
    found = why(item("a", "shop/a", "shop/b", "allow", "ALL"), pod("a"), pod("b"), policy(DENY))
    assert "is denied, not as expected: allow on every port" in found


def test_a_service_is_told_with_the_pod_that_it_leads_to() -> None:
    documents = pod("a"), pod("db", labels="{app: db}"), policy(DENY)
    to = service("{selector: {app: db}, ports: [{port: 8080, targetPort: 80}]}", "api")
    made = report(item("a", "shop/a", "{service: shop/api}", "allow", "8080/TCP"), *documents, to)
    found = " ".join(sentences(made, made.results[0]))
    assert "shop/a -> service shop/api on TCP 8080 is denied" in found
    assert "the Service leads to shop/db" in found
    told = json.loads(text(json_report, made))
    VALIDATOR.validate(told)
    witness = told["results"][0]["witness"]
    assert (witness["service"], witness["port"]) == ("shop/api", 8080)


@pytest.mark.parametrize("first", ["10", "0"])
def test_many_addresses_are_told_by_one_of_them(first: str) -> None:
    gaps = ", ".join(f"{first}.{number}.0.0/16" for number in range(2, 60, 2))
    block = f"{{ipBlock: {{cidr: {first}.0.0.0/8, except: [{gaps}]}}}}"
    documents = pod("b"), policy(f"spec: {{podSelector: {{}}, ingress: [{{from: [{block}]}}]}}")
    found = why(item("a", f"{{cidr: {first}.1.0.0/16}}", "shop/b", "deny", "ALL"), *documents)
    assert f"external addresses such as {first}.0.0.0 -> shop/b" in found
    assert f"{first}.4.0.0" not in found


def test_an_address_that_stands_for_the_sender_is_no_example() -> None:
    blocks = ", ".join(f"{{ipBlock: {{cidr: 10.{number}.0.0/16}}}}" for number in range(0, 60, 2))
    documents = pod("b"), policy(f"spec: {{podSelector: {{}}, ingress: [{{from: [{blocks}]}}]}}")
    found = why(item("a", "external", "shop/b", "allow", "ALL"), *documents)
    assert "external addresses such as 1.0.0.0 -> shop/b" in found


def test_a_pod_and_itself_are_explained() -> None:
    made = report(item("a", "shop/b", "shop/b", "deny"), pod("b"))
    assert "shop/b -> shop/b on TCP 80 is allowed" in " ".join(sentences(made, made.results[0]))


def test_a_problem_is_told_with_what_may_be_meant() -> None:
    found = why(item("a", "shop/bbbb", "shop/bbb", "deny"), pod("bbb"))
    assert found == "no endpoint is meant by `shop/bbbb` did you mean `shop/bbb`?"
    found = why(item("a", "far/away", "shop/b", "deny"), pod("b"))
    assert found == "no endpoint is meant by `far/away`"


def test_the_headline_counts_what_became_of_all() -> None:
    host, b = pod("host", more="hostNetwork: true"), pod("b")
    items = (
        item("1", "shop/a", "shop/b", "allow"),
        item("2", "shop/a", "shop/b", "only"),
        item("3", "shop/host", "shop/b", "deny", "81/TCP"),
        item("4", "shop/host", "shop/b", "allow", "81/TCP"),
        item("5", "shop/a", "shop/b", "deny"),
    )
    documents = pod("a"), host, b, policy(ALLOW_TCP_80)
    assert headline(report("".join(items), *documents)).startswith(
        "5 expectations: 2 hold, 2 are unknown, 1 fails (1 file, cni "
    )
    assert headline(report(items[2], *documents)).startswith("1 expectation: 1 is unknown (")
    assert headline(report(items[0], *documents)).startswith("1 expectation: 1 holds (")
    assert headline(report(items[4].replace("5", "6") + items[4], *documents)).startswith(
        "2 expectations: 2 fail ("
    )


def test_numbers_have_their_words() -> None:
    assert [counted(number, "pair") for number in (0, 1, 2, 1234)] == [
        "0 pairs",
        "1 pair",
        "2 pairs",
        "1,234 pairs",
    ]


def test_a_problem_is_annotated_at_the_end_that_means_nobody() -> None:
    made = report(item("a", "shop/q", "shop/b", "deny", reason="so"), pod("b"))
    (line,) = text(github, made).splitlines()
    assert line.startswith("::error file=<stdin>,line=5,")
    assert "no endpoint is meant by `shop/q`" in line


def rows(made: ChecksReport) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text(csv_report, made))))


def results_of_sarif(made: ChecksReport) -> tuple[list[str], list[Any]]:
    document = json.loads(text(sarif, made))
    Draft7Validator(sarif_schema(), format_checker=Draft7Validator.FORMAT_CHECKER).validate(document)
    (run,) = document["runs"]
    return [each["id"] for each in run["tool"]["driver"]["rules"]], run["results"]


def test_csv_has_a_line_for_each_expectation_with_the_connection_that_is_wrong() -> None:
    items = item("a", "shop/*", "shop/b", "deny", reason="so") + item("b", "shop/a", "shop/b", "allow")
    fails, holds = rows(report(items, pod("a"), pod("b")))
    assert fails["why"].startswith("shop/a -> shop/b on TCP 80 is allowed, not as expected: deny on TCP 80")
    assert fails | {"why": ""} == {
        "file": "<stdin>",
        "line": "4",
        "name": "a",
        "outcome": "fails",
        "expected": "deny on TCP 80",
        "pairs": "1",
        "failing": "1",
        "unknown": "0",
        "source": "shop/Pod/a",
        "destination": "shop/Pod/b",
        "service": "",
        "protocol": "TCP",
        "port": "80",
        "why": "",
        "reason": "so",
    }
    assert (holds["outcome"], holds["pairs"], holds["source"], holds["why"]) == ("holds", "1", "", "")


def test_csv_names_the_service_that_was_asked() -> None:
    documents = pod("a"), pod("db", labels="{app: db}"), policy(DENY)
    to = service("{selector: {app: db}, ports: [{port: 8080, targetPort: 80}]}", "api")
    made = report(item("a", "shop/a", "{service: shop/api}", "allow", "8080/TCP"), *documents, to)
    (row,) = rows(made)
    assert (row["service"], row["destination"], row["port"]) == ("shop/api", "shop/Pod/db", "8080")


def test_sarif_has_a_result_for_each_expectation_that_does_not_hold() -> None:
    host = pod("host", more="hostNetwork: true")
    items = (
        item("a", "shop/a", "shop/b", "deny", reason="so")
        + item("b", "shop/a", "shop/b", "allow")
        + item("c", "shop/host", "shop/b", "allow", "81/TCP")
        + item("d", "shop/q", "shop/b", "deny")
    )
    rules, found = results_of_sarif(report(items, pod("a"), host, pod("b"), policy(ALLOW_TCP_80)))
    assert [(rules[each["ruleIndex"]], each["level"]) for each in found] == [
        ("expectation-fails", "error"),
        ("expectation-unknown", "warning"),
        ("expectation-fails", "error"),
    ]
    told = found[0]["message"]["text"]
    assert told.startswith("a\nshop/a -> shop/b on TCP 80 is allowed")
    assert told.endswith("\nexpected because: so")
    lines = [each["locations"][0]["physicalLocation"]["region"]["startLine"] for each in found]
    assert lines == [4, 16, 23]  # what means nobody stands at its `from`


def test_an_expectation_keeps_its_fingerprint_while_it_has_its_name() -> None:
    def prints(*items: str) -> list[str]:
        _, found = results_of_sarif(report("".join(items), pod("a"), pod("b")))
        return [each["partialFingerprints"]["kubereachExpectation/v1"] for each in found]

    holds = item("b", "shop/a", "shop/b", "allow")
    (before,) = prints(item("a", "shop/a", "shop/b", "deny"))
    assert prints(holds, item("a", "shop/b", "shop/a", "deny")) == [before]
    assert prints(item("c", "shop/a", "shop/b", "deny")) != [before]


def test_a_table_is_as_wide_as_it_may_be_and_no_wider() -> None:
    long = " ".join(["word"] * 60)
    items = item(long, "shop/a", "shop/b", "deny", reason=long)
    for width in (60, 100):
        lines = text(table, report(items, pod("a"), pod("b"), width=width)).splitlines()
        assert max(len(line) for line in lines[:-1]) <= width
        assert max(len(line) for line in lines[:-1]) > width - 20
        assert " ".join(" ".join(lines).split()).count("word") == 120


def test_a_narrow_table_is_still_read() -> None:
    lines = text(table, report(item("a", "shop/a", "shop/b", "deny"), pod("a"), pod("b"), width=1))
    assert "shop/a -> shop/b on TCP 80" in " ".join(lines.split())


def test_colours_are_used_when_asked_for() -> None:
    items = item("a", "shop/a", "shop/b", "deny") + item("b", "shop/a", "shop/b", "allow")
    plain = text(table, report(items, pod("a"), pod("b")))
    bright = text(table, report(items, pod("a"), pod("b"), color=True))
    assert "\x1b" not in plain
    for code in ("1", "1;31", "32"):
        assert f"\x1b[{code}m" in bright
        bright = bright.replace(f"\x1b[{code}m", "")
    assert bright.replace("\x1b[0m", "") == plain


@RENDERERS
def test_no_text_of_a_file_breaks_a_report(renderer: ModuleType) -> None:
    nasty = '\x1b[31m<b>"x"</b> | &lt; ::error::\n%0A]]> `c` \u202e'
    items = item(nasty, "shop/a", "shop/b", "deny", reason=nasty) + item(
        nasty + "2", "shop/q", "shop/b", "deny"
    )
    made = text(renderer, report(items, pod("a"), pod("b")))
    assert "\x1b" not in made
    assert "\u202e" not in made
    if renderer is github:
        assert len([line for line in made.splitlines() if line.startswith("::error ")]) == 2
        assert len(made.splitlines()) == 2
    if renderer is junit:
        assert len(list(ET.fromstring(made).iter("failure"))) == 2
    if renderer is json_report:
        found = json.loads(made)
        VALIDATOR.validate(found)
        assert [each["name"] for each in found["results"]] == [nasty, nasty + "2"]
    if renderer is csv_report:
        assert len(rows(report(items, pod("a"), pod("b")))) == 2
    if renderer is sarif:
        assert len(results_of_sarif(report(items, pod("a"), pod("b")))[1]) == 2
    if renderer is markdown:
        lines = [line for line in made.splitlines() if line.startswith("| ")]
        assert len(lines) == 3
        assert "<b>" not in made.replace("\\<", "")


@RENDERERS
def test_a_report_is_the_same_on_every_run(renderer: ModuleType) -> None:
    items = item("a", "shop/*", "shop/*", "deny") + item("b", "external", "shop/*", "deny")
    documents = pod("a"), pod("b"), pod("c", labels="{x: v}"), policy(ALLOW_TCP_80)
    assert text(renderer, report(items, *documents)) == text(renderer, report(items, *documents))


def test_every_protocol_has_its_ports_in_json() -> None:
    made = report(item("a", "shop/a", "shop/b", "deny", "ALL"), pod("a"), pod("b"))
    found = json.loads(text(json_report, made))
    VALIDATOR.validate(found)
    assert set(found["results"][0]["ports"]) == {"TCP", "UDP", "SCTP"}
