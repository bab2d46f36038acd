"""The Gateway API: Gateways, routes, GatewayClasses and ReferenceGrants.

Comes in: a document. Goes out: what `analyzer.routes` has for it. Source of the rules: the custom resource
definitions of gateway.networking.k8s.io.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.decode import schema
from analyzer.decode.labelselector import read_selector
from analyzer.decode.metadata import read_metadata
from analyzer.decode.ports import in_range
from analyzer.routes import EdgeClass, Gateway, Grant, Listener, Parent, Route, Target
from analyzer.selectors import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.decode.field import Field
    from analyzer.decode.scope import Scope
    from analyzer.selectors import Selector

GATEWAY = "Gateway"
GROUP = "gateway.networking.k8s.io"
_SCOPES = ("All", "None", "Same", "Selector")
_DEFAULT_GROUP = {"Service": "", GATEWAY: GROUP}


def read_gateway(root: Field, scope: Scope) -> Gateway:
    """Read a Gateway."""
    root.read(schema.OBJECT)
    metadata = read_metadata(root, scope)
    spec = root.mapping("spec") or root.child("spec", {})
    spec.read(schema.GATEWAY_SPEC)
    items = spec.mappings("listeners")
    if not items and not spec.value.get("listeners"):
        spec.child("listeners").required(hint="write at least one listener")
    return Gateway(
        namespace=metadata.namespace,
        name=metadata.name,
        gateway_class=_required(spec, "gatewayClassName"),
        listeners=tuple(_listener(item, scope) for item in items),
        span=root.span,
    )


def read_gateway_class(root: Field, scope: Scope) -> EdgeClass:
    """Read a GatewayClass."""
    root.read(schema.OBJECT)
    metadata = read_metadata(root, scope)
    spec = root.mapping("spec") or root.child("spec", {})
    controller = _required(spec, "controllerName")
    return EdgeClass(kind=GATEWAY, name=metadata.name, controller=controller, default=False)


def read_grants(root: Field, scope: Scope) -> tuple[Grant, ...]:
    """Read a ReferenceGrant: each of `from` may refer to what each of `to` names."""
    root.read(schema.OBJECT)
    namespace = read_metadata(root, scope).namespace
    spec = root.mapping("spec") or root.child("spec", {})
    to = [item for item in spec.mappings("to") if item.text("kind") == "Service"]
    if not to:
        return ()
    names = [item.text("name") for item in to]
    services = None if "" in names else frozenset(names)
    return tuple(
        Grant(
            namespace=namespace,
            kind=item.text("kind"),
            of_namespace=item.text("namespace"),
            services=services,
        )
        for item in spec.mappings("from")
    )


def read_route(root: Field, kind: str, scope: Scope) -> Route:
    """Read a route of any kind."""
    root.read(schema.OBJECT)
    metadata = read_metadata(root, scope)
    spec = root.mapping("spec") or root.child("spec", {})
    spec.read(schema.ROUTE_SPEC)
    targets = [target for rule in spec.mappings("rules") for target in _rule(rule, metadata.namespace)]
    return Route(
        kind=kind,
        namespace=metadata.namespace,
        name=metadata.name,
        hosts=tuple(each.value for each in spec.strings("hostnames")),
        ingress_class="",
        parents=tuple(_parents(spec, metadata.namespace)),
        targets=tuple(dict.fromkeys(targets)),
        span=root.span,
    )


def _required(field: Field, key: str) -> str:
    if not (value := field.text(key)) and field.value.get(key) in (None, ""):
        field.child(key).required()
    return value


def _listener(item: Field, scope: Scope) -> Listener:
    item.read(schema.LISTENER)
    port = item.integer("port")
    if item.value.get("port") is None:
        item.child("port").required()
    elif port is not None:
        in_range(item, "port", port)
    return Listener(
        name=_required(item, "name"),
        port=port or 0,
        protocol=_required(item, "protocol"),
        namespaces=_namespaces(item, scope),
    )


def _namespaces(item: Field, scope: Scope) -> Selector | None:
    """Read `allowedRoutes.namespaces`: "defaults to the Gateway's own"."""
    allowed = item.mapping("allowedRoutes")
    namespaces = allowed.mapping("namespaces") if allowed else None
    if namespaces is None:
        return None
    written = namespaces.text("from") or "Same"
    if written not in _SCOPES:
        namespaces.child("from", written).unsupported(*_SCOPES)
    if written == "Selector" and (selector := namespaces.mapping("selector")):
        return read_selector(selector, scope)
    return EVERYTHING if written == "All" else None


def _parents(spec: Field, namespace: str) -> Iterator[Parent]:
    for item in spec.mappings("parentRefs"):
        name = _required(item, "name")
        if name and _refers_to(item, GATEWAY):
            yield Parent(
                namespace=item.text("namespace") or namespace, name=name, listener=item.text("sectionName")
            )


def _refers_to(item: Field, kind: str) -> bool:
    """Tell whether a reference, whose kind and group may be left out, is to a kind."""
    written = item.text("kind") or kind
    group = item.value.get("group")
    return written == kind and (group is None or group == _DEFAULT_GROUP[kind])


def _rule(rule: Field, namespace: str) -> Iterator[Target]:
    """Yield what a rule leads to, mirrors included."""
    match = _match(rule)
    for reference in (*rule.mappings("backendRefs"), *_mirrors(rule)):
        target = _target(reference, namespace, match)
        # "If unspecified, weight defaults to 1"; with 0 "no traffic should be forwarded".
        if target and reference.value.get("weight") != 0:
            yield target


def _mirrors(rule: Field) -> Iterator[Field]:
    for item in rule.mappings("filters"):
        if (mirror := item.mapping("requestMirror")) and (reference := mirror.mapping("backendRef")):
            yield reference


def _match(rule: Field) -> str:
    """Write what a rule of an HTTPRoute or a GRPCRoute asks for, as far as it is a path or a method."""
    found = []
    for item in rule.mappings("matches"):
        path = item.mapping("path")
        method = item.value.get("method")
        if path:
            found.append(path.text("value") or "/")
        elif isinstance(method, dict):
            found.append("/".join(str(method[key]) for key in ("service", "method") if key in method))
    return ",".join(dict.fromkeys(found))


def _target(reference: Field, namespace: str, match: str) -> Target | None:
    reference.read(schema.BACKEND_REFERENCE)
    name = _required(reference, "name")
    port = reference.integer("port")
    if not name or not _refers_to(reference, "Service"):
        return None
    if reference.value.get("port") is None:
        reference.child("port").required("Must have port for Service reference", "write the Service's port")
    if port is None or not in_range(reference, "port", port):
        return None
    return Target(
        namespace=reference.text("namespace") or namespace,
        service=name,
        port=port,
        match=match,
        span=reference.span,
    )
