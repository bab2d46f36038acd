"""A small cluster for what needs no network: a node, DNS, and controllers that are done at once."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.fakes.kube_api import KubeApi, Object, Request
from tests.fakes.kube_api.controllers import Controllers
from tests.fakes.kube_api.kubelet import Kubelet

_KUBEADM = "apiServer: {}\nkind: ClusterConfiguration\nnetworking:\n  podSubnet: 10.244.0.0/16\n"
DONE: dict[str, Any] = {
    "DaemonSet": {"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": 1}
}
_NODE: Object = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "kubereach-control-plane"},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}
FIRST: tuple[Object, ...] = (
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
    """An API server of a cluster without Calico. `stuck`: no DaemonSet is ever ready."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory(prefix="kr-images-")
        self.kubelet = Kubelet(Path(self._folder.name))
        self.controllers = Controllers(quiet=("kube-system",))
        self.add(*FIRST)

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        self._folder.cleanup()

    @property
    def stuck(self) -> bool:
        return bool(self.controllers.stuck)

    @stuck.setter
    def stuck(self, value: bool) -> None:
        self.controllers.stuck = {"DaemonSet"} if value else set()

    @property
    def patched(self) -> list[Request]:
        """The requests that changed something."""
        return [each for each in self.requests if each.method == "PATCH"]

    def variables(self) -> dict[str, str]:
        """Return what calico-node has in its environment."""
        found = self.objects("daemonsets", "apps")["kube-system", "calico-node"]
        containers = found["spec"]["template"]["spec"]["containers"]
        (node,) = (each for each in containers if each["name"] == "calico-node")
        return {each["name"]: each.get("value") for each in node["env"]}
