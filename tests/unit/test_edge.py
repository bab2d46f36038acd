"""From Ingresses and Gateways to the pods behind them, and whether policies let the routing pods pass."""

from __future__ import annotations

import pytest

from analyzer import Options
from analyzer.edge import Arrival, DeadEnd, Edge
from analyzer.model import Match
from analyzer.names import Names
from analyzer.symbolic import Symbolic
from tests.unit.manifests import DENY, analysis, pod, policy, service

API = pod("api", labels="{app: api}")
API_SERVICE = service("{selector: {app: api}, ports: [{name: http, port: 80, targetPort: 8080}]}", "api")
NGINX = "{app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/component: controller}"
CONTROLLER = pod("controller", "edge", labels=NGINX)
FROM_EDGE = """\
spec:
  podSelector: {}
  ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: edge}}}]}]
"""


def ingress(service: str = "api", port: str = "{number: 80}", ingress_class: str = "nginx") -> str:
    named = f"ingressClassName: {ingress_class}, " if ingress_class else ""
    return (
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web, namespace: shop}\n"
        f"spec: {{{named}defaultBackend: {{service: {{name: {service}, port: {port}}}}}}}\n"
    )


def ingress_class(name: str, controller: str, *, default: bool = False) -> str:
    marked = ', annotations: {ingressclass.kubernetes.io/is-default-class: "true"}' if default else ""
    return (
        "apiVersion: networking.k8s.io/v1\nkind: IngressClass\n"
        f"metadata: {{name: {name}{marked}}}\nspec: {{controller: {controller}}}\n"
    )


def http_route(
    parents: str = "[{name: gate, namespace: edge}]", backend: str = "{name: api, port: 80}"
) -> str:
    return (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n"
        "metadata: {name: web, namespace: shop}\n"
        f"spec: {{parentRefs: {parents}, rules: [{{backendRefs: [{backend}]}}]}}\n"
    )


def gateway(
    listeners: str = "[{name: a, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]",
) -> str:
    return (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: gate, namespace: edge}\n"
        f"spec: {{gatewayClassName: some, listeners: {listeners}}}\n"
    )


def gateway_class(controller: str) -> str:
    head = "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: some}\n"
    return f"{head}spec: {{controllerName: {controller}}}\n"


def follow(*documents: str, controllers: tuple[str, ...] = ()) -> list[Arrival | DeadEnd]:
    found = analysis(*documents, options=Options(routes=True)).reachability
    named = tuple(Names(found).find(name) for name in controllers)
    return list(Edge(found, Symbolic(found.engine), named).follow())


def arrival(*documents: str, controllers: tuple[str, ...] = ()) -> Arrival:
    (found,) = follow(*documents, controllers=controllers)
    assert isinstance(found, Arrival)
    return found


def reason(*documents: str) -> str:
    (found,) = follow(*documents)
    assert isinstance(found, DeadEnd)
    return found.reason


def test_a_route_ends_at_the_target_port_of_the_backends() -> None:
    found = arrival(API, API_SERVICE, CONTROLLER, ingress())
    assert found.backend.endpoint.name == "api"
    assert str(found.backend.targets) == "TCP 8080"
    assert [each.name for each in found.via] == ["controller"]
    assert found.match is Match.YES


def test_a_port_may_be_meant_by_name() -> None:
    assert str(arrival(API, API_SERVICE, ingress(port="{name: http}")).backend.targets) == "TCP 8080"


def test_policies_decide_whether_a_known_controller_gets_through() -> None:
    assert arrival(API, API_SERVICE, CONTROLLER, ingress(), policy(FROM_EDGE)).match is Match.YES
    assert arrival(API, API_SERVICE, CONTROLLER, ingress(), policy(DENY)).match is Match.NO


def test_an_unknown_controller_is_a_missing_fact() -> None:
    found = arrival(API, API_SERVICE, ingress(), policy(FROM_EDGE))
    assert found.match is Match.MAYBE
    assert found.facts == ("which pods are the ingress controller of class `nginx`",)


def test_who_admits_everybody_admits_an_unknown_controller() -> None:
    assert arrival(API, API_SERVICE, ingress()).match is Match.YES


def test_a_pod_that_is_named_as_the_controller_is_the_controller() -> None:
    documents = (API, API_SERVICE, ingress(), http_route(), gateway(), pod("own", "edge"), policy(FROM_EDGE))
    for found in follow(*documents, controllers=("own",)):
        assert isinstance(found, Arrival)
        assert [each.name for each in found.via] == ["own"]
        assert found.match is Match.YES


def test_pods_of_a_controller_that_policies_treat_differently_leave_it_open() -> None:
    peer = "{namespaceSelector: {}, podSelector: {matchLabels: {one: a}}}"
    only_one = f"spec: {{podSelector: {{}}, ingress: [{{from: [{peer}]}}]}}"
    one = pod("a", "edge", labels=NGINX.replace("}", ", one: a}"))
    found = arrival(API, API_SERVICE, one, pod("b", "edge", labels=NGINX), ingress(), policy(only_one))
    assert found.match is Match.MAYBE
    assert found.facts == ("which of edge/a, edge/b does the routing",)


def test_the_class_tells_the_controller() -> None:
    traefik = pod("t", "edge", labels="{app.kubernetes.io/name: traefik}")
    documents = (API, API_SERVICE, traefik, ingress(ingress_class="public"))
    found = arrival(*documents, ingress_class("public", "traefik.io/ingress-controller"))
    assert [each.name for each in found.via] == ["t"]


def test_an_ingress_without_a_class_has_the_default_one() -> None:
    documents = (API, API_SERVICE, CONTROLLER, ingress(ingress_class=""))
    default = ingress_class("public", "k8s.io/ingress-nginx", default=True)
    assert [each.name for each in arrival(*documents, default).via] == ["controller"]
    found = arrival(*documents, policy(DENY))
    assert found.facts == ("which pods are the ingress controller of the default class",)


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ((API, ingress("gone")), "Service shop/gone is not in the input"),
        ((API, API_SERVICE, ingress(port="{number: 81}")), "Service shop/api has no port 81"),
        ((pod("other"), API_SERVICE, ingress()), "no pod is behind port 80 of Service shop/api"),
        (
            (API, service("{type: ExternalName, externalName: a.example}", "api"), ingress()),
            "Service shop/api is a name outside the cluster",
        ),
        ((API, API_SERVICE, http_route("[]")), "the route names no Gateway"),
        (
            (API, API_SERVICE, http_route(), gateway("[{name: a, port: 80, protocol: HTTP}]")),
            "Gateway edge/gate takes no routes of namespace shop",
        ),
        (
            (API, API_SERVICE, http_route("[{name: gate, namespace: edge, sectionName: b}]"), gateway()),
            "Gateway edge/gate has no listener `b`",
        ),
    ],
)
def test_a_route_that_leads_nowhere_says_why(documents: tuple[str, ...], expected: str) -> None:
    assert reason(*documents) == expected


def test_pods_made_for_a_gateway_are_known_by_its_name() -> None:
    made = pod("made", "edge", labels="{gateway.networking.k8s.io/gateway-name: gate}")
    elsewhere = pod("other", "shop", labels="{gateway.networking.k8s.io/gateway-name: gate}")
    found = arrival(API, API_SERVICE, made, elsewhere, gateway(), http_route(), policy(FROM_EDGE))
    assert [each.name for each in found.via] == ["made"]
    assert found.match is Match.YES


def test_the_pods_of_a_gateway_class_are_known_by_their_labels() -> None:
    traefik = pod("t", "edge", labels="{app.kubernetes.io/name: traefik}")
    documents = (API, API_SERVICE, traefik, gateway(), http_route())
    found = arrival(*documents, gateway_class("traefik.io/gateway-controller"))
    assert [each.name for each in found.via] == ["t"]
    assert arrival(*documents).via == ()


def test_a_gateway_that_nobody_knows_is_a_missing_fact() -> None:
    found = arrival(API, API_SERVICE, http_route(), policy(DENY))
    assert found.facts == ("which pods are Gateway edge/gate",)


def test_a_gateway_chooses_routes_by_the_labels_of_their_namespace() -> None:
    chosen = "{namespaces: {from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: shop}}}}"
    only_shop = gateway(f"[{{name: a, port: 80, protocol: HTTP, allowedRoutes: {chosen}}}]")
    assert arrival(API, API_SERVICE, http_route(), only_shop).match is Match.YES
    nobody_there = http_route().replace("namespace: shop", "namespace: new")
    assert (
        reason(API, API_SERVICE, nobody_there, only_shop)
        == "Gateway edge/gate takes no routes of namespace new"
    )


OTHER = service("{selector: {app: api}, ports: [{port: 80}]}", "api", "lab")
IN_LAB = pod("api", "lab", labels="{app: api}")
ACROSS = http_route(backend="{name: api, namespace: lab, port: 80}")


def test_a_route_into_another_namespace_needs_a_grant() -> None:
    found = arrival(IN_LAB, OTHER, ACROSS)
    assert found.match is Match.MAYBE
    assert found.facts == (
        "a ReferenceGrant in namespace lab for HTTPRoute of namespace shop, which is not in the input",
    )
    grant = (
        "apiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\n"
        "metadata: {name: g, namespace: lab}\nspec:\n"
        "  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}]\n"
        '  to: [{group: "", kind: Service, name: api}]\n'
    )
    assert arrival(IN_LAB, OTHER, ACROSS, grant).match is Match.YES


def test_without_routes_there_is_nothing_to_follow() -> None:
    assert follow(API, API_SERVICE) == []
