"""What objects of a cluster say about how they fare: conditions, the states of containers, in a line.

Comes in: an object as the API server shows it. Goes out: words, the most telling first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from analyzer.live.failures import one_line

if TYPE_CHECKING:
    from lab.providers.context.client import Object

# What a pod that cannot be anywhere yet says: the reason is elsewhere, as a rule.
_CONSEQUENCES = ("Unschedulable:", "PodInitializing:", "ContainerCreating:", "its phase is ")


def condition(found: Object, name: str) -> bool:
    """Tell whether a condition of an object is true."""
    conditions = (found.get("status") or {}).get("conditions") or []
    return any(each.get("type") == name and each.get("status") == "True" for each in conditions)


def settled(pod: Object) -> bool:
    """Tell whether a pod is Ready, or has done what it had to do."""
    phase = (pod.get("status") or {}).get("phase")
    return phase == "Succeeded" or (phase == "Running" and condition(pod, "Ready"))


def reasons(found: Object) -> Iterator[str]:
    """Yield what holds a pod or a node up, as containers and conditions tell it."""
    for each in containers(found):
        yield from _of_container(each)
    for each in (found.get("status") or {}).get("conditions") or []:
        if each.get("status") != "True" and each.get("message"):
            yield one_line(f"{each.get('reason') or each.get('type')}: {each['message']}")


def why(pod: Object) -> str:
    """Say in a line what holds a pod up."""
    return next(reasons(pod), f"its phase is {(pod.get('status') or {}).get('phase') or 'unknown'}")


def why_not_ready(node: Object) -> str:
    """Say in a line why a node is not Ready."""
    for each in (node.get("status") or {}).get("conditions") or []:
        if each.get("type") == "Ready":
            return one_line(f"{each.get('reason') or 'NotReady'}: {each.get('message') or 'nobody says why'}")
    return "its kubelet has said nothing yet"


def is_consequence(words: str) -> bool:
    """Tell whether words only say that something else has to come first."""
    return words.startswith(_CONSEQUENCES)


def containers(pod: Object) -> Iterator[Object]:
    """Yield the statuses of all containers of a pod, in the order in which they start."""
    status: Any = pod.get("status") or {}
    for kind in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        yield from status.get(kind) or []


def _of_container(found: Object) -> Iterator[str]:
    """Yield what holds a container up; nothing for one that does what it should."""
    name, state = found.get("name"), found.get("state") or {}
    last = (found.get("lastState") or {}).get("terminated")
    waiting, ended = state.get("waiting"), state.get("terminated")
    if waiting and last:
        # The kubelet's own words are how long it pauses, and long names.
        yield one_line(f"{waiting.get('reason') or 'waiting'}: {name}: {_ended(last)}{_restarts(found)}")
    elif waiting:
        yield one_line(f"{waiting.get('reason') or 'waiting'}: {name}: {waiting.get('message') or ''}")
    elif ended and ended.get("exitCode"):
        yield one_line(f"{ended.get('reason') or 'terminated'}: {name}: {_ended(ended)}")
    elif last and not found.get("ready"):
        yield one_line(f"Restarted: {name}: {_ended(last)}{_restarts(found)}")


def _ended(state: Object) -> str:
    reason = state.get("reason")
    words = f"it ended with exit code {state.get('exitCode')}"
    words += f" ({reason})" if reason and reason != "Error" else ""
    return f"{words}: {state['message']}" if state.get("message") else words


def _restarts(found: Object) -> str:
    count = found.get("restartCount") or 0
    return f", after {count} restart{'' if count == 1 else 's'}" if count else ""
