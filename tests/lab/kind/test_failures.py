"""Where `up` of a kind cluster fails: the reason is told in time, also that of pods, and nothing is left."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from lab import records, steps
from lab.commands import Reading, carried_out, cluster
from lab.providers.context import applying, waiting
from lab.providers.kind import provider
from lab.providers.kind.wanted import Wanted
from tests.fakes.kube_api import Dropped, Reply, Request, status
from tests.fakes.programs.state import State
from tests.lab.kind.cluster import Cluster
from tests.lab.kind.ups import CALICO, WANTED, bring_down, nothing_left, starting, up

_PODS = "/api/v1/namespaces/test-b/pods"


def stuck(**state: Any) -> dict[str, Any]:
    """Return a pod of the lab's that does not run, as a controller of the cluster made it."""
    metadata = {"name": "web-1", "namespace": "test-b", "labels": applying.labels_of("kubereach")}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [{"name": "nginx", "image": "nginx:nowhere"}]},
        "status": {"phase": "Pending", **state},
    }


def event(reason: str, message: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "test-b"},
        "type": "Warning",
        "involvedObject": {"kind": "Pod", "name": "web-1"},
        "reason": reason,
        "message": message,
    }


UNSCHEDULABLE = stuck(
    conditions=[
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/4 nodes are available: 4 Insufficient cpu.",
        }
    ]
)
UNPULLABLE = stuck(
    containerStatuses=[
        {
            "name": "nginx",
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling nginx:nowhere"}},
        }
    ]
)


def test_a_pod_that_is_not_scheduled_is_told_with_its_reason_and_events(
    api: Cluster, fakes: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 1.0)
    api.add(UNSCHEDULABLE, event("FailedScheduling", "4 Insufficient cpu"))
    assert up() == 2
    told = capsys.readouterr().err
    reason = "Unschedulable: 0/4 nodes are available: 4 Insufficient cpu."
    assert f"error: pods are not ready after 1 second: waiting for test-b/web-1: {reason}" in told
    assert "deploying the manifests: failed after" in told
    assert f"  Pod test-b/web-1: {reason}" in told
    assert "  event of Pod test-b/web-1: FailedScheduling: 4 Insufficient cpu" in told
    assert nothing_left(fakes)


def test_an_image_that_cannot_be_pulled_is_given_up_before_the_time_is_over(
    api: Cluster, fakes: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waiting, "_TRIES", 1.0)
    api.add(UNPULLABLE, event("Failed", "Failed to pull image nginx:nowhere: not found"))
    assert up() == 2
    told = capsys.readouterr().err
    assert (
        "error: the pod test-b/web-1 cannot start: ImagePullBackOff: nginx: Back-off pulling nginx:nowhere"
        in told
    )
    assert "event of Pod test-b/web-1: Failed: Failed to pull image nginx:nowhere: not found" in told
    assert nothing_left(fakes)


def test_calico_whose_image_cannot_be_pulled_is_given_up_with_the_reason(
    api: Cluster, fakes: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waiting, "_TRIES", 1.0)
    monkeypatch.setattr(steps, "_HEARTBEAT", 0.2)
    api.stuck = True
    metadata = {"name": "calico-node-x", "namespace": "kube-system", "labels": {"k8s-app": "calico-node"}}
    api.add({**UNPULLABLE, "metadata": metadata})
    assert up() == 2
    told = capsys.readouterr().err
    reason = "ImagePullBackOff: nginx: Back-off pulling nginx:nowhere"
    pod = "the pod kube-system/calico-node-x cannot start"
    assert f"error: DaemonSet kube-system/calico-node is not ready: {pod}: {reason}" in told
    beats = [line for line in told.splitlines() if "waiting for Calico, the nodes and DNS ... " in line]
    assert any(f"; kube-system/calico-node-x: {reason} (" in line for line in beats)
    assert nothing_left(fakes)


def test_a_container_that_lacks_its_configuration_for_a_moment_is_waited_for(
    api: Cluster, fakes: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(provider, "CONTROL", 0.5)
    words = {"reason": "CreateContainerConfigError", "message": 'configmap "later" not found'}
    early = stuck(containerStatuses=[{"name": "nginx", "state": {"waiting": words}}])
    ready = {**early, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    api.next(_PODS, Reply(body={"items": [early]}), Reply(body={"items": [ready]}))
    up()
    told = capsys.readouterr().err
    assert "deploying the manifests: failed" not in told
    assert "control probe: " in told


def test_what_is_waited_for_is_told_while_it_goes_on(
    api: Cluster, fakes: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 4.0)
    monkeypatch.setattr(steps, "_HEARTBEAT", 0.2)
    api.add(UNSCHEDULABLE)
    assert up() == 2
    beats = [line for line in capsys.readouterr().err.splitlines() if "deploying the manifests ... " in line]
    assert any(
        "waiting for test-b/web-1: Unschedulable: 0/4 nodes are available" in line
        and line.endswith("(pods are not ready; at most 4 s)")
        for line in beats
    )


@pytest.mark.parametrize(
    ("denied", "step", "words"),
    [
        ("daemonsets.apps", "installing", 'cannot get resource "daemonsets"'),
        ("list nodes", "installing", 'cannot list resource "nodes"'),
        ("namespaces", "deploying", 'cannot get resource "namespaces"'),
        ("networkpolicies.networking.k8s.io", "deploying", 'cannot get resource "networkpolicies"'),
        ("list pods", "deploying", 'cannot list resource "pods"'),
    ],
)
def test_a_permission_that_is_missing_ends_it_at_once(
    api: Cluster,
    fakes: State,
    capsys: pytest.CaptureFixture[str],
    denied: str,
    step: str,
    words: str,
) -> None:
    api.denied.add(denied)
    assert up() == 2
    told = capsys.readouterr().err
    failed = next(line for line in told.splitlines() if ": failed after " in line)
    assert failed.startswith(step)
    error = next(line for line in told.splitlines() if line.startswith("error: "))
    assert " with 403: " in error
    assert words in error
    assert "the user of this context needs that permission" in told
    assert nothing_left(fakes)


def test_evidence_that_may_not_be_read_does_not_hide_the_rest(
    api: Cluster, fakes: State, capsys: pytest.CaptureFixture[str]
) -> None:
    api.denied.add("list pods")
    api.add(event("FailedScheduling", "4 Insufficient cpu"))
    assert up() == 2
    assert "  event of Pod test-b/web-1: FailedScheduling: 4 Insufficient cpu" in capsys.readouterr().err


def test_an_api_server_that_dies_while_evidence_is_looked_for_leaves_nothing(
    api: Cluster, fakes: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.2)
    api.add(UNSCHEDULABLE)
    api.next("/api/v1/namespaces/test-b/events", Reply(body={"items": []}), *[Dropped()] * 9)
    assert up() == 2
    told = capsys.readouterr().err
    assert "error: pods are not ready after 0.2 seconds" in told
    assert "  nothing more is known: cannot reach the cluster" in told
    assert nothing_left(fakes)


class Refusing(Cluster):
    """A cluster that takes no policy, and does not answer when something is to be deleted."""

    def answer(self, request: Request) -> Reply:
        if request.method == "PATCH" and "/networkpolicies/" in request.path:
            return status(403, "Forbidden", "the quota is used up")
        return Dropped() if request.method == "DELETE" else super().answer(request)


def test_what_cannot_be_removed_again_does_not_hide_why_it_failed(
    fakes: State, capsys: pytest.CaptureFixture[str]
) -> None:
    with Refusing() as api:
        (fakes.folder / "kubeconfig").write_text(api.kubeconfig())
        assert up() == 2
    told = capsys.readouterr().err
    assert "the quota is used up; what was made is left behind: cannot reach the cluster" in told
    assert nothing_left(fakes)


@pytest.mark.parametrize("retain", ["", "retain"])
@pytest.mark.parametrize(
    "step",
    ["creating the kind", r"loading \d+ images", "installing", "waiting for Calico", "deploying"],
)
def test_an_interruption_leaves_nothing_unless_it_is_to_be_retained(
    api: Cluster, fakes: State, tmp_path: Path, step: str, retain: str
) -> None:
    bundle = ""
    if step.startswith("loading"):
        bundle = str(tmp_path / "images.tar")
        saved = Wanted(name="kubereach", manifest=CALICO)
        assert carried_out(lambda console: cluster.save_images(console, Reading(), bundle, saved)) == 0
    fakes.trouble("creation-hangs" if step.startswith("creating") else "loading-hangs")
    api.stuck = step == "waiting for Calico"
    if step == "installing":
        api.next("/api/v1/namespaces/kube-system/configmaps/kubeadm-config", Reply(delay=10))
    if step == "deploying":
        api.add(UNSCHEDULABLE)
    with starting(bundle=bundle, retain=bool(retain)) as process:
        assert process.stderr
        for line in process.stderr:
            if re.match(step, line):
                break
        while not fakes.clusters:
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(0.3)
        began = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        error = process.stderr.read()
    assert time.monotonic() - began < 30, "nothing is waited for any more"
    assert process.returncode == 130, error
    assert "Traceback" not in error
    if retain:
        assert "the kind cluster `kubereach` is kept" in error
        assert list(fakes.clusters) == ["kubereach"]
        fakes.trouble()
        assert bring_down() == 0
    else:
        assert "the kind cluster `kubereach` was removed again" in error
    assert nothing_left(fakes)


def test_a_creation_that_failed_and_was_retained_can_be_brought_down(
    fakes: State, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes.trouble("kubeadm-fails")
    assert up(Wanted(name="kubereach", manifest=CALICO, retain=True)) == 2
    assert list(fakes.clusters) == ["kubereach"]
    fakes.trouble()
    assert up() == 2
    assert "the lab `kubereach` is up already" in capsys.readouterr().err
    assert bring_down() == 0
    assert nothing_left(fakes)


def test_a_machine_on_which_kubelet_would_not_start_is_told_before_anything_is_made(
    fakes: State, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes.trouble("cgroup-v1")
    assert up() == 2
    assert " does not start on cgroup v1, which this machine has" in capsys.readouterr().err
    assert {call["words"][0] for call in fakes.calls("kind")} <= {"version"}


def test_down_does_not_need_the_api_server(api: Cluster, fakes: State) -> None:
    assert carried_out(lambda console: cluster.create(console, WANTED)) == 0
    record = records.load("kubereach")
    assert record
    with socket.socket() as silent:  # takes connections, and never says anything
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        path = Path(record.kubeconfig)
        path.write_text(path.read_text().replace(api.url, f"http://127.0.0.1:{silent.getsockname()[1]}"))
        began = time.monotonic()
        assert bring_down() == 0
        assert time.monotonic() - began < 30
    assert nothing_left(fakes)


def test_the_control_probes_pods_stay_to_be_looked_at_when_they_do_not_come_up(
    api: Cluster, fakes: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(provider, "CONTROL", 0.5)
    (container,) = UNPULLABLE["status"]["containerStatuses"]
    api.kubelet.held["kubereach-control/source"] = container["state"]
    assert up() == 2
    told = capsys.readouterr().err
    assert "control probe: one connection that must work, one that must not: failed after" in told
    assert "  Pod kubereach-control/source: ImagePullBackOff: agnhost" in told
    assert nothing_left(fakes)
