"""From nothing to a lab on kind, with an API server behind it: where steps fail, nothing is left."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from lab import records
from lab.commands import carried_out, cluster, status
from lab.providers.kind import provider
from lab.providers.kind.wanted import Wanted
from tests.fakes.programs.state import State
from tests.lab.kind.cluster import Cluster
from tests.lab.kind.ups import CALICO, WANTED, bring_down, nothing_left, starting, up


def test_the_steps_one_by_one(api: Cluster, fakes: State, capsys: pytest.CaptureFixture[str]) -> None:
    assert carried_out(lambda console: cluster.create(console, WANTED)) == 0
    for _ in range(2):
        assert carried_out(lambda console: cluster.install(console, name="kubereach", manifest=CALICO)) == 0
    assert "waiting for Calico, the nodes and DNS: " in capsys.readouterr().err
    assert api.variables()["CALICO_IPV4POOL_CIDR"] == "10.244.0.0/16"
    for told in ("calico-node: A set", "calico-node: nothing to change"):
        assert carried_out(lambda console: cluster.patch(console, name="kubereach", variables=["A=1"])) == 0
        assert told in capsys.readouterr().err
    assert api.variables()["A"] == "1"
    for told in ("lab `kubereach` is down", "no lab `kubereach` is running"):
        assert bring_down() == 0
        assert told in capsys.readouterr().err
    assert nothing_left(fakes)


def test_the_families_of_kinds_configuration_reach_kind_and_calico(
    api: Cluster, fakes: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    subnets = "10.7.0.0/16,fd00:7::/56"
    networking = f"{{ipFamily: dual, podSubnet: '{subnets}', disableDefaultCNI: true}}"
    head = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n"
    Path("kind-config.yaml").write_text(f"{head}networking: {networking}\n")
    told = api.objects("configmaps")["kube-system", "kubeadm-config"]
    told["data"]["ClusterConfiguration"] = f"networking:\n  podSubnet: {subnets}\n"
    assert carried_out(lambda console: cluster.create(console, WANTED)) == 0
    given = json.loads(next(call["stdin"] for call in fakes.calls("kind") if call["stdin"]))
    assert (given["networking"]["ipFamily"], given["networking"]["podSubnet"]) == ("dual", subnets)
    for _ in range(2):
        assert carried_out(lambda console: cluster.install(console, name="kubereach", manifest=CALICO)) == 0
    found = api.variables()
    assert (found["CALICO_IPV4POOL_CIDR"], found["CALICO_IPV6POOL_CIDR"]) == tuple(subnets.split(","))
    assert bring_down() == 0


def test_both_families_with_a_pod_network_of_one_are_a_doubt(
    api: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    head = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n"
    Path("kind-config.yaml").write_text(
        f"{head}networking: {{ipFamily: dual, podSubnet: 10.7.0.0/16, disableDefaultCNI: true}}\n"
    )
    assert carried_out(lambda console: cluster.create(console, WANTED)) == 0
    assert "note: `ipFamily: dual` with a `podSubnet` of IPv4 gives pods no IPv6" in (capsys.readouterr().err)
    assert bring_down() == 0


def test_an_api_server_that_does_not_answer_leaves_nothing(
    fakes: State, capsys: pytest.CaptureFixture[str]
) -> None:
    with Cluster() as gone:
        kubeconfig = gone.kubeconfig()
    (fakes.folder / "kubeconfig").write_text(kubeconfig)
    assert up() == 2
    error = capsys.readouterr().err
    assert "cannot reach the cluster" in error
    assert "the kind cluster `kubereach` was removed again" in error
    assert nothing_left(fakes)


def test_a_calico_that_never_comes_up_is_told_and_removed(
    api: Cluster, fakes: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(provider, "PATIENCE", 0.5)
    api.stuck = True
    about = {"involvedObject": {"kind": "Pod", "name": "calico-node-x"}}
    event = {"type": "Warning", "reason": "Failed", "message": "Failed to pull image", **about}
    api.add(
        {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "kube-system"}, **event}
    )
    assert up() == 2
    error = capsys.readouterr().err
    assert "DaemonSet kube-system/calico-node is not ready after 0.5 seconds" in error
    assert "  event of Pod kube-system/calico-node-x: Failed: Failed to pull image" in error
    assert nothing_left(fakes)


def test_what_is_retained_is_a_lab_that_can_be_brought_down(
    api: Cluster, fakes: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(provider, "PATIENCE", 0.5)
    api.stuck = True
    assert up(Wanted(name="kubereach", manifest=CALICO, retain=True)) == 2
    assert "the kind cluster `kubereach` is kept" in capsys.readouterr().err
    assert list(fakes.clusters) == ["kubereach"]
    assert up() == 2
    assert "the lab `kubereach` is up already" in capsys.readouterr().err
    assert bring_down() == 0
    assert nothing_left(fakes)


def test_a_variable_of_calico_that_is_asked_for_is_set(
    api: Cluster, fakes: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "PATIENCE", 0.1)
    api.stuck = True
    up(Wanted(name="kubereach", manifest=CALICO, variables=("FELIX_LOGSEVERITYSCREEN=Debug",)))
    assert api.variables()["FELIX_LOGSEVERITYSCREEN"] == "Debug"


def test_an_interruption_while_calico_is_awaited_leaves_nothing(api: Cluster, fakes: State) -> None:
    api.stuck = True
    with starting() as process:
        assert process.stderr
        for line in process.stderr:
            if line.startswith("waiting for Calico"):
                break
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGINT)
        error = process.stderr.read()
    assert process.returncode == 130
    assert "the kind cluster `kubereach` was removed again" in error
    assert "Traceback" not in error
    assert nothing_left(fakes)


def test_a_lab_whose_kubeconfig_is_gone_can_still_be_brought_down(
    api: Cluster, fakes: State, capsys: pytest.CaptureFixture[str]
) -> None:
    assert carried_out(lambda console: cluster.create(console, WANTED)) == 0
    record = records.load("kubereach")
    assert record
    Path(record.kubeconfig).unlink()
    assert carried_out(lambda console: status.run(console, name="kubereach")) == 2
    assert "the kubeconfig of the lab `kubereach` is gone" in capsys.readouterr().err
    assert bring_down() == 0
    assert nothing_left(fakes)


def test_a_cluster_that_was_deleted_by_hand_is_forgotten(api: Cluster, fakes: State) -> None:
    assert carried_out(lambda console: cluster.create(console, WANTED)) == 0
    fakes.keep("clusters", {})
    assert bring_down() == 0
    assert nothing_left(fakes)


def test_without_the_engine_nothing_is_forgotten(
    api: Cluster, fakes: State, capsys: pytest.CaptureFixture[str]
) -> None:
    assert carried_out(lambda console: cluster.create(console, WANTED)) == 0
    fakes.trouble("no-daemon")
    assert bring_down() == 2
    assert "the daemon of docker does not answer" in capsys.readouterr().err
    assert records.load("kubereach")
