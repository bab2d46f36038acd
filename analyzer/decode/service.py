"""Services: the addresses and ports under which pods are reached.

Comes in: a document. Goes out: a Service of the model. Source of the rules and their wording:
k8s.io/kubernetes, pkg/apis/core/validation, ValidateService.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.decode import schema
from analyzer.decode.addresses import NOT_AN_ADDRESS, address
from analyzer.decode.metadata import read_metadata
from analyzer.decode.names import label, label_1035
from analyzer.decode.ports import read_service_port
from analyzer.decode.scope import RELAXED_SERVICE_NAMES
from analyzer.model import Service, ServiceType

if TYPE_CHECKING:
    from analyzer.decode.field import Field
    from analyzer.decode.scope import Scope
    from analyzer.model import ServicePort

_TYPES = {each.value: each for each in ServiceType}
_TRAFFIC_POLICIES = ("Cluster", "Local")
_NONE = "None"


def read_service(root: Field, scope: Scope) -> Service:
    """Read a Service."""
    root.known(schema.OBJECT)
    relaxed = scope.at_least(RELAXED_SERVICE_NAMES)
    metadata = read_metadata(root, scope, label if relaxed else label_1035)
    spec = root.mapping("spec") or root.child("spec", {})
    spec.read(schema.SERVICE_SPEC)
    kind = _type(spec)
    addresses = _cluster_ips(spec)
    headless = addresses == [_NONE]
    # "Ignored if type is ExternalName."
    selector = scope.labels(spec.mapping("selector")) if kind is not ServiceType.EXTERNAL_NAME else {}
    return Service(
        namespace=metadata.namespace,
        name=metadata.name,
        type=kind,
        headless=headless,
        selector=scope.selector(selector) if selector else None,
        ports=_ports(spec, optional=headless or kind is ServiceType.EXTERNAL_NAME),
        cluster_ips=() if headless else tuple(addresses),
        preserves_source=_traffic_policy(spec) == "Local",
        external_ips=_external_ips(spec),
        span=root.span,
    )


def _type(spec: Field) -> ServiceType:
    """Read `type`: "defaults to ClusterIP"."""
    written = spec.text("type") or "ClusterIP"
    if written not in _TYPES:
        spec.child("type", written).unsupported(*sorted(_TYPES))
    return _TYPES.get(written, ServiceType.CLUSTER_IP)


def _traffic_policy(spec: Field) -> str:
    written = spec.text("externalTrafficPolicy")
    if written and written not in _TRAFFIC_POLICIES:
        spec.child("externalTrafficPolicy", written).unsupported(*_TRAFFIC_POLICIES)
    return written


def _cluster_ips(spec: Field) -> list[str]:
    """Read the cluster IPs, or "None" alone; `clusterIP` is the first of `clusterIPs`."""
    written = spec.strings("clusterIPs")
    if not written and (single := spec.text("clusterIP")):
        written = [spec.child("clusterIP", single)]
    found = []
    for each in written:
        canonical = _NONE if each.value == _NONE else address(each.value)
        if canonical:
            found.append(canonical)
        else:
            each.invalid(NOT_AN_ADDRESS, "leave it out to have one chosen, or write `None` for none")
    return found


def _external_ips(spec: Field) -> tuple[str, ...]:
    found = []
    for each in spec.strings("externalIPs"):
        if canonical := address(each.value):
            found.append(canonical)
        else:
            each.invalid(NOT_AN_ADDRESS)
    return tuple(found)


def _ports(spec: Field, *, optional: bool) -> tuple[ServicePort, ...]:
    """Read the ports; names, and pairs of port and protocol, must differ."""
    items = spec.mappings("ports")
    if not items and not optional and not spec.value.get("ports"):
        spec.child("ports").required(hint="write at least one port")
    found: list[ServicePort] = []
    taken: set[object] = set()
    for item in items:
        port = read_service_port(item, named=len(items) > 1)
        if port is None:
            continue
        if port.name in taken:
            item.child("name", port.name).duplicate("give each port a name of its own")
        if (port.protocol, port.port) in taken:
            item.child("port", port.port).duplicate("name each pair of protocol and port once")
        taken |= {port.name, (port.protocol, port.port)} - {""}
        found.append(port)
    return tuple(found)
