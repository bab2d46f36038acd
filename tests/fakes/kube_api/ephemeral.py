"""The subresource `ephemeralcontainers`: containers are added to a pod that runs, and never changed."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tests.fakes.kube_api import statuses
from tests.fakes.kube_api.kinds import Object, Place
from tests.fakes.kube_api.statuses import Refused
from tests.fakes.kube_api.validation import (
    Causes,
    container_defaults,
    not_a_label,
    not_allowed,
    required,
    wrong,
)

_PATH = "spec.ephemeralContainers"
# Fields of containers that ephemeral ones must not have.
_NEVER = ("ports", "resources", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle")


def added(place: Place, pod: Object, wanted: Object) -> Object:
    """Return a pod with the ephemeral containers of another version of it. Raises Refused."""
    containers = (wanted.get("spec") or {}).get("ephemeralContainers") or []
    for each in containers:
        container_defaults(each)
    if causes := [*_errors(pod, containers)]:
        raise Refused(statuses.invalid(place.kind, place.name, causes))
    return {**pod, "spec": {**pod["spec"], "ephemeralContainers": containers}}


def _errors(pod: Object, containers: list[Object]) -> Causes:
    spec = pod["spec"]
    taken = {each["name"] for sort in ("containers", "initContainers") for each in spec.get(sort) or ()}
    seen: set[str] = set()
    for number, each in enumerate(containers):
        where, name = f"{_PATH}[{number}]", str(each.get("name") or "")
        if not name:
            yield required(f"{where}.name")
        elif words := not_a_label(name):
            yield wrong(f"{where}.name", name, words)
        elif name in taken | seen:
            yield statuses.cause("FieldValueDuplicate", f'Duplicate value: "{name}"', f"{where}.name")
        seen.add(name)
        if not each.get("image"):
            yield required(f"{where}.image")
        for field in _NEVER:
            if each.get(field):
                words = "cannot be set for an Ephemeral Container"
                yield not_allowed(f"{where}.{field}", words)
        target = each.get("targetContainerName")
        if target and target not in taken:
            told = f"Not found: {json.dumps(target)}"
            yield statuses.cause("FieldValueNotFound", told, f"{where}.targetContainerName")
    yield from _changes(spec.get("ephemeralContainers") or (), containers)


def _changes(before: Sequence[Object], containers: Sequence[Object]) -> Causes:
    now = {each.get("name"): each for each in containers}
    for each in before:
        title = f'existing ephemeral containers "{each["name"]}"'
        if each["name"] not in now:
            yield not_allowed(_PATH, f"{title} may not be removed\n")
        elif now[each["name"]] != each:
            yield not_allowed(_PATH, f"{title} may not be changed\n")
