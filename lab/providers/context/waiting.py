"""Waits until a cluster has done what it was told, and says what stands in the way when it does not.

Comes in: what is waited for, and for how long. Goes out: nothing, or a LabError that has seen the last
events, the states of pods and the words of their containers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.evidence import gathered
from lab.providers.context.states import condition, reasons, settled, why, why_not_ready

if TYPE_CHECKING:
    from lab.providers.context.client import Client, Object

Told = Callable[[str], object]
"""Is told what is waited for, each time that the cluster was asked."""

PATIENCE = 300.0
_PAUSE = 0.5
_LONGEST_PAUSE = 3.0
_MOST_SHOWN = 5
# What no waiting mends: the first one that is seen ends it.
_HOPELESS = frozenset(("InvalidImageName", "ErrImageNeverPull"))

# The kubelet tries again, after pauses of 10, 20, 40 s: what fails for longer does so for a reason. A
# ConfigMap may have come after the pod that needs it.
_TRIED_AGAIN = frozenset(
    ("ErrImagePull", "ImagePullBackOff", "CreateContainerConfigError", "CreateContainerError")
)
_TRIES = 90.0
_PULL = "nodes must reach the image's registry, or have the image: on kind `invoke images.load` brings it"


def rolled_out(
    client: Client,
    kind: str,
    namespace: str,
    name: str,
    patience: float = PATIENCE,
    told: Told | None = None,
) -> None:
    """Wait until a DaemonSet, Deployment or StatefulSet runs everywhere as it was last told to."""
    path = f"/apis/apps/v1/namespaces/{namespace}/{kind.lower()}s/{name}"
    what = f"{kind} {namespace}/{name} is not ready"
    failing: dict[str, float] = {}

    def missing() -> str:
        found = client.find(path)
        if found is None:
            return "it does not exist"
        words = _not_rolled_out(found)
        waiting = _pods_of(client, namespace, found) if words else []
        _check_hopeless(client, waiting, failing, [namespace], f"{what}: ")
        return f"{words}; {_title(waiting[0])}: {why(waiting[0])}" if waiting else words

    _wait(client, missing, what, patience, [namespace], told)


def nodes_ready(client: Client, patience: float = PATIENCE, told: Told | None = None) -> None:
    """Wait until there are nodes, all of them Ready."""

    def missing() -> str:
        nodes = client.list_all("/api/v1/nodes")
        waiting = [each for each in nodes if not condition(each, "Ready")]
        if waiting:
            names = _listed([str(each["metadata"]["name"]) for each in waiting])
            return f"not Ready: {names}: {why_not_ready(waiting[0])}"
        return "" if nodes else "there is no node"

    _wait(client, missing, "the nodes are not ready", patience, ["kube-system"], told)


def pods_ready(
    client: Client,
    namespaces: Iterable[str],
    patience: float = PATIENCE,
    *,
    selector: str = "",
    told: Told | None = None,
) -> None:
    """Wait until all pods of some namespaces are Ready, or have done what they had to do.

    A label `selector` restricts it to some of them. What cannot start is waited for a while only.
    """
    chosen = sorted(set(namespaces))
    query = {"labelSelector": selector} if selector else {}
    failing: dict[str, float] = {}

    def missing() -> str:
        pods = [
            each for name in chosen for each in client.list_all(f"/api/v1/namespaces/{name}/pods", **query)
        ]
        waiting = [each for each in pods if not settled(each)]
        _check_hopeless(client, waiting, failing, chosen)
        return f"waiting for {_listed_with_reason(waiting)}" if waiting else ""

    _wait(client, missing, "pods are not ready", patience, chosen, told)


def gone(
    client: Client, path: str, patience: float = PATIENCE, *, what: str = "", told: Told | None = None
) -> None:
    """Wait until an object is deleted; `what` is how messages name it, the path when it is left out."""

    def missing() -> str:
        return f"{what or 'it'} is still there" if client.find(path) else ""

    _wait(client, missing, f"{what or f'`{path}`'} is not gone", patience, [], told)


def until(client: Client, missing: Callable[[], str], what: str, patience: float = PATIENCE) -> None:
    """Wait until nothing is missing: `missing` says what is, in words. Raises LabError with `what`."""
    _wait(client, missing, what, patience, [])


def _wait(
    client: Client,
    missing: Callable[[], str],
    what: str,
    patience: float,
    namespaces: list[str],
    told: Told | None = None,
) -> None:
    ends, pause = time.monotonic() + patience, _PAUSE
    while words := missing():
        if told:
            told(f"{words} ({what}; at most {patience:g} s)")
        if time.monotonic() + pause > ends:
            seconds = f"{patience:g} second{'' if patience == 1 else 's'}"
            raise LabError(f"{what} after {seconds}: {words}", seen=gathered(client, namespaces))
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _not_rolled_out(found: Object) -> str:
    """Say what is missing of a roll-out, in the manner of `kubectl rollout status`; "" when nothing is."""
    status, spec = found.get("status") or {}, found.get("spec") or {}
    if (status.get("observedGeneration") or 0) < (found["metadata"].get("generation") or 0):
        return "its controller has not seen it yet"
    daemon = "desiredNumberScheduled" in status or found.get("kind") == "DaemonSet"
    wanted = status.get("desiredNumberScheduled", 0) if daemon else spec.get("replicas", 1)
    updated = status.get("updatedNumberScheduled" if daemon else "updatedReplicas") or 0
    ready = status.get("numberAvailable" if daemon else "availableReplicas") or 0
    if daemon and not wanted:
        return "no node is told to run it"
    if updated < wanted:
        return f"{updated} of {wanted} are up to date"
    return f"{ready} of {wanted} are available" if ready < wanted else ""


def _pods_of(client: Client, namespace: str, workload: Object) -> list[Object]:
    """Return the pods of a workload that are not ready; none when they may not be listed."""
    labels = ((workload.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    if not selector:
        return []
    try:
        pods = client.list_all(f"/api/v1/namespaces/{namespace}/pods", labelSelector=selector)
    except LabError:
        return []
    return [each for each in pods if not settled(each)]


def _check_hopeless(
    client: Client, pods: Iterable[Object], failing: dict[str, float], namespaces: list[str], what: str = ""
) -> None:
    """Raise LabError when no waiting helps one of some pods."""
    for each in pods:
        if words := _hopeless(each, failing):
            message = f"{what}the pod {_title(each)} cannot start: {words}"
            raise LabError(message, _PULL if "Image" in words else None, seen=gathered(client, namespaces))


def _hopeless(pod: Object, failing: dict[str, float]) -> str:
    """Return why no waiting helps a pod, "" when it may; `failing` remembers since when it cannot start."""
    for words in reasons(pod):
        reason = words.partition(":")[0]
        if reason in _HOPELESS:
            return words
        if reason in _TRIED_AGAIN:
            since = failing.setdefault(_title(pod), time.monotonic())
            if time.monotonic() - since >= _TRIES:
                return f"{words} (for {_TRIES:g} s)"
    return ""


def _title(found: Object) -> str:
    return f"{found['metadata'].get('namespace')}/{found['metadata']['name']}"


def _listed_with_reason(pods: list[Object]) -> str:
    """Name pods, with what holds up the first of them."""
    first = f"; {_title(pods[0])}" if len(pods) > 1 else ""
    return f"{_listed([_title(each) for each in pods])}{first}: {why(pods[0])}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return ", ".join(names[:_MOST_SHOWN]) + more
