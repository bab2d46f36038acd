"""What controllers of the stand-in cluster do: pods for workloads, and kinds for definitions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.kube_api import KubeApi, Object
from tests.fakes.kube_api.kubelet import Kubelet

Send = Callable[..., tuple[int, Any]]
APPS = "/apis/apps/v1/namespaces/default"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture
def cluster(api: KubeApi, tmp_path: Path) -> KubeApi:
    api.kubelet = Kubelet(tmp_path)
    for name in ("one", "two"):
        api.add({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    return api


def workload(kind: str, image: str = "nginx:1", **spec: Any) -> Object:
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": image}]},
    }
    wanted = {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"}, "spec": wanted}


def pods(cluster: KubeApi) -> dict[str, Object]:
    return {name: each for (_, name), each in cluster.objects("pods").items()}


def test_a_deployment_has_a_replica_set_and_that_has_pods(cluster: KubeApi, apply: Send, raw: Send) -> None:
    apply(f"{APPS}/deployments/web", workload("Deployment", replicas=2))
    ((_, name),) = cluster.objects("replicasets", "apps")
    found = pods(cluster)
    assert len(found) == 2
    assert all(each.startswith(f"{name}-") for each in found)
    for each in found.values():
        assert each["status"]["phase"] == "Running"
        assert each["metadata"]["labels"]["pod-template-hash"] == name.removeprefix("web-")
    _, deployment = raw("GET", f"{APPS}/deployments/web")
    assert deployment["status"]["availableReplicas"] == 2


def test_another_template_makes_other_pods_and_a_smaller_number_fewer(cluster: KubeApi, apply: Send) -> None:
    path = f"{APPS}/deployments/web"
    apply(path, workload("Deployment", replicas=2))
    first = set(pods(cluster))
    apply(path, workload("Deployment", "nginx:2", replicas=1))
    (name,) = pods(cluster)
    assert name not in first
    assert len(cluster.objects("replicasets", "apps")) == 1


def test_what_a_deployment_made_goes_with_it(cluster: KubeApi, apply: Send, raw: Send) -> None:
    apply(f"{APPS}/deployments/web", workload("Deployment", replicas=2))
    raw("DELETE", f"{APPS}/deployments/web", {"propagationPolicy": "Background"})
    assert not pods(cluster)
    assert not cluster.objects("replicasets", "apps")


def test_a_daemon_set_has_a_pod_on_every_node_and_a_stateful_set_has_numbered_ones(
    cluster: KubeApi, apply: Send
) -> None:
    apply(f"{APPS}/daemonsets/web", workload("DaemonSet"))
    assert sorted(each["spec"]["nodeName"] for each in pods(cluster).values()) == ["one", "two"]
    apply(f"{APPS}/statefulsets/web", workload("StatefulSet", replicas=2, serviceName="web"))
    assert {"web-0", "web-1"} <= set(pods(cluster))


def test_a_pod_that_is_deleted_is_made_anew(cluster: KubeApi, apply: Send, raw: Send) -> None:
    apply(f"{APPS}/statefulsets/web", workload("StatefulSet", serviceName="web"))
    before = pods(cluster)["web-0"]["metadata"]["uid"]
    raw("DELETE", "/api/v1/namespaces/default/pods/web-0")
    assert pods(cluster)["web-0"]["metadata"]["uid"] != before


def test_an_image_that_cannot_be_pulled_holds_a_deployment_up(
    cluster: KubeApi, apply: Send, raw: Send
) -> None:
    assert cluster.kubelet
    cluster.kubelet.unpullable.add("nowhere")
    apply(f"{APPS}/deployments/web", workload("Deployment", "nowhere:1"))
    _, found = raw("GET", f"{APPS}/deployments/web")
    assert found["status"]["availableReplicas"] == 0
    (pod,) = pods(cluster).values()
    assert pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"


def test_a_pod_that_is_not_admitted_is_an_event_and_a_condition_of_its_workload(
    cluster: KubeApi, apply: Send
) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "labels": labels}}
    cluster.add(space)
    code, _ = apply(f"{APPS}/daemonsets/web", workload("DaemonSet"))
    assert code == 201, "the workload itself is admitted"
    assert not pods(cluster)
    (event,) = cluster.objects("events").values()
    assert event["reason"] == "FailedCreate"
    assert "violates PodSecurity" in event["message"]
    (found,) = cluster.objects("daemonsets", "apps").values()
    assert found["status"]["conditions"][0]["type"] == "ReplicaFailure"


def definition() -> Object:
    names = {"plural": "things", "kind": "Thing"}
    versions = [{"name": "v1", "served": True, "storage": True}]
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": versions}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": spec,
    }


def test_a_kind_is_served_once_its_definition_is_established(
    cluster: KubeApi, apply: Send, connected: Any, raw: Send
) -> None:
    cluster.controllers.slow = 2
    path = "/apis/example.com/v1/namespaces/default/things/a"
    thing = {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "metadata": {"name": "a"},
        "spec": {"free": [1]},
    }
    apply(f"{CRDS}/things.example.com", definition())
    pool = connected.rest_client.pool_manager
    early = pool.request("GET", f"{cluster.url}{path}", headers={"Authorization": "Bearer secret"})
    assert (early.status, early.data) == (404, b"404 page not found\n")
    states = []
    for _ in range(2):
        _, found = raw("GET", f"{CRDS}/things.example.com")
        states.append(found["status"]["conditions"][0]["status"])
    assert states == ["False", "True"]
    assert apply(path, thing)[0] == 201
    _, told = raw("GET", "/apis/example.com/v1")
    assert "Thing" in {each["kind"] for each in told["resources"]}


POLICY = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": {
            "type": "object",
            "required": ["priority"],
            "properties": {
                "priority": {"type": "integer", "minimum": 0, "maximum": 1000},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "rules": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["action"],
                        "properties": {"action": {"type": "string", "enum": ["Allow", "Deny"]}},
                    },
                },
            },
        },
    },
}
TITLE = "failed to create typed patch object (/a; example.com/v1, Kind=Thing): "


@pytest.mark.parametrize(
    ("spec", "code", "words"),
    [
        ({"priority": 1, "labels": {"any": "x"}, "rules": [{"action": "Deny"}]}, 201, ""),
        ({"priority": 1, "foo": 1}, 500, f"{TITLE}.spec.foo: field not declared in schema"),
        (
            {"priority": 5000},
            422,
            "spec.priority: Invalid value: 5000: spec.priority in body should be less than or equal to 1000",
        ),
        (
            {"priority": 1, "rules": [{"action": "Nope"}]},
            422,
            'spec.rules[0].action: Unsupported value: "Nope": supported values: "Allow", "Deny"',
        ),
        ({"priority": 1, "rules": [{}]}, 422, "spec.rules[0].action: Required value"),
        (None, 422, 'spec: Invalid value: "null": spec in body must be of type object: "null"'),
        ({}, 422, "spec.priority: Required value"),
    ],
)
def test_a_custom_object_is_held_to_the_schema_of_its_definition(
    cluster: KubeApi, apply: Send, spec: Object | None, code: int, words: str
) -> None:
    wanted = definition()
    wanted["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": POLICY}
    apply(f"{CRDS}/things.example.com", wanted)
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": spec}
    found, told = apply("/apis/example.com/v1/namespaces/default/things/a", thing)
    assert found == code
    if words:
        title = "" if code == 500 else 'Thing.example.com "a" is invalid: '
        assert told["message"] == title + words
