"""What is to be applied, laid over what is there: documents of both in, the documents afterwards out.

An object of the same kind, namespace and name replaces the one that is there, as `kubectl apply` does it.
Pods of a replaced workload stay while its template says the same of what policies can see; else the template
stands for the pods that it will make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.decode.workload import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from analyzer.load import Document

# Kubernetes' own kinds that are read; an object may be in the one version or another of their groups.
_OWN_GROUPS = frozenset(("", "apps", "batch", "extensions", "networking.k8s.io"))
_MAKES_PODS = frozenset(("Pod", *KINDS))

Key = tuple[str, str, str, str]


def has_endpoints(documents: Iterable[Document]) -> bool:
    """Tell whether there is a pod, or a workload that makes some."""
    return any(each.kind in _MAKES_PODS for each in documents)


def laid_over(below: Sequence[Document], applied: Sequence[Document], namespace: str) -> tuple[Document, ...]:
    """Return what is there when `applied` was; `namespace` is that of objects which name none."""
    there = {_key(each, namespace): each for each in below}
    # A running pod knows its address and its node, which its manifest does not.
    applied = [each for each in applied if each.kind != "Pod" or not _same(each, there, namespace)]
    new = {_key(each, namespace) for each in applied}
    changed = {
        _owner_key(each, namespace)
        for each in applied
        if each.kind in KINDS and not _same(each, there, namespace)
    }
    # Level by level: a Deployment's ReplicaSets, then their pods.
    rest = [each for each in below if _key(each, namespace) not in new]
    while gone := [each for each in rest if _owners(each, namespace) & changed]:
        changed |= {_owner_key(each, namespace) for each in gone}
        left_out = {id(each) for each in gone}
        rest = [each for each in rest if id(each) not in left_out]
    return (*rest, *applied)


def _same(document: Document, there: Mapping[Key, Document], namespace: str) -> bool:
    """Tell whether an object is there that says the same of what policies can see of its pods."""
    old = there.get(_key(document, namespace))
    return old is not None and _seen(old) == _seen(document)


def _key(document: Document, namespace: str) -> Key:
    group = document.api_version.rpartition("/")[0]
    shared = "" if group in _OWN_GROUPS else group
    return shared, document.kind, document.namespace or namespace, document.name


def _owner_key(document: Document, namespace: str) -> tuple[str, str, str]:
    return document.kind, document.namespace or namespace, document.name


def _owners(document: Document, namespace: str) -> set[tuple[str, str, str]]:
    """Return the controller of an object, as the key of a workload."""
    owners = _of(document.data, "metadata").get("ownerReferences")
    return {
        (str(each.get("kind")), document.namespace or namespace, str(each.get("name")))
        for each in (owners if isinstance(owners, list) else ())
        if isinstance(each, dict) and each.get("controller")
    }


def _seen(document: Document) -> object:
    """Return what policies can see of a pod, or of the pods of a workload, as it is written."""
    path = {"Pod": (), "CronJob": ("spec", "jobTemplate", "spec", "template")}
    template = _of(document.data, *path.get(document.kind, ("spec", "template")))
    pod = _of(template, "spec")
    containers = pod.get("containers")
    ports = [
        (port.get("name"), port.get("containerPort"), port.get("protocol") or "TCP")
        for each in (containers if isinstance(containers, list) else ())
        for port in _listed(each)
    ]
    return _of(template, "metadata").get("labels"), bool(pod.get("hostNetwork")), ports


def _listed(container: Any) -> list[dict[str, Any]]:
    ports = container.get("ports") if isinstance(container, dict) else None
    return [each for each in ports if isinstance(each, dict)] if isinstance(ports, list) else []


def _of(data: Any, *path: str) -> dict[str, Any]:
    """Return the object at a path; an empty one where there is none."""
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}
