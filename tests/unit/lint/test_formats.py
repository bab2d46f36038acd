from __future__ import annotations

import csv as csv_reader
import json as json_reader
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from analyzer.diagnostics import Diagnostic, Fixed, Severity, Span
from analyzer.lint import lint
from analyzer.lint.catalogue import CODES
from analyzer.lint.finding import Finding, Fix
from analyzer.report.findings import FindingsReport, csv, github, json, junit, markdown, sarif, table
from analyzer.report.github import commands
from tests.unit.lint.linting import ingress
from tests.unit.lint.sarif_schema import sarif_schema
from tests.unit.manifests import analysis, pod

SCHEMA = Path(str(json.__file__)).with_name("findings.schema.json")


def finding(code: str = "KR101", line: int = 3, **more: object) -> Finding:
    given: dict[str, object] = {
        "code": code,
        "name": CODES[code],
        "severity": Severity.WARNING,
        "span": Span("a/net, pol.yaml", ("spec", "ingress", 0), Fixed(line, 5)),
        "message": "policy `shop/x` has no effect",
        "help": "remove it",
        **more,
    }
    return Finding(**given)  # type: ignore[arg-type]


def report(*findings: Finding, **more: object) -> FindingsReport:
    given: dict[str, object] = {"codes": tuple(CODES), "files": ("a/net, pol.yaml",), "cni": "calico", **more}
    return FindingsReport(findings=findings, **given)  # type: ignore[arg-type]


NOTICE = finding("KR401", 9, severity=Severity.NOTICE, help="")
FIX = finding(fix=Fix(title="remove policy", span=Span("a", ())))


def test_the_table_groups_by_file_and_counts() -> None:
    assert "".join(table.render(report(finding(), NOTICE))) == (
        "a/net, pol.yaml\n"
        "  3:5  warning  KR101  policy `shop/x` has no effect\n"
        "                       help: remove it\n"
        "  9:5  notice   KR401  policy `shop/x` has no effect\n"
        "\n"
        "2 findings: 1 warning, 1 notice (1 file, cni calico)\n"
    )


def test_the_table_tells_when_there_is_nothing() -> None:
    text = "".join(table.render(report(files=("a", "b"), ignored=2)))
    assert text == "no findings (18 rules, 2 files, cni calico); 2 turned off by comments\n"


def test_the_table_says_the_same_help_once() -> None:
    assert "".join(table.render(report(finding(), finding(line=4)))).count("help: remove it") == 1


def test_the_table_shows_the_first_few_of_many_and_counts_the_rest() -> None:
    text = "".join(table.render(report(*(finding(line=n) for n in range(1, 6)), NOTICE, most=2)))
    assert text.count("KR101  policy") == 2
    assert "and 3 more findings of KR101: `--select KR101 --all` shows them\n" in text
    assert "6 findings: 5 warnings, 1 notice" in text


def test_the_table_tells_what_can_be_mended() -> None:
    assert "1 can be mended, unless that changes a verdict with another CNI" in "".join(
        table.render(report(FIX))
    )


def test_the_table_fits_the_width_and_is_coloured_when_wanted() -> None:
    long = finding(message="word " * 60)
    lines = "".join(table.render(report(long, width=80))).splitlines()
    assert max(map(len, lines)) <= 80
    assert "\x1b[1;33m" in "".join(table.render(report(long, color=True)))


def test_the_table_never_prints_control_characters_of_the_input() -> None:
    evil = finding(message="a\x1b[2Jb", help="\x07", span=Span("x\x1by", (), Fixed()))
    for render in (table.render, markdown.render, csv.render, github.render, junit.render):
        text = "".join(render(report(evil)))
        assert "\x1b" not in text
        assert "\x07" not in text


@pytest.mark.parametrize("findings", [(), (finding(), NOTICE, FIX)])
def test_json_follows_its_schema(findings: tuple[Finding, ...]) -> None:
    document = json_reader.loads("".join(json.render(report(*findings))))
    Draft202012Validator(json_reader.loads(SCHEMA.read_text())).validate(document)
    assert [each["fix"] for each in document["findings"]] == [None, None, "remove policy"][: len(findings)]


def test_csv_has_a_line_for_each_finding() -> None:
    rows = list(csv_reader.DictReader(StringIO("".join(csv.render(report(finding(), NOTICE))))))
    assert [(each["code"], each["file"], each["line"], each["field"]) for each in rows] == [
        ("KR101", "a/net, pol.yaml", "3", "spec.ingress[0]"),
        ("KR401", "a/net, pol.yaml", "9", "spec.ingress[0]"),
    ]


def test_markdown_is_a_table_for_each_file() -> None:
    text = "".join(markdown.render(report(finding(message="a|b"), finding(line=4), most=1)))
    assert "### a/net, pol.yaml\n\n| line | rule |" in text
    assert "| 3 | warning KR101 | a\\|b | remove it |\n" in text
    assert text.endswith("\nand 1 more finding of KR101\n")


def test_junit_has_a_case_for_each_rule_and_notices_do_not_fail() -> None:
    root = ET.fromstring("".join(junit.render(report(finding(message='a < "b"'), NOTICE))))
    assert (root.get("tests"), root.get("failures")) == ("18", "1")
    cases = {str(case.get("name")): case for case in root.iter("testcase")}
    failure = cases["KR101 policy-without-effect"].find("failure")
    assert failure is not None
    assert failure.get("message") == 'a < "b"'
    assert "a/net, pol.yaml:3:5: warning" in str(failure.text)
    assert cases["KR401 no-default-deny"].find("system-out") is not None
    assert len(cases["KR205 half-open"]) == 0


def test_github_annotations_escape_what_would_end_them() -> None:
    (line,) = github.render(report(finding(message="100 % sure: a, b")))
    assert line == (
        "::warning file=a/net%2C pol.yaml,line=3,col=5,title=KR101::100 %25 sure: a, b%0Aremove it\n"
    )


def test_github_annotations_of_other_diagnostics_may_have_no_place() -> None:
    (line,) = commands([Diagnostic(severity=Severity.ERROR, code="usage", message="no")])
    assert line == "::error title=usage::no\n"


def sarif_of(*findings: Finding) -> Any:
    document: Any = json_reader.loads("".join(sarif.render(report(*findings))))
    Draft7Validator(sarif_schema(), format_checker=Draft7Validator.FORMAT_CHECKER).validate(document)
    return document["runs"][0]


def test_sarif_follows_the_schema_that_oasis_published() -> None:
    run = sarif_of(
        finding(), NOTICE, finding(severity=Severity.ERROR, span=Span("a b/ü#1.yaml", (), Fixed()))
    )
    assert [each["level"] for each in run["results"]] == ["warning", "note", "error"]
    assert sarif_of()["results"] == []


def test_the_schema_of_sarif_is_the_whole_one() -> None:
    schema = sarif_schema()
    Draft7Validator.check_schema(schema)
    assert {"run", "result", "threadFlow", "webResponse"} <= schema["definitions"].keys()
    assert not Draft7Validator(schema).is_valid({"version": "2.1.0", "runs": [{"results": []}]})


def test_sarif_results_point_at_their_rule_and_place() -> None:
    run = sarif_of(NOTICE)
    (result,) = run["results"]
    rules = run["tool"]["driver"]["rules"]
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == "KR401"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a/net%2C%20pol.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 9, "startColumn": 5}


def test_sarif_names_files_below_the_working_directory_relative_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def uri(file: str) -> object:
        (result,) = sarif_of(finding(span=Span(file, (), Fixed())))["results"]
        return result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]

    monkeypatch.chdir(tmp_path)
    assert uri(str(tmp_path / "a" / "b.yaml")) == "a/b.yaml"
    assert uri("/elsewhere/b.yaml") == "file:///elsewhere/b.yaml"


def test_sarif_fingerprints_stay_when_lines_move_and_differ_between_objects() -> None:
    def prints(*documents: str) -> list[str]:
        found = lint(analysis(*documents), ["KR402"]).findings
        return [each["partialFingerprints"]["kubereachFinding/v1"] for each in sarif_of(*found)["results"]]

    one, two = ingress("[{}]", name="one"), ingress("[{}]", name="two")
    before, after = prints(pod("a"), one, two), prints(pod("a"), pod("b"), "# moved\n" + one, two)
    assert before == after
    assert len(set(before)) == 2
