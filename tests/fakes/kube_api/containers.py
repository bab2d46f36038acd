"""How the containers of a pod fare, in the words of the kubelet: states, conditions, events and logs.

Comes in: a pod, and the state of each of its containers. Goes out: its status, as the API shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tests.fakes.kube_api import statuses
from tests.fakes.kube_api.kinds import BUILT_IN, Kind, Object

RUNNING: Object = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
ENDED: Object = {"terminated": {"exitCode": 0, "reason": "Completed"}}
EVENTS: Kind = next(kind for kind in BUILT_IN if kind.kind == "Event")
_CRASHED: Object = {"terminated": {"exitCode": 1, "reason": "Error", "containerID": "containerd://4f5e"}}
_RESTARTS = 4
_PULLING = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


def unpulled(image: str) -> Object:
    """Return the state of a container whose image cannot be pulled."""
    return {"waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}"'}}


def crashed(pod: Object, container: Object) -> Object:
    """Return the state of a container that ends again and again."""
    words = f"back-off 1m20s restarting failed container={container['name']} pod={_full(pod)}"
    return {"waiting": {"reason": "CrashLoopBackOff", "message": words}}


def unstarted(words: str) -> Object:
    """Return the state of a container whose first process the runtime cannot start."""
    runc = f"failed to create shim task: OCI runtime create failed: runc create failed: {words}"
    message = f"failed to create containerd task: {runc}"
    return {"waiting": {"reason": "RunContainerError", "message": message}}


def told(container: Object, state: Object, *, early: bool = False) -> Object:
    """Return the status of a container; `early`: others wait until it has ended."""
    if early and "running" in state and container.get("restartPolicy") != "Always":
        state = ENDED
    found = {
        "name": container["name"],
        "image": container["image"],
        "state": state,
        "ready": "running" in state or (early and state == ENDED),
        "restartCount": 0,
    }
    waiting = state.get("waiting") or {}
    if waiting.get("reason") == "CrashLoopBackOff":
        found |= {"restartCount": _RESTARTS, "lastState": _CRASHED}
    elif waiting.get("reason") == "RunContainerError":
        ended = {"exitCode": 128, "reason": "StartError", "message": waiting["message"]}
        found |= {"lastState": {"terminated": ended}}
    return found


def fared(first: Sequence[Object], own: Sequence[Object]) -> Object:
    """Return what a pod's status says of its containers, those before the others first."""
    incomplete = [each["name"] for each in first if not each["ready"]]
    if incomplete:
        own = [_behind(each) for each in own]
    unready = [each["name"] for each in own if not each["ready"]]
    conditions = []
    if incomplete:
        words = f"containers with incomplete status: [{' '.join(incomplete)}]"
        conditions.append(_condition("Initialized", "ContainersNotInitialized", words))
    words = f"containers with unready status: [{' '.join(unready)}]"
    ready = {"type": "Ready", "status": "True"}
    conditions.append(_condition("Ready", "ContainersNotReady", words) if unready else ready)
    never = [each for each in own if "waiting" in each["state"] and "lastState" not in each]
    return {
        "phase": "Pending" if incomplete or never else "Running",
        "conditions": conditions,
        **({"initContainerStatuses": list(first)} if first else {}),
        "containerStatuses": list(own),
    }


def events(pod: Object) -> Iterator[Object]:
    """Yield what the kubelet and the scheduler tell of a pod that does not run."""
    status = pod["status"]
    for each in status.get("conditions") or ():
        if each.get("reason") == "Unschedulable":
            yield _event(pod, "FailedScheduling", each["message"])
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        reason = (each["state"].get("waiting") or {}).get("reason")
        if reason == "ImagePullBackOff":
            words = "failed to resolve image: dial tcp: lookup registry.example: no such host"
            yield _event(pod, "Failed", f'Failed to pull image "{each["image"]}": {words}')
        elif reason == "CrashLoopBackOff":
            words = f"Back-off restarting failed container {each['name']} in pod {_full(pod)}"
            yield _event(pod, "BackOff", words)


def check_log(pod: Object, container: str, *, previous: bool) -> None:
    """Raise Refused where there is no log of a container, of the one before it when `previous`."""
    status: Any = pod.get("status") or {}
    kinds = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    known = [each for kind in kinds for each in status.get(kind) or () if each["name"] == container]
    if not known:
        return
    where = f'container "{container}" in pod "{pod["metadata"]["name"]}"'
    last = (known[0].get("lastState") or {}).get("terminated")
    waiting = known[0]["state"].get("waiting")
    if previous and not last:
        raise statuses.Refused(statuses.bad(f"previous terminated {where} not found"))
    if waiting and not last:
        reason = _PULLING.get(waiting["reason"], waiting["reason"])
        raise statuses.Refused(statuses.bad(f"{where} is waiting to start: {reason}"))


def _behind(found: Object) -> Object:
    """Return a status for one that waits for containers before it."""
    return {**found, "state": {"waiting": {"reason": "PodInitializing"}}, "ready": False}


def _condition(name: str, reason: str, message: str) -> Object:
    return {"type": name, "status": "False", "reason": reason, "message": message}


def _event(pod: Object, reason: str, message: str) -> Object:
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    return {
        "metadata": {"name": f"{name}.{reason.lower()}", "namespace": namespace},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "involvedObject": {
            "kind": "Pod",
            "name": name,
            "namespace": namespace,
            "uid": pod["metadata"]["uid"],
        },
    }


def _full(pod: Object) -> str:
    metadata = pod["metadata"]
    return f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
