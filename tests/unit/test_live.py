"""Reading a live cluster, by the real client from a small API server."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from analyzer import live
from analyzer.diagnostics import AnalyzerError, Severity
from analyzer.live import kubeconfig as kubeconfigs, server as servers
from analyzer.load import Document
from tests.fakes.kube_api import (
    INTERNAL,
    TOO_MANY,
    UNAVAILABLE,
    Cut,
    Dropped,
    Kind,
    KubeApi,
    Object,
    Reply,
    status,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.diagnostics import Diagnostic
    from analyzer.load import Loaded

NETWORK_POLICIES = "/apis/networking.k8s.io/v1/networkpolicies"
PODS = "/api/v1/pods"
SERVICES = "/api/v1/services"

CLUSTER_POLICY = Kind(
    group="policy.networking.k8s.io",
    version="v1alpha2",
    plural="clusternetworkpolicies",
    kind="ClusterNetworkPolicy",
    namespaced=False,
    built_in=False,
)
ADMIN_POLICY = Kind(
    group="policy.networking.k8s.io",
    version="v1alpha1",
    plural="adminnetworkpolicies",
    kind="AdminNetworkPolicy",
    namespaced=False,
    built_in=False,
)
CALICO = Kind(
    group="projectcalico.org",
    version="v3",
    plural="globalnetworkpolicies",
    kind="GlobalNetworkPolicy",
    namespaced=False,
    built_in=False,
)
STORED_CALICO = Kind(
    group="crd.projectcalico.org",
    version="v1",
    plural="globalnetworkpolicies",
    kind="GlobalNetworkPolicy",
    namespaced=False,
    built_in=False,
)


@pytest.fixture(autouse=True)
def _quick_and_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No waiting, and nothing of this machine's: no kubeconfig, no proxy."""
    monkeypatch.setattr(servers, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def api() -> Iterator[KubeApi]:
    with KubeApi() as running:
        yield running
    assert {request.method for request in running.requests} <= {"GET"}, "only GET requests may be sent"


def serving(*kinds: Kind) -> KubeApi:
    return KubeApi(*kinds)


def config(tmp_path: Path, text: str) -> str:
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    return str(file)


def obj(kind: str, name: str, namespace: str = "", version: str = "v1", **fields: Any) -> Object:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def policy(name: str, namespace: str) -> Object:
    return obj("NetworkPolicy", name, namespace, "networking.k8s.io/v1", spec={"podSelector": {}})


def read(api: KubeApi, tmp_path: Path, **options: Any) -> Loaded:
    return live.read(context=None, kubeconfig=config(tmp_path, api.kubeconfig()), **options)


def failed(tmp_path: Path, text: str, context: str | None = None) -> Diagnostic:
    """Return the one thing that is wrong with reading by a kubeconfig."""
    with pytest.raises(AnalyzerError) as caught:
        live.read(context=context, kubeconfig=config(tmp_path, text))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.severity is Severity.ERROR
    assert "\n" not in diagnostic.message + diagnostic.help
    return diagnostic
