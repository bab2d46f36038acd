"""Who is reachable from the edge: Ingresses and routes of the Gateway API, down to the pods behind them.

Comes in: the evaluated cluster with its routes. Goes out: every way from a route through a Service to a
workload, and whether policies let the pods pass that do the routing; where nobody knows which pods these are,
that is a missing fact, unless the workload admits everybody. Routes that lead nowhere are told with the
reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.model import Direction, Match, ServiceType
from analyzer.routes import INGRESS, Gateway, Routes
from analyzer.selectors import NAMESPACE_NAME, Selector
from analyzer.services import PortBackends, services, within
from analyzer.symbolic import ANY_POD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.endpoints import Endpoint
    from analyzer.reachability import Reachability
    from analyzer.routes import Parent, Route, Target
    from analyzer.services import Backend, ServicePorts
    from analyzer.symbolic import Symbolic

# GEP-1762: what is made for a Gateway is labelled with its name.
_GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
_ENVOY_GATEWAY = "gateway.envoyproxy.io/owning-gateway-name"
_NAME = "app.kubernetes.io/name"
_COMPONENT = "app.kubernetes.io/component"
# The labels that the charts and manifests of well-known controllers put on the pods that do the routing: by
# `controller` of the class, and by the usual name of the class where the input does not have it.
_KNOWN: dict[str, dict[str, str]] = {
    "k8s.io/ingress-nginx": {_NAME: "ingress-nginx", _COMPONENT: "controller"},
    "nginx.org/ingress-controller": {_NAME: "nginx-ingress"},
    "traefik.io/ingress-controller": {_NAME: "traefik"},
    "traefik.io/gateway-controller": {_NAME: "traefik"},
    "haproxy.org/ingress-controller": {_NAME: "kubernetes-ingress"},
    "haproxy-ingress.github.io/controller": {_NAME: "haproxy-ingress"},
    "projectcontour.io/ingress-controller": {_NAME: "contour", _COMPONENT: "envoy"},
    "projectcontour.io/gateway-controller": {_NAME: "contour", _COMPONENT: "envoy"},
    "ingress-controllers.konghq.com/kong": {_NAME: "kong"},
    "konghq.com/kic-gateway-controller": {_NAME: "kong"},
    "istio.io/ingress-controller": {"istio": "ingressgateway"},
}
_USUAL = {
    "nginx": "k8s.io/ingress-nginx",
    "traefik": "traefik.io/ingress-controller",
    "haproxy": "haproxy.org/ingress-controller",
    "contour": "projectcontour.io/ingress-controller",
    "kong": "ingress-controllers.konghq.com/kong",
    "istio": "istio.io/ingress-controller",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A way from a route to a workload. `ports`: where the workload listens, as the Service says.

    `via`: the pods that do the routing, () when nobody knows them. `match`: whether policies let them pass.
    """

    route: Route
    target: Target
    backend: Backend
    via: tuple[Endpoint, ...]
    match: Match
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadEnd:
    """A target of a route that leads to no pod, and why."""

    route: Route
    target: Target
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """What stands in front of a route: its controller's pods; without them, the facts that are missing."""

    via: tuple[Endpoint, ...]
    facts: tuple[str, ...]
    refused: str = ""


class Edge:
    """The routes of one cluster, followed to their ends."""

    def __init__(
        self, reachability: Reachability, symbolic: Symbolic, controllers: Sequence[Endpoint] = ()
    ) -> None:
        self._reachability = reachability
        self._symbolic = symbolic
        self._controllers = tuple(controllers)
        self._routes = reachability.cluster.routes or Routes()
        self._gateways = {(each.namespace, each.name): each for each in self._routes.gateways}
        self._classes = {(each.kind, each.name): each for each in self._routes.classes}
        self._services: dict[tuple[str, str], ServicePorts] = {}
        if self._routes.routes:
            found = services(reachability)
            self._services = {(each.service.namespace, each.service.name): each for each in found}

    def follow(self) -> Iterator[Arrival | DeadEnd]:
        """Yield every way of every route, by namespace and name."""
        for route in self._routes.routes:
            entry = self._entry(route)
            for target in route.targets:
                yield from self._target(route, target, entry)

    def _target(self, route: Route, target: Target, entry: _Entry) -> Iterator[Arrival | DeadEnd]:
        found, reason = self._port(target)
        if found is None or entry.refused:
            yield DeadEnd(route=route, target=target, reason=entry.refused or reason)
            return
        granted = self._granted(route, target)
        for backend in found.backends:
            match, facts = self._admitted(backend, entry)
            if not granted and match is not Match.NO:
                match, facts = Match.MAYBE, (*facts, _grant(route, target))
            yield Arrival(
                route=route, target=target, backend=backend, via=entry.via, match=match, facts=facts
            )

    def _port(self, target: Target) -> tuple[PortBackends | None, str]:
        """Find the port of the Service that a target means, or say why there is none."""
        name = f"Service {target.namespace}/{target.service}"
        found = self._services.get((target.namespace, target.service))
        if found is None:
            return None, f"{name} is not in the input"
        if found.service.type is ServiceType.EXTERNAL_NAME:
            return None, f"{name} is a name outside the cluster"
        for each in found.ports:
            if target.port in {each.port.port, each.port.name}:
                return (
                    (each, "") if each.backends else (None, f"no pod is behind port {target.port} of {name}")
                )
        return None, f"{name} has no port {target.port}"

    def _granted(self, route: Route, target: Target) -> bool:
        """Tell whether a route may lead into another namespace.

        ReferenceGrant: a reference across namespaces is only valid if the namespace referred to allows it.
        """
        return target.namespace == route.namespace or any(
            (grant.namespace, grant.kind, grant.of_namespace)
            == (target.namespace, route.kind, route.namespace)
            and (grant.services is None or target.service in grant.services)
            for grant in self._routes.grants
        )

    def _admitted(self, backend: Backend, entry: _Entry) -> tuple[Match, tuple[str, ...]]:
        """Tell whether policies let the routing pods connect to a backend."""
        if not entry.via:
            return (Match.YES, ()) if self._admits_everybody(backend) else (Match.MAYBE, entry.facts)
        matches = {
            within(self._reachability.connection(each, backend.endpoint), backend.targets)
            for each in entry.via
        }
        if len(matches) == 1:
            return matches.pop(), ()
        return Match.MAYBE, (f"which of {', '.join(map(str, entry.via))} does the routing",)

    def _admits_everybody(self, backend: Backend) -> bool:
        """Tell whether it does not matter who does the routing: any pod and any address may connect."""
        number, engine = backend.endpoint.number, self._reachability.engine
        row = self._symbolic.row(Direction.INGRESS, number)
        anyone = self._symbolic.verdict(row, ANY_POD).every.certain
        cells = (engine.algebra.cells[cell].certain for cell in engine.row(Direction.INGRESS, number))
        return backend.targets <= anyone and all(backend.targets <= certain for certain in cells)

    def _entry(self, route: Route) -> _Entry:
        """Find what stands in front of a route."""
        return self._of_ingress(route) if route.kind == INGRESS else self._of_gateways(route)

    def _of_ingress(self, route: Route) -> _Entry:
        if self._controllers:
            return _Entry(via=self._controllers, facts=())
        name = route.ingress_class or self._default_class()
        known = self._classes.get((INGRESS, name))
        controller = known.controller if known else _USUAL.get(name, "")
        via = self._labelled(_KNOWN.get(controller, {}))
        what = f"class `{name}`" if name else "the default class"
        return _Entry(via=via, facts=(f"which pods are the ingress controller of {what}",))

    def _default_class(self) -> str:
        names = [each.name for each in self._routes.classes if each.default]
        return names[0] if len(names) == 1 else ""

    def _of_gateways(self, route: Route) -> _Entry:
        """Join what stands in front of the Gateways that take a route."""
        via: dict[str, Endpoint] = {}
        facts: list[str] = []
        refusals: list[str] = []
        for parent in route.parents:
            gateway = self._gateways.get((parent.namespace, parent.name))
            if gateway and (refusal := self._refusal(gateway, parent, route)):
                refusals.append(refusal)
                continue
            found = self._controllers or self._of_gateway(parent, gateway)
            via.update({each.id: each for each in found})
            if not found:
                facts.append(f"which pods are Gateway {parent.namespace}/{parent.name}")
        if not route.parents:
            return _Entry(via=(), facts=(), refused="the route names no Gateway")
        if len(refusals) == len(route.parents):
            return _Entry(via=(), facts=(), refused=refusals[0])
        return _Entry(via=() if facts else tuple(via.values()), facts=tuple(facts))

    def _refusal(self, gateway: Gateway, parent: Parent, route: Route) -> str:
        """Say why a Gateway does not take a route; "" when it does."""
        name = f"Gateway {gateway.namespace}/{gateway.name}"
        listeners = [each for each in gateway.listeners if parent.listener in {"", each.name}]
        if not listeners:
            return f"{name} has no listener `{parent.listener}`"
        labels = self._reachability.cluster.namespaces
        for each in listeners:
            if each.namespaces is None:
                taken = route.namespace == gateway.namespace
            else:
                found = labels.get(route.namespace)
                taken = each.namespaces.matches(found.labels if found else {NAMESPACE_NAME: route.namespace})
            if taken:
                return ""
        return f"{name} takes no routes of namespace {route.namespace}"

    def _of_gateway(self, parent: Parent, gateway: Gateway | None) -> tuple[Endpoint, ...]:
        """Find the pods of a Gateway: those made for it, or those of its class's controller."""
        made = tuple(
            each
            for each in self._labelled({_GATEWAY_NAME: parent.name})
            if each.namespace == parent.namespace
        )
        if found := made or self._labelled({_ENVOY_GATEWAY: parent.name}):
            return found
        known = self._classes.get(("Gateway", gateway.gateway_class)) if gateway else None
        return self._labelled(_KNOWN.get(known.controller, {})) if known else ()

    def _labelled(self, labels: dict[str, str]) -> tuple[Endpoint, ...]:
        if not labels:
            return ()
        selector = Selector.equal(labels)
        inside = (each for each in self._reachability.endpoints if not each.external)
        return tuple(each for each in inside if selector.matches(each.labels))


def _grant(route: Route, target: Target) -> str:
    return (
        f"a ReferenceGrant in namespace {target.namespace} for {route.kind} of namespace {route.namespace},"
        f" which is not in the input"
    )
