"""The walkthrough on kind by its commands: stand-ins for kind and Docker, an API server, real packets."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from lab import records, steps
from lab.commands import Reading, carried_out, cluster as commands
from lab.providers.kind import provider
from lab.providers.kind.wanted import Wanted
from tests.fakes.engines import installed
from tests.fakes.programs.state import State
from tests.lab import labs, sandbox
from tests.lab.context.conftest import daemon_set
from tests.lab.kind.cluster import DONE
from tests.lab.kind.ups import CALICO
from tests.lab.kind.walking import UP, Cluster, invoke
from tests.lab.labs import ROOT, Ended, command

pytestmark = [pytest.mark.lab]


@pytest.fixture(scope="module")
def fakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    """Let kind and Docker be ours, and labs have folders of their own."""
    sandbox.inside(rootless=os.geteuid() != 0)
    folder = tmp_path_factory.mktemp("fakes")
    with labs.runtime_folder(), pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_STATE_HOME", str(folder / "state"))
        environment.setenv("PYTHONPATH", str(ROOT))
        yield installed(environment, folder, "kind", "docker")


@pytest.fixture(scope="module")
def api(fakes: State, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster that the stand-in for kind leads to."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as made:
        (fakes.folder / "kubeconfig").write_text(made.kubeconfig())
        yield made


@pytest.fixture(scope="module")
def walkthrough(api: Cluster, fakes: State) -> Iterator[Ended]:
    """Bring the lab up."""
    yield invoke("up", *UP)
    invoke("down")


def test_up_goes_all_the_way_in_steps(walkthrough: Ended) -> None:
    assert walkthrough.code == 0, walkthrough.err
    assert walkthrough.out == ""
    steps = [line.rpartition(": ")[0] for line in walkthrough.err.splitlines() if line.endswith(" s")]
    assert steps == [
        "creating the kind cluster `kubereach` (2 nodes, docker 28.2.2)",
        f"installing {CALICO}",
        "waiting for Calico, the nodes and DNS",
        "deploying the manifests",
        "control probe: one connection that must work, one that must not",
    ]
    told = "a kind cluster with calico: 3 pods, 2 nodes, 1 policy (and 4 pods of the system) ("
    assert f"lab `kubereach` is up, {told}" in walkthrough.err


def test_nothing_is_left_of_the_control_probe(walkthrough: Ended, api: Cluster) -> None:
    spaces = {key[1] for key in api.objects("namespaces")}
    assert spaces == {"test-a", "test-b", "test-c"}


def test_status_shows_where_the_pods_are(walkthrough: Ended) -> None:
    shown = invoke("status")
    assert shown.code == 0, shown.err
    rows = {words[1]: words for words in map(str.split, shown.out.splitlines()[1:])}
    assert rows["test-pod-b"][2].startswith("10.244.")
    assert "test-b/network-policy" in rows["test-pod-b"]


def test_the_three_connections_of_the_walkthrough(walkthrough: Ended) -> None:
    probed = invoke("probe", "--port", "80/TCP", "--format", "json")
    assert probed.code == 0, probed.err + probed.out[-2000:]
    seen = {
        (each["source"], each["destination"]): each["observed"]
        for each in json.loads(probed.out)["observations"]
    }
    assert seen["test-a/test-pod-a", "test-b/test-pod-b"] == "dropped"
    assert seen["test-c/test-pod-c", "test-b/test-pod-b"] == "open"
    assert seen["test-a/test-pod-a", "test-c/test-pod-c"] == "open"


def test_prediction_and_observation_agree(walkthrough: Ended) -> None:
    done = command("lab.verify", "--port", "80/TCP")
    assert (done.code, done.out.splitlines()[-1]) == (0, "verified"), done.err


def test_changed_manifests_are_deployed(walkthrough: Ended) -> None:
    done = invoke("deploy", behind=("manifests",))
    assert done.code == 0, done.err
    assert "lab `kubereach` has changed: 3 pods" in done.err


def test_a_second_up_is_refused(walkthrough: Ended, fakes: State) -> None:
    again = invoke("up", *UP)
    assert again.code == 2
    assert "the lab `kubereach` is up already" in again.err
    assert list(fakes.clusters) == ["kubereach"]


def test_down_removes_the_cluster_twice(walkthrough: Ended, fakes: State) -> None:
    for told in ("lab `kubereach` is down\n", "no lab `kubereach` is running\n"):
        done = invoke("down")
        assert (done.code, done.err) == (0, told)
    assert fakes.clusters == {}
    assert records.names() == []


def test_a_network_that_enforces_nothing_fails_the_control_probe_and_is_removed(
    api: Cluster, fakes: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api.clear()
    monkeypatch.setattr(provider, "CONTROL", 2.0)
    monkeypatch.setattr(steps, "_HEARTBEAT", 0.01)  # each line that is told is seen
    monkeypatch.setattr(api, "deaf", True)
    wanted = Wanted(name="deaf", manifest=CALICO)
    assert carried_out(lambda console: commands.up(console, Reading(), wanted)) == 2
    error = capsys.readouterr().err
    assert ": probing a connection that a policy forbids\n" in error
    assert "the cluster does not work as a lab: a connection that a policy forbids was open" in error
    assert "the kind cluster `deaf` was removed again" in error
    assert "deaf" not in fakes.clusters
    assert "deaf" not in records.names()


@pytest.mark.parametrize("step", ["deploying the manifests ...", "control probe: "])
def test_an_interruption_of_a_late_step_leaves_nothing(api: Cluster, fakes: State, step: str) -> None:
    api.clear()
    words = ["invoke", "up", "--name", "late", *UP]
    with subprocess.Popen(
        [sys.executable, "-m", *words], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        for line in process.stderr:
            if line.startswith(step):
                break
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGINT)
        error = process.stderr.read()
    assert process.returncode == 130, error
    assert "the kind cluster `late` was removed again" in error
    assert "Traceback" not in error
    assert "late" not in fakes.clusters
    assert "late" not in records.names()


def test_kinds_own_network_is_a_second_opinion(api: Cluster, fakes: State) -> None:
    api.clear()
    api.add({**daemon_set("kindnet"), "status": DONE["DaemonSet"]})
    words = ("--provider", "kind", "--cni", "kindnet", "--name", "second")
    done = invoke("up", *words)
    assert done.code == 0, done.err
    assert "a kind cluster with kindnet: 3 pods" in done.err
    assert not [key for key in api.objects("daemonsets", "apps") if key[1] == "calico-node"]
    verified = command("lab.verify", "--lab", "second", "--port", "80/TCP")
    assert (verified.code, verified.out.splitlines()[-1]) == (0, "verified"), verified.err
    assert invoke("down", "--name", "second").code == 0


@pytest.fixture(scope="module")
def walk(api: Cluster, fakes: State) -> Iterator[Ended]:
    """A lab whose nodes can be entered as well: they are called as those of the API server's."""
    api.clear()
    programs = fakes.folder / "node"
    programs.mkdir()
    for name in ("sh", "bash", "curl", "sleep", "timeout"):
        found = shutil.which(name)
        assert found, f"{name} is on this machine"
        (programs / name).symlink_to(found)
    words = [sys.executable, "-m", "tests.lab.context.inside", "behind"]
    fakes.keep("inside", {"words": words, "path": str(programs)})
    yield invoke("up", "--name", "walk", "--provider", "kind", "--calico-manifest", CALICO)
    invoke("down", "--name", "walk")


def test_where_no_container_can_be_added_pods_ask_through_their_nodes(
    walk: Ended, api: Cluster, fakes: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert walk.code == 0, walk.err
    monkeypatch.setattr(api, "denied", {"pods/ephemeralcontainers"})
    probed = invoke("probe", "--name", "walk", "--port", "80/TCP", "--format", "json")
    assert probed.code == 0, probed.err + probed.out[-2000:]
    assert probed.err.startswith(
        "3 pods asked by nsenter on their node; test-a/test-pod-a: the cluster answers "
    )
    assert 'cannot patch resource "pods/ephemeralcontainers"' in probed.err
    seen = {
        (each["source"], each["destination"]): each["observed"]
        for each in json.loads(probed.out)["observations"]
    }
    assert seen["test-a/test-pod-a", "test-b/test-pod-b"] == "dropped"
    assert seen["test-c/test-pod-c", "test-b/test-pod-b"] == "open"
    entered = {call["words"][2] for call in fakes.calls("docker") if "nsenter" in call["words"]}
    assert entered == {"walk-worker", "walk-worker2"}


def test_where_the_image_cannot_be_pulled_pods_ask_through_their_nodes(
    walk: Ended, api: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "unpullable", {"agnhost"})
    done = command("lab.verify", "--lab", "walk", "--port", "80/TCP")
    assert (done.code, done.out.splitlines()[-1]) == (0, "verified"), done.err
    assert "3 pods asked by nsenter on their node" in done.out + done.err


def test_where_nodes_cannot_help_either_pods_ask_from_their_own_containers(
    walk: Ended, api: Cluster, fakes: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "unpullable", {"agnhost"})
    fakes.trouble("no-crictl")
    probed = invoke("probe", "--name", "walk", "--port", "80/TCP")
    fakes.trouble()
    assert probed.code == 0, probed.err
    why = "its ephemeral container cannot run: ImagePullBackOff: kubereach-probe-0"
    assert probed.err.startswith(f"3 pods asked by curl in their own container; test-a/test-pod-a: {why}")
    assert probed.err.count("\n") == 1


def test_ctrl_c_ends_what_runs_on_nodes_at_once(
    walk: Ended, api: Cluster, fakes: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "denied", {"pods/ephemeralcontainers"})
    before = len(fakes.calls("docker"))
    fakes.trouble("nsenter-hangs")
    words = [sys.executable, "-m", "invoke", "probe", "--name", "walk", "--port", "80/TCP"]
    with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as probing:
        ends = time.monotonic() + 30
        while sum("nsenter" in call["words"] for call in fakes.calls("docker")[before:]) < 3:
            assert time.monotonic() < ends, "the probe starts"
            time.sleep(0.05)
        time.sleep(0.2)
        probing.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, error = probing.communicate(timeout=30)
    fakes.trouble()
    assert probing.returncode == 130
    assert b"Traceback" not in error
    assert time.monotonic() - began < 10
