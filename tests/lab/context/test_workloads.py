"""Workloads deployed into a cluster: its controllers make the pods, and these are what is probed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.context.cluster import Cluster, Object
from tests.lab.labs import Ended, command

pytestmark = [pytest.mark.lab]


def invoke(task: str, *words: str, behind: tuple[str, ...] = ()) -> Ended:
    return command("invoke", task, "--name", "work", *words, *(("--", *behind) if behind else ()))


def workload(kind: str, name: str, **spec: Any) -> Object:
    container = {"name": "main", "image": "nginx:1", "ports": [{"containerPort": 80}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    wanted = {"selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": wanted}


def policy() -> Object:
    rules = [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}]
    spec = {"podSelector": {"matchLabels": {"app": "db"}}, "ingress": rules}
    metadata = {"name": "db", "namespace": "shop"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def manifests(folder: Path, replicas: int) -> str:
    path = folder / "shop.yaml"
    documents = (
        workload("Deployment", "web", replicas=replicas),
        workload("StatefulSet", "db", serviceName="db"),
        workload("DaemonSet", "log"),
        policy(),
    )
    path.write_text("\n---\n".join(map(json.dumps, documents)))
    return str(path)


@pytest.fixture(scope="module")
def up(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    behind = (manifests(tmp_path_factory.mktemp("work"), 2),)
    yield invoke("up", "--provider", "context", "--yes", behind=behind)
    invoke("down")


def test_a_lab_has_the_pods_that_its_workloads_got(up: Ended, cluster: Cluster) -> None:
    assert up.code == 0, up.err
    assert "5 pods" in up.err
    owners = sorted(
        each["metadata"]["ownerReferences"][0]["kind"] for each in cluster.objects("pods").values()
    )
    assert owners == ["DaemonSet", "DaemonSet", "ReplicaSet", "ReplicaSet", "StatefulSet"]


def test_what_the_pods_of_workloads_see_is_what_is_predicted(up: Ended) -> None:
    done = command("lab.verify", "--lab", "work", "--port", "80/TCP")
    assert (done.code, done.out.splitlines()[-1]) == (0, "verified"), done.err + done.out


def test_the_policy_decides_by_the_labels_of_the_template(up: Ended) -> None:
    probed = invoke("probe", "--port", "80/TCP", "--format", "json", "--every-pair")
    assert probed.code == 0, probed.err
    seen = {
        (each["source"].partition("/")[2][:3], each["observed"])
        for each in json.loads(probed.out)["observations"]
        if each["destination"].startswith("shop/db") and not each["source"].startswith("shop/db")
    }
    assert seen == {("web", "open"), ("log", "dropped")}


def test_fewer_replicas_are_fewer_pods_and_down_leaves_none(
    up: Ended, cluster: Cluster, tmp_path: Path
) -> None:
    done = invoke("deploy", behind=(manifests(tmp_path, 1),))
    assert done.code == 0, done.err
    assert "4 pods" in done.err
    assert len(cluster.objects("pods")) == 4
    assert invoke("down").code == 0
    assert not cluster.objects("pods")
    assert not cluster.objects("replicasets", "apps")
    assert not cluster.objects("namespaces")
