"""How traffic from outside is routed to Services: Ingresses, Gateways and their routes, as data.

Comes in: nothing (decoders build it). Goes out: frozen data for `analyzer.edge`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyzer.diagnostics import Span
    from analyzer.selectors import Selector

INGRESS = "Ingress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A Service that a rule of a route leads to; `port` is its number, or its name in an Ingress.

    `match` is what the rule asks for, as it was written: a path, or "".
    """

    namespace: str
    service: str
    port: int | str
    match: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """The Gateway that a route wants to be attached to; `listener` is "" for all of its listeners."""

    namespace: str
    name: str
    listener: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An Ingress, or a route of the Gateway API.

    `hosts` are () for every host. `ingress_class` is that of an Ingress, "" for the default one; `parents`
    are those of a route.
    """

    kind: str
    namespace: str
    name: str
    hosts: tuple[str, ...]
    ingress_class: str
    parents: tuple[Parent, ...]
    targets: tuple[Target, ...]
    span: Span = field(compare=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A port of a Gateway. `namespaces`: those whose routes it takes; None for the Gateway's own."""

    name: str
    port: int
    protocol: str
    namespaces: Selector | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A Gateway with the class of its implementation."""

    namespace: str
    name: str
    gateway_class: str
    listeners: tuple[Listener, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeClass:
    """An IngressClass or a GatewayClass: the name of the controller behind it."""

    kind: str
    name: str
    controller: str
    default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A ReferenceGrant: routes of some kind and namespace may lead to Services of this namespace.

    `services` None: to all of them.
    """

    namespace: str
    kind: str
    of_namespace: str
    services: frozenset[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """All that was read of them."""

    routes: tuple[Route, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    classes: tuple[EdgeClass, ...] = ()
    grants: tuple[Grant, ...] = ()
