"""What a cluster shows when something does not come up: what tells most first, and nothing that is over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.evidence import evidence
from lab.providers.context.client import Client
from tests.fakes.kube_api import KubeApi

_SYSTEM = "kube-system"


@pytest.fixture
def api() -> Iterator[KubeApi]:
    with KubeApi() as made:
        yield made


@pytest.fixture
def client(api: KubeApi, tmp_path: Path) -> Client:
    path = tmp_path / "kubeconfig"
    path.write_text(api.kubeconfig())
    return Client(str(path), "kind-kubereach")


def pod(name: str, *containers: dict[str, Any], phase: str = "Running", **status: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": each["name"], "image": "i"} for each in containers]}
    status = {"phase": phase, "containerStatuses": list(containers), **status}
    metadata = {"name": name, "namespace": _SYSTEM}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def event(
    name: str, about: str, reason: str, message: str, at: str = "", kind: str = "Pod"
) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": _SYSTEM},
        "type": "Warning",
        "involvedObject": {"kind": kind, "name": about, "uid": f"uid-of-{about}"},
        "reason": reason,
        "message": message,
        "lastTimestamp": at,
    }


def ended(code: int, **more: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "containerID": "containerd://1", **more}}


READY = {"conditions": [{"type": "Ready", "status": "True"}]}


def test_a_pod_that_is_stuck_is_named_with_its_events_and_last_words(api: KubeApi, client: Client) -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "back-off"}}
    ends = {"name": "b", "state": ended(2, reason="Error", message="no route")}
    api.add(pod("x", {"name": "a", "state": waiting}, ends), event("e", "x", "BackOff", "restarting"))
    api.logs[_SYSTEM, "x", "b"] = "felix: no route\n"
    assert [*evidence(client, [_SYSTEM])] == [
        "Pod kube-system/x: ImagePullBackOff: a: back-off",
        "event of Pod kube-system/x: BackOff: restarting",
        "log of x/b: felix: no route",
    ]


def test_of_a_container_that_was_started_anew_the_words_before_count(api: KubeApi, client: Client) -> None:
    again = {
        "name": "c",
        "ready": False,
        "restartCount": 3,
        "state": {"running": {}},
        "lastState": ended(137, reason="OOMKilled"),
    }
    api.add(pod("x", again))
    api.logs[_SYSTEM, "x", "c"] = "starting\n"
    api.past[_SYSTEM, "x", "c"] = "out of memory\n"
    assert [*evidence(client, [_SYSTEM])] == [
        "Pod kube-system/x: Restarted: c: it ended with exit code 137 (OOMKilled), after 3 restarts",
        "log of x/c: out of memory",
    ]


def test_where_the_words_before_are_lost_those_of_now_are_told(api: KubeApi, client: Client) -> None:
    again = {"name": "c", "ready": False, "restartCount": 1, "state": {"running": {}}}
    api.add(pod("x", again))
    api.logs[_SYSTEM, "x", "c"] = "starting\n"
    assert "log of x/c: starting" in [*evidence(client, [_SYSTEM])]


def test_containers_that_do_what_they_should_say_nothing(api: KubeApi, client: Client) -> None:
    done = {"name": "install-cni", "ready": True, "state": ended(0)}
    found = pod("x", {"name": "c", "ready": False, "state": {"running": {}}}, initContainerStatuses=[done])
    found["spec"]["initContainers"] = [{"name": "install-cni", "image": "i"}]
    api.add(found)
    api.logs[_SYSTEM, "x", "install-cni"] = "installed\n"
    api.logs[_SYSTEM, "x", "c"] = "waiting\n"
    assert [line for line in evidence(client, [_SYSTEM]) if "log of" in line] == ["log of x/c: waiting"]


def test_pods_that_only_wait_for_others_come_last(api: KubeApi, client: Client) -> None:
    words = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "taints"}
    crash = {"name": "c", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended(1)}
    api.add(pod("a", phase="Pending", conditions=[words]), pod("b", crash))
    assert [line.split(":")[0] for line in evidence(client, [_SYSTEM])] == [
        "Pod kube-system/b",
        "Pod kube-system/a",
    ]


def test_nodes_that_are_not_ready_come_first_with_the_reason(api: KubeApi, client: Client) -> None:
    for name in ("n1", "n2", "n3", "n4"):
        condition = {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": "no CNI"}
        status = {"conditions": [condition]} if name != "n4" else READY
        api.add({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": status})
    assert [*evidence(client, [_SYSTEM])] == [
        "Node n1: KubeletNotReady: no CNI",
        "Node n2: KubeletNotReady: no CNI",
        "and 1 more that is not Ready",
    ]


def test_what_befell_many_pods_is_told_once_and_what_is_over_not_at_all(api: KubeApi, client: Client) -> None:
    api.add(
        pod("a1", {"name": "c", "state": {"waiting": {"reason": "ErrImagePull"}}}),
        pod("a2", {"name": "c", "state": {"waiting": {"reason": "ErrImagePull"}}}),
        pod("fine", conditions=READY["conditions"]),
        event("1", "a1", "Failed", "no such host", "2026-01-01T00:00:01Z"),
        event("2", "a2", "Failed", "no such host", "2026-01-01T00:00:02Z"),
        event("3", "a1", "BackOff", "in pod a1_x(uid-of-a1)", "2026-01-01T00:00:03Z"),
        event("4", "a2", "BackOff", "in pod a2_x(uid-of-a2)", "2026-01-01T00:00:04Z"),
        event("5", "fine", "FailedScheduling", "taints", "2026-01-01T00:00:05Z"),
        event("6", "ds", "FailedCreate", "forbidden", "2026-01-01T00:00:06Z", kind="DaemonSet"),
    )
    assert [line for line in evidence(client, [_SYSTEM]) if line.startswith("event")] == [
        "event of Pod kube-system/a2: Failed: no such host",
        "event of Pod kube-system/a2: BackOff: in pod a2_x(uid-of-a2)",
        "event of DaemonSet kube-system/ds: FailedCreate: forbidden",
    ]
