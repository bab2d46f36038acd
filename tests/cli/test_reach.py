from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from analyzer.commands.options import FORMATS
from analyzer.sets import PortSet
from tests.cli.running import Commands, Ran
from tests.unit.manifests import ALLOW_TCP_80, DENY, pod, policy, workload

A, B, C = "test-a/Pod/test-pod-a", "test-b/Pod/test-pod-b", "test-c/Pod/test-pod-c"
PARTLY_KNOWN = "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.244.7.0/24}}]}]}"


def connections(ran: Ran) -> dict[tuple[str, str], Any]:
    assert ran.code == 0, ran.err
    return {
        (each["source"], each["destination"]): each["allowed"] for each in json.loads(ran.out)["connections"]
    }


def test_without_a_path_the_folder_manifests_is_analyzed(run: Commands) -> None:
    assert connections(run("--format", "json")) == connections(run("manifests/", "--format", "json"))


def test_without_a_path_and_without_manifests_the_usage_is_wrong(elsewhere: Commands) -> None:
    ran = elsewhere()
    assert (ran.code, ran.out) == (2, "")
    assert "no path is given" in ran.err
    assert "help:" in ran.err


def test_options_and_paths_may_be_mixed(elsewhere: Commands) -> None:
    elsewhere.write("a.yaml", pod("a"))
    elsewhere.write("b.yaml", pod("b"))
    found = connections(elsewhere("a.yaml", "--format", "json", "b.yaml"))
    assert ("shop/Pod/a", "shop/Pod/b") in found


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_reports_for_people_show_the_demo(run: Commands, name: str) -> None:
    ran = run("--format", name)
    assert ran.code == 0
    assert ran.err == ""
    rows = {
        line.split()[0].strip("|*"): line.replace("|", " ").split() for line in ran.out.splitlines() if line
    }
    source = next(row for row in ran.out.splitlines() if "test-pod-c" in row and "80" in row)
    assert "TCP 80" in source
    assert rows


def test_the_csv_report_is_csv(run: Commands) -> None:
    found = list(csv.DictReader(run("--format", "csv").out.splitlines()))
    verdicts = {
        (line["source"], line["destination"]): line["verdict"] for line in found if line["ports"] == "any"
    }
    assert verdicts[A, B] == "denied"
    assert verdicts[A, C] == "allowed"


def test_the_same_input_gives_the_same_bytes(run: Commands) -> None:
    for name in FORMATS:
        assert run("--format", name).out == run("--format", name).out


def test_a_port_restricts_every_verdict(run: Commands) -> None:
    found = connections(run("--format", "json", "--port", "80/tcp", "--port", "53/UDP"))
    assert found[C, B] == {"TCP": [[80, 80]]}
    assert found[A, C] == {"TCP": [[80, 80]], "UDP": [[53, 53]]}


def test_icmp_is_reported_when_asked_for(run: Commands) -> None:
    assert connections(run("--format", "json", "--icmp"))[A, C]["ICMP"] == [[0, 255]]
    assert connections(run("--format", "json", "--port", "icmp"))[A, C] == {"ICMP": [[0, 255]]}


def test_filters_are_applied(run: Commands) -> None:
    found = connections(
        run("--format", "json", "--source", "test-pod-*", "--destination", "test-b/test-pod-b")
    )
    assert set(found) == {(B, B), (C, B)}
    inside = connections(run("--format", "json", "-n", "test-b"))
    assert all(B in pair for pair in inside)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--source", "test-pod-x"), "no endpoint is called `test-pod-x`"),
        (("--namespace", "test-x"), "no pod is in a namespace called `test-x`"),
        (("--cni", "clico"), "there is no CNI profile `clico`"),
        (("--kubernetes-version", "new"), "`new` is no Kubernetes version"),
        (("--kubernetes-version", "1.٣"), "is no Kubernetes version"),
        (("--pod-cidr", "10.0.0.0/99"), "10.0.0.0/99"),
        (("--default-namespace", "-"), "namespace"),
        (("--port", "http"), "`http` is no port"),
        (("--format", "yaml"), "yaml"),
        (("--no-such-option",), "--no-such-option"),
        (("--context", "staging", "manifests/"), "both paths and a live cluster"),
        (("no-such-file.yaml",), "no-such-file.yaml"),
    ],
)
def test_wrong_usage_is_one_clear_error_and_exit_code_2(
    run: Commands, words: tuple[str, ...], message: str
) -> None:
    ran = run(*words)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("version", ["1.30", "v1.36.4", "1.29+"])
def test_versions_are_read_as_kubernetes_writes_them(run: Commands, version: str) -> None:
    assert run("--kubernetes-version", version, "--format", "csv").code == 0


def test_every_profile_can_be_chosen(run: Commands) -> None:
    for name in ("calico", "cilium", "kindnet", "kube-router", "ovn-kubernetes", "antrea", "api"):
        assert json.loads(run("--cni", name, "--format", "json").out)["cni"] == name


def test_objects_without_a_namespace_get_the_default_one(elsewhere: Commands) -> None:
    elsewhere.write(
        "a.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: i}]}\n",
    )
    made = json.loads(elsewhere("a.yaml", "--format", "json", "--default-namespace", "here").out)
    assert made["endpoints"][0]["id"] == "here/Pod/a"


def test_errors_of_all_files_are_told_by_file_and_line(elsewhere: Commands) -> None:
    elsewhere.write("b.yaml", policy("spec: {podSelector: {}, policyTypes: [Ingres]}"), pod("a"))
    elsewhere.write("a.yaml", policy("spec: {podSelecter: {}}", "other"), pod("UPPER"))
    ran = elsewhere(".")
    assert (ran.code, ran.out) == (2, "")
    places = [line.split(":")[0] for line in ran.err.splitlines() if ": error: " in line]
    assert places == sorted(places)
    assert {place.rpartition("/")[2] for place in places} == {"a.yaml", "b.yaml"}
    assert ran.err.splitlines()[-1].endswith("nothing was analyzed")
    assert f"{len(places)} errors" in ran.err.splitlines()[-1]


def test_what_is_wrong_with_objects_is_told_beside_what_cannot_be_read(elsewhere: Commands) -> None:
    elsewhere.write("b.yaml", "a: [")
    elsewhere.write("a.yaml", policy("spec: {podSelector: {}, policyTypes: [Ingres]}"), pod("UPPER"))
    elsewhere.write("c.yaml", policy("spec: {podSelector: {}, podSelector: {}, policyTypes: [Egres]}", "c"))
    elsewhere.write("d.yaml", policy("spec: {podSelector: {}, ingress: [{ports: [{port: .inf}]}]}", "d"))
    ran = elsewhere(".")
    assert (ran.code, ran.out) == (2, "")
    told = [line.partition(":")[0] for line in ran.err.splitlines() if ": error: " in line]
    assert told == ["a.yaml", "a.yaml", "b.yaml", "c.yaml", "c.yaml", "d.yaml"]


def test_of_an_input_that_is_right_but_for_one_file_only_that_is_told(elsewhere: Commands) -> None:
    elsewhere.write("a.yaml", pod("a"))
    elsewhere.write("b.yaml", "a: [")
    ran = elsewhere(".")
    assert (ran.code, ran.out) == (2, "")
    assert [line.partition(":")[0] for line in ran.err.splitlines() if ": error: " in line] == ["b.yaml"]


@pytest.mark.parametrize("documents", [(), (policy(DENY),)])
def test_nothing_to_analyze_is_exit_code_3(elsewhere: Commands, documents: tuple[str, ...]) -> None:
    elsewhere.write("a.yaml", *documents)
    ran = elsewhere("a.yaml")
    assert (ran.code, ran.out) == (3, "")
    assert "error:" in ran.err


def test_kinds_that_decide_nothing_are_named_after_the_report(elsewhere: Commands) -> None:
    elsewhere.write("a.yaml", pod("a"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n")
    ran = elsewhere("a.yaml", "--format", "csv")
    assert ran.code == 0
    assert ran.err == "not read: 1 ConfigMap\n"
    assert elsewhere("a.yaml", "--format", "csv", "--quiet").err == ""


def test_policies_that_are_not_evaluated_are_a_warning(elsewhere: Commands) -> None:
    other = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: m, namespace: shop}\n"
    elsewhere.write("a.yaml", pod("a"), other)
    ran = elsewhere("a.yaml", "--format", "csv")
    assert ran.code == 0
    assert "warning:" in ran.err


@pytest.mark.parametrize(("words", "code"), [((), 0), (("--fail-on-unknown",), 4)])
def test_an_unknown_verdict_fails_only_where_that_is_demanded(
    elsewhere: Commands, words: tuple[str, ...], code: int
) -> None:
    elsewhere.write("a.yaml", pod("a"), pod("b"), policy(PARTLY_KNOWN))
    ran = elsewhere("a.yaml", "--format", "csv", *words)
    assert ran.code == code
    assert "unknown" in ran.out


def test_nothing_unknown_is_fine_where_it_is_demanded(run: Commands) -> None:
    assert run("--format", "csv", "--fail-on-unknown").code == 0


def test_an_output_file_gets_the_report_and_standard_output_nothing(run: Commands, tmp_path: Path) -> None:
    report = tmp_path / "reach.json"
    ran = run("--format", "json", "--output", str(report))
    assert (ran.code, ran.out) == (0, "")
    assert json.loads(report.read_text())["version"] == 1


def test_an_output_file_that_cannot_be_written_is_an_error(run: Commands, tmp_path: Path) -> None:
    ran = run("--format", "json", "--output", str(tmp_path / "missing" / "reach.json"))
    assert ran.code == 2
    assert "cannot write" in ran.err


@pytest.mark.parametrize(("choice", "color"), [("always", True), ("never", False), ("auto", False)])
def test_colour_is_chosen(run: Commands, choice: str, *, color: bool) -> None:
    assert ("\x1b[" in run("--color", choice).out) is color


@pytest.mark.parametrize(("choice", "color"), [("always", True), ("auto", False)])
def test_a_file_is_coloured_only_on_demand(
    run: Commands, choice: str, tmp_path: Path, *, color: bool
) -> None:
    run("--color", choice, "--output", str(tmp_path / "report"))
    assert ("\x1b[" in (tmp_path / "report").read_text()) is color


@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_the_table_is_as_wide_as_the_terminal_says(
    elsewhere: Commands, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    documents = [workload(f"some-workload-{number}") for number in range(14)]
    elsewhere.write("a.yaml", *documents, policy(ALLOW_TCP_80))
    monkeypatch.setenv("COLUMNS", columns)
    lines = elsewhere("a.yaml").out.splitlines()
    assert max(map(len, lines)) <= int(columns)


@pytest.mark.parametrize("columns", ["0", "wide", "-3", "٣"])
def test_a_width_that_is_none_does_not_matter(
    run: Commands, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    expected = run().out
    monkeypatch.setenv("COLUMNS", columns)
    assert run().out == expected


def test_timings_are_told_on_standard_error(run: Commands) -> None:
    ran = run("--format", "csv", "--timings")
    names = [line.split()[1] for line in ran.err.splitlines()]
    assert names == ["read", "decode", "classes", "engine", "report", "total"]
    assert "timing" not in ran.out


def test_a_report_of_a_filtered_port_has_no_other_port(run: Commands) -> None:
    for allowed in connections(run("--format", "json", "--port", "8000-8100/TCP")).values():
        assert allowed == PortSet.of(next(iter(map(_tcp, allowed))), 8000, 8100).by_protocol()


def _tcp(name: str) -> Any:
    from analyzer.sets import Protocol

    return Protocol(name)
