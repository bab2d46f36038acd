"""Ingress and IngressClass: HTTP routes to Services of the same namespace.

Comes in: a document. Goes out: a Route or an EdgeClass. Source of the rules and their wording:
k8s.io/kubernetes, pkg/apis/networking/validation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.decode import schema
from analyzer.decode.addresses import address
from analyzer.decode.metadata import judge, read_metadata
from analyzer.decode.names import label, port_name, subdomain
from analyzer.decode.ports import in_range
from analyzer.routes import INGRESS, EdgeClass, Route, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.decode.field import Field
    from analyzer.decode.scope import Scope

_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_FORMER_CLASS = "kubernetes.io/ingress.class"
_DEFAULT = "ingressclass.kubernetes.io/is-default-class"


def read_ingress(root: Field, scope: Scope) -> Route:
    """Read an Ingress."""
    root.read(schema.OBJECT)
    metadata = read_metadata(root, scope)
    spec = root.mapping("spec") or root.child("spec", {})
    spec.read(schema.INGRESS_SPEC)
    rules = spec.mappings("rules")
    backend = spec.mapping("defaultBackend")
    if not rules and backend is None:
        spec.invalid("either `defaultBackend` or `rules` must be specified", "write at least one rule")
    targets = [*_backend(backend, metadata.namespace, "")] if backend else []
    for rule in rules:
        targets += _rule(rule, metadata.namespace)
    # "This annotation is deprecated": it counts where the field is missing.
    name = spec.text("ingressClassName") or annotation(root, _FORMER_CLASS)
    return Route(
        kind=INGRESS,
        namespace=metadata.namespace,
        name=metadata.name,
        hosts=_hosts(rules),
        ingress_class=name,
        parents=(),
        targets=tuple(dict.fromkeys(targets)),
        span=root.span,
    )


def read_ingress_class(root: Field, scope: Scope) -> EdgeClass:
    """Read an IngressClass."""
    root.read(schema.OBJECT)
    metadata = read_metadata(root, scope)
    spec = root.mapping("spec") or root.child("spec", {})
    return EdgeClass(
        kind=INGRESS,
        name=metadata.name,
        controller=spec.text("controller"),
        default=annotation(root, _DEFAULT) == "true",
    )


def annotation(root: Field, key: str) -> str:
    """Return an annotation; "" when there is none."""
    metadata = root.mapping("metadata")
    annotations = metadata.mapping("annotations") if metadata else None
    return annotations.text(key) if annotations else ""


def _hosts(rules: list[Field]) -> tuple[str, ...]:
    """Return the hosts; none at all where one rule is for every host."""
    found = [_host(rule) for rule in rules]
    return () if "" in found else tuple(dict.fromkeys(found))


def _host(rule: Field) -> str:
    host = rule.text("host")
    if host and address(host):
        rule.child("host", host).invalid("must be a DNS name, not an IP address")
    elif host:
        # "Wildcard hosts: the first label is `*` alone".
        judge(rule, "host", host.removeprefix("*."), subdomain)
    return host


def _rule(rule: Field, namespace: str) -> Iterator[Target]:
    rule.read(schema.INGRESS_HOST_RULE)
    http = rule.mapping("http")
    if http is None:
        return
    paths = http.mappings("paths")
    if not paths and not http.value.get("paths"):
        http.child("paths").required(hint="write at least one path, such as `/`")
    for path in paths:
        path.read(schema.INGRESS_PATH)
        written = path.text("path")
        _path_type(path, written)
        backend = path.mapping("backend") or path.child("backend", {})
        yield from _backend(backend, namespace, f"{rule.text('host')}{written or '/'}")


def _path_type(path: Field, written: str) -> None:
    kind = path.text("pathType")
    if not kind:
        hint = f"write one of {', '.join(f'`{each}`' for each in _PATH_TYPES)}"
        path.child("pathType").required("pathType must be specified", hint)
    elif kind not in _PATH_TYPES:
        path.child("pathType", kind).unsupported(*_PATH_TYPES)
    elif kind != "ImplementationSpecific" and not written.startswith("/"):
        path.child("path", written).invalid("must be an absolute path", "start it with `/`")


def _backend(backend: Field, namespace: str, match: str) -> Iterator[Target]:
    """Read a backend: a Service, or a resource, which leads to no pod that is known here."""
    backend.read(schema.INGRESS_BACKEND)
    service, resource = backend.mapping("service"), backend.mapping("resource")
    if service and resource:
        backend.invalid("cannot set both resource and service backends", "keep one of them")
    if not service and not resource:
        hint = "write `service: {name: ..., port: {number: ...}}`"
        backend.invalid("resource or service backend is required", hint)
    if service:
        yield from _service(service, namespace, match)


def _service(service: Field, namespace: str, match: str) -> Iterator[Target]:
    service.read(schema.INGRESS_SERVICE)
    name = service.text("name")
    if name:
        judge(service, "name", name, label)
    else:
        service.child("name").required(hint="name a Service of the same namespace")
    port = _port(service.mapping("port") or service.child("port", {}))
    if name and port:
        yield Target(namespace=namespace, service=name, port=port, match=match, span=service.span)


def _port(port: Field) -> int | str | None:
    """Read a port: a number or a name."""
    port.read(schema.INGRESS_SERVICE_PORT)
    name, number = port.text("name"), port.integer("number")
    if name and number:
        port.invalid("cannot set both port name & port number", "keep one of them")
    elif name:
        judge(port, "name", name, port_name)
    elif number:
        return number if in_range(port, "number", number) else None
    else:
        port.required("port name or number is required", "write `port: {number: 80}`")
    return name or None
