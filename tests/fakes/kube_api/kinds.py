"""The kinds of objects that a server knows, where they are, and what discovery says of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of object that the server knows. Items of lists of built-in kinds do not repeat their kind."""

    group: str = ""
    version: str = "v1"
    plural: str
    kind: str
    namespaced: bool = True
    built_in: bool = True
    verbs: tuple[str, ...] = ("create", "delete", "get", "list", "patch", "update", "watch")
    subresources: tuple[str, ...] = ("status",)
    schema: Object = field(default_factory=dict)
    """Of a custom kind; empty where anything goes."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def stored(self) -> tuple[str, str]:
        """Under what its objects are stored: all versions of a kind are one."""
        return self.group, self.plural


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a path means: `namespace` "" for all or none, `name` "" for a list."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""


BUILT_IN = (
    Kind(plural="namespaces", kind="Namespace", namespaced=False),
    Kind(plural="nodes", kind="Node", namespaced=False),
    Kind(plural="pods", kind="Pod", subresources=("status", "ephemeralcontainers", "exec", "log")),
    Kind(plural="services", kind="Service"),
    Kind(plural="configmaps", kind="ConfigMap"),
    Kind(plural="secrets", kind="Secret"),
    Kind(plural="serviceaccounts", kind="ServiceAccount"),
    Kind(plural="persistentvolumeclaims", kind="PersistentVolumeClaim"),
    Kind(plural="events", kind="Event"),
    Kind(plural="replicationcontrollers", kind="ReplicationController"),
    Kind(group="apps", plural="deployments", kind="Deployment"),
    Kind(group="apps", plural="statefulsets", kind="StatefulSet"),
    Kind(group="apps", plural="daemonsets", kind="DaemonSet"),
    Kind(group="apps", plural="replicasets", kind="ReplicaSet"),
    Kind(group="batch", plural="jobs", kind="Job"),
    Kind(group="batch", plural="cronjobs", kind="CronJob"),
    Kind(group="networking.k8s.io", plural="networkpolicies", kind="NetworkPolicy"),
    Kind(group="policy", plural="poddisruptionbudgets", kind="PodDisruptionBudget"),
    Kind(
        group="apiextensions.k8s.io",
        plural="customresourcedefinitions",
        kind="CustomResourceDefinition",
        namespaced=False,
    ),
    Kind(group="rbac.authorization.k8s.io", plural="clusterroles", kind="ClusterRole", namespaced=False),
    Kind(
        group="rbac.authorization.k8s.io",
        plural="clusterrolebindings",
        kind="ClusterRoleBinding",
        namespaced=False,
    ),
)


def place(kinds: Iterable[Kind], path: str) -> Place | None:
    """Return what a path means, None for nothing."""
    for kind in kinds:
        root = f"/{'apis' if kind.group else 'api'}/{kind.api_version}/"
        if not path.startswith(root):
            continue
        match path.removeprefix(root).split("/"):
            case [kind.plural]:
                return Place(kind=kind)
            case [kind.plural, name, *rest] if not kind.namespaced and _of(kind, rest):
                return Place(kind=kind, name=name, subresource="".join(rest))
            case ["namespaces", namespace, kind.plural] if kind.namespaced:
                return Place(kind=kind, namespace=namespace)
            case ["namespaces", namespace, kind.plural, name, *rest] if kind.namespaced and _of(kind, rest):
                return Place(kind=kind, namespace=namespace, name=name, subresource="".join(rest))
            case _:
                continue
    return None


def _of(kind: Kind, rest: list[str]) -> bool:
    return not rest or (len(rest) == 1 and rest[0] in kind.subresources)


def discovery(kinds: Iterable[Kind]) -> dict[str, Object]:
    """Return what is served about the API itself, by path."""
    versions: dict[str, dict[str, list[Kind]]] = {}
    for kind in kinds:
        versions.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)
    documents: dict[str, Object] = {
        "/version": {"major": "1", "minor": "36", "gitVersion": "v1.36.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [_group(name, tuple(of)) for name, of in versions.items() if name],
        },
    }
    for group, of in versions.items():
        if group:
            kind_of_answer = {"kind": "APIGroup", "apiVersion": "v1"}
            documents[f"/apis/{group}"] = {**kind_of_answer, **_group(group, tuple(of))}
        for version, known in of.items():
            path = f"/apis/{group}/{version}" if group else f"/api/{version}"
            documents[path] = _resources(known)
    return documents


def _group(name: str, versions: tuple[str, ...]) -> Object:
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def _resources(kinds: list[Kind]) -> Object:
    return {
        "kind": "APIResourceList",
        **({"apiVersion": "v1"} if kinds[0].group else {}),
        "groupVersion": kinds[0].api_version,
        "resources": list(_entries(kinds)),
    }


def _entries(kinds: list[Kind]) -> Iterator[Object]:
    for kind in kinds:
        entry = {
            "name": kind.plural,
            "singularName": kind.kind.lower(),
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": list(kind.verbs),
        }
        yield entry
        for each in kind.subresources:
            yield {
                **entry,
                "name": f"{kind.plural}/{each}",
                "singularName": "",
                "verbs": _VERBS.get(each, _ALL),
            }


_ALL = ["get", "patch", "update"]
_VERBS = {"exec": ["create", "get"], "log": ["get"]}
