"""What the tests of labs on clusters share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab import labs, sandbox
from tests.lab.context.cluster import Cluster


@pytest.fixture(scope="module")
def folder() -> Iterator[str]:
    """Give the labs of a module a folder of their own."""
    sandbox.inside(rootless=os.geteuid() != 0)
    with labs.runtime_folder() as made:
        yield made


@pytest.fixture(scope="module")
def cluster(folder: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with Calico and nobody in it, and a kubeconfig that leads there."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as made, pytest.MonkeyPatch.context() as environment:
        made.add(daemon_set("calico-node"))
        path = Path(folder, "kubeconfig")
        path.write_text(made.kubeconfig(context="prod"))
        environment.setenv("KUBECONFIG", str(path))
        yield made


def daemon_set(name: str) -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
        "status": {"desiredNumberScheduled": 2},
    }
