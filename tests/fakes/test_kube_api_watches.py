"""Watches of the stand-in API server, by the real client's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kubernetes import watch
from kubernetes.client import ApiException

from tests.fakes.kube_api import KubeApi, Object


def settings(name: str, **labels: str) -> Object:
    metadata = {"name": name, "namespace": "shop", "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def events(call: Any, namespace: str, **query: Any) -> Any:
    made: Any = watch.Watch
    return made().stream(call, namespace, **query)


def told(stream: Any) -> list[tuple[str, str]]:
    return [(each["type"], each["object"].metadata.name) for each in stream]


def test_a_watch_begins_with_what_is_there_and_goes_on_with_what_happens(api: KubeApi, core: Any) -> None:
    api.add(settings("a"))
    found = []
    stream = events(core.list_namespaced_config_map, "shop", timeout_seconds=20)
    for each in stream:
        found.append((each["type"], each["object"].metadata.name))
        if found[-1] == ("ADDED", "a"):
            api.add(settings("b"))
            api.add(settings("b", app="web"))
            api.store.remove(api.kind(settings("a")), "shop", "a")
        if found[-1][0] == "DELETED":
            break
    assert found == [("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "b"), ("DELETED", "a")]


def test_what_is_not_chosen_any_more_is_deleted_for_those_who_chose(api: KubeApi, core: Any) -> None:
    start = api.store.revision
    api.add(settings("a", app="web"), settings("a"), settings("a", app="web"), settings("b"))
    query = {"label_selector": "app=web", "resource_version": str(start), "timeout_seconds": 1}
    stream = list(events(core.list_namespaced_config_map, "shop", **query))
    assert told(stream) == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "a")]
    assert stream[1]["object"].metadata.labels == {"app": "web"}, "as it was when it was chosen"
    assert stream[1]["object"].metadata.resource_version == str(start + 2)


def test_a_revision_that_is_forgotten_is_gone(api: KubeApi, core: Any) -> None:
    start = api.store.revision
    api.add(settings("a"))
    api.compact()
    call = {"resource_version": str(start), "timeout_seconds": 5}
    with pytest.raises(ApiException) as caught:
        list(events(core.list_namespaced_config_map, "shop", **call))
    assert caught.value.status == 410
    assert f"too old resource version: {start} ({api.store.compacted})" in str(caught.value.reason)


def test_a_watch_that_runs_may_expire(api: KubeApi, core: Any) -> None:
    api.add(settings("a"))
    query = {"watch": True, "_preload_content": False, "timeout_seconds": 30}
    lines = core.list_namespaced_config_map("shop", **query).stream()
    assert json.loads(next(lines))["type"] == "ADDED"
    api.expire_watches()
    last = json.loads(next(lines))
    assert (last["type"], last["object"]["code"], last["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert list(lines) == []


def test_quiet_is_told_by_bookmarks_to_those_who_ask(api: KubeApi, core: Any) -> None:
    api.add(settings("a"))
    api.bookmarks = 0.1
    query = {"allow_watch_bookmarks": True, "timeout_seconds": 1}
    stream = events(core.list_namespaced_config_map, "shop", **query)
    kinds = [(each["type"], each["raw_object"]["metadata"]["resourceVersion"]) for each in stream]
    assert kinds[0][0] == "ADDED"
    assert ("BOOKMARK", str(api.store.revision)) in kinds[1:]
