"""What NCA calls the pods of a folder: manifests in, its pod names by workload out.

NCA makes `namespace/name-1` and, of two or more replicas, `namespace/name-2` of a workload's template; a
bare pod keeps its name. Of the pods that share a controller and labels it reads two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

MANIFESTS = {".yaml", ".yml", ".json"}
WORKLOADS = {
    "CronJob",
    "DaemonSet",
    "Deployment",
    "Job",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
}
ENDED = {"Succeeded", "Failed"}
INVENTED = "-livesim"

Workload = tuple[str, str, str]


@dataclass(slots=True)
class Names:
    """NCA's pods by workload (kind, namespace and name), and those that have ended or belong to none."""

    pods: dict[Workload, list[str]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    def strangers(self, seen: set[str]) -> set[str]:
        """Return the pods that NCA speaks of though the manifests do not explain them."""
        known = {name for names in self.pods.values() for name in names} | self.ended
        return {name for name in seen - known if not name.endswith(INVENTED)}


def read_names(manifests: Path) -> Names:
    """Return NCA's names for the pods in a file or folder."""
    names = Names()
    for document in documents(manifests):
        kind, metadata = document.get("kind", ""), document.get("metadata") or {}
        namespace, name = metadata.get("namespace", "default"), metadata.get("name", "")
        if kind in WORKLOADS:
            made = [f"{namespace}/{name}-{number}" for number in range(1, replicas(document) + 1)]
            names.pods.setdefault((kind, namespace, name), []).extend(made)
        elif kind == "Pod" and (document.get("status") or {}).get("phase") in ENDED:
            names.ended.add(f"{namespace}/{name}")
        elif kind == "Pod":
            names.pods.setdefault(controller(metadata, namespace), []).append(f"{namespace}/{name}")
    return names


def documents(manifests: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of all manifests, those in lists one by one."""
    files = sorted(manifests.rglob("*")) if manifests.is_dir() else [manifests]
    for file in files:
        if file.suffix in MANIFESTS:
            for document in yaml.load_all(file.read_bytes(), Loader=yaml.CSafeLoader):
                if isinstance(document, dict):
                    yield from document.get("items", [document])


def replicas(workload: Mapping[str, Any]) -> int:
    """Return how many pods NCA makes of a workload: two at most."""
    spec = workload.get("spec") or {}
    key = "parallelism" if workload["kind"] == "Job" else "replicas"
    wanted = spec.get(key)
    return 1 if wanted is None else min(int(wanted), 2)


def controller(metadata: Mapping[str, Any], namespace: str) -> Workload:
    """Return the workload that a pod belongs to: the one that controls it, or itself."""
    for owner in metadata.get("ownerReferences") or []:
        if owner.get("controller"):
            return str(owner["kind"]), namespace, str(owner["name"])
    return "Pod", namespace, str(metadata.get("name", ""))
