"""A small cluster as kind leaves it: a node without a network, and DNS that waits for one."""

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
NODE = "kubereach-control-plane"
_NO_NETWORK = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
    "message:Network plugin returns error: cni plugin not initialized"
)
_TAINTED = "0/1 nodes are available: 1 node(s) had untolerated taint(s)."
FIRST: tuple[Object, ...] = (
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
    },
)


class Waking(Kubelet):
    """Runs pods on a node that is ready once the pod of its network is; before, only those of the host."""

    def settle(self, api: KubeApi) -> None:
        """Run what can be run, wake the node, and run what waited for it."""
        super().settle(api)
        ready = self.networked(api)
        told = {"reason": "KubeletReady"} if ready else {"reason": "KubeletNotReady", "message": _NO_NETWORK}
        condition = {"type": "Ready", "status": "True" if ready else "False", **told}
        for node in list(api.objects("nodes").values()):
            if node.get("status") != {"conditions": [condition]}:
                api.add({**node, "status": {"conditions": [condition]}})
        super().settle(api)

    def unschedulable(self, api: KubeApi, pod: Object, node: str) -> str:
        """Say why no node takes a pod: none without a network does, but for pods of its own network."""
        if not pod["spec"].get("hostNetwork") and not self.networked(api):
            return _TAINTED
        return super().unschedulable(api, pod, node)

    def networked(self, api: KubeApi) -> bool:
        """Tell whether Calico, or kind's own network, is ready."""
        pods = [
            each
            for (space, name), each in api.objects("pods").items()
            if space == "kube-system" and name.startswith(("calico-node-", "kindnet-"))
        ]
        return any(
            each.get("type") == "Ready" and each.get("status") == "True"
            for pod in pods
            for each in (pod.get("status") or {}).get("conditions") or ()
        )


class Cluster(KubeApi):
    """An API server of a cluster without Calico. `stuck`: no DaemonSet is ever ready."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory(prefix="kr-images-")
        self.kubelet: Kubelet = Waking(Path(self._folder.name), (NODE,))
        self.controllers = Controllers()
        self.add({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}, *FIRST)
        self.happened()

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
