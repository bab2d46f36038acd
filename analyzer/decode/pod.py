"""Pods and pod templates: what of them decides who reaches them.

Comes in: a document, or the template in a workload. Goes out: a draft, which ownership.py makes an endpoint
of, unless the pod has finished or has no address yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from analyzer.decode import schema
from analyzer.decode.addresses import NOT_AN_ADDRESS, address
from analyzer.decode.metadata import Owner, read_metadata
from analyzer.decode.ports import read_container_port
from analyzer.decode.scope import SIDECARS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analyzer.decode.field import Field
    from analyzer.decode.scope import Scope
    from analyzer.diagnostics import Span
    from analyzer.model import ContainerPort


class State(Enum):
    """Whether a pod is an endpoint. ACTIVE: it runs, or the manifest says that it shall."""

    ACTIVE = "active"
    FINISHED = "finished"
    WITHOUT_ADDRESS = "without address"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodShape:
    """What `spec` of a pod or a template says."""

    ports: tuple[ContainerPort, ...]
    host_network: bool
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPod:
    """A pod as written."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    owner: Owner | None
    shape: PodShape
    addresses: tuple[str, ...]
    state: State
    span: Span = field(compare=False)


def read_pod(root: Field, scope: Scope) -> DraftPod:
    """Read a Pod."""
    root.known(schema.OBJECT)
    metadata = read_metadata(root, scope)
    shape = read_shape(root.object("spec") or root.child("spec", {}), scope)
    addresses, state = _status(root.object("status"), shape)
    return DraftPod(
        namespace=metadata.namespace,
        name=metadata.name,
        labels=metadata.labels,
        owner=metadata.owner,
        shape=shape,
        addresses=addresses,
        state=state,
        span=root.span,
    )


def read_shape(spec: Field, scope: Scope) -> PodShape:
    """Read `spec` of a pod or of a template."""
    spec.read(schema.POD_SPEC)
    return PodShape(
        ports=tuple(_ports(spec, scope)),
        host_network=spec.boolean("hostNetwork"),
        node=spec.text("nodeName"),
    )


def _ports(spec: Field, scope: Scope) -> Iterator[ContainerPort]:
    """Yield the ports of containers, and of init containers that stay: native sidecars."""
    for container in spec.objects("containers"):
        yield from _container_ports(container)
    if spec.value.get("initContainers") is None:
        return
    for container in spec.objects("initContainers"):
        stays = container.text("restartPolicy") == "Always" and scope.at_least(SIDECARS)
        ports = tuple(_container_ports(container))
        if stays:
            yield from ports


def _container_ports(container: Field) -> Iterator[ContainerPort]:
    container.read(schema.CONTAINER)
    if container.value.get("ports") is None:
        return
    names: set[str] = set()
    for item in container.objects("ports"):
        port = read_container_port(item)
        if port is None:
            continue
        if port.name in names:
            item.child("name", port.name).duplicate("give each port of a container a name of its own")
        if port.name:
            names.add(port.name)
        yield port


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
    written = [(item.child("ip"), item.text("ip")) for item in status.objects(several)]
    if not written and (single := status.text(one)):
        written = [(status.child(one), single)]
    found: dict[bool, str] = {}
    for item, text in written:
        canonical = address(text)
        if canonical:
            found.setdefault(":" in canonical, canonical)
        else:
            item.value = text
            item.invalid(NOT_AN_ADDRESS)
    return tuple(found.values())
