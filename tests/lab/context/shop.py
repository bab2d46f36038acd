"""A shop in a cluster: pods that others made, and a policy by which only web servers reach the database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab import labs, sandbox
from tests.lab.context.cluster import Cluster, Object
from tests.lab.context.conftest import daemon_set


def pod(name: str, image: str, namespace: str = "shop", *, app: str = "") -> Object:
    """Return a pod; policies know it by its label `app`, which is its name unless another is given."""
    metadata = {"name": name, "namespace": namespace, "labels": {"app": app or name}}
    container = {"name": "main", "image": image, "ports": [{"containerPort": 80}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def policy(name: str = "db") -> Object:
    rules = [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}]
    spec = {"podSelector": {"matchLabels": {"app": "db"}}, "ingress": rules}
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


@contextmanager
def shop(folder: Path, *pods: Object) -> Iterator[Cluster]:
    """Run a cluster with Calico and a shop of some pods, to which the context `prod` leads."""
    sandbox.inside(rootless=os.geteuid() != 0)
    with labs.runtime_folder(), Cluster(folder) as made, pytest.MonkeyPatch.context() as environment:
        made.add(daemon_set("calico-node"))
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
        made.have(namespace, *pods, policy())
        path = folder / "kubeconfig"
        path.write_text(made.kubeconfig(context="prod"))
        environment.setenv("KUBECONFIG", str(path))
        yield made
