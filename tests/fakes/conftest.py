"""What the tests of the stand-in API server share: the server, and the real client that asks it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from kubernetes import client, config
from kubernetes.client import ApiClient

from tests.fakes.kube_api import KubeApi


@pytest.fixture
def api() -> Iterator[KubeApi]:
    with KubeApi() as running:
        yield running


@pytest.fixture
def connected(api: KubeApi) -> Iterator[ApiClient]:
    """Connect the real client to the server."""
    connect: Any = config.new_client_from_config_dict
    with connect(yaml.safe_load(api.kubeconfig())) as made:
        yield made
        made.rest_client.pool_manager.clear()


@pytest.fixture
def core(connected: ApiClient) -> Any:
    return client.CoreV1Api(connected)


@pytest.fixture
def raw(connected: ApiClient) -> Callable[..., tuple[int, Any]]:
    """Return what sends a request as it is, and returns the status and the body of the answer."""

    def send(method: str, path: str, body: Any = None, content: str = "application/json") -> tuple[int, Any]:
        data = None if body is None else json.dumps(body)
        headers = {"Authorization": "Bearer secret", "Content-Type": content}
        pool = connected.rest_client.pool_manager
        found = pool.request(method, connected.configuration.host + path, body=data, headers=headers)
        return found.status, json.loads(found.data)

    return send


@pytest.fixture
def apply(raw: Callable[..., tuple[int, Any]]) -> Callable[..., tuple[int, Any]]:
    """Return what applies a document on the server's side, as a manager."""

    def send(path: str, document: Any, manager: str = "kubereach", query: str = "") -> tuple[int, Any]:
        return raw("PATCH", f"{path}?fieldManager={manager}{query}", document, "application/apply-patch+yaml")

    return send
