from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator

from analyzer.commands.check import FORMATS
from tests.cli.running import PROJECT, Commands, process
from tests.unit.manifests import ALLOW_TCP_80, pod, policy
from tests.unit.test_report_json import closed

HEAD = "apiVersion: kubereach.dev/v1alpha1\nkind: Expectations\nexpectations:\n"
SCHEMA = json.loads((PROJECT / "analyzer/report/checks/checks.schema.json").read_text())
VALIDATOR = Draft202012Validator(closed({key: value for key, value in SCHEMA.items() if key != "$id"}))
WEB, DB = pod("web"), pod("db")
GUARD = policy(ALLOW_TCP_80)
# A node is not given, so that it is not known whether these two share one: a node reaches its own pods.
HOST = pod("host", more="hostNetwork: true")


def expectation(
    name: str = "the web reaches the database",
    *,
    source: str = "shop/web",
    to: str = "shop/db",
    ports: str = "80/TCP",
    verdict: str = "allow",
    more: str = "",
) -> str:
    return f"- name: {name}\n  from: {source}\n  to: {to}\n  ports: [{ports}]\n  verdict: {verdict}\n" + more


HOLDS = expectation()
FAILS = expectation("the web is kept out", verdict="deny", more="  reason: it is said so\n")
UNKNOWN = expectation("a node is kept out", source="shop/host", ports="81/TCP", verdict="deny")


def cluster(commands: Commands) -> None:
    commands.write("app/all.yaml", WEB, DB, HOST, GUARD)


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ((HOLDS,), 0),
        ((HOLDS, FAILS), 1),
        ((HOLDS, UNKNOWN), 4),
        ((UNKNOWN, FAILS), 1),
    ],
)
def test_the_exit_code_tells_what_became_of_all(
    elsewhere: Commands, items: tuple[str, ...], code: int
) -> None:
    cluster(elsewhere)
    elsewhere.write("e.yaml", HEAD + "".join(items))
    for form in FORMATS:
        assert elsewhere("check", "app", "--expect", "e.yaml", "--format", form).code == code


def test_a_failure_names_the_connection_and_the_rule(elsewhere: Commands) -> None:
    cluster(elsewhere)
    elsewhere.write("e.yaml", HEAD + HOLDS + FAILS)
    out = " ".join(elsewhere("check", "app", "--expect", "e.yaml").out.split())
    assert "shop/web -> shop/db on TCP 80 is allowed, not as expected: deny on TCP 80" in out
    assert "the only such pair; 1 pair looked at" in out
    assert "app/all.yaml" in out
    assert "expected because: it is said so" in out
    assert "2 expectations: 1 holds, 1 fails (1 file, cni calico)" in out


def test_json_follows_its_schema(elsewhere: Commands) -> None:
    cluster(elsewhere)
    elsewhere.write("e.yaml", HEAD + HOLDS + FAILS + UNKNOWN)
    found = json.loads(elsewhere("check", "app", "--expect", "e.yaml", "--format", "json").out)
    VALIDATOR.validate(found)
    assert (found["schema"], found["version"]) == ("kubereach.dev/checks", 1)
    assert [each["outcome"] for each in found["results"]] == ["holds", "fails", "unknown"]
    assert [each["line"] for each in found["results"]] == [4, 9, 15]
    assert found["results"][0]["witness"] is None
    assert found["results"][1]["witness"]["verdict"] == "allowed"
    assert found["results"][2]["witness"]["verdict"] == "unknown"


def test_junit_has_a_case_for_each_expectation(elsewhere: Commands) -> None:
    cluster(elsewhere)
    elsewhere.write("e.yaml", HEAD + HOLDS + FAILS + UNKNOWN)
    root = ET.fromstring(elsewhere("check", "app", "--expect", "e.yaml", "--format", "junit").out)
    assert [root.get(each) for each in ("tests", "failures", "errors")] == ["3", "1", "1"]
    cases = list(root.iter("testcase"))
    assert [(each.get("file"), each.get("line"), [child.tag for child in each]) for each in cases] == [
        ("e.yaml", "4", []),
        ("e.yaml", "9", ["failure"]),
        ("e.yaml", "15", ["error"]),
    ]
    assert "expected because: it is said so" in (cases[1][0].text or "")


def test_annotations_are_at_the_expectations_that_do_not_hold(elsewhere: Commands) -> None:
    cluster(elsewhere)
    elsewhere.write("e.yaml", HEAD + HOLDS + FAILS + UNKNOWN)
    lines = elsewhere("check", "app", "--expect", "e.yaml", "--format", "github").out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["::error file=e.yaml", "::warning file=e.yaml"]
    assert "line=9," in lines[0]
    assert "line=15," in lines[1]


def test_markdown_has_a_row_for_each_expectation(elsewhere: Commands) -> None:
    cluster(elsewhere)
    elsewhere.write("e.yaml", HEAD + HOLDS + FAILS)
    out = elsewhere("check", "app", "--expect", "e.yaml", "--format", "markdown").out
    assert "### e.yaml" in out
    assert "| 4 | holds | the web reaches the database |  |" in out
    assert "| 9 | fails | the web is kept out | " in out


def test_a_report_is_written_to_a_file_when_asked_for(elsewhere: Commands) -> None:
    cluster(elsewhere)
    elsewhere.write("e.yaml", HEAD + FAILS)
    ran = elsewhere("check", "app", "--expect", "e.yaml", "--output", "report.txt")
    assert (ran.code, ran.out) == (1, "")
    assert "\x1b" not in (elsewhere.folder / "report.txt").read_text()
    elsewhere("check", "app", "--expect", "e.yaml", "--output", "report.txt", "--color", "always")
    assert "\x1b[1;31mfails" in (elsewhere.folder / "report.txt").read_text()


def test_expectations_may_stand_among_the_manifests(elsewhere: Commands) -> None:
    cluster(elsewhere)
    elsewhere.write("app/team.yaml", HEAD + HOLDS)
    ran = elsewhere("check", "app")
    assert (ran.code, ran.err) == (0, "")
    assert "app/team.yaml" in ran.out


@pytest.mark.parametrize("path", ["app", "app/", "app/all.yaml"])
def test_expectations_are_found_beside_what_is_read(elsewhere: Commands, path: str) -> None:
    cluster(elsewhere)
    elsewhere.write("app/expect.yaml" if path.endswith("l.yaml") else "expect.yaml", HEAD + HOLDS)
    ran = elsewhere("check", path)
    assert ran.code == 0
    assert "expectations are taken from" in ran.err
    assert "expect.yaml" in ran.err


def test_expectations_are_found_beside_the_default_folder(elsewhere: Commands) -> None:
    elsewhere.write("manifests/all.yaml", WEB, DB)
    elsewhere.write("expect.yaml", HEAD + HOLDS)
    assert elsewhere("check").code == 0


def test_two_files_beside_what_is_read_must_be_chosen_from(elsewhere: Commands) -> None:
    elsewhere.write("a/1.yaml", WEB)
    elsewhere.write("b/c/2.yaml", DB)
    elsewhere.write("expect.yaml", HEAD + HOLDS)
    elsewhere.write("b/expect.yaml", HEAD + HOLDS)
    ran = elsewhere("check", "a", "b/c")
    assert ran.code == 2
    assert "there are several files of expectations" in ran.err
    assert "name one with `--expect`" in ran.err


def test_one_file_beside_two_folders_is_one(elsewhere: Commands) -> None:
    elsewhere.write("a/1.yaml", WEB)
    elsewhere.write("b/2.yaml", DB)
    elsewhere.write("expect.yaml", HEAD + HOLDS)
    assert elsewhere("check", "a", "b").code == 0


def test_standard_input_holds_manifests_or_expectations_and_not_both(elsewhere: Commands) -> None:
    ran = elsewhere("check", "-", "--expect", "-")
    assert ran.code == 2
    assert "`-` stands for two inputs" in ran.err


@pytest.mark.parametrize("words", [("app",), ("app", "--expect", "e.yaml")])
def test_without_expectations_there_is_nothing_to_check(elsewhere: Commands, words: tuple[str, ...]) -> None:
    cluster(elsewhere)
    elsewhere.write("e.yaml", HEAD.replace("expectations:", "expectations: []"))
    ran = elsewhere("check", *words)
    assert (ran.code, ran.out) == (3, "")
    assert "`--write expect.yaml` writes a first one" in ran.err


def test_standard_input_has_nothing_beside_it(elsewhere: Commands) -> None:
    elsewhere.write("expect.yaml", HEAD + HOLDS)
    ran = process("check", "-", stdin=f"{WEB}---\n{DB}".encode(), folder=elsewhere.folder)
    assert ran.returncode == 3
    ran = process("check", "-", stdin=f"{WEB}---\n{DB}---\n{HEAD}{HOLDS}".encode(), folder=elsewhere.folder)
    assert ran.returncode == 0


def test_without_manifests_there_is_nothing_to_check(elsewhere: Commands) -> None:
    elsewhere.write("expect.yaml", HEAD + HOLDS)
    (elsewhere.folder / "empty").mkdir()
    assert elsewhere("check", "empty").code == 3


def test_named_files_are_checked_instead_of_the_manifests_own(elsewhere: Commands) -> None:
    cluster(elsewhere)
    elsewhere.write("app/team.yaml", HEAD + FAILS)
    elsewhere.write("e.yaml", HEAD + HOLDS)
    ran = elsewhere("check", "app", "--expect", "e.yaml")
    assert ran.code == 0
    assert "not checked, as `--expect` names others" in ran.err
    assert "app/team.yaml" in ran.err
    ran = elsewhere("check", "app", "--expect", "app/team.yaml", "--expect", "e.yaml")
    assert ran.code == 1
    assert "not checked" not in ran.err
    assert "2 files" in ran.out


def test_a_file_of_expectations_holds_nothing_else(elsewhere: Commands) -> None:
    cluster(elsewhere)
    elsewhere.write("e.yaml", HEAD + HOLDS, DB)
    ran = elsewhere("check", "app", "--expect", "e.yaml")
    assert (ran.code, ran.out) == (2, "")
    assert "is no expectation" in ran.err
    assert "`kind: Expectations` and nothing else" in ran.err


def test_a_mistyped_field_is_told_with_its_place_and_what_was_meant(elsewhere: Commands) -> None:
    cluster(elsewhere)
    elsewhere.write("e.yaml", HEAD + HOLDS.replace("verdict", "verdikt"))
    ran = elsewhere("check", "app", "--expect", "e.yaml")
    assert (ran.code, ran.out) == (2, "")
    assert "e.yaml:8" in ran.err
    assert "did you mean `verdict`?" in ran.err


@pytest.mark.parametrize(
    ("changes", "hint"),
    [({"to": "shop/dv"}, "did you mean"), ({"source": "shop/weeb"}, "did you mean"), ({"to": "q/q"}, "")],
)
def test_an_end_that_means_nobody_fails(elsewhere: Commands, changes: dict[str, str], hint: str) -> None:
    cluster(elsewhere)
    elsewhere.write("e.yaml", HEAD + expectation(verdict="deny", **changes))
    ran = elsewhere("check", "app", "--expect", "e.yaml")
    assert ran.code == 1
    assert f"no endpoint is meant by `{next(iter(changes.values()))}`" in ran.out
    assert hint in ran.out


def test_an_exception_that_means_nobody_is_worth_a_warning(elsewhere: Commands) -> None:
    cluster(elsewhere)
    elsewhere.write("e.yaml", HEAD + HOLDS + "  unless:\n  - from: shop/later\n")
    ran = elsewhere("check", "app", "--expect", "e.yaml")
    assert ran.code == 0
    assert "e.yaml:10" in ran.err
    assert "this exception means nobody here" in ran.err


def test_what_is_written_holds_and_speaks_of_every_change(elsewhere: Commands) -> None:
    cluster(elsewhere)
    ran = elsewhere("check", "app", "--write", "expect.yaml")
    assert (ran.code, ran.out) == (0, "")
    assert "written to" in ran.err
    ran = elsewhere("check", "app", "--expect", "expect.yaml")
    assert ran.code == 0, ran.out
    elsewhere.write("app/all.yaml", WEB, DB, HOST)
    assert elsewhere("check", "app", "--expect", "expect.yaml").code == 1


def test_a_file_is_replaced_only_by_force(elsewhere: Commands) -> None:
    cluster(elsewhere)
    mine = elsewhere.write("expect.yaml", "mine")
    ran = elsewhere("check", "app", "--write", "expect.yaml")
    assert ran.code == 2
    assert "is there already" in ran.err
    assert "`--force` replaces it" in ran.err
    assert mine.read_text() == "mine"
    assert elsewhere("check", "app", "--write", "expect.yaml", "--force").code == 0
    assert mine.read_text() != "mine"


def test_force_without_anything_to_write_is_wrong_usage(run: Commands) -> None:
    ran = run("check", "examples/deny-all", "--force")
    assert (ran.code, ran.out) == (2, "")
    assert "`--force` goes with `--write` only" in ran.err


def test_a_link_to_nothing_is_not_replaced_either(elsewhere: Commands) -> None:
    cluster(elsewhere)
    Path(elsewhere.folder / "link.yaml").symlink_to("nowhere.yaml")
    assert elsewhere("check", "app", "--write", "link.yaml").code == 2
    assert not (elsewhere.folder / "nowhere.yaml").exists()


def test_expectations_are_written_to_standard_output_too(elsewhere: Commands) -> None:
    cluster(elsewhere)
    ran = elsewhere("check", "app", "--write", "-")
    assert (ran.code, ran.err) == (0, "")
    elsewhere.write("e.yaml", ran.out)
    assert elsewhere("check", "app", "--expect", "e.yaml").code == 0


@pytest.mark.parametrize("other", ["--expect", "--output"])
def test_writing_goes_with_no_other_file(elsewhere: Commands, other: str) -> None:
    cluster(elsewhere)
    ran = elsewhere("check", "app", "--write", "e.yaml", other, "o.yaml")
    assert ran.code == 2
    assert "`--write` goes with neither `--expect` nor `--output`" in ran.err
    assert not (elsewhere.folder / "e.yaml").exists()


def test_a_format_that_is_not_known_is_wrong_usage(run: Commands) -> None:
    assert run("check", "examples/deny-all", "--format", "xml").code == 2


def test_every_example_passes(run: Commands) -> None:
    for folder in sorted(path.name for path in (PROJECT / "examples").iterdir() if path.is_dir()):
        ran = run("check", f"examples/{folder}")
        assert ran.code == 0, ran.out
        assert "expectations: " in ran.out
