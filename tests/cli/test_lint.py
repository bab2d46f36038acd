from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from analyzer.commands.lint import FORMATS
from analyzer.profiles import PROFILES
from tests.cli.running import Commands
from tests.unit.manifests import ALLOW_TCP_80, pod, policy

HEAD = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
RULE = "[{from: [{podSelector: {}}]}]"
ALL = f"{HEAD}metadata: {{name: all, namespace: shop}}\nspec:\n  podSelector: {{}}\n  ingress: {RULE}\n"
HTTP = "spec: {podSelector: {}, ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]}"


@pytest.fixture
def redundant(elsewhere: Commands) -> Commands:
    """A folder with a policy that has no effect."""
    elsewhere.write("a.yaml", pod("web"), ALL, policy(HTTP, "http"))
    return elsewhere


def test_a_finding_at_the_default_level_is_exit_code_1(redundant: Commands) -> None:
    ran = redundant("lint", "a.yaml", "--select", "KR101")
    assert ran.code == 1
    assert "13:1  warning  KR101  policy `shop/http` has no effect" in ran.out
    assert "`shop/all` (a.yaml:6) allows all of it" in ran.out


def test_nothing_found_is_exit_code_0(elsewhere: Commands) -> None:
    elsewhere.write("a.yaml", pod("web"), policy(ALLOW_TCP_80))
    ran = elsewhere("lint", "a.yaml", "--select", "KR101")
    assert (ran.code, ran.out) == (0, "no findings (1 rule, 1 file, cni calico)\n")


@pytest.mark.parametrize(("level", "code"), [("error", 0), ("warning", 0), ("notice", 1)])
def test_the_level_that_fails_is_chosen(run: Commands, level: str, code: int) -> None:
    ran = run("lint", "manifests", "--fail-on", level)
    assert ran.code == code
    assert "3 findings: 3 notices" in ran.out


def test_the_folder_manifests_is_linted_when_nothing_is_named(run: Commands) -> None:
    assert run("lint").out == run("lint", "manifests/").out


def test_codes_are_separated_by_commas_or_given_several_times(redundant: Commands) -> None:
    one = redundant(
        "lint", "a.yaml", "--select", "KR101,KR401", "--ignore", "no-default-deny", "--format", "json"
    )
    two = redundant(
        "lint", "a.yaml", "--select", "KR101", "--select", "KR401", "--ignore", "KR401", "--format", "json"
    )
    assert one.out == two.out
    assert [each["code"] for each in json.loads(one.out)["rules"]] == ["KR101"]


def test_a_rule_that_does_not_exist_is_wrong_usage(redundant: Commands) -> None:
    ran = redundant("lint", "a.yaml", "--select", "KR999")
    assert ran.code == 2
    assert "there is no lint rule `KR999`" in ran.err


def test_the_configuration_of_the_project_counts(redundant: Commands) -> None:
    (redundant.folder / ".kubereach.toml").write_text('[lint]\nignore = ["KR1", "KR4"]\n')
    assert redundant("lint", "a.yaml").code == 0
    (redundant.folder / ".kubereach.toml").write_text('[lint]\nselect = ["KR401"]\nfail-on = "notice"\n')
    assert redundant("lint", "a.yaml", "--ignore", "KR401").code == 0
    assert redundant("lint", "a.yaml", "--select", "KR101", "--fail-on", "error").code == 0
    (redundant.folder / ".kubereach.toml").write_text("[lint]\nselekt = []\n")
    ran = redundant("lint", "a.yaml")
    assert ran.code == 2
    assert ".kubereach.toml:2:1: error: unknown key `selekt`" in ran.err
    assert "did you mean `select`?" in ran.err


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_tells_the_finding(redundant: Commands, form: str) -> None:
    ran = redundant("lint", "a.yaml", "--select", "KR101", "--format", form, "--output", "report")
    assert (ran.code, ran.out) == (1, "")
    assert "KR101" in (redundant.folder / "report").read_text()


def test_many_findings_of_one_rule_are_cut_unless_all_are_wanted(elsewhere: Commands) -> None:
    elsewhere.write("a.yaml", *(pod("a", f"ns-{number}") for number in range(20)))
    cut = elsewhere("lint", "a.yaml")
    assert cut.out.count("KR401  ") == 8
    assert "and 12 more findings of KR401" in cut.out
    assert elsewhere("lint", "a.yaml", "--all").out.count("KR401  ") == 20


def test_a_diff_is_shown_as_git_takes_it(redundant: Commands) -> None:
    before = (redundant.folder / "a.yaml").read_text()
    ran = redundant("lint", "a.yaml", "--diff")
    assert ran.code == 1
    assert (redundant.folder / "a.yaml").read_text() == before
    applied = subprocess.run(["git", "apply", "-"], cwd=redundant.folder, input=ran.out.encode(), check=False)
    assert applied.returncode == 0
    assert redundant("lint", "a.yaml", "--diff").code == 0
    assert "http" not in (redundant.folder / "a.yaml").read_text()


def test_a_fix_is_written_and_the_rest_is_reported(redundant: Commands) -> None:
    ran = redundant("lint", "a.yaml", "--fix", "--select", "KR101,KR401")
    assert (ran.code, ran.out) == (0, "no findings (2 rules, 1 file, cni calico)\n")
    assert "notice: mended 1 finding in 1 file; no verdict changes" in ran.err
    assert (redundant.folder / "a.yaml").read_text() == pod("web") + "---\n" + ALL


def test_what_cannot_be_mended_is_told_and_reported(elsewhere: Commands) -> None:
    elsewhere.write("a.yaml", pod("web"), ALL)
    elsewhere.write("b.yaml", policy(HTTP, "http"))
    ran = elsewhere("lint", ".", "--fix")
    assert ran.code == 1
    assert (
        "b.yaml:1:1: notice: KR101 is left to you: it is all that its file holds: delete the file" in ran.err
    )
    assert "KR101" in ran.out


def test_a_fix_that_cannot_be_written_changes_nothing(
    redundant: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.replace", refuse)
    ran = redundant("lint", "a.yaml", "--fix")
    assert ran.code == 2
    assert "cannot write `a.yaml`: Permission denied" in ran.err
    assert [path.name for path in redundant.folder.iterdir()] == ["a.yaml"]


def test_fix_and_diff_exclude_each_other(redundant: Commands) -> None:
    assert redundant("lint", "a.yaml", "--fix", "--diff").code == 2


def test_rule_lists_all_rules(run: Commands) -> None:
    lines = run("rule").out.splitlines()
    assert len(lines) == 18
    assert lines[0].startswith("KR101  warning  policy-without-effect")


def test_rule_prints_what_is_asked_for_once(run: Commands) -> None:
    ran = run("rule", "KR101", "policy-without-effect", "KR102")
    assert ran.out.startswith("KR101 policy-without-effect (warning)\n")
    assert ran.out.count("\nWhat:\n") == 2
    assert "\n\nKR102 rule-without-effect (warning)\n" in ran.out


def test_rule_knows_no_other_rules(run: Commands) -> None:
    assert run("rule", "KR998").code == 2


@pytest.mark.parametrize("cni", PROFILES)
@pytest.mark.parametrize("folder", ["named-ports", "policy-types", "ip-blocks-and-pods"])
def test_what_differs_by_cni_is_linted_under_each(run: Commands, cni: str, folder: str) -> None:
    assert run("lint", f"examples/{folder}", "--cni", cni).code in {0, 1}


def test_examples_are_linted_without_a_mistake_of_ours(run: Commands) -> None:
    for folder in sorted(Path("examples").iterdir()):
        assert run("lint", str(folder)).code in {0, 1}
