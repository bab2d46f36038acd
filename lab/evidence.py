"""What a cluster shows when something in it does not come up: nodes, pods, last events, last words.

Comes in: a client, namespaces. Goes out: lines, the most telling first; never more than somebody reads.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from analyzer import AnalyzerError
from analyzer.live.failures import one_line
from lab.errors import LabError
from lab.providers.context import states

if TYPE_CHECKING:
    from lab.providers.context.client import Client, Object

_MOST = 6
_NODES = 2
_LOGS = 2
"""Pods whose words are shown."""
_LINES = 5


def evidence(client: Client, namespaces: Iterable[str]) -> Iterator[str]:
    """Yield what nodes, pods, events and logs say, as far as they may be read.

    Raises AnalyzerError when the cluster does not answer.
    """
    nodes = [each for each in _listed(client, "/api/v1/nodes") if not states.condition(each, "Ready")]
    for node in nodes[:_NODES]:
        yield f"Node {node['metadata']['name']}: {states.why_not_ready(node)}"
    if len(nodes) > _NODES:
        more = len(nodes) - _NODES
        yield f"and {more} more that {'is' if more == 1 else 'are'} not Ready"
    for namespace in namespaces:
        where = f"/api/v1/namespaces/{namespace}"
        pods = _listed(client, f"{where}/pods")
        stuck = [each for each in pods if not states.settled(each)]
        fine = {each["metadata"]["name"] for each in pods if states.settled(each)}
        stuck.sort(key=lambda pod: states.is_consequence(states.why(pod)))
        for pod in stuck[:_MOST]:
            yield f"Pod {namespace}/{pod['metadata']['name']}: {states.why(pod)}"
        yield from _events(client, where, namespace, fine)
        heard = (words for pod in stuck if (words := [*_last_words(client, where, pod)]))
        for words in islice(heard, _LOGS):
            yield from words


def gathered(client: Client, namespaces: Iterable[str]) -> tuple[str, ...]:
    """Return the evidence, as much of it as was to be had before the cluster did not answer any more."""
    found: list[str] = []
    with suppress(AnalyzerError):
        found.extend(evidence(client, namespaces))
    return tuple(found)


def _listed(client: Client, path: str) -> list[Object]:
    """Return what is in a list; nothing when the cluster refuses it."""
    try:
        return client.list_all(path)
    except LabError:
        return []


def _events(client: Client, where: str, namespace: str, fine: Container[str]) -> Iterator[str]:
    """Yield the last warnings, each once however many pods it befell; none about pods that are `fine`."""
    warnings = [each for each in _listed(client, f"{where}/events") if each.get("type") == "Warning"]
    last: dict[str, str] = {}
    for event in sorted(warnings, key=_when):
        about = event.get("involvedObject") or {}
        name, uid = str(about.get("name")), str(about.get("uid"))
        if about.get("kind") == "Pod" and name in fine:
            continue
        words = one_line(f"{event.get('reason')}: {event.get('message')}")
        alike = words.replace(name, "").replace(uid, "")
        last.pop(alike, None)  # the last one of its kind, at its time
        last[alike] = f"event of {about.get('kind')} {namespace}/{name}: {words}"
    yield from [*last.values()][-_MOST:]


def _last_words(client: Client, where: str, pod: Object) -> Iterator[str]:
    """Yield the end of the logs of a pod's containers that do not do what they should."""
    name = pod["metadata"]["name"]
    for each in states.containers(pod):
        state = each.get("state") or {}
        fine = each.get("ready") or (state.get("terminated") or {}).get("exitCode") == 0
        for line in () if fine else _log(client, f"{where}/pods/{name}/log", each):
            yield f"log of {name}/{each['name']}: {one_line(line)}"


def _log(client: Client, path: str, container: Object) -> list[str]:
    """Return the last lines of a container: of the one that ended, when it was started anew since."""
    choices: list[dict[str, str]] = [{"previous": "true"}, {}] if container.get("restartCount") else [{}]
    for query in choices:
        try:
            text = client.text(path, container=str(container["name"]), tailLines=_LINES, **query)
        except LabError:
            continue  # it has not started, or its image never came
        if lines := text.splitlines()[-_LINES:]:
            return lines
    return []


def _when(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")
