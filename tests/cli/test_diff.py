from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.cli.running import PROJECT, Commands
from tests.unit.manifests import pod, policy

SCHEMA = json.loads((PROJECT / "analyzer/report/difference.schema.json").read_text())
ON_80 = "spec: {podSelector: {}, ingress: [{ports: [{port: 80}]}]}"
ON_443 = "spec: {podSelector: {}, ingress: [{ports: [{port: 443}]}]}"
NOTHING = "spec: {podSelector: {}}"


@pytest.fixture
def versions(elsewhere: Commands) -> Commands:
    """Two versions: port 443 instead of 80, and another pod."""
    elsewhere.write("old/a.yaml", pod("web"), pod("db"), policy(ON_80))
    elsewhere.write("new/a.yaml", pod("web"), pod("db"), pod("cache"), policy(ON_443))
    return elsewhere


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(elsewhere: Commands) -> Commands:
    """A repository with one commit, of which the working tree differs."""
    elsewhere.write("manifests/a.yaml", pod("web"), pod("db"), policy(ON_80))
    elsewhere.write("manifests/readme.txt", "not read")
    git(elsewhere.folder, "init")
    git(elsewhere.folder, "add", ".")
    git(elsewhere.folder, "commit", "-m", "first")
    elsewhere.write("manifests/a.yaml", pod("web"), pod("db"), policy(ON_443))
    return elsewhere


def test_a_difference_is_exit_code_1_and_names_rule_and_witness(versions: Commands) -> None:
    ran = versions("diff", "old", "new")
    assert ran.code == 1
    assert "opened: were denied, are allowed" in ran.out
    assert "new/a.yaml:19: NetworkPolicy shop/policy spec.ingress[0] now allows" in " ".join(ran.out.split())
    assert "old/a.yaml:14: NetworkPolicy shop/policy spec.ingress[0] used to allow" in " ".join(
        ran.out.split()
    )
    assert "443/TCP" in ran.out
    assert "endpoints added\n  shop/Pod/cache\n" in ran.out


@pytest.mark.parametrize(
    ("fail_on", "before", "after", "code"),
    [
        ("any", ON_80, ON_80, 0),
        ("any", NOTHING, ON_80, 1),
        ("added", NOTHING, ON_80, 1),
        ("added", ON_80, NOTHING, 0),
        ("removed", ON_80, NOTHING, 1),
        ("removed", NOTHING, ON_80, 0),
        ("none", ON_80, ON_443, 0),
    ],
)
def test_it_fails_on_what_it_is_told(
    elsewhere: Commands, fail_on: str, before: str, after: str, code: int
) -> None:
    elsewhere.write("old.yaml", pod("web"), pod("db"), policy(before))
    elsewhere.write("new.yaml", pod("web"), pod("db"), policy(after))
    assert elsewhere("diff", "old.yaml", "new.yaml", "--fail-on", fail_on).code == code


def test_json_is_what_the_schema_says_and_names_both_places(versions: Commands) -> None:
    document = json.loads(versions("diff", "old", "new", "--format", "json").out)
    Draft202012Validator(SCHEMA).validate(document)
    assert document["endpoints"] == {"added": ["shop/Pod/cache"], "removed": [], "kept": 2}
    opened, closed = document["changes"]
    assert (opened["change"], opened["parts"][0]["ports"]) == ("added", {"TCP": [[443, 443]]})
    assert (closed["change"], closed["parts"][0]["ports"]) == ("removed", {"TCP": [[80, 80]]})
    assert [each["causes"][0]["version"] for each in (opened, closed)] == ["new", "old"]


def test_csv_has_endpoints_and_changes(versions: Commands) -> None:
    lines = list(csv.DictReader(versions("diff", "old", "new", "--format", "csv").out.splitlines()))
    assert (lines[0]["before"], lines[0]["after"], lines[0]["sources"]) == (
        "absent",
        "present",
        "shop/Pod/cache",
    )
    assert {(each["before"], each["after"], each["ports"]) for each in lines[1:]} == {
        ("denied", "allowed", "443"),
        ("allowed", "denied", "80"),
    }


def test_markdown_is_a_table_for_each_way_to_change(versions: Commands) -> None:
    out = versions("diff", "old", "new", "--format", "markdown").out
    assert "### Opened: were denied, are allowed" in out
    assert "**endpoints added**: shop/Pod/cache" in out
    assert "| TCP 443 |" in out


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_equal_versions_say_that_nothing_changed(versions: Commands, form: str) -> None:
    ran = versions("diff", "old", "old", "--format", form)
    assert ran.code == 0
    assert "no connection changed" in ran.out.lower()


def test_filters_leave_a_part(versions: Commands) -> None:
    words = ("diff", "old", "new", "--destination", "web", "--source", "db", "--format", "json")
    changes = json.loads(versions(*words).out)["changes"]
    assert {each["parts"][0]["destinations"]["endpoints"][0] for each in changes} == {"shop/Pod/web"}
    assert versions(*words, "--namespace", "elsewhere").code == 0
    assert json.loads(versions(*words, "--port", "443/TCP").out)["changes"][0]["change"] == "added"


def test_a_filter_may_name_an_endpoint_of_either_version(versions: Commands) -> None:
    assert "shop/Pod/cache" in versions("diff", "old", "new", "--source", "cache").out
    assert "shop/Pod/cache" in versions("diff", "new", "old", "--source", "cache").out
    ran = versions("diff", "old", "new", "--source", "nobody")
    assert (ran.code, "nobody" in ran.err) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("old",),
        ("old", "new", "old"),
        ("--git", "HEAD", "old", "new"),
        ("--git", "HEAD", "--context", "x"),
        ("--context", "x"),
    ],
)
def test_a_wrong_number_of_versions_is_wrong_usage(versions: Commands, words: tuple[str, ...]) -> None:
    ran = versions("diff", *words)
    assert (ran.code, ran.out) == (2, "")


def test_a_revision_is_compared_with_the_working_tree(repository: Commands) -> None:
    ran = repository("diff", "--git", "HEAD")
    assert ran.code == 1
    assert "HEAD:manifests/a.yaml:14: NetworkPolicy shop/policy" in ran.out
    assert ran.err == ""
    assert repository("diff", "--git", "HEAD", ".").code == 1


@pytest.mark.parametrize(
    "revision", ["nothing", "--output=x", "-", "--", "HEAD:manifests/a.yaml", "HEAD..HEAD"]
)
def test_what_is_no_revision_is_said_and_does_nothing(repository: Commands, revision: str) -> None:
    ran = repository("diff", f"--git={revision}")
    assert (ran.code, "there is no revision" in ran.err) == (2, True)
    assert not (repository.folder / "x").exists()


def test_a_path_that_the_revision_lacks_is_said(repository: Commands) -> None:
    repository.write("more/b.yaml", pod("api"))
    ran = repository("diff", "--git", "HEAD", "more")
    assert (ran.code, "there is no file at `more` in revision `HEAD`" in ran.err) == (2, True)


def test_a_folder_in_no_repository_is_said(versions: Commands) -> None:
    ran = versions("diff", "--git", "HEAD", "old")
    assert (ran.code, "`old` is in no Git repository" in ran.err) == (2, True)


def test_links_of_a_revision_are_not_followed(repository: Commands) -> None:
    for name in ("link.yaml", "other.yaml"):
        (repository.folder / "manifests" / name).symlink_to("a.yaml")
    git(repository.folder, "add", ".")
    git(repository.folder, "commit", "-m", "links")
    ran = repository("diff", "--git", "HEAD")
    assert (ran.code, "`manifests/link.yaml` and 1 more" in ran.err) == (0, True)


def test_a_missing_git_is_said(repository: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository.folder))
    ran = repository("diff", "--git", "HEAD")
    assert (ran.code, "`git` is not installed" in ran.err) == (2, True)


def test_an_unknown_verdict_is_neither_open_nor_closed(elsewhere: Commands) -> None:
    part = "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.244.0.0/24}}]}]}"
    elsewhere.write("old.yaml", pod("web"), pod("db"), policy(NOTHING))
    elsewhere.write("new.yaml", pod("web"), pod("db"), policy(part))
    ran = elsewhere("diff", "old.yaml", "new.yaml", "--fail-on-unknown")
    assert ran.code == 4
    assert "perhaps opened: were denied, are unknown" in ran.out
    document = json.loads(elsewhere("diff", "old.yaml", "new.yaml", "--format", "json").out)
    assert {(each["change"], each["after"]) for each in document["changes"]} == {("changed", "unknown")}
