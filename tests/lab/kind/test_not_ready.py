"""A cluster that does not become ready: `up` shows what somebody needs to see why, and gives it up."""

from __future__ import annotations

import pytest

from lab.providers.context import waiting
from lab.providers.kind import provider
from tests.fakes.programs.state import State
from tests.lab.kind.cluster import NODE, Cluster
from tests.lab.kind.ups import nothing_left, up

_NO_CNI = "KubeletNotReady: container runtime network not ready: NetworkReady=false"
_STEP = "waiting for Calico, the nodes and DNS: failed after "


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "PATIENCE", 2.0)
    monkeypatch.setattr(waiting, "_TRIES", 1.0)


def shown(capsys: pytest.CaptureFixture[str], step: str = _STEP) -> list[str]:
    """Return what was told from the step that failed on; pods by what made them."""
    lines = capsys.readouterr().err.splitlines()
    failed = next(number for number, line in enumerate(lines) if line.startswith(step))
    return lines[failed + 1 :]


def has(lines: list[str], *parts: str) -> bool:
    return any(all(part in line for part in parts) for line in lines)


@pytest.mark.parametrize("image", ["calico/node", "calico/cni"])
def test_an_image_of_calico_that_cannot_be_pulled(
    api: Cluster, fakes: State, capsys: pytest.CaptureFixture[str], image: str
) -> None:
    api.kubelet.unpullable.add(image)
    assert up() == 2
    lines = shown(capsys)
    assert has(lines, "  Pod kube-system/calico-node-", ": ImagePullBackOff: ", image)
    assert has(lines, "  event of Pod kube-system/calico-node-", "Failed to pull image", "no such host")
    error = next(line for line in lines if line.startswith("error: "))
    assert "DaemonSet kube-system/calico-node is not ready: the pod kube-system/calico-node-" in error
    assert f"cannot start: ImagePullBackOff: {'mount-helper' if 'node' in image else 'install-cni'}" in error
    assert has(lines, "help: nodes must reach the image's registry")
    assert nothing_left(fakes)


@pytest.mark.parametrize("container", ["calico-node", "install-cni"])
def test_a_container_of_calico_that_ends_again_and_again(
    api: Cluster, fakes: State, capsys: pytest.CaptureFixture[str], container: str
) -> None:
    api.kubelet.crashing[container] = "starting\nno valid host interfaces found\n"
    assert up() == 2
    lines = shown(capsys)
    assert has(lines, f"CrashLoopBackOff: {container}: it ended with exit code 1, after 4 restarts")
    assert has(lines, "  log of calico-node-", f"/{container}: no valid host interfaces found")
    pods = [line for line in lines if line.startswith("  Pod ")]
    assert "kube-system/calico-node-" in pods[0], "the cause comes before those that wait for it"
    assert nothing_left(fakes)


def test_a_node_that_is_not_ready(
    api: Cluster, fakes: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(api.kubelet, "networked", lambda _: False)
    assert up() == 2
    lines = shown(capsys)
    assert has(lines, f"  Node {NODE}: {_NO_CNI}")
    assert has(lines, f"error: the nodes are not ready after 2 seconds: not Ready: {NODE}: {_NO_CNI}")
    assert nothing_left(fakes)


def test_dns_that_no_node_takes(api: Cluster, fakes: State, capsys: pytest.CaptureFixture[str]) -> None:
    api.kubelet.pending |= {f"{space}/{name}" for space, name in api.objects("pods")}
    assert up() == 2
    lines = shown(capsys)
    why = "Unschedulable: 0/2 nodes are available: 2 Insufficient cpu."
    assert has(lines, "  Pod kube-system/coredns-", why)
    assert has(lines, "error: Deployment kube-system/coredns is not ready after 2 seconds", why)
    assert nothing_left(fakes)


def test_controllers_that_crash_are_told_and_nothing_of_what_is_over(
    api: Cluster, fakes: State, capsys: pytest.CaptureFixture[str]
) -> None:
    api.kubelet.crashing["calico-kube-controllers"] = "Failed to initialize datastore\n"
    assert up() == 2
    lines = shown(capsys)
    assert has(lines, "/calico-kube-controllers: Failed to initialize datastore")
    assert not has(lines, "FailedScheduling"), "DNS had to wait for the network, and runs now"
    assert nothing_left(fakes)


def test_what_pods_say_is_told_once(api: Cluster, fakes: State, capsys: pytest.CaptureFixture[str]) -> None:
    api.kubelet.crashing["calico-node"] = "no valid host interfaces found\n"
    assert up() == 2
    assert capsys.readouterr().err.count("no valid host interfaces found") == 1
