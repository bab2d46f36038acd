"""Selectors of labels and of fields, as the query of a list or a watch writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes.kube_api.kinds import Kind, Object
from tests.fakes.kube_api.statuses import Refused, bad

Test = Callable[[Object], bool]

_SETS = re.compile(r"\s*(\S+)\s+(in|notin)\s*\(([^)]*)\)\s*")
_EQUAL = re.compile(r"\s*([^\s=!]+)\s*(==|=|!=)\s*([^\s=!()]*)\s*")
_BARE = re.compile(r"\s*(!?)\s*([^\s=!()]+)\s*")
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
    "Node": frozenset(("spec.unschedulable",)),
}


def chosen(kind: Kind, query: Mapping[str, str]) -> Test:
    """Return what tells whether the selectors of a query choose an object. Raises Refused."""
    tests = [*map(_labels, _parts(query.get("labelSelector", "")))]
    tests += [_fields(kind, each) for each in filter(None, query.get("fieldSelector", "").split(","))]
    return lambda found: all(test(found) for test in tests)


def _parts(text: str) -> list[str]:
    """Split at commas that are not within parentheses."""
    return [each for each in re.split(r",(?![^(]*\))", text) if each.strip()]


def _labels(part: str) -> Test:
    if found := _SETS.fullmatch(part):
        key, among, wanted = found[1], found[2] == "in", {each.strip() for each in found[3].split(",")}
        # A label that is missing is not among the values.
        return lambda each: (_of(each).get(key) in wanted) == among
    if found := _EQUAL.fullmatch(part):
        name, equal, value = found[1], found[2] != "!=", found[3]
        return lambda each: (_of(each).get(name) == value) == equal
    if found := _BARE.fullmatch(part):
        there, bare = not found[1], found[2]
        return lambda each: (bare in _of(each)) == there
    raise Refused(bad(f"unable to parse requirement: found '{part.strip()}', expected: identifier"))


def _of(found: Object) -> Mapping[str, str]:
    labels: Mapping[str, str] = found["metadata"].get("labels") or {}
    return labels


def _fields(kind: Kind, part: str) -> Test:
    found = _EQUAL.fullmatch(part)
    if found is None:
        raise Refused(bad(f"invalid selector: '{part}'; can't understand '{part}'"))
    name, equal, value = found[1], found[2] != "!=", found[3]
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
