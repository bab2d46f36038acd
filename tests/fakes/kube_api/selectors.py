"""Selectors of labels and of fields, as the query of a list or a watch writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes.kube_api import labels
from tests.fakes.kube_api.kinds import Kind, Object
from tests.fakes.kube_api.statuses import Refused, bad

Test = Callable[[Object], bool]

_EQUAL = re.compile(r"([^=!]*)(==|=|!=)(.*)")
_EVERY_KIND = frozenset(("metadata.name", "metadata.namespace"))
_FIELDS: dict[str, frozenset[str]] = {
    "Pod": frozenset(
        (
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        )
    ),
    "Event": frozenset(
        (
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "reason",
            "type",
        )
    ),
    "Namespace": frozenset(("status.phase",)),
    "ReplicationController": frozenset(("status.replicas",)),
    "Secret": frozenset(("type",)),
    "Service": frozenset(("spec.clusterIP", "spec.type")),
    "Node": frozenset(("spec.unschedulable",)),
}


def chosen(kind: Kind, query: Mapping[str, str]) -> Test:
    """Return what tells whether the selectors of a query choose an object. Raises Refused."""
    try:
        wanted = labels.read(query.get("labelSelector", ""))
    except labels.Unreadable as error:
        raise Refused(bad(str(error))) from None
    tests = [_fields(kind, each) for each in filter(None, query.get("fieldSelector", "").split(","))]
    return lambda found: all(test(_of(found)) for test in wanted) and all(test(found) for test in tests)


def _of(found: Object) -> Mapping[str, str]:
    there: Mapping[str, str] = found["metadata"].get("labels") or {}
    return there


def _fields(kind: Kind, part: str) -> Test:
    found = _EQUAL.fullmatch(part)
    if found is None:
        raise Refused(bad(f"invalid selector: '{part}'; can't understand '{part}'"))
    name, equal, value = found[1], found[2] != "!=", found[3]
    if "=" in value:
        raise Refused(bad(f"invalid field selector: unescaped character in value: {ord('=')}"))
    if not name and not value:
        return lambda _: True
    if name not in _EVERY_KIND | _FIELDS.get(kind.kind, frozenset()):
        if kind.kind in _FIELDS:
            raise Refused(bad(f"field label not supported: {name}"))
        names = '"metadata.name", "metadata.namespace"'
        raise Refused(bad(f'"{name}" is not a known field selector: only {names}'))
    return lambda each: (_written(each, name) == value) == equal


def _written(found: Any, path: str) -> str:
    """Return a field as a selector writes it: "" when it is not there."""
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return ("true" if found else "false") if isinstance(found, bool) else "" if found is None else str(found)
