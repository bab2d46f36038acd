"""What a cluster shows when something in it does not come up: pods that do not run, last events, last words.

Comes in: a client, namespaces. Goes out: lines, the most telling first; never more than somebody reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from analyzer.live.failures import one_line
from lab.errors import LabError
from lab.providers.context import waiting

if TYPE_CHECKING:
    from lab.providers.context.client import Client, Object

_MOST = 6
_LINES = 5


def evidence(client: Client, namespaces: Iterable[str]) -> Iterator[str]:
    """Yield what pods, events and logs say, as far as they may be read.

    Raises AnalyzerError when the cluster does not answer.
    """
    for namespace in namespaces:
        where = f"/api/v1/namespaces/{namespace}"
        stuck = [each for each in _listed(client, f"{where}/pods") if not _ready(each)]
        for pod in stuck[:_MOST]:
            yield f"Pod {namespace}/{pod['metadata']['name']}: {waiting.why(pod)}"
        events = sorted(_listed(client, f"{where}/events"), key=_when)
        for event in [each for each in events if each.get("type") == "Warning"][-_MOST:]:
            about = event.get("involvedObject") or {}
            words = one_line(f"{event.get('reason')}: {event.get('message')}")
            yield f"event of {about.get('kind')} {namespace}/{about.get('name')}: {words}"
        for pod in stuck[:2]:
            yield from _last_words(client, where, pod)


def _listed(client: Client, path: str) -> list[Object]:
    """Return what is in a list; nothing when the cluster refuses it."""
    try:
        return client.list_all(path)
    except LabError:
        return []


def _last_words(client: Client, where: str, pod: Object) -> Iterator[str]:
    """Yield the end of the logs of a pod's containers, those that wrote any."""
    name = pod["metadata"]["name"]
    spec = pod.get("spec") or {}
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        try:
            text = client.text(f"{where}/pods/{name}/log", container=container["name"], tailLines=_LINES)
        except LabError:
            continue  # it has not started, or its image never came
        for line in text.splitlines()[-_LINES:]:
            yield f"log of {name}/{container['name']}: {one_line(line)}"


def _ready(pod: Object) -> bool:
    status: Any = pod.get("status") or {}
    if status.get("phase") == "Succeeded":
        return True
    conditions = status.get("conditions") or []
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def _when(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")
