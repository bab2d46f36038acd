"""A cluster whose pods live in an embedded lab: an API server in front, real packets behind.

What is applied comes to life: pods get addresses and run, policies take hold in the kernel, ephemeral
containers start, and exec runs a command in a pod's network with the programs of the container's image.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import yaml

from lab.manifests import read
from lab.probes import Protocol
from lab.providers.netns.client import Lab
from lab.providers.netns.provider import EmbeddedLab
from lab.world import Placing
from tests.fakes.kube_api import KubeApi, Object
from tests.fakes.kube_api.controllers import Controllers
from tests.fakes.kube_api.kubelet import Kubelet, title

__all__ = ["Cluster", "Object"]

NODES = ("walk-worker", "walk-worker2")
_SHOWN = (("", "namespaces"), ("", "pods"), ("", "services"), ("networking.k8s.io", "networkpolicies"))


class Living(Kubelet):
    """Runs pods in an embedded lab, which is brought up with the first of them."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(folder, NODES)
        self._folder, self._name = folder, name
        self._lab: EmbeddedLab | None = None
        self._last = ""

    def settle(self, api: KubeApi) -> None:
        assert isinstance(api, Cluster), "a lab is behind this kind of API server only"
        pods = api.objects("pods")
        if not pods:
            return
        self._show(yaml.safe_dump_all([*_documents(api)]))
        assert self._lab
        for name, pod in self._lab.world.pods():
            namespace, _, own = name.partition("/")
            self.run(api, pods[namespace, own], pod.node, pod.addresses)

    def _show(self, text: str) -> None:
        if text == self._last:
            return
        path = self._folder / "now.yaml"
        path.write_text(text)
        manifests = read([str(path)])
        if self._lab is None:
            self._lab = EmbeddedLab.up(manifests, self._name, Placing(nodes=NODES))
        else:
            self._lab.deploy(manifests)
        self._lab.serve()
        with Lab.connect(self._name) as lab:  # where somebody answers SCTP, all other ports refuse it
            lab.listen((name, Protocol.SCTP, 1) for name, _ in self._lab.world.pods())
        self._last = text

    def way(self, pod: Object) -> Sequence[str]:
        return sys.executable, "-m", "tests.lab.context.inside", self._name, title(pod)

    def down(self) -> None:
        if self._lab:
            self._lab.down()


class Cluster(KubeApi):
    """The cluster. `folder` is where its images and manifests are kept; `name` the embedded lab's."""

    kubelet: Living

    def __init__(self, folder: Path, name: str = "behind") -> None:
        super().__init__()
        self.controllers = Controllers(quiet=("kube-system",))
        self.deaf = False
        """Whether the network knows no policies, whatever is stored."""
        self.kubelet = Living(folder, name)
        self.trouble = self.kubelet.trouble
        self.pending = self.kubelet.pending

    def __enter__(self) -> Self:
        for name in NODES:
            self.add({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self.kubelet.down()

    @property
    def unpullable(self) -> set[str]:
        return self.kubelet.unpullable

    @unpullable.setter
    def unpullable(self, parts: set[str]) -> None:
        self.kubelet.unpullable = parts

    def have(self, *documents: Object) -> None:
        """Let objects be there that others made."""
        self.add(*documents)
        self.happened()


def _documents(api: Cluster) -> Iterator[Object]:
    """Yield what the embedded lab is to show, without what only a cluster has."""
    for of in _SHOWN[: -1 if api.deaf else None]:
        for each in api.store.objects(of).values():
            metadata = {k: v for k, v in each["metadata"].items() if k in ("name", "namespace", "labels")}
            plain = {name: value for name, value in each.items() if name not in ("status", "metadata")}
            spec = dict(each.get("spec") or {})
            for name in ("ephemeralContainers", "nodeName"):
                spec.pop(name, None)
            yield {**plain, "metadata": metadata, **({"spec": spec} if spec else {})}
