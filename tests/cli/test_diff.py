from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from tests.cli.running import PROJECT, Commands, Ran
from tests.unit.lint.sarif_schema import sarif_schema
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


def test_policies_alone_are_compared_as_applied_and_replace_those_of_the_same_name(
    versions: Commands,
) -> None:
    versions.write("policies/p.yaml", policy(ON_443))
    ran = versions("diff", "old", "policies")
    assert ran.code == 1
    assert "notice: the new version has no workload: it is compared as applied to the old one" in ran.err
    told = " ".join(ran.out.split())
    assert "policies/p.yaml:4: NetworkPolicy shop/policy spec.ingress[0] now allows + TCP 443" in told
    assert "used to allow - TCP 80" in told
    assert "endpoints removed" not in told
    versions.write("more/p.yaml", policy(ON_443, "other"))
    assert "used to allow" not in versions("diff", "old", "more").out


def test_a_folder_without_any_object_is_applied_to_nothing(versions: Commands) -> None:
    versions.write("none/a.txt", "x")
    assert versions("diff", "old", "none").code == 3


def test_standard_input_is_one_version_and_not_both(elsewhere: Commands) -> None:
    ran = elsewhere("diff", "-", "-")
    assert ran.code == 2
    assert "`-` stands for two inputs" in ran.err
    assert "name a file for one of them" in ran.err


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


def annotated(ran: Ran) -> list[dict[str, str]]:
    """Read workflow commands: the level and the properties of each, and what it says."""
    found = []
    for line in ran.out.splitlines():
        head, message = line.removeprefix("::").split("::", 1)
        level, _, properties = head.partition(" ")
        pairs = dict(each.split("=", 1) for each in properties.split(","))
        found.append({"level": level, "message": message.replace("%0A", "\n"), **pairs})
    return found


def test_annotations_stand_at_the_rule_that_opens_and_at_the_policy_that_closes(
    repository: Commands,
) -> None:
    opened, closed = annotated(repository("diff", "--git", "HEAD", "--format", "github"))
    assert (opened["level"], opened["file"], opened["line"]) == ("warning", "manifests/a.yaml", "14")
    assert opened["title"] == "opened%3A were denied%2C are allowed"
    assert opened["message"].startswith("TCP 443: ")
    assert "such as" in opened["message"]
    assert (closed["level"], closed["file"], closed["line"]) == ("notice", "manifests/a.yaml", "11")
    assert (
        "HEAD:manifests/a.yaml:14: NetworkPolicy shop/policy spec.ingress[0] used to allow"
        in (closed["message"])
    )


def test_what_a_removed_policy_did_is_annotated_at_the_pods_that_it_selected(elsewhere: Commands) -> None:
    elsewhere.write("old.yaml", pod("web", "office"), pod("db"), policy(NOTHING))
    elsewhere.write("new.yaml", pod("web", "office"), pod("db"))
    (opened,) = annotated(elsewhere("diff", "old.yaml", "new.yaml", "--format", "github"))
    assert (opened["level"], opened["file"], opened["line"]) == ("warning", "new.yaml", "6")
    isolated = "spec: {podSelector: {}, policyTypes: [Egress]}"
    elsewhere.write("old.yaml", pod("web", "office"), pod("db"), policy(isolated))
    (opened,) = annotated(elsewhere("diff", "old.yaml", "new.yaml", "--format", "github"))
    assert opened["line"] == "6"


def test_what_an_unchanged_rule_closes_is_annotated_at_the_rule(elsewhere: Commands) -> None:
    rules = "[{ports: [{port: 1}]}, {from: [{podSelector: {matchLabels: {r: a}}}]}]"
    from_role = f"spec: {{podSelector: {{}}, ingress: {rules}}}"
    elsewhere.write("old.yaml", pod("web", labels="{r: a}"), pod("db"), policy(from_role))
    elsewhere.write("new.yaml", pod("web", labels="{r: b}"), pod("db"), policy(from_role))
    (closed,) = annotated(elsewhere("diff", "old.yaml", "new.yaml", "--format", "github"))
    assert (closed["level"], closed["file"]) == ("notice", "new.yaml")
    assert "spec.ingress[1] used to allow" in closed["message"]
    line = (elsewhere.folder / "new.yaml").read_text().splitlines()[int(closed["line"]) - 1]
    assert line[int(closed["col"]) - 1 :].startswith("{from: [{podSelector")


def test_endpoints_of_one_version_are_annotations_without_a_place(versions: Commands) -> None:
    found = annotated(versions("diff", "old", "new", "--format", "github"))
    assert found[0] == {"level": "notice", "title": "endpoints added", "message": "shop/Pod/cache"}


def test_parts_that_an_annotation_leaves_out_are_counted(elsewhere: Commands) -> None:
    names = [f"n{number}" for number in range(12)]
    rules = [
        f"{{from: [{{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {name}}}}}}}],"
        f" ports: [{{port: {100 + number}}}]}}"
        for number, name in enumerate(names)
    ]
    clients = [pod("web", name) for name in names]
    for version, more in (("old", []), ("new", ["{}"])):
        spec = f"spec: {{podSelector: {{}}, ingress: [{', '.join([*more, *rules])}]}}"
        elsewhere.write(f"{version}.yaml", *clients, pod("db"), policy(spec))
    found = annotated(elsewhere("diff", "old.yaml", "new.yaml", "--format", "github", "--source", "web"))
    assert len(found) == 1
    assert "\nand 6 more parts\n" in found[0]["message"]


def sarif(ran: Ran) -> Any:
    document: Any = json.loads(ran.out)
    Draft7Validator(sarif_schema(), format_checker=Draft7Validator.FORMAT_CHECKER).validate(document)
    return document["runs"][0]


def test_sarif_has_a_result_for_each_change_at_its_place_in_the_new_version(versions: Commands) -> None:
    run = sarif(versions("diff", "old", "new", "--format", "sarif"))
    rules = [each["id"] for each in run["tool"]["driver"]["rules"]]
    opened, closed = run["results"]
    assert [rules[each["ruleIndex"]] for each in (opened, closed)] == ["opened", "closed"]
    assert [each["level"] for each in (opened, closed)] == ["warning", "note"]
    place = opened["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("new/a.yaml", 19)
    assert "NetworkPolicy shop/policy spec.ingress[0] now allows" in opened["message"]["text"]
    assert sarif(versions("diff", "old", "old", "--format", "sarif"))["results"] == []


def test_a_change_keeps_its_fingerprint_when_lines_move_and_not_when_another_rule_causes_it(
    versions: Commands,
) -> None:
    def prints() -> list[str]:
        results = sarif(versions("diff", "old", "new", "--format", "sarif"))["results"]
        return [each["partialFingerprints"]["kubereachChange/v1"] for each in results]

    before = prints()
    versions.write("new/a.yaml", pod("api"), pod("web"), pod("db"), policy(ON_443))
    assert prints() == before
    versions.write("new/a.yaml", pod("web"), pod("db"), policy(ON_443, "other"))
    assert prints() != before


def test_what_is_perhaps_so_has_rules_of_its_own(elsewhere: Commands) -> None:
    part = "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.244.0.0/24}}]}]}"
    elsewhere.write("closed.yaml", pod("web"), pod("db"), policy(NOTHING))
    elsewhere.write("part.yaml", pod("web"), pod("db"), policy(part))
    elsewhere.write("open.yaml", pod("web"), pod("db"))

    def kinds(old: str, new: str) -> set[tuple[str, str]]:
        results = sarif(elsewhere("diff", old, new, "--format", "sarif", "--source", "web"))["results"]
        return {(each["ruleId"], each["level"]) for each in results}

    assert kinds("closed.yaml", "part.yaml") == {("perhaps-opened", "warning")}
    assert kinds("open.yaml", "part.yaml") == {("perhaps-closed", "note")}
    assert kinds("part.yaml", "open.yaml") == {("opened", "warning")}
    assert kinds("part.yaml", "closed.yaml") == {("closed", "note")}


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


def test_of_a_path_that_the_revision_lacks_everything_is_new(repository: Commands) -> None:
    repository.write("more/b.yaml", pod("api"))
    ran = repository("diff", "--git", "HEAD", "more")
    assert (ran.code, "endpoints added\n  shop/Pod/api\n" in ran.out) == (1, True)
    assert "there is no file at `more` in revision `HEAD`" in ran.err
    assert "everything is new since revision `HEAD`" in ran.err


def test_of_a_path_without_a_pod_in_the_revision_everything_is_new(repository: Commands) -> None:
    repository.write("more/a.yaml", policy(ON_80))
    git(repository.folder, "add", ".")
    git(repository.folder, "commit", "-m", "more")
    repository.write("more/b.yaml", pod("web"))
    ran = repository("diff", "--git", "HEAD", "more", "--format", "json")
    assert ran.code == 1
    assert json.loads(ran.out)["endpoints"]["added"] == ["shop/Pod/web"]
    assert "there is no pod and no workload" in ran.err


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


def replica(name: str, label: str) -> str:
    """A pod of the Deployment's only ReplicaSet, under a label of its own."""
    owner = "{apiVersion: apps/v1, kind: StatefulSet, name: db, uid: u, controller: true}"
    metadata = f"{{name: {name}, namespace: shop, labels: {{role: {label}}}, ownerReferences: [{owner}]}}"
    return f"apiVersion: v1\nkind: Pod\nmetadata: {metadata}\nspec: {{containers: [{{name: c, image: i}}]}}\n"


def to_role(label: str, port: int) -> str:
    return (
        f"spec: {{podSelector: {{matchLabels: {{role: {label}}}}}, ingress: [{{ports: [{{port: {port}}}]}}]}}"
    )


def changes(run: Commands, *words: str) -> list[dict[str, Any]]:
    found = json.loads(run("diff", *words, "--format", "json").out)["changes"]
    assert isinstance(found, list)
    return found


def test_pods_of_one_workload_that_are_not_alike_are_matched_by_name(elsewhere: Commands) -> None:
    for version, port in (("old", 80), ("new", 81)):
        pods = [replica("db-0", "first"), replica("db-1", "other"), pod("web")]
        elsewhere.write(f"{version}.yaml", *pods, policy(to_role("first", port)))
    ids = {
        each["parts"][0]["destinations"]["endpoints"][0]
        for each in changes(elsewhere, "old.yaml", "new.yaml")
    }
    assert ids == {"shop/StatefulSet/db#db-0"}


def test_pods_of_one_workload_that_are_alike_are_one_endpoint_of_both_versions(elsewhere: Commands) -> None:
    for version, port in (("old", 80), ("new", 81)):
        pods = [replica("db-0", "first"), replica("db-1", "first"), pod("web")]
        elsewhere.write(f"{version}.yaml", *pods, policy(to_role("first", port)))
    parts = [
        each["parts"][0]["destinations"]["endpoints"] for each in changes(elsewhere, "old.yaml", "new.yaml")
    ]
    assert parts == [["shop/StatefulSet/db"]] * 2


def test_a_new_replica_is_compared_with_the_others_of_its_workload(elsewhere: Commands) -> None:
    isolated = policy(to_role("other", 80))
    elsewhere.write("old.yaml", replica("db-0", "first"), pod("web"), isolated)
    elsewhere.write("new.yaml", replica("db-0", "first"), replica("db-1", "other"), pod("web"), isolated)
    closed = changes(elsewhere, "old.yaml", "new.yaml")
    assert {each["change"] for each in closed} == {"removed"}
    assert closed[0]["parts"][0]["destinations"]["endpoints"] == ["shop/StatefulSet/db#db-1"]
    assert {each["change"] for each in changes(elsewhere, "new.yaml", "old.yaml")} == {"added"}


def test_a_label_that_changed_is_told_apart_from_a_rule_that_changed(elsewhere: Commands) -> None:
    rule = policy("spec: {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {a: b}}}]}]}")
    elsewhere.write("old.yaml", pod("web"), pod("db"), rule)
    elsewhere.write("new.yaml", pod("web", labels="{a: b}"), pod("db"), rule)
    assert "the rule is the same, what it is about changed" in " ".join(
        elsewhere("diff", "old.yaml", "new.yaml").out.split()
    )


def test_a_pod_that_moves_to_another_node_loses_the_exemption_of_its_host(elsewhere: Commands) -> None:
    closed = policy(NOTHING)
    agent = pod("agent", more="hostNetwork: true, nodeName: one")
    elsewhere.write("old.yaml", pod("web", more="nodeName: one"), agent, closed)
    elsewhere.write("new.yaml", pod("web", more="nodeName: two"), agent, closed)
    ran = elsewhere("diff", "old.yaml", "new.yaml", "--cni", "cilium")
    assert ran.code == 1
    assert "agent -> web" in ran.out


def test_two_rules_share_what_one_port_range_opens(elsewhere: Commands) -> None:
    both = "spec: {podSelector: {}, ingress: [{ports: [{port: 80}]}, {ports: [{port: 80, endPort: 90}]}]}"
    elsewhere.write("old.yaml", pod("web"), pod("db"), policy(NOTHING))
    elsewhere.write("new.yaml", pod("web"), pod("db"), policy(both))
    assert [each["parts"][0]["ports"] for each in changes(elsewhere, "old.yaml", "new.yaml")] == [
        {"TCP": [[80, 80]]},
        {"TCP": [[81, 90]]},
    ]


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_many_changes_and_many_parts_are_cut_for_people(elsewhere: Commands, form: str) -> None:
    selector = "spec: {{podSelector: {{matchLabels: {{role: a{0}}}}}, {1}: [{{ports: [{{port: {2}}}]}}]}}"
    pods = [pod(f"p{n}", labels=f"{{role: a{n}}}") for n in range(70)]
    opening = [policy(selector.format(n, "ingress", n + 1), f"in-{n}") for n in range(70)]
    isolated = [policy("spec: {podSelector: {}}", "deny")]
    elsewhere.write("old.yaml", *pods, *isolated)
    elsewhere.write("new.yaml", *pods, *isolated, *opening)
    assert (
        "and 10 more changes; all are in `--format json`"
        in elsewhere("diff", "old.yaml", "new.yaml", "--format", form).out
    )
    elsewhere.write("new.yaml", *pods, *opening)
    elsewhere.write(
        "old.yaml", *pods, *opening, policy("spec: {podSelector: {}, policyTypes: [Egress]}", "out")
    )
    assert "more part" in elsewhere("diff", "old.yaml", "new.yaml", "--format", form).out


def test_a_file_and_a_chart_of_a_revision_are_read(repository: Commands) -> None:
    assert repository("diff", "--git", "HEAD", "manifests/a.yaml").code == 1
    repository.write("manifests/Chart.yaml", "name: a\n")
    git(repository.folder, "add", ".")
    git(repository.folder, "commit", "-m", "chart")
    (repository.folder / "manifests" / "Chart.yaml").unlink()
    ran = repository("diff", "--git", "HEAD")
    assert (ran.code, "helm" in ran.err) == (2, True)


def test_more_than_can_be_read_is_said(repository: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.load.limits.FILE_BYTES", 10_000)
    repository.write("manifests/b.yaml", "# " + "x" * 20_000)
    git(repository.folder, "add", ".")
    git(repository.folder, "commit", "-m", "large")
    (repository.folder / "manifests" / "b.yaml").unlink()
    ran = repository("diff", "--git", "HEAD")
    assert (ran.code, "name a folder below it" in ran.err) == (2, True)


def test_a_tree_that_leads_out_of_itself_is_refused(repository: Commands) -> None:
    blob = subprocess.run(
        ["git", "rev-parse", "HEAD:manifests/a.yaml"], cwd=repository.folder, capture_output=True, check=True
    ).stdout.strip()

    def tree(mode: bytes, name: bytes, held: bytes) -> bytes:
        content = mode + b" " + name + b"\0" + bytes.fromhex(held.decode())
        words = ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"]
        return subprocess.run(
            words, cwd=repository.folder, input=content, capture_output=True, check=True
        ).stdout.strip()

    inside = tree(b"40000", b"..", tree(b"100644", b"out.yaml", blob))
    top = tree(b"40000", b"manifests", inside)
    ran = repository("diff", "--git", top.decode())
    assert (ran.code, "leads out of the revision" in ran.err) == (2, True)


def test_a_git_that_fails_or_hangs_is_said(repository: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = repository.folder / "bin" / "git"
    fake.parent.mkdir()
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    fake.write_text(
        '#!/bin/sh\ncase "$*" in *show-top*) pwd;; *rev-parse*) echo abc;; *) echo no >&2; exit 1;; esac\n'
    )
    fake.chmod(0o755)
    ran = repository("diff", "--git", "HEAD")
    assert (ran.code, "`git ls-tree` failed: no" in ran.err) == (2, True)
    monkeypatch.setattr("analyzer.commands.revision._SECONDS", 0.2)
    fake.write_text("#!/bin/sh\nexec sleep 5\n")
    ran = repository("diff", "--git", "HEAD")
    assert (ran.code, "`git rev-parse` took longer" in ran.err) == (2, True)
