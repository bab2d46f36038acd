"""All kinds that route traffic from outside, which are read only when somebody asks for them.

Comes in: documents of these kinds. Goes out: Routes. What is wrong with them is noted like everything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from analyzer.decode.duplicates import Register
from analyzer.decode.field import Root
from analyzer.decode.gateway import GATEWAY, read_gateway, read_gateway_class, read_grants, read_route
from analyzer.decode.ingress import read_ingress, read_ingress_class
from analyzer.routes import EdgeClass, Gateway, Grant, Route, Routes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analyzer.decode.scope import Scope
    from analyzer.diagnostics import Span


class Document(Protocol):
    """One object of the input."""

    @property
    def data(self) -> dict[str, Any]:
        """The object."""
        ...

    @property
    def kind(self) -> str:
        """Its `kind`."""
        ...

    @property
    def span(self) -> Span:
        """Its place."""
        ...


def read_routes(documents: Iterable[Document], scope: Scope) -> Routes:
    """Read them all."""
    problems = scope.problems
    gateways: Register[Gateway] = Register(GATEWAY, problems)
    routes: dict[str, Register[Route]] = {}
    classes: dict[str, Register[EdgeClass]] = {}
    grants: list[Grant] = []
    for document in documents:
        root = Root(document.data, document.span, problems)
        match document.kind:
            case "Gateway":
                gateway = read_gateway(root, scope)
                gateways.add(gateway.namespace, gateway.name, gateway, document.span)
            case "ReferenceGrant":
                grants += read_grants(root, scope)
            case "IngressClass" | "GatewayClass" as kind:
                reader = read_ingress_class if kind == "IngressClass" else read_gateway_class
                found = reader(root, scope)
                register = classes.setdefault(kind, Register(kind, problems))
                register.add("", found.name, found, document.span)
            case kind:
                route = read_ingress(root, scope) if kind == "Ingress" else read_route(root, kind, scope)
                registered = routes.setdefault(kind, Register(kind, problems))
                registered.add(route.namespace, route.name, route, document.span)
    registers: tuple[Register[Any], ...] = (gateways, *routes.values(), *classes.values())
    for each in registers:
        each.finish()
    return Routes(
        routes=tuple(sorted((route for each in routes.values() for route in each), key=_identity)),
        gateways=tuple(sorted(gateways, key=_identity)),
        classes=tuple(found for each in classes.values() for found in each),
        grants=tuple(grants),
    )


def _identity(each: Route | Gateway) -> tuple[str, str, str]:
    return each.namespace, each.name, each.kind if isinstance(each, Route) else GATEWAY
