"""Pods and pod templates: what of them decides who reaches them.

Comes in: a document, or the template in a workload. Goes out: a draft, which ownership.py makes an endpoint
of, unless the pod has finished or has no address yet.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from analyzer.decode import schema
from analyzer.decode.addresses import NOT_AN_ADDRESS, address
from analyzer.decode.metadata import Owner, read_metadata
from analyzer.decode.ports import read_container_ports
from analyzer.decode.scope import SIDECARS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analyzer.decode.field import Field
    from analyzer.decode.scope import Scope
    from analyzer.model import ContainerPort

_RESTARTS = ("Always", "Never", "OnFailure")


class State(Enum):
    """Whether a pod is an endpoint. ACTIVE: it runs, or the manifest says that it shall."""

    ACTIVE = "active"
    FINISHED = "finished"
    WITHOUT_ADDRESS = "without address"


class PodShape(NamedTuple):
    """What `spec` of a pod or a template says."""

    ports: tuple[ContainerPort, ...]
    host_network: bool
    node: str


class DraftPod(NamedTuple):
    """A pod as written, without its place."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    owner: Owner | None
    shape: PodShape
    addresses: tuple[str, ...]
    state: State


def read_pod(root: Field, scope: Scope) -> DraftPod:
    """Read a Pod."""
    root.known(schema.OBJECT)
    metadata = read_metadata(root, scope)
    shape = read_shape(root.mapping("spec") or root.child("spec", {}), scope)
    addresses, state = _status(root.mapping("status"), shape)
    return DraftPod(*metadata, shape, addresses, state)


def read_shape(spec: Field, scope: Scope) -> PodShape:
    """Read `spec` of a pod or of a template."""
    spec.read(schema.POD_SPEC)
    return PodShape(_ports(spec, scope), spec.boolean("hostNetwork"), spec.text("nodeName"))


def _ports(spec: Field, scope: Scope) -> tuple[ContainerPort, ...]:
    """Return the ports of containers, and of init containers that stay: native sidecars."""
    ports: tuple[ContainerPort, ...] = ()
    for container in spec.mappings("containers"):
        container.read(schema.CONTAINER)
        ports += read_container_ports(container, scope)
    if spec.value.get("initContainers") is None:
        return ports
    for container in spec.mappings("initContainers"):
        container.read(schema.CONTAINER)
        own = read_container_ports(container, scope)
        if _stays(container) and scope.at_least(SIDECARS):
            ports += own
    return ports


def _stays(container: Field) -> bool:
    """Tell whether an init container runs as long as its pod does: one that is a sidecar."""
    policy = container.text("restartPolicy")
    if container.value.get("restartPolicy") is not None and policy not in _RESTARTS:
        container.child("restartPolicy", policy).unsupported(*_RESTARTS)
    return policy == "Always"


def _status(status: Field | None, shape: PodShape) -> tuple[tuple[str, ...], State]:
    """Read the addresses of a pod, and whether it runs; without a status it is to be made."""
    if status is None or not status.value:
        return (), State.ACTIVE
    # Succeeded and Failed: all containers "have terminated, and will not be restarted".
    if status.text("phase") in ("Succeeded", "Failed"):
        return (), State.FINISHED
    found = read_addresses(status, "podIPs", "podIP")
    if not found and shape.host_network:
        found = read_addresses(status, "hostIPs", "hostIP")
    return found, State.ACTIVE if found else State.WITHOUT_ADDRESS


def read_addresses(status: Field, several: str, one: str) -> tuple[str, ...]:
    """Read addresses, at most one an IP family; `several` is empty in dumps of old clusters."""
    try:
        found = [address(item["ip"]) for item in status.value[several]]
    except (KeyError, TypeError):
        found = []
    if not found or not all(found):
        found = _checked_addresses(status, several, one)
    if len(found) < 2:
        return tuple(found)
    families: dict[bool, str] = {}
    for each in found:
        families.setdefault(":" in each, each)
    return tuple(families.values())


def _checked_addresses(status: Field, several: str, one: str) -> list[str]:
    """Read addresses with a complaint about each that is none."""
    found = []
    for item, key in [(item, "ip") for item in status.mappings(several)] or [(status, one)]:
        text = item.text(key)
        if canonical := address(text):
            found.append(canonical)
        elif text or key == "ip":
            item.child(key, text).invalid(NOT_AN_ADDRESS)
    return found
