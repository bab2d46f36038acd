"""Namespaces, pods and workloads of a generated cluster: what policies are about.

A class is a namespace, a set of labels and container ports; pods are dealt out to classes in turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import gcd

from bench.emit import Document, Shared, Value
from bench.parameters import Draw, Parameters

TEAMS = ("blue", "green", "red", "")
ENVIRONMENTS = ("prod", "test", None)
TIERS = ("web", "api", "db", "")
TRACKS = ("stable", "canary", None)
REGIONS = ("eu", "us", "asia", None)
NUMERIC_REGIONS = ("eu", "1", "1.10", None)

PORTS: tuple[tuple[tuple[str, int, str], ...], ...] = (
    (),
    (("http", 80, "TCP"),),
    (("http", 8080, "TCP"), ("metrics", 9090, "TCP")),
    (("https", 443, "TCP"), ("quic", 443, "UDP")),
    (("dns", 53, "UDP"), ("dns-tcp", 53, "TCP")),
    (("signal", 3868, "SCTP"), ("metrics", 9100, "TCP")),
)
PORT_NAMES = ("http", "https", "metrics", "quic", "dns", "dns-tcp", "signal", "absent")


@dataclass(frozen=True, slots=True, kw_only=True)
class PodClass:
    """Pods that no selector and no named port can tell apart."""

    number: int
    namespace: str
    labels: dict[str, str]
    ports: tuple[tuple[str, int, str], ...]
    owned: bool


def namespace_names(parameters: Parameters) -> list[str]:
    """Return the names of all namespaces, including the one without a document."""
    return [f"ns-{number}" for number in range(parameters.namespaces)]


def label_values(parameters: Parameters) -> dict[str, tuple[str | None, ...]]:
    """Return the values of each pod label, None for its absence: about twice the combinations needed."""
    regions = REGIONS if parameters.compatible else NUMERIC_REGIONS
    smaller = len(TIERS) * len(TRACKS) * len(regions)
    per_namespace = -(-parameters.classes // parameters.namespaces)
    apps = max(4, -(-2 * per_namespace // smaller))
    return {
        "app": tuple(f"app-{number}" for number in range(apps)),
        "region": regions,
        "tier": TIERS,
        "track": TRACKS,
    }


@lru_cache(maxsize=4)
def classes(parameters: Parameters) -> tuple[PodClass, ...]:
    """Return all classes; class number i lives in namespace i modulo their number."""
    draw = Draw(parameters, "classes")
    values = label_values(parameters)
    names = namespace_names(parameters)
    size = 1
    for choices in values.values():
        size *= len(choices)
    step = next(candidate for candidate in range(size * 5 // 8 + 1, 2 * size) if gcd(candidate, size) == 1)
    starts = [draw.between(0, size - 1) for _ in names]
    found = []
    for number in range(parameters.classes):
        turn, home = divmod(number, len(names))
        found.append(
            PodClass(
                number=number,
                namespace=names[home],
                labels=combination(values, (starts[home] + turn * step) % size),
                ports=draw.pick(PORTS),
                owned=draw.chance(parameters.owned),
            )
        )
    return tuple(found)


def combination(values: dict[str, tuple[str | None, ...]], number: int) -> dict[str, str]:
    """Return the labels of a number: a digit a key, in a system whose bases are the numbers of values."""
    labels = {}
    for key, choices in values.items():
        number, digit = divmod(number, len(choices))
        value = choices[digit]
        if value is not None:
            labels[key] = value
    return labels


def namespaces(parameters: Parameters) -> Iterator[Document]:
    """Yield the namespaces; of three or more the last has no document, though pods live in it."""
    draw = Draw(parameters, "namespaces")
    names = namespace_names(parameters)
    for name in names if len(names) < 3 else names[:-1]:
        labels: dict[str, Value] = {"kubernetes.io/metadata.name": name, "team": draw.pick(TEAMS)}
        environment = draw.pick(ENVIRONMENTS)
        if environment:
            labels = {"environment": environment, **labels}
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"labels": labels, "name": name}}


def pods(parameters: Parameters) -> Iterator[Document]:
    """Yield the pods; pod number i is of class i modulo the number of classes."""
    kinds = classes(parameters)
    labels = [Shared(kind.labels) for kind in kinds]
    specs = [Shared(pod_spec(kind)) for kind in kinds]
    draw = Draw(parameters, "phases")
    for number in range(parameters.pods):
        kind = kinds[number % len(kinds)]
        metadata: dict[str, Value] = {
            "labels": labels[kind.number],
            "name": f"pod-{number}",
            "namespace": kind.namespace,
        }
        if kind.owned:
            metadata["ownerReferences"] = [owner(kind)]
        spec = specs[kind.number]
        pod: dict[str, Value] = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        if parameters.addresses:
            finished = not parameters.compatible and draw.chance(0.02)
            pod["status"] = status(number, finished=finished)
        yield pod


def pod_spec(kind: PodClass) -> dict[str, Value]:
    """Return the spec that all pods of a class share."""
    ports: list[Value] = [
        {"containerPort": number, "name": name, "protocol": protocol} for name, number, protocol in kind.ports
    ]
    container: dict[str, Value] = {"image": "nginx:1.27", "name": "main"}
    if ports:
        container["ports"] = ports
    return {"containers": [container]}


def owner(kind: PodClass) -> dict[str, Value]:
    """Return the reference of an owned class's pods to their controller."""
    return {
        "apiVersion": "apps/v1",
        "controller": True,
        "kind": "ReplicaSet",
        "name": f"replicas-{kind.number}",
        "uid": f"00000000-0000-0000-0000-{kind.number:012d}",
    }


def status(number: int, *, finished: bool) -> dict[str, Value]:
    """Return what a running cluster adds: the phase and, unless the pod has ended, its addresses."""
    if finished:
        return {"phase": "Succeeded"}
    address = f"10.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
    second = f"fd00:64::{number >> 16:x}:{number & 65535:x}"
    return {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}, {"ip": second}]}


def workloads(parameters: Parameters) -> Iterator[Document]:
    """Yield the controllers, of all kinds in turn."""
    draw = Draw(parameters, "workloads")
    kinds = classes(parameters)
    for number in range(parameters.workloads):
        yield workload(number, draw.pick(kinds), draw.between(1, 4))


def workload(number: int, kind: PodClass, replicas: int) -> Document:
    """Return one controller of the given class."""
    controllers = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob")
    controller = controllers[number % len(controllers)]
    labels: dict[str, Value] = dict(kind.labels)
    template: dict[str, Value] = {"metadata": {"labels": labels}, "spec": pod_spec(kind)}
    spec: dict[str, Value] = {"template": template}
    match controller:
        case "Deployment" | "StatefulSet" | "ReplicaSet":
            spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        case "DaemonSet":
            spec = {"selector": {"matchLabels": labels}, "template": template}
        case "CronJob":
            spec = {"jobTemplate": {"spec": spec}, "schedule": "0 * * * *"}
        case _:
            assert controller == "Job", "every kind of controller has its form of spec"
    return {
        "apiVersion": "batch/v1" if controller in ("Job", "CronJob") else "apps/v1",
        "kind": controller,
        "metadata": {"name": f"{controller.lower()}-{number}", "namespace": kind.namespace},
        "spec": spec,
    }
