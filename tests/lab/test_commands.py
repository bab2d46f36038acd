"""The lab's commands, as a user gives them: the walkthrough, and what is told when something is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from lab.commands import carried_out, probe, trace
from lab.compare import Comparison
from lab.probes import Patience
from lab.providers.netns import provider
from lab.providers.netns.provider import EmbeddedLab
from tests.lab import labs, sandbox
from tests.lab.labs import Ended, command

pytestmark = [pytest.mark.lab]

_POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n"


def invoke(task: str, *words: str, behind: tuple[str, ...] = (), name: str = "walk") -> Ended:
    return command("invoke", task, "--name", name, *words, *(("--", *behind) if behind else ()))


@pytest.fixture(scope="module")
def folder() -> Iterator[str]:
    """Give the labs of this module a folder of their own."""
    sandbox.inside(rootless=os.geteuid() != 0)
    with labs.runtime_folder() as made:
        yield made


@pytest.fixture(scope="module")
def walkthrough(folder: str) -> Iterator[Ended]:
    """Bring the lab of the walkthrough up for all tests of this module."""
    try:
        yield invoke("up")
    finally:
        invoke("down")


def test_up_says_what_there_is_now(walkthrough: Ended) -> None:
    assert (walkthrough.code, walkthrough.out) == (0, "")
    assert walkthrough.err.startswith("lab `walk` is up: 3 pods, 4 nodes, 1 policy, 1 outside host (")


def test_the_three_connections_of_the_walkthrough(walkthrough: Ended) -> None:
    probed = invoke("probe", "--format", "json", "--port", "80/TCP")
    assert probed.code == 0, probed.err
    seen = {
        (each["source"], each["destination"]): each["observed"]
        for each in json.loads(probed.out)["observations"]
    }
    assert seen["test-a/test-pod-a", "test-b/test-pod-b"] == "dropped"
    assert seen["test-c/test-pod-c", "test-b/test-pod-b"] == "open"
    assert seen["test-a/test-pod-a", "test-c/test-pod-c"] == "open"


@pytest.mark.parametrize(
    ("source", "destination", "port", "outcome", "decided"),
    [
        ("test-pod-a", "test-pod-b", "80/TCP", "dropped", "no rule of NetworkPolicy test-b/network-policy"),
        ("test-pod-c", "test-pod-b", "80/TCP", "open", "test-b/network-policy spec.ingress[0]"),
        ("test-pod-c", "test-pod-b", "81", "dropped", "no rule of NetworkPolicy test-b/network-policy"),
        ("test-a/test-pod-a", "test-c/test-pod-c", "80", "open", "no policy decided"),
        ("external", "test-pod-b", "80", "dropped", "no rule of NetworkPolicy test-b/network-policy"),
    ],
)
def test_a_trace_names_what_decided(
    walkthrough: Ended, source: str, destination: str, port: str, outcome: str, decided: str
) -> None:
    traced = invoke("trace", source, destination, port)
    assert traced.code == 0, traced.err
    observed, _, predicted = traced.out.partition("predicted:")
    assert observed.splitlines()[0].endswith(f": {outcome}")
    assert observed.count(decided) == 1
    assert not [line for line in traced.out.splitlines() if line != line.rstrip()]
    assert predicted.strip().startswith("allowed" if outcome == "open" else "denied")


def test_status_shows_pods_with_what_selects_them(walkthrough: Ended) -> None:
    shown = invoke("status")
    assert shown.code == 0
    rows = {words[1]: words for words in map(str.split, shown.out.splitlines()[1:])}
    assert rows["test-pod-b"][0] == "test-b"
    assert rows["test-pod-b"][-2:] == ["test-b/network-policy", "(ingress)"]
    assert rows["test-pod-a"][-1] == "<none>"
    assert rows["test-pod-a"][3].startswith("walk-worker")


def test_a_shell_is_in_the_pods_network_and_knows_names(walkthrough: Ended) -> None:
    done = invoke("shell", "test-pod-a", behind=("cat", "/etc/hosts"))
    assert done.code == 0, done.err
    assert "test-pod-c.test-c" in done.out
    assert invoke("shell", "test-pod-a", "--command", "python3 -c 'import sys; sys.exit(7)'").code == 7, (
        "a command's exit status is the shell's"
    )


@pytest.mark.parametrize("words", [("up", "--max-replicas"), ("probe", "--concurrency"), ("up", "--nodes")])
def test_a_number_that_is_none_is_refused(folder: str, words: tuple[str, str]) -> None:
    refused(invoke(*words, "few", name="none"), "`few` is no whole number")


def test_a_command_in_a_shell_keeps_its_words(walkthrough: Ended) -> None:
    words = ("python3", "-c", "import sys; print(sys.argv[1:])", "a  b", "", "--", "'")
    done = invoke("shell", "test-pod-a", behind=words)
    assert (done.code, done.out) == (0, "['a  b', '', '--', \"'\"]\n"), done.err


def test_manifests_behind_the_dashes_may_have_spaces_in_their_names(folder: str, tmp_path: Path) -> None:
    path = tmp_path / "two words.yaml"
    path.write_text("{")
    refused(invoke("up", behind=(str(path),), name="none"), "two words.yaml")


def test_what_is_recorded_is_verified_without_a_lab(walkthrough: Ended, tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    assert invoke("probe", "--output", str(path)).code == 0
    done = command("lab.verify", "--recording", str(path))
    assert (done.code, done.out.splitlines()[-1]) == (0, "verified")
    other = command("lab.verify", "--recording", str(path), "examples/deny-all")
    assert (other.code, other.out.splitlines()[-1]) == (1, "not verified")


def test_more_probes_than_are_allowed_are_counted_and_not_made(walkthrough: Ended) -> None:
    done = invoke("probe", "--max-probes", "10")
    refused(done, "these are 104 probes, more than 10")
    assert "--port 80/TCP" in done.err
    assert "`--max-probes 104`, which takes about 0 s" in done.err
    assert invoke("probe", "--max-probes", "104").code == 0
    refused(invoke("probe", "--max-probes", "0"), "at least one probe must be allowed")
    verified = command("lab.verify", "--lab", "walk", "--max-probes", "10")
    refused(verified, "these are 104 probes, more than 10")


def test_how_long_many_probes_take_is_told_before(
    walkthrough: Ended, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with EmbeddedLab.connect("walk") as lab:
        assert len(probe.planned(lab, probe.Asked()).questions) == 104
        assert not capsys.readouterr().err
        monkeypatch.setattr(probe, "_MANY", 104)
        probe.planned(lab, probe.Asked())
    said = capsys.readouterr().err
    assert said.startswith("104 probes, about 0 s; to ask less, name fewer by `--port 80/TCP`")


def test_a_long_list_of_probes_is_carried_out_in_pieces(
    walkthrough: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each result stays with its probe, and progress goes on where the piece before ended."""
    monkeypatch.setattr(provider, "_AT_A_TIME", 40)
    told: list[tuple[int, int]] = []
    numbers: list[int] = []
    with EmbeddedLab.connect("walk") as lab:
        made = probe.planned(lab, probe.Asked())
        results = lab.observe(
            made, Patience(), lambda *far: told.append(far), lambda number, _: numbers.append(number)
        )
    assert [each.probe for each in results] == [each.probe for each in made.questions]
    assert Comparison(made, results).verified
    assert numbers == [*range(104)]
    assert told == sorted(told)
    assert told[-1] == (104, 104)


_HEAD = "apiVersion: kubereach.dev/v1alpha1\nkind: Expectations\nexpectations:\n"
_KEPT_OUT = (
    "- {name: b is kept out, from: test-b/test-pod-b, to: test-a/test-pod-a, ports: [80/TCP], verdict: deny,"
    " reason: it is said so}\n"
)
_LET_IN = "- {name: c gets in, from: test-c/*, to: test-b/*, ports: [80/TCP], verdict: only}\n"


def expectations(folder: Path, *items: str) -> str:
    """Write a file of expectations."""
    path = folder / "expect.yaml"
    path.write_text(_HEAD + "".join(items))
    return str(path)


def test_expectations_are_decided_by_packets(walkthrough: Ended, tmp_path: Path) -> None:
    kept = invoke("probe", "--expect", expectations(tmp_path, _LET_IN))
    assert kept.code == 0, kept.err
    assert "1 expectation: 1 holds (" in kept.out
    done = invoke("probe", "--expect", expectations(tmp_path, _KEPT_OUT, _LET_IN))
    assert done.code == 1
    told = " ".join(done.out.split())
    assert (
        "test-b/test-pod-b -> test-a/test-pod-a on TCP 80: seen open, not as expected: deny on TCP 80" in told
    )
    assert "answered by test-a/test-pod-a" in told
    assert "predicted: allowed; agrees ingress of test-a/test-pod-a is open" in told.replace(
        "egress of test-b/test-pod-b is open, no policy selects it ", ""
    )
    assert "expected because: it is said so" in told
    assert "2 expectations: 1 holds, 1 fails" in told


def test_a_build_server_reads_what_packets_decided(walkthrough: Ended, tmp_path: Path) -> None:
    path = expectations(
        tmp_path, _KEPT_OUT, _LET_IN, _KEPT_OUT.replace("deny", "unknown").replace("b is", "a is")
    )
    done = command("lab.verify", "--lab", "walk", "--expect", path, "--format", "junit")
    assert done.code == 1
    root = ET.fromstring(done.out)
    assert [root.get(key) for key in ("tests", "failures", "errors", "skipped")] == ["3", "1", "0", "1"]
    first, second, third = root.iter("testcase")
    assert (first.get("file"), first.get("line")) == (path, "4")
    assert "seen open, not as expected" in str(first[0].get("message"))
    assert len(second) == 0
    assert third[0].tag == "skipped"


def test_a_recording_decides_expectations_too(walkthrough: Ended, tmp_path: Path) -> None:
    path, recorded = expectations(tmp_path, _LET_IN), str(tmp_path / "seen.json")
    assert invoke("probe", "--expect", path, "--output", recorded).code == 0
    done = command("lab.verify", "--recording", recorded, "--expect", path)
    assert (done.code, "1 expectation: 1 holds (" in done.out) == (0, True)


def test_expectations_that_cannot_be_read_or_told_are_refused(walkthrough: Ended, tmp_path: Path) -> None:
    path = expectations(tmp_path, _LET_IN)
    refused(invoke("probe", "--expect", path, "--format", "csv"), "with `--expect` there is no format `csv`")
    refused(
        invoke("probe", "--expect", path, "--port", "80/TCP"), "`--expect` says by itself who is asked what"
    )
    refused(invoke("probe", "--expect", "manifests/network-policy.yaml"), "is no expectation")
    refused(invoke("probe", "--expect", expectations(tmp_path, " []")), "there is no expectation in what")
    refused(command("lab.verify", "--expect", "absent.yaml"), "absent.yaml")


def test_the_running_lab_is_verified_when_no_path_is_given(walkthrough: Ended) -> None:
    done = command("lab.verify", "--lab", "walk")
    assert done.code == 0
    assert done.err == "verifying the running lab `walk`\n"
    assert done.out.endswith("verified\n")


def test_a_second_up_is_refused_and_changes_nothing(walkthrough: Ended) -> None:
    refused(invoke("up", behind=("examples/deny-all",)), "the lab `walk` is up already")
    assert "test-pod-b" in invoke("status").out


def test_a_deploy_of_wrong_manifests_changes_nothing(walkthrough: Ended, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(_POD + "spec: {containers: 7}\n")
    refused(invoke("deploy", behind=(str(tmp_path),)), "containers")
    assert "test-pod-b" in invoke("status").out


@pytest.mark.parametrize("task", ["trace", "shell"])
def test_an_unknown_pod_is_named_with_those_there_are(walkthrough: Ended, task: str) -> None:
    words = ("nobody", "test-pod-b", "80") if task == "trace" else ("nobody",)
    done = invoke(task, *words)
    refused(done, "nobody in this lab is called `nobody`")
    assert "test-a/test-pod-a, test-b/test-pod-b, test-c/test-pod-c, external" in done.err


@pytest.mark.parametrize("port", ["0", "65536", "http", "80-90/TCP", "TCP", "80/FOO", "icmp", "", "8\x1b[1m"])
def test_a_port_that_is_none_is_refused(
    walkthrough: Ended, port: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code = carried_out(lambda console: trace.run(console, "test-pod-a", "test-pod-b", port, name="walk"))
    done = Ended(code, *capfd.readouterr())
    refused(done, "is no port")
    assert "\x1b" not in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--port", "http"), "`http` is no port"),
        (("--port", "90-80/TCP"), "`90-80/TCP` is no port"),
        (("--format", "xml"), "there is no format `xml`"),
        (("--source", "nobody"), "no endpoint is called `nobody`"),
        (("--timeout", "0"), "a timeout is more than 0 seconds"),
        (("--timeout", "soon"), "`soon` is no number"),
        (("--timeout", "nan"), "a timeout is more than 0 seconds"),
        (("--output", "/nowhere/seen.json"), "/nowhere/seen.json"),
        (("--port", "icmp"), "nothing of what was asked for can be probed"),
    ],
)
def test_a_wrong_question_is_refused(walkthrough: Ended, words: tuple[str, ...], message: str) -> None:
    refused(invoke("probe", *words), message)


@pytest.mark.parametrize("task", ["status", "probe", "deploy", "trace", "shell"])
def test_a_lab_that_does_not_run_is_not_found(folder: str, task: str) -> None:
    words = {"trace": ("a", "b", "80"), "shell": ("a",)}.get(task, ())
    refused(invoke(task, *words, name="absent"), "no lab `absent` is running")


@pytest.mark.parametrize("name", ["", "../x", "A b", "x" * 41, "-x-"])
def test_a_name_that_no_lab_can_have_is_refused(folder: str, name: str) -> None:
    refused(command("invoke", "up", f"--name={name}"), "cannot be the name of a lab")


def test_a_quotation_without_its_end_is_refused(walkthrough: Ended) -> None:
    refused(invoke("shell", "test-pod-a", "--command", "echo 'a"), "has a quotation without an end")
    refused(invoke("up", "--manifests", "'a", name="none"), "has a quotation without an end")


def test_no_replicas_at_all_are_refused(folder: str) -> None:
    refused(invoke("up", "--max-replicas", "-1", name="none"), "a workload has at least one replica")
    refused(invoke("up", "--max-replicas", "0", name="none"), "a workload has at least one replica")
    refused(command("lab.verify", "--max-replicas", "0", "manifests"), "a workload has at least one replica")


def test_a_lab_that_is_named_is_verified_or_none(folder: str) -> None:
    refused(command("lab.verify", "--lab", "absent"), "no lab `absent` is running")
    refused(command("lab.verify", "--lab", "A b"), "cannot be the name of a lab")


@pytest.mark.parametrize("provider", ["netns", "context"])
def test_options_that_would_have_no_effect_are_refused(folder: str, provider: str) -> None:
    words = ("--provider", provider, "--nodes", "3", "--retain")
    refused(invoke("up", *words, name="none"), "`--nodes`, `--retain`: only a kind cluster has this")


def test_an_unknown_provider_is_refused(folder: str) -> None:
    refused(invoke("up", "--provider", "docker", name="none"), "there is no provider `docker`")
    assert invoke("status", name="none").code == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_POD + "spec: {containers: 7}\n", "containers"),
        ("{", "broken.yaml"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n", "there is no pod and no workload"),
    ],
)
def test_wrong_manifests_are_refused_before_anything_starts(
    folder: str, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "broken.yaml").write_text(text)
    refused(invoke("up", behind=(str(tmp_path),), name="early"), message)
    refused(invoke("status", name="early"), "no lab `early` is running")
    assert command("lab.verify", str(tmp_path)).code == 2


def test_a_lab_that_runs_out_of_descriptors_says_so_and_leaves_nothing(folder: str, tmp_path: Path) -> None:
    (tmp_path / "many.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: many, namespace: shop}\n"
        "spec: {replicas: 150, selector: {matchLabels: {app: x}}, template: {metadata: {labels: {app: x}},"
        " spec: {containers: [{name: c, image: i}]}}}\n"
    )
    done = subprocess.run(
        # Enough for the pods, not for those who shall answer in them.
        [
            "prlimit",
            "--nofile=260",
            sys.executable,
            "-m",
            "invoke",
            "up",
            "--name",
            "scant",
            "--manifests",
            str(tmp_path),
        ],
        cwd=labs.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    refused(Ended(done.returncode, done.stdout, done.stderr), "Too many open files")
    refused(invoke("status", name="scant"), "no lab `scant` is running")


def test_down_may_be_called_twice(folder: str) -> None:
    assert invoke("up", name="twice").code == 0
    first, second = invoke("down", name="twice"), invoke("down", name="twice")
    assert (first.code, first.err) == (0, "lab `twice` is down\n")
    assert (second.code, second.err) == (0, "no lab `twice` is running\n")
    assert not [path.name for path in Path(folder).rglob("twice*")]


def test_the_demo_tells_the_whole_story_and_leaves_nothing(folder: str) -> None:
    done = command("invoke", "demo")
    assert done.code == 0, done.err
    for title in ("1. Predict", "2. Bring it to life", "3. Probe", "4. Verify"):
        assert title in done.out
    assert ", 0 false, " in done.out
    assert done.out.endswith("the lab is gone again\n")
    assert not [path.name for path in Path(folder).rglob("demo-*")]


def refused(ended: Ended, message: str) -> None:
    """Assert that a command ended with one clear error and exit code 2."""
    assert ended.code == 2, ended.err
    assert ended.out == ""
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert ended.err.count("error: ") == 1
