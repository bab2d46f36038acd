"""Who is let in: nothing new in a namespace that is missing or going away, no pod that its level forbids."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from tests.fakes.kube_api import podsecurity, statuses
from tests.fakes.kube_api.kinds import Kind, Object, Place
from tests.fakes.kube_api.statuses import Refused
from tests.fakes.kube_api.store import Store
from tests.fakes.kube_api.validation import Causes, wrong

NAMESPACES = Kind(plural="namespaces", kind="Namespace", namespaced=False)
# They are there from the start.
GIVEN = frozenset(("default", "kube-system", "kube-public", "kube-node-lease"))
# Of these nobody gets rid.
IMMORTAL = GIVEN - {"kube-node-lease"}
_LEVELS = "pod-security.kubernetes.io/"
_KNOWN = ("privileged", "baseline", "restricted")
_VERSION = re.compile(r"latest|v1\.[0-9]+")


def created(store: Store, place: Place) -> None:
    """Raise Refused where nothing can be created."""
    if not place.kind.namespaced:
        return
    namespace = store.find(NAMESPACES, "", place.namespace)
    if namespace is None:
        if place.namespace not in GIVEN:
            raise Refused(statuses.not_found(Place(kind=NAMESPACES, name=place.namespace)))
    elif namespace["metadata"].get("deletionTimestamp"):
        raise Refused(statuses.terminating(place))


def secure(store: Store, place: Place, live: Object | None, pod: Object) -> None:
    """Raise Refused when a pod is not as the level of its namespace demands.

    Of a pod that is there it matters only whether it gets another container or image.
    """
    if live is not None and _images(live) >= _images(pod):
        return
    if said := _said(*_level(store, place, "enforce"), pod.get("spec") or {}):
        raise Refused(statuses.forbidden(place, f"violates {said}"))


def warnings(store: Store, place: Place, found: Object) -> list[str]:
    """Return what a pod or a workload is warned of; the level that is enforced also warns."""
    spec = found.get("spec") or {}
    if place.kind.kind == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    if place.kind.kind != "Pod":
        template = spec.get("template")
        spec = (template.get("spec") or {}) if isinstance(template, dict) else None
    level = _level(store, place, "warn")
    if level[0] == "privileged":
        level = _level(store, place, "enforce")
    said = "" if spec is None else _said(*level, spec)
    return [f"would violate {said}"] if said else []


def levels(labels: Mapping[str, str]) -> Causes:
    """Yield what is wrong with the labels of a namespace that name levels and versions."""
    for mode in ("enforce", "audit", "warn"):
        level, version = f"{_LEVELS}{mode}", f"{_LEVELS}{mode}-version"
        if labels.get(level, _KNOWN[0]) not in _KNOWN:
            words = f"must be one of {', '.join(_KNOWN)}"
            yield wrong(f"metadata.labels[{level}]", labels[level], words)
        if not _VERSION.fullmatch(labels.get(version, "latest")):
            yield wrong(f"metadata.labels[{version}]", labels[version], 'must be "latest" or "v1.x"')


def _images(pod: Object) -> set[tuple[str, str]]:
    found = podsecurity.containers(pod.get("spec") or {})
    return {(str(each.get("name")), str(each.get("image"))) for each in found}


def _level(store: Store, place: Place, mode: str) -> tuple[str, str]:
    namespace = store.find(NAMESPACES, "", place.namespace) or {"metadata": {}}
    labels = namespace["metadata"].get("labels") or {}
    version = labels.get(f"{_LEVELS}{mode}-version", "latest")
    return labels.get(_LEVELS + mode, "privileged"), version


def _said(level: str, version: str, spec: Object) -> str:
    """Say what a level forbids of a pod, "" for nothing."""
    found = podsecurity.violations(level, spec)
    listed = ", ".join(f"{reason} ({details})" for reason, details in found)
    return f"PodSecurity {json.dumps(f'{level}:{version}')}: {listed}" if found else ""
