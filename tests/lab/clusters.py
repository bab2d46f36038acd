"""A small cluster for what needs no pods: it keeps what is applied; it has a node and DNS."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.kube_api import Kind, KubeApi, Reply, Request, status

KINDS = (
    Kind(plural="serviceaccounts", kind="ServiceAccount"),
    Kind(plural="events", kind="Event"),
    Kind(group="policy", plural="poddisruptionbudgets", kind="PodDisruptionBudget"),
    Kind(
        group="apiextensions.k8s.io",
        plural="customresourcedefinitions",
        kind="CustomResourceDefinition",
        namespaced=False,
    ),
    Kind(group="rbac.authorization.k8s.io", plural="clusterroles", kind="ClusterRole", namespaced=False),
    Kind(
        group="rbac.authorization.k8s.io",
        plural="clusterrolebindings",
        kind="ClusterRoleBinding",
        namespaced=False,
    ),
)
DAEMON_SET = "/apis/apps/v1/namespaces/kube-system/daemonsets/calico-node"
_KUBEADM = "apiServer: {}\nkind: ClusterConfiguration\nnetworking:\n  podSubnet: 10.244.0.0/16\n"


_NODE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "kubereach-control-plane"},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}
FIRST: tuple[dict[str, Any], ...] = (
    _NODE,
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "kubeadm-config", "namespace": "kube-system"},
        "data": {"ClusterConfiguration": _KUBEADM},
    },
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "coredns", "namespace": "kube-system"},
        "spec": {
            "selector": {"matchLabels": {"k8s-app": "kube-dns"}},
            "template": {
                "metadata": {"labels": {"k8s-app": "kube-dns"}},
                "spec": {"containers": [{"name": "coredns", "image": "coredns"}]},
            },
        },
        "status": {"updatedReplicas": 1, "availableReplicas": 1},
    },
)


class Cluster(KubeApi):
    """An API server that keeps what is applied, and whose controllers are done at once, unless `stuck`."""

    def __init__(self) -> None:
        super().__init__(*KINDS)
        self.stuck = False
        self.applied: dict[str, dict[str, Any]] = {}
        self.hidden: set[str] = set()
        self.patched: list[Request] = []
        self.add(*FIRST)

    def answer(self, request: Request) -> Reply:
        if request.path in self.hidden:
            return status(404, "NotFound", "not found")
        if request.method == "DELETE":
            self.applied.pop(request.path, None)
            return Reply(body={"kind": "Status", "status": "Success"})
        if request.method == "PATCH":
            self.patched.append(request)
            return Reply(body=self.changed(request, json.loads(request.body)))
        if request.path in self.applied:
            return Reply(body=self.applied[request.path])
        return super().answer(request)

    def changed(self, request: Request, body: dict[str, Any]) -> dict[str, Any]:
        """Change an object, or make it, as a patch says; return it."""
        if "strategic" in request.headers["content-type"]:
            found = self.applied[request.path]
            merged(found["spec"]["template"]["spec"], body["spec"]["template"]["spec"])
            return found
        done = {} if self.stuck and body["kind"] == "DaemonSet" else DONE.get(body["kind"], {})
        return self.put(request.path, {**body, "status": done})

    def put(self, path: str, found: dict[str, Any]) -> dict[str, Any]:
        """Keep an object."""
        self.applied[path] = found
        return found

    def variables(self) -> dict[str, str]:
        """Return what calico-node has in its environment."""
        containers = self.applied[DAEMON_SET]["spec"]["template"]["spec"]["containers"]
        (found,) = (each for each in containers if each["name"] == "calico-node")
        return {each["name"]: each.get("value") for each in found["env"]}


DONE: dict[str, Any] = {
    "CustomResourceDefinition": {"conditions": [{"type": "Established", "status": "True"}]},
    "DaemonSet": {"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": 1},
    "Deployment": {"updatedReplicas": 1, "availableReplicas": 1},
}


def merged(pod: dict[str, Any], change: dict[str, Any]) -> None:
    """Merge containers and their variables by name, as a strategic patch does."""
    for container in change["containers"]:
        (found,) = (each for each in pod["containers"] if each["name"] == container["name"])
        names = {each["name"] for each in container["env"]}
        found["env"] = [each for each in found["env"] if each["name"] not in names] + container["env"]
