"""kind clusters by their commands: what is told when something is wrong, and that nothing is left of it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from analyzer.console import Console
from lab import records
from lab.commands import Reading, carried_out, cluster
from lab.commands.up import _is_kind
from lab.providers.kind import cluster as kind_cluster, engines, images
from lab.providers.kind.config import API
from lab.providers.kind.wanted import Wanted
from tests.fakes.programs.state import State
from tests.lab.kind.ups import CALICO, kept, starting
from tests.lab.labs import command


@pytest.fixture(autouse=True)
def nowhere(fakes: State, tmp_path: Path) -> None:
    """Let the kubeconfig that kind writes lead to nobody."""
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "kind-kubereach", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "kind-kubereach", "user": {"token": "secret"}}],
        "contexts": [
            {"name": "kind-kubereach", "context": {"cluster": "kind-kubereach", "user": "kind-kubereach"}}
        ],
        "current-context": "kind-kubereach",
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))


def wanted(**options: object) -> Wanted:
    return Wanted(**{"name": "kubereach", "manifest": CALICO, **options})  # type: ignore[arg-type]


def up(**options: object) -> int:
    return carried_out(lambda console: cluster.up(console, Reading(), wanted(**options)))


def create(**options: object) -> int:
    return carried_out(lambda console: cluster.create(console, wanted(**options)))


def delete() -> int:
    return carried_out(lambda console: cluster.delete(console, name="kubereach"))


@pytest.mark.parametrize(
    ("trouble", "options", "message"),
    [
        ("no-daemon", {}, "the daemon of docker does not answer"),
        ("permission", {}, "you may not use the socket of docker"),
        ("rootless cgroup-v1", {}, "needs cgroup v2"),
        ("rootless not-delegated", {}, "may not limit memory, processes and CPU"),
        ("", {"name": "A B"}, "cannot be the name of a lab"),
        ("", {"nodes": 99}, "of 99 nodes is not to be had"),
        ("", {"cni": "cilium"}, "with the CNI `cilium` are not made"),
        ("", {"kubernetes": "latest"}, "is no version of Kubernetes"),
        ("", {"manifest": "", "calico": "3"}, "is no version of Calico"),
        ("", {"manifest": "nowhere.yaml"}, "`nowhere.yaml` cannot be read"),
        ("", {"manifest": "manifests/pods.yaml"}, "has no DaemonSet calico-node"),
        ("", {"variables": ("X",)}, "`X` sets no variable"),
        ("", {"bundle": "README.md"}, "is no file of images"),
    ],
)
def test_what_cannot_work_is_told_before_anything_is_made(
    fakes: State,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    trouble: str,
    options: dict[str, object],
    message: str,
) -> None:
    (tmp_path / "bin" / "podman").unlink()
    fakes.trouble(*trouble.split())
    assert up(**options) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert {call["words"][0] for call in fakes.calls("kind")} <= {"version"}
    assert kept(fakes) == []


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ("port-taken", "is taken: 127.0.0.1:6443"),
        ("pull-fails", "cannot be pulled"),
        ("kubeadm-fails", "Kubernetes did not start"),
        ("node-does-not-start", "did not start up"),
    ],
)
def test_a_creation_that_fails_leaves_nothing(
    fakes: State, tmp_path: Path, capsys: pytest.CaptureFixture[str], trouble: str, message: str
) -> None:
    fakes.trouble(trouble)
    assert up() == 2
    error = capsys.readouterr().err
    assert message in error
    assert "failed after" in error
    assert fakes.clusters == {}
    assert kept(fakes) == []


def test_a_cluster_of_somebody_else_is_left_alone(
    fakes: State, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes.keep("clusters", {"kubereach": ["kubereach-control-plane"]})
    assert up() == 2
    assert (
        "there is a kind cluster `kubereach` already, which this lab did not make" in capsys.readouterr().err
    )
    assert list(fakes.clusters) == ["kubereach"]
    assert not [call for call in fakes.calls("kind") if call["words"][0] == "delete"]


def test_a_failed_cluster_is_kept_when_it_is_to_be_retained(
    fakes: State, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes.trouble("kubeadm-fails")
    assert up(retain=True) == 2
    assert "the kind cluster `kubereach` is kept" in capsys.readouterr().err
    assert list(fakes.clusters) == ["kubereach"]


def test_a_configuration_of_the_old_api_group_is_told_by_its_line(
    fakes: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("kind-config.yaml").write_text("kind: Cluster\napiVersion: kind.sigs.k8s.io/v1alpha3\n")
    assert create() == 2
    error = capsys.readouterr().err
    assert "kind-config.yaml:2:1: error: apiVersion: kind does not read" in error


def test_a_cluster_is_created_once_and_deleted_twice(
    fakes: State, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert create(nodes=2) == 0
    first = capsys.readouterr()
    assert first.out == ""
    assert "creating the kind cluster `kubereach` (2 nodes, docker 28.2.2): " in first.err
    record = records.load("kubereach")
    assert record
    assert (record.provider, record.context) == ("kind", "kind-kubereach")
    assert Path(record.kubeconfig).parent == tmp_path / "state" / "kubereach" / "labs"
    assert create(nodes=2) == 0
    assert "is there already" in capsys.readouterr().err
    assert len([call for call in fakes.calls("kind") if call["words"][0] == "create"]) == 1
    assert delete() == 0
    assert capsys.readouterr().err == "lab `kubereach` is down\n"
    assert delete() == 0
    assert capsys.readouterr().err == "no lab `kubereach` is running\n"
    assert fakes.clusters == {}
    assert kept(fakes) == []


def test_the_users_own_kubeconfig_is_not_touched(
    fakes: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.write_text("current-context: production\n")
    monkeypatch.setenv("KUBECONFIG", str(own))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert create() == 0
    assert delete() == 0
    assert own.read_text() == "current-context: production\n"
    assert not (tmp_path / "home").exists()


def test_podman_is_told_to_kind(fakes: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "podman")
    assert create() == 0
    monkeypatch.delenv("KIND_EXPERIMENTAL_PROVIDER")
    assert delete() == 0, "the record knows the engine"
    assert {call["engine"] for call in fakes.calls("kind")} == {"podman"}


def test_what_may_go_wrong_is_told_and_tried(fakes: State, capsys: pytest.CaptureFixture[str]) -> None:
    fakes.trouble("little-memory kubeadm-fails")
    assert up(kubernetes="v1.37.0") == 2
    error = capsys.readouterr().err
    assert "note: docker has 1.0 GiB of memory, and 4 nodes need about 2.7 GiB" in error
    assert "note: Calico 3.32 is tested with Kubernetes 1.34 to 1.36, and the nodes have 1.37" in error
    assert [call["words"][0] for call in fakes.calls("kind")].count("create") == 1


def test_a_cluster_alone_needs_no_calico(fakes: State) -> None:
    assert create(manifest="nowhere.yaml") == 0


def test_kind_is_given_tested_images(fakes: State) -> None:
    assert create() == 0
    configuration = json.loads(next(call["stdin"] for call in fakes.calls("kind") if call["stdin"]))
    assert {node["image"].partition("@")[0] for node in configuration["nodes"]} == {"kindest/node:v1.37.0"}
    assert configuration["networking"]["disableDefaultCNI"] is True


def test_with_kindnet_no_manifest_of_calico_is_needed(fakes: State) -> None:
    assert create(cni="kindnet", manifest="") == 0
    configuration = json.loads(next(call["stdin"] for call in fakes.calls("kind") if call["stdin"]))
    assert configuration["networking"]["disableDefaultCNI"] is False


def test_a_kind_whose_network_does_not_enforce_policies_is_refused(
    fakes: State, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes.trouble("old-kind")
    assert create(cni="kindnet", kubernetes="v1.34.0", manifest="") == 2
    assert "the network of kind v0.23 does not enforce policies" in capsys.readouterr().err
    assert create(cni="calico", kubernetes="v1.34.0") == 0


def test_a_kind_that_is_too_old_for_a_kubernetes_is_refused(
    fakes: State, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes.trouble("old-kind")
    assert create() == 2
    error = capsys.readouterr().err
    assert "kind v0.23 cannot bring up Kubernetes 1.37" in error
    assert "update kind to 0.32 or later" in error
    assert fakes.clusters == {}
    assert create(kubernetes="v1.36.4") == 0


def test_calico_is_not_installed_beside_kinds_own_network(
    fakes: State, capsys: pytest.CaptureFixture[str]
) -> None:
    assert create(cni="kindnet", manifest="") == 0
    assert carried_out(lambda console: cluster.install(console, name="kubereach")) == 2
    assert "has kind's own network, beside which Calico cannot live" in capsys.readouterr().err


def test_the_package_that_speaks_with_clusters_is_asked_for_before_anything_is_made(
    fakes: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kind_cluster, "find_spec", lambda _: None)
    monkeypatch.setattr(engines, "find_spec", lambda _: None)
    assert up() == 2
    assert "through the package `kubernetes`, which is not installed" in capsys.readouterr().err
    assert fakes.calls("kind") == []
    assert not engines.usable()


@pytest.mark.parametrize("step", ["install", "patch"])
def test_a_step_without_a_cluster_says_which_comes_first(
    fakes: State, capsys: pytest.CaptureFixture[str], step: str
) -> None:
    assert carried_out(lambda console: getattr(cluster, step)(console, name="kubereach")) == 2
    assert "make a cluster first: `invoke cluster.create`" in capsys.readouterr().err


def test_images_are_saved_and_loaded_where_there_is_no_network(
    fakes: State, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "images.tar")

    def save(console: Console) -> int:
        return cluster.save_images(console, Reading(), path, wanted())

    def load(console: Console) -> int:
        return cluster.load_images(console, path, name="kubereach")

    assert carried_out(save) == 0
    pulled = {
        call["words"][-1].partition("@")[0] for call in fakes.calls("docker") if call["words"][0] == "pull"
    }
    assert pulled >= {"kindest/node:v1.37.0", "nginx", "quay.io/calico/node:v3.32.1"}
    assert any("agnhost" in image for image in pulled)
    fakes.keep("images", [])
    fakes.trouble("pull-fails")
    assert carried_out(load) == 0
    assert "there is no kind cluster `kubereach` yet" in capsys.readouterr().err
    fakes.trouble()
    assert create(bundle=path, manifest="") == 0
    error = capsys.readouterr().err
    assert "loading the node image kindest/node:v1.37.0 into docker: " in error
    assert "images onto the nodes: " in error
    configuration = json.loads(next(call["stdin"] for call in fakes.calls("kind") if call["stdin"]))
    assert {node["image"] for node in configuration["nodes"]} == {"kindest/node:v1.37.0"}
    assert carried_out(load) == 0
    assert fakes.calls("kind")[-1]["words"][:2] == ["load", "image-archive"]


def test_what_is_saved_is_what_the_configuration_needs(
    fakes: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its nodes' own images are saved, and Calico only where it comes."""
    (tmp_path / "pod.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: shop}]}\n"
    )
    node = "mine:v1.36.0@sha256:1"
    (tmp_path / "kind-config.yaml").write_text(
        f"kind: Cluster\napiVersion: {API}\nnodes:\n- role: control-plane\n  image: {node}\n"
    )
    monkeypatch.chdir(tmp_path)
    reading = Reading(paths=("pod.yaml",))

    def save(console: Console) -> int:
        return cluster.save_images(console, reading, "images.tar", wanted(manifest="", probe="my/agnhost:1"))

    assert carried_out(save) == 0
    pulled = [call["words"][-1] for call in fakes.calls("docker") if call["words"][0] == "pull"]
    assert pulled == [node, "shop", "my/agnhost:1"]
    made = images.opened(tmp_path / "images.tar")
    assert (made.node, made.calico) == ("mine:v1.36.0", "")
    assert create(bundle="images.tar", manifest="") == 0
    configuration = json.loads(next(call["stdin"] for call in fakes.calls("kind") if call["stdin"]))
    assert configuration["nodes"] == [{"role": "control-plane", "image": "mine:v1.36.0"}]


def test_options_of_calico_are_refused_where_it_does_not_come(
    fakes: State, capsys: pytest.CaptureFixture[str]
) -> None:
    assert up(cni="kindnet") == 2
    assert "`--calico-manifest` would have no effect on kind's own network" in capsys.readouterr().err
    assert fakes.clusters == {}


def test_an_interrupted_creation_leaves_nothing(fakes: State, tmp_path: Path) -> None:
    fakes.trouble("creation-hangs")
    with starting() as process:
        while not fakes.clusters:
            assert process.poll() is None
        os.kill(process.pid, signal.SIGINT)
        assert process.stderr
        error = process.stderr.read()
    assert process.returncode == 130
    assert "the kind cluster `kubereach` was removed again" in error
    assert "Traceback" not in error
    assert fakes.clusters == {}
    assert kept(fakes) == []


def test_lines_of_steps_go_to_standard_error_only(fakes: State, capsys: pytest.CaptureFixture[str]) -> None:
    assert create() == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1].startswith("kubectl: export KUBECONFIG=")


def test_the_tasks_take_kinds_options(fakes: State) -> None:
    options = ("--provider", "kind", "--calico-env", "A=1", "--calico-env", "B", "--retain", "--nodes", "2")
    done = command("invoke", "up", *options, "--calico-manifest", CALICO, "--", "examples/deny-all")
    assert done.code == 2
    assert "`B` sets no variable" in done.err
    listed = command("invoke", "--list").out
    for name in ("cluster.create", "cluster.delete", "calico.install", "calico.patch", "images.save"):
        assert name in listed


def test_replicas_cannot_be_cut_in_a_kind_cluster(fakes: State) -> None:
    done = command("invoke", "up", "--provider", "kind", "--max-replicas", "1")
    assert (done.code, fakes.calls()) == (2, [])
    assert "a kind cluster gets the manifests as they are" in done.err


@pytest.mark.parametrize(
    ("reading", "trouble", "kind"),
    [
        (Reading(), "", True),
        (Reading(cni="kindnet"), "", True),
        (Reading(cni="cilium"), "", False),
        (Reading(max_replicas=1), "", False),
        (Reading(), "no-daemon", False),
        (Reading(), "rootless cgroup-v1", False),
    ],
)
def test_auto_is_kind_where_an_engine_answers_and_kind_can_do_it(
    fakes: State, reading: Reading, trouble: str, kind: object
) -> None:
    fakes.trouble(*trouble.split())
    assert _is_kind("auto", reading) is kind
