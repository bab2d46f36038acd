from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cli.running import Commands
from tests.fakes.kube_api import Kind, KubeApi
from tests.unit.manifests import DENY, pod, policy
from tests.unit.test_edge import API, API_SERVICE, ingress


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[KubeApi]:
    """A cluster with one pod, and Cilium."""
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "KUBECONFIG"):
        monkeypatch.delenv(variable, raising=False)
    metadata = {"name": "cilium", "namespace": "kube-system"}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    with KubeApi() as api:
        api.add(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "web", "namespace": "shop"},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
                "status": {"phase": "Running", "podIPs": [{"ip": "10.244.1.7"}]},
            },
            {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec},
        )
        yield api


@pytest.fixture
def kubeconfig(api: KubeApi, tmp_path: Path) -> str:
    path = tmp_path / "kubeconfig"
    path.write_text(api.kubeconfig())
    return str(path)


def test_a_live_cluster_is_analyzed_with_the_cni_that_runs_in_it(
    elsewhere: Commands, kubeconfig: str
) -> None:
    ran = elsewhere("--kubeconfig", kubeconfig, "--format", "json")
    assert ran.code == 0, ran.err
    made = json.loads(ran.out)
    assert made["cni"] == "cilium"
    assert "shop/Pod/web" in [each["id"] for each in made["endpoints"]]


def test_the_table_names_the_cluster(elsewhere: Commands, kubeconfig: str) -> None:
    ran = elsewhere("--kubeconfig", kubeconfig, "--context", "kind-kubereach")
    assert ", cluster kind-kubereach, cni cilium" in ran.out.splitlines()[0]


def test_a_connection_in_a_live_cluster_is_explained(elsewhere: Commands, kubeconfig: str) -> None:
    ran = elsewhere("explain", "10.244.1.7", "external", "--kubeconfig", kubeconfig)
    assert (ran.code, ran.out.split(":")[0]) == (0, "allowed")


def test_a_live_cluster_is_compared_with_what_is_to_be_applied(elsewhere: Commands, kubeconfig: str) -> None:
    elsewhere.write("new.yaml", pod("web"), policy(DENY))
    ran = elsewhere("diff", "new.yaml", "--kubeconfig", kubeconfig)
    assert (ran.code, ran.out.splitlines()[0]) == (1, "2 endpoints in both versions, cni cilium")
    assert "endpoints removed" not in ran.out
    assert "new.yaml:6: NetworkPolicy shop/policy now isolates ingress" in ran.out


def test_what_an_ingress_of_a_live_cluster_publishes_is_exposed(
    elsewhere: Commands, api: KubeApi, kubeconfig: str
) -> None:
    api.kinds.append(Kind(group="networking.k8s.io", plural="ingresses", kind="Ingress"))
    api.add(*map(yaml.safe_load, (API, API_SERVICE, ingress())))
    ran = elsewhere("exposure", "--kubeconfig", kubeconfig, "--format", "json", "--workload", "api")
    assert (ran.code, ran.err) == (0, "")
    (workload,) = json.loads(ran.out)["workloads"]
    (route,) = workload["routes"]
    assert "Ingress" in json.dumps(route)


def test_a_context_that_is_not_there_is_an_error(elsewhere: Commands, kubeconfig: str) -> None:
    ran = elsewhere("--kubeconfig", kubeconfig, "--context", "production")
    assert (ran.code, ran.out) == (2, "")
    assert "production" in ran.err
