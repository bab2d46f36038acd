"""Defaults, and what must hold of an object: the errors of a 422, in the words of Kubernetes.

What is checked is what a user of a lab gets wrong: names, containers, selectors, ports, and changes of what
cannot be changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.fakes.kube_api import custom
from tests.fakes.kube_api.kinds import Kind, Object
from tests.fakes.kube_api.statuses import cause

Causes = Iterator[dict[str, str]]

_LONGEST = 63  # characters of a label
_FINALIZERS = ("foregroundDeletion", "kubernetes", "orphan")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_WORDS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_SUBDOMAIN_WORDS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_POD_UPDATE = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
    "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
    "previously negative)"
)
_SELECTING = frozenset(("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"))
_TEMPLATED = _SELECTING | {"Job", "ReplicationController"}


def defaulted(kind: Kind, found: Object) -> None:
    """Write into an object what the API takes for granted where nothing is said."""
    spec = found.get("spec")
    if kind.group == "networking.k8s.io" and kind.kind == "NetworkPolicy" and isinstance(spec, dict):
        _policy_defaults(spec)
    elif kind.kind == "Pod" and isinstance(spec, dict):
        _pod_defaults(spec, "Always")
    elif kind.kind == "Service" and isinstance(spec, dict):
        _service_defaults(spec)
    elif kind.kind == "Namespace":
        found.setdefault("spec", {"finalizers": ["kubernetes"]})
        found.setdefault("status", {"phase": "Active"})
        found["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = found["metadata"]["name"]
    elif kind.kind in _TEMPLATED and isinstance(spec, dict):
        if kind.kind not in ("DaemonSet", "Job"):
            spec.setdefault("replicas", 1)
        template = (spec.get("template") or {}).get("spec")
        if isinstance(template, dict):
            _pod_defaults(template, "Always")


def _pod_defaults(spec: Object, restart: str) -> None:
    spec.setdefault("restartPolicy", restart)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    for each in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        container_defaults(each)


def container_defaults(each: Object) -> None:
    """Write into a container what the API takes for granted."""
    latest = str(each.get("image", "")).rpartition("/")[2].partition(":")[2] in ("", "latest")
    each.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    each.setdefault("resources", {})
    each.setdefault("terminationMessagePath", "/dev/termination-log")
    each.setdefault("terminationMessagePolicy", "File")
    for port in each.get("ports") or ():
        port.setdefault("protocol", "TCP")


def _service_defaults(spec: Object) -> None:
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))


def _policy_defaults(spec: Object) -> None:
    # "If this field is not specified, it will default based on the existence of ingress or egress rules."
    spec.setdefault("policyTypes", ["Ingress", *(["Egress"] if spec.get("egress") else [])])
    for direction in ("ingress", "egress"):
        for rule in spec.get(direction) or ():
            for port in rule.get("ports") or ():
                port.setdefault("protocol", "TCP")


def errors(kind: Kind, found: Object, before: Object | None = None) -> list[dict[str, str]]:
    """Return what is wrong with an object, or with the change from what it was before."""
    if not kind.built_in:
        return [*_names(kind, found), *custom.errors(*custom.root(kind.schema, found))]
    return [*_names(kind, found), *_specs(kind, found), *(_changes(kind, before, found) if before else ())]


def required(field: str, words: str = "") -> dict[str, str]:
    return cause("FieldValueRequired", f"Required value{f': {words}' if words else ''}", field)


def wrong(field: str, value: Any, words: str) -> dict[str, str]:
    return cause("FieldValueInvalid", f"Invalid value: {json.dumps(value)}: {words}", field)


def not_allowed(field: str, words: str) -> dict[str, str]:
    return cause("FieldValueForbidden", f"Forbidden: {words}", field)


def not_a_label(name: str) -> str:
    """Return why a name is no label of DNS, "" for one that is."""
    if "." in name and _SUBDOMAIN.fullmatch(name):
        return "must not contain dots"
    if len(name) > _LONGEST:
        return f"must be no more than {_LONGEST} characters"
    return "" if _LABEL.fullmatch(name) else _LABEL_WORDS


def _names(kind: Kind, found: Object) -> Causes:
    name = str(found["metadata"]["name"])
    for number, each in enumerate(found["metadata"].get("finalizers") or ()):
        if "/" not in each and each not in _FINALIZERS:
            words = "name is neither a standard finalizer name nor is it fully qualified"
            yield wrong(f"metadata.finalizers[{number}]", each, words)
    if kind.kind in ("Namespace", "Service"):
        if words := not_a_label(name):
            yield wrong("metadata.name", name, words)
    elif kind.group != "rbac.authorization.k8s.io" and not _SUBDOMAIN.fullmatch(name):
        yield wrong("metadata.name", name, _SUBDOMAIN_WORDS)


def _specs(kind: Kind, found: Object) -> Causes:
    spec = found.get("spec") or {}
    if kind.kind == "Pod":
        yield from _pod(spec, "spec")
    elif kind.kind in _TEMPLATED:
        template = spec.get("template") or {}
        if kind.kind in _SELECTING:
            yield from _selector(spec, template)
        yield from _pod(template.get("spec") or {}, "spec.template.spec")
    elif kind.kind == "Service" and spec.get("type") != "ExternalName":
        if not spec.get("ports") and spec.get("clusterIP") != "None":
            yield required("spec.ports")
        for number, port in enumerate(spec.get("ports") or ()):
            if len(spec["ports"]) > 1 and not port.get("name"):
                yield required(f"spec.ports[{number}].name")
    elif kind.group == "networking.k8s.io" and kind.kind == "NetworkPolicy":
        yield from _policy(spec)


def _selector(spec: Object, template: Object) -> Causes:
    wanted = (spec.get("selector") or {}).get("matchLabels") or {}
    if not spec.get("selector"):
        yield required("spec.selector")
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not wanted.items() <= labels.items():
        words = "`selector` does not match template `labels`"
        yield wrong("spec.template.metadata.labels", labels, words)


def _pod(spec: Object, path: str) -> Causes:
    if not spec.get("containers"):
        yield required(f"{path}.containers")
    seen: set[str] = set()
    for sort in ("initContainers", "containers"):
        for number, each in enumerate(spec.get(sort) or ()):
            where = f"{path}.{sort}[{number}]"
            name = str(each.get("name") or "")
            if not name:
                yield required(f"{where}.name")
            elif words := not_a_label(name):
                yield wrong(f"{where}.name", name, words)
            elif name in seen:
                yield cause("FieldValueDuplicate", f"Duplicate value: {json.dumps(name)}", f"{where}.name")
            seen.add(name)
            if not each.get("image"):
                yield required(f"{where}.image")


def _policy(spec: Object) -> Causes:
    for direction in ("ingress", "egress"):
        for number, rule in enumerate(spec.get(direction) or ()):
            for at, port in enumerate(rule.get("ports") or ()):
                end, start = port.get("endPort"), port.get("port")
                where = f"spec.{direction}[{number}].ports[{at}].endPort"
                if end is not None and isinstance(start, int) and end < start:
                    yield wrong(where, end, "must be greater than or equal to `port`")


def _changes(kind: Kind, before: Object, found: Object) -> Causes:
    was, now = before.get("spec") or {}, found.get("spec") or {}
    if before["metadata"].get("deletionTimestamp"):
        known = before["metadata"].get("finalizers") or ()
        if new := [each for each in found["metadata"].get("finalizers") or () if each not in known]:
            listed = ", ".join(map(json.dumps, new))
            words = "no new finalizers can be added if the object is being deleted, found new finalizers"
            yield not_allowed("metadata.finalizers", f"{words} []string{{{listed}}}")
    if kind.kind == "Pod" and _fixed(was) != _fixed(now):
        yield not_allowed("spec", _POD_UPDATE)
    elif kind.kind in _SELECTING and was.get("selector") != now.get("selector"):
        yield wrong("spec.selector", now.get("selector"), "field is immutable")
    elif kind.kind == "Job" and was.get("template") != now.get("template"):
        yield wrong("spec.template", now.get("template"), "field is immutable")
    elif kind.kind == "Service" and was.get("clusterIP") and was["clusterIP"] != now.get("clusterIP"):
        yield wrong("spec.clusterIPs[0]", now.get("clusterIP"), "may not change once set")


def _fixed(spec: Object) -> Object:
    """Return of a pod's spec what cannot be changed."""
    free = ("activeDeadlineSeconds", "tolerations")
    found = {name: value for name, value in spec.items() if name not in free}
    for sort in ("containers", "initContainers"):
        listed = found.get(sort) or ()
        found[sort] = [{name: v for name, v in each.items() if name != "image"} for each in listed]
    return found
