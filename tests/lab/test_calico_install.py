"""Calico on a cluster: installed, awaited and changed through the API server, again and again."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import calico
from lab.errors import LabError
from lab.providers.context.client import Client
from tests.lab.kind.cluster import Cluster
from tests.lab.test_calico import MANIFEST


@pytest.fixture
def api() -> Iterator[Cluster]:
    with Cluster() as made:
        yield made


@pytest.fixture
def client(api: Cluster, tmp_path: Path) -> Client:
    path = tmp_path / "kubeconfig"
    path.write_text(api.kubeconfig())
    return Client(str(path), "kind-kubereach")


def manifest(version: str = "v3.32.1") -> calico.Manifest:
    return calico.read(MANIFEST.read_text().replace("v3.32.1", version).encode(), "calico.yaml")


def test_the_pod_network_is_asked_of_the_cluster(api: Cluster, client: Client) -> None:
    assert calico.pod_cidrs(client) == ("10.244.0.0/16",)


def test_a_cluster_that_does_not_tell_its_pod_network_is_an_error(api: Cluster, client: Client) -> None:
    del api.objects("configmaps")["kube-system", "kubeadm-config"]
    with pytest.raises(LabError, match="does not tell from which network") as raised:
        calico.install(client, manifest())
    assert "--calico-env CALICO_IPV4POOL_CIDR=" in (raised.value.help or "")
    calico.install(client, manifest(), {"CALICO_IPV4POOL_CIDR": "10.9.0.0/16"})
    assert api.variables()["CALICO_IPV4POOL_CIDR"] == "10.9.0.0/16"


def test_both_families_of_a_cluster_are_set_up(api: Cluster, client: Client) -> None:
    told = api.objects("configmaps")["kube-system", "kubeadm-config"]
    text = told["data"]["ClusterConfiguration"].replace("10.244.0.0/16", "10.244.0.0/16,fd00:10:244::/56")
    api.add({**told, "data": {"ClusterConfiguration": text}})
    assert calico.pod_cidrs(client) == ("10.244.0.0/16", "fd00:10:244::/56")
    for _ in range(2):
        calico.install(client, manifest(), {"CALICO_IPV4POOL_CIDR": "10.244.128.0/17"})
    found = api.variables()
    assert (found["CALICO_IPV4POOL_CIDR"], found["CALICO_IPV6POOL_CIDR"]) == (
        "10.244.128.0/17",
        "fd00:10:244::/56",
    )
    assert found["IP6"] == "autodetect"
    config = api.objects("configmaps")["kube-system", "calico-config"]["data"]["cni_network_config"]
    assert '"assign_ipv6": "true"' in config


def test_calico_is_applied_fitted_and_awaited(api: Cluster, client: Client) -> None:
    assert calico.install(client, manifest()) == 8
    calico.ready(client, 5)
    assert api.variables()["CALICO_IPV4POOL_CIDR"] == "10.244.0.0/16"
    assert "FELIX_IGNORELOOSERPF" not in api.variables()
    assert {each.query["fieldManager"] for each in api.patched} == {"kubereach"}
    assert {each.headers["content-type"] for each in api.patched} == {"application/apply-patch+yaml"}
    kinds = [json.loads(each.body)["kind"] for each in api.patched]
    assert kinds[0] == "CustomResourceDefinition", "what others need comes first"


def test_calico_may_be_installed_again(api: Cluster, client: Client) -> None:
    calico.install(client, manifest())
    calico.install(client, manifest(), {"FELIX_LOGSEVERITYSCREEN": "Debug"})
    assert api.variables()["FELIX_LOGSEVERITYSCREEN"] == "Debug"


def test_an_old_calico_ignores_the_loose_filter(api: Cluster, client: Client) -> None:
    calico.install(client, manifest("v3.11.3"))
    assert api.variables()["FELIX_IGNORELOOSERPF"] == "true"


def test_variables_of_the_calico_that_runs_are_set_once(api: Cluster, client: Client) -> None:
    calico.install(client, manifest())
    before = copy.deepcopy(api.variables())
    assert calico.patch(client, {"FELIX_LOGSEVERITYSCREEN": "Debug"}) == ["FELIX_LOGSEVERITYSCREEN"]
    assert api.variables() == {**before, "FELIX_LOGSEVERITYSCREEN": "Debug"}
    count = len(api.patched)
    assert calico.patch(client, {"FELIX_LOGSEVERITYSCREEN": "Debug"}) == []
    assert len(api.patched) == count


def test_patching_an_old_calico_makes_it_ignore_the_loose_filter(api: Cluster, client: Client) -> None:
    found = manifest("v3.11.3")
    (daemon_set,) = (each for each in found.documents if each["kind"] == "DaemonSet")
    api.add(dict(daemon_set))
    assert calico.patch(client, {}) == ["FELIX_IGNORELOOSERPF"]
    assert calico.patch(client, {}) == []


def test_without_calico_there_is_nothing_to_patch(api: Cluster, client: Client) -> None:
    with pytest.raises(LabError, match="there is no DaemonSet kube-system/calico-node"):
        calico.patch(client, {"A": "1"})


def test_a_calico_that_others_installed_is_left_alone(api: Cluster, client: Client) -> None:
    (daemon_set,) = (each for each in manifest().documents if each["kind"] == "DaemonSet")
    api.add(dict(daemon_set))
    with pytest.raises(LabError, match="there already, and not this lab's"):
        calico.install(client, manifest())
    assert api.patched == []


def test_a_calico_that_does_not_come_up_is_told_with_the_last_events(api: Cluster, client: Client) -> None:
    api.stuck = True
    about = {"involvedObject": {"kind": "Pod", "name": "calico-node-x"}}
    event = {"type": "Warning", "reason": "Failed", "message": "Failed to pull image", **about}
    metadata = {"name": "e", "namespace": "kube-system"}
    api.add({"apiVersion": "v1", "kind": "Event", "metadata": metadata, **event})
    calico.install(client, manifest())
    with pytest.raises(LabError, match="DaemonSet kube-system/calico-node is not ready") as raised:
        calico.ready(client, 0.5)
    assert any("Failed to pull image" in line for line in raised.value.seen)
