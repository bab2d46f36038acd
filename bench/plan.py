"""The plan of a large cluster: how many probes prove it, who makes them, how long it takes to know.

Each kind of pods is a Deployment that two others may reach, by one policy; ten namespaces deny the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from bench.emit import Document
from bench.measure import WORKSHOP, Run, median, run
from bench.planning import command
from bench.table import Cell, Table

SIZES = ((1_000, 20), (1_000, 100), (1_000, 200), (5_000, 20), (5_000, 200))
QUICK_SIZES = ((1_000, 20),)
NAMESPACES = 10
PORTS = ("", "80/TCP")
TOLD = re.compile(r"^(\S+) ([0-9.]+)$", re.MULTILINE)


def measure(*, quick: bool) -> Iterator[Table]:
    """Measure what the plan chooses by itself, and one port."""
    times = 1 if quick else 3
    rows = tuple(
        row(pods, kinds, port, times) for pods, kinds in (QUICK_SIZES if quick else SIZES) for port in PORTS
    )
    columns = ("pods", "kinds", "ports", "probes", "pods that ask", "pods asked", "processor s", "peak MB")
    yield Table(title="The plan of a large cluster, on 20 nodes", columns=columns, rows=rows)


def row(pods: int, kinds: int, port: str, times: int) -> tuple[Cell, ...]:
    """Measure one size."""
    file = cluster(pods, kinds)
    runs = [run(command(file, port)) for _ in range(times)]
    told = dict(TOLD.findall(runs[0].errors))
    counts = (int(told[name]) for name in ("probes", "asking", "asked"))
    seconds = median([planned(each) for each in runs])
    return (pods, kinds, port or "the plan's", *counts, seconds, max(each.peak for each in runs))


def planned(each: Run) -> float:
    """Return the seconds that planning took."""
    return float(dict(TOLD.findall(each.errors))["seconds"])


def cluster(pods: int, kinds: int) -> Path:
    """Return a file with a cluster of so many pods of so many kinds."""
    WORKSHOP.mkdir(parents=True, exist_ok=True)
    place = WORKSHOP / f"plan-{pods}-{kinds}.json"
    items = [*namespaces(), *workloads(pods, kinds)]
    place.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}), encoding="utf-8")
    return place


def namespaces() -> Iterator[Document]:
    """Yield namespaces that deny what nobody allows."""
    for number in range(NAMESPACES):
        metadata: Document = {"name": f"team-{number}", "labels": {"team": str(number)}}
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        yield policy("default-deny", number, {"podSelector": {}, "policyTypes": ["Ingress"]})


def workloads(pods: int, kinds: int) -> Iterator[Document]:
    """Yield Deployments, each with a policy that admits another one and a neighbouring namespace."""
    for number in range(kinds):
        name, team = f"app-{number}", number % NAMESPACES
        labels = {"app": name}
        container: Document = {"name": "main", "image": "nginx:1", "ports": [{"containerPort": 80}]}
        template: Document = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        spec: Document = {
            "replicas": pods // kinds,
            "selector": {"matchLabels": labels},
            "template": template,
        }
        metadata = {"name": name, "namespace": f"team-{team}"}
        yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
        peers: list[Document] = [
            {"podSelector": {"matchLabels": {"app": f"app-{(number + NAMESPACES) % kinds}"}}},
            {"namespaceSelector": {"matchLabels": {"team": str((team + 1) % NAMESPACES)}}},
        ]
        rule: Document = {"from": [*peers], "ports": [{"port": 80}]}
        yield policy(name, team, {"podSelector": {"matchLabels": labels}, "ingress": [rule]})


def policy(name: str, team: int, spec: Document) -> Document:
    """Return a NetworkPolicy in the namespace of a team."""
    metadata = {"name": name, "namespace": f"team-{team}"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
