"""What the walkthroughs on kind share: a cluster with real packets behind it, and the tasks of users."""

from __future__ import annotations

from typing import Self

from tests.fakes.kube_api.controllers import Controllers
from tests.lab.context import cluster
from tests.lab.kind.cluster import FIRST
from tests.lab.kind.ups import CALICO
from tests.lab.labs import Ended, command

UP = ("--provider", "kind", "--nodes", "2", "--calico-manifest", CALICO)


class Cluster(cluster.Cluster):
    """A cluster as kind leaves it: nodes and DNS that are there, controllers that are done at once."""

    def __enter__(self) -> Self:
        super().__enter__()
        self.controllers = Controllers()
        for node in self.objects("nodes").values():
            node["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
        self.add(*FIRST)
        return self

    def clear(self) -> None:
        """Forget what was deployed, and Calico: the next cluster is a new one."""
        for (group, plural), objects in self.store.everything():
            if plural != "nodes" and (group, plural) != ("", "configmaps"):
                for key in [key for key in objects if key[1] != "coredns"]:
                    del objects[key]


def invoke(task: str, *words: str, behind: tuple[str, ...] = ()) -> Ended:
    return command("invoke", task, *words, *(("--", *behind) if behind else ()))
