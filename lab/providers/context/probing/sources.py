"""Where in a pod probes can start: an ephemeral container of ours, or the containers that it has.

Comes in: pods as the API server shows them. Goes out: for each the containers to try, in order, the node
that has it, and why not the better one. An ephemeral container has only what the Pod Security Standard
`restricted` allows, and ends by itself; it cannot be removed from a pod, so pods that are not this lab's get
one only when the user agrees.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.providers.context import applying, states

if TYPE_CHECKING:
    from lab.providers import Progress
    from lab.providers.context.client import Client, Object

# agnhost is what Kubernetes' own tests probe with.
IMAGE = (
    "registry.k8s.io/e2e-test-images/agnhost:2.53"
    "@sha256:99c6b4bb4a1e1df3f0b3752168c89358794d02258ebebc26bf21c29399011a85"
)
PREFIX = "kubereach-probe"
_OWNER = "KUBEREACH_LAB"
LIFETIME = 3600
"""Seconds after which an ephemeral container ends by itself."""
_USER = 65534
_PATIENCE = 60.0
_PAUSE = 0.3
_LONGEST_PAUSE = 3.0  # whole namespaces are listed each time
_NONE = "it has no ephemeral container"
_NOT_AGREED = "the pod is not this lab's; `--yes` agrees to an ephemeral container in it"
_FAILED = frozenset(
    (
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "CreateContainerError",
        "CreateContainerConfigError",
        "RunContainerError",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Containers of a pod in which to probe, best first. `ephemeral`: the first is ours.

    `why` says why there is no ephemeral container, "" where there is one; `missed` that it was to have one.
    `node` and `uid` are where the pod is, and how it is known there.
    """

    namespace: str
    pod: str
    containers: tuple[str, ...]
    ephemeral: bool
    ours: bool
    why: str = ""
    missed: bool = False
    node: str = ""
    uid: str = ""


def seats(  # noqa: PLR0913 - what is wanted, and how
    client: Client,
    pods: Mapping[str, Object],
    labels: Mapping[str, str],
    image: str,
    *,
    agreed: bool,
    concurrency: int = 16,
    progress: Progress | None = None,
) -> dict[str, Seat]:
    """Return where to probe from in each of some pods, by their names; starts what is missing, and waits.

    So many requests at a time as `concurrency` says. Raises LabError when the cluster cannot be reached.
    """
    missing = {name: pod for name, pod in pods.items() if not running(pod)}
    allowed = {name: pod for name, pod in missing.items() if agreed or applying.bears(pod, labels)}
    why: dict[str, str] = {}
    latest = dict(pods)
    if allowed:
        added = _started(client, allowed, image, labels[applying.LAB], concurrency)
        why.update({name: error.message for name, error in added.items() if isinstance(error, LabError)})
        asked = {name: found for name, found in added.items() if isinstance(found, str)}
        told = partial(progress or _nobody, doing="starting containers")
        latest.update(_wait(client, {name: pods[name] for name in asked}, asked, why, told))
    return {name: seat_of(pod, labels, why.get(name, "")) for name, pod in latest.items()}


def _nobody(done: int, of: int, doing: str) -> None:
    """Take note of nothing."""


def _started(
    client: Client, pods: Mapping[str, Object], image: str, lab: str, concurrency: int
) -> dict[str, str | LabError]:
    """Add our container to pods, unless one waits there; return their names, or why they were not added."""

    def start(pod: Object) -> str | LabError:
        try:
            return _waiting(pod, image) or _add(client, pod, image, lab)
        except LabError as error:
            return error

    threads = ThreadPoolExecutor(concurrency)
    try:
        return dict(zip(pods, threads.map(start, pods.values()), strict=True))
    finally:  # who is interrupted does not wait for what was asked for
        threads.shutdown(wait=False, cancel_futures=True)


def running(pod: Object) -> str:
    """Return the name of an ephemeral container to probe from that runs in a pod; "" when there is none.

    One that another lab started is as good.
    """
    return next(_running(pod), "")


def _running(pod: Object) -> Iterator[str]:
    for each in (pod.get("status") or {}).get("ephemeralContainerStatuses") or []:
        if str(each.get("name")).startswith(PREFIX) and (each.get("state") or {}).get("running"):
            yield str(each["name"])


def started_by(lab: str, pod: Object) -> dict[str, bool]:
    """Return the ephemeral containers that a lab started in a pod, and whether they run."""
    up = frozenset(_running(pod))
    return {
        str(each["name"]): str(each["name"]) in up
        for each in _ephemeral(pod)
        if {"name": _OWNER, "value": lab} in (each.get("env") or [])
    }


def _waiting(pod: Object, image: str) -> str:
    """Return the name of our ephemeral container with an image that waits to start; "" when there is none.

    It cannot be removed, and another one would wait for the same.
    """
    ours = {str(each.get("name")) for each in _ephemeral(pod) if each.get("image") == image}
    for each in (pod.get("status") or {}).get("ephemeralContainerStatuses") or []:
        name = str(each.get("name"))
        if name.startswith(PREFIX) and name in ours and (each.get("state") or {}).get("waiting"):
            return name
    return ""


def container(name: str, image: str, lab: str) -> Object:
    """Return the ephemeral container, as the API takes it; it says whose it is."""
    return {
        "name": name,
        "image": image,
        "env": [{"name": _OWNER, "value": lab}],
        "imagePullPolicy": "IfNotPresent",
        # The first process of a container gets no signal that it does not wait for.
        "command": ["sh", "-c", f"trap 'exit 0' TERM; sleep {LIFETIME} & wait"],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def path(pod: Object) -> str:
    """Return where a pod is."""
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def _add(client: Client, pod: Object, image: str, lab: str) -> str:
    taken = {str(each.get("name")) for each in _ephemeral(pod)}
    name = next(each for number in range(len(taken) + 1) if (each := f"{PREFIX}-{number}") not in taken)
    body = {"spec": {"ephemeralContainers": [container(name, image, lab)]}}
    client.patch(f"{path(pod)}/ephemeralcontainers", body, "strategic")
    return name


def _wait(
    client: Client,
    pods: Mapping[str, Object],
    asked: Mapping[str, str],
    why: dict[str, str],
    progress: Callable[[int, int], object],
) -> dict[str, Object]:
    """Wait until containers run; those that will not are explained in `why`."""
    latest, ends, pause = dict(pods), time.monotonic() + _PATIENCE, _PAUSE
    open_ = set(asked)
    while open_:
        progress(len(asked) - len(open_), len(asked))
        namespaces = {str(pods[name]["metadata"]["namespace"]) for name in open_}
        listed = {
            (str(each["metadata"]["namespace"]), str(each["metadata"]["name"])): each
            for namespace in sorted(namespaces)
            for each in client.list_all(f"/api/v1/namespaces/{namespace}/pods")
        }
        for name in sorted(open_):
            metadata = pods[name]["metadata"]
            found = listed.get((str(metadata["namespace"]), str(metadata["name"])))
            state = _state(found, asked[name]) if found else "the pod is gone"
            if state is None:
                continue
            open_.discard(name)
            latest[name] = found or pods[name]
            if state:
                why[name] = state
        if open_ and time.monotonic() > ends:
            why.update(dict.fromkeys(open_, f"its ephemeral container did not start in {_PATIENCE:g} s"))
            break
        if open_:
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
    return latest


def _state(pod: Object, name: str) -> str | None:
    """Return "" when a container runs, why it never will, or None to wait on."""
    for each in (pod.get("status") or {}).get("ephemeralContainerStatuses") or []:
        if each.get("name") != name:
            continue
        state = each.get("state") or {}
        if state.get("running"):
            return ""
        held = state.get("waiting") or {}
        if state.get("terminated") or held.get("reason") in _FAILED:
            return f"its ephemeral container cannot run: {states.why(pod)}"
    return None


def seat_of(pod: Object, labels: Mapping[str, str], why: str = "") -> Seat:
    """Return the seat that a pod has now."""
    metadata = pod["metadata"]
    mine = running(pod)
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    own = [str(each["name"]) for each in statuses if (each.get("state") or {}).get("running")]
    ours = applying.bears(pod, labels)
    return Seat(
        namespace=str(metadata["namespace"]),
        pod=str(metadata["name"]),
        containers=(mine, *own) if mine else tuple(own),
        ephemeral=bool(mine),
        ours=ours,
        why="" if mine else why or (_NONE if ours else _NOT_AGREED),
        missed=bool(why) and not mine,
        node=str((pod.get("spec") or {}).get("nodeName") or ""),
        uid=str(metadata.get("uid") or ""),
    )


def _ephemeral(pod: Object) -> list[Object]:
    return (pod.get("spec") or {}).get("ephemeralContainers") or []
