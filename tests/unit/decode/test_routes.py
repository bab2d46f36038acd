"""Ingresses and the Gateway API: what is read of them, and what the API server would refuse."""

from __future__ import annotations

from io import BytesIO
from textwrap import dedent, indent

import pytest

from analyzer.decode import Decoded, Options, decode
from analyzer.diagnostics import AnalyzerError
from analyzer.load import load
from analyzer.routes import EdgeClass, Grant, Parent, Route, Routes
from analyzer.selectors import EVERYTHING, Selector

INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
"""
RULE = "rules: [{host: a.example, http: {paths: [{path: /api, pathType: Prefix, backend: BACKEND}]}}]"
SERVICE = "{service: {name: api, port: {number: 80}}}"
GATEWAY_API = "apiVersion: gateway.networking.k8s.io/v1\n"


def read(*documents: str, routes: bool = True) -> Decoded:
    text = "---\n".join(documents).encode()
    return decode(load(["-"], stdin=BytesIO(text)).documents, Options(routes=routes))


def routes(*documents: str) -> Routes:
    found = read(*documents).cluster.routes
    assert found is not None
    return found


def route(*documents: str) -> Route:
    (found,) = routes(*documents).routes
    return found


def errors(*documents: str) -> list[str]:
    """What is refused, as field and message."""
    with pytest.raises(AnalyzerError) as caught:
        read(*documents)
    return [f"{each.span.field if each.span else ''}: {each.message}" for each in caught.value.diagnostics]


def ingress(spec: str) -> str:
    return INGRESS + indent(dedent(spec).strip("\n"), "  ") + "\n"


def http_route(spec: str, kind: str = "HTTPRoute", version: str = "v1") -> str:
    head = f"apiVersion: gateway.networking.k8s.io/{version}\nkind: {kind}\n"
    return (
        head
        + "metadata: {name: web, namespace: shop}\nspec:\n"
        + indent(dedent(spec).strip("\n"), "  ")
        + "\n"
    )


def gateway(spec: str) -> str:
    head = f"{GATEWAY_API}kind: Gateway\nmetadata: {{name: edge, namespace: infra}}\nspec:\n"
    return head + indent(dedent(spec).strip("\n"), "  ") + "\n"


def test_an_ingress_leads_to_services_of_its_namespace() -> None:
    found = route(ingress("ingressClassName: nginx\n" + RULE.replace("BACKEND", SERVICE)))
    (target,) = found.targets
    assert (str(found), found.hosts, found.ingress_class) == ("Ingress shop/web", ("a.example",), "nginx")
    assert (target.namespace, target.service, target.port) == ("shop", "api", 80)
    assert target.match == "a.example/api"
    assert target.span.line == 6


def test_a_backend_of_an_ingress_may_name_the_port() -> None:
    named = "{service: {name: api, port: {name: http}}}"
    assert route(ingress(f"defaultBackend: {named}")).targets[0].port == "http"


def test_a_rule_for_every_host_makes_the_ingress_one_for_every_host() -> None:
    path = f"http: {{paths: [{{pathType: ImplementationSpecific, backend: {SERVICE}}}]}}"
    assert route(ingress(f"rules: [{{host: a.example}}, {{{path}}}]")).hosts == ()


def test_the_former_annotation_names_the_class_where_the_field_does_not() -> None:
    text = ingress(f"defaultBackend: {SERVICE}").replace(
        "namespace: shop", "namespace: shop, annotations: {kubernetes.io/ingress.class: traefik}"
    )
    assert route(text).ingress_class == "traefik"


def test_a_resource_backend_leads_to_no_service() -> None:
    resource = "{resource: {apiGroup: x.example, kind: Bucket, name: b}}"
    assert route(ingress(f"defaultBackend: {resource}")).targets == ()


def test_the_same_target_twice_is_one() -> None:
    twice = ingress(f"defaultBackend: {SERVICE}\n" + "rules: [{host: a.example}]")
    assert len(route(twice).targets) == 1


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        ("{}", "spec", "either `defaultBackend` or `rules` must be specified"),
        ("rules: [{host: 10.0.0.1}]", "spec.rules[0].host", "must be a DNS name, not an IP address"),
        ("rules: [{host: A_b}]", "spec.rules[0].host", "a lowercase RFC 1123 subdomain"),
        ("rules: [{http: {}}]", "spec.rules[0].http.paths", "Required value"),
        (
            f"rules: [{{http: {{paths: [{{path: /, backend: {SERVICE}}}]}}}}]",
            "spec.rules[0].http.paths[0].pathType",
            "Required value: pathType must be specified",
        ),
        (
            f"rules: [{{http: {{paths: [{{path: /, pathType: prefix, backend: {SERVICE}}}]}}}}]",
            "spec.rules[0].http.paths[0].pathType",
            'supported values: "Exact", "ImplementationSpecific", "Prefix"',
        ),
        (
            f"rules: [{{http: {{paths: [{{path: api, pathType: Exact, backend: {SERVICE}}}]}}}}]",
            "spec.rules[0].http.paths[0].path",
            "must be an absolute path",
        ),
        (
            "rules: [{http: {paths: [{path: /, pathType: Exact}]}}]",
            "spec.rules[0].http.paths[0].backend",
            "resource or service backend is required",
        ),
        (
            "defaultBackend: {service: {name: a, port: {number: 1}}, resource: {kind: B, name: b}}",
            "spec.defaultBackend",
            "cannot set both resource and service backends",
        ),
        (
            "defaultBackend: {service: {port: {number: 1}}}",
            "spec.defaultBackend.service.name",
            "Required value",
        ),
        (
            "defaultBackend: {service: {name: A, port: {number: 1}}}",
            "spec.defaultBackend.service.name",
            "a lowercase RFC 1123 label",
        ),
        (
            "defaultBackend: {service: {name: a}}",
            "spec.defaultBackend.service.port",
            "port name or number is required",
        ),
        (
            "defaultBackend: {service: {name: a, port: {name: b, number: 1}}}",
            "spec.defaultBackend.service.port",
            "cannot set both port name & port number",
        ),
        (
            "defaultBackend: {service: {name: a, port: {number: 70000}}}",
            "spec.defaultBackend.service.port.number",
            "must be between 1 and 65535, inclusive",
        ),
        (
            "defaultBackend: {service: {name: a, port: {name: UP}}}",
            "spec.defaultBackend.service.port.name",
            "must contain only",
        ),
    ],
)
def test_what_the_api_server_refuses_in_an_ingress_is_an_error(spec: str, field: str, message: str) -> None:
    found = errors(ingress(spec))
    assert any(each.startswith(f"{field}: ") and message in each for each in found), found


def test_a_wildcard_host_is_a_host() -> None:
    assert route(ingress(f'rules: [{{host: "*.example"}}]\ndefaultBackend: {SERVICE}')).hosts == (
        "*.example",
    )


def test_an_unknown_field_of_an_ingress_is_a_warning() -> None:
    found = read(ingress(f"defaultBackend: {SERVICE}\nfuture: 1"))
    assert [each.message for each in found.diagnostics] == ["unknown field `future` is ignored"]


def test_classes_tell_their_controller() -> None:
    text = """\
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: nginx, annotations: {ingressclass.kubernetes.io/is-default-class: "true"}}
spec: {controller: k8s.io/ingress-nginx}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: envoy}
spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
"""
    assert routes(text).classes == (
        EdgeClass(kind="Ingress", name="nginx", controller="k8s.io/ingress-nginx", default=True),
        EdgeClass(
            kind="Gateway",
            name="envoy",
            controller="gateway.envoyproxy.io/gatewayclass-controller",
            default=False,
        ),
    )


def test_a_gateway_takes_routes_of_its_own_namespace_unless_it_says_otherwise() -> None:
    text = gateway("""
        gatewayClassName: envoy
        listeners:
        - {name: own, port: 80, protocol: HTTP}
        - {name: same, port: 81, protocol: HTTP, allowedRoutes: {namespaces: {from: Same}}}
        - {name: kinds, port: 82, protocol: HTTP, allowedRoutes: {kinds: [{kind: HTTPRoute}]}}
        - {name: all, port: 443, protocol: HTTPS, allowedRoutes: {namespaces: {from: All}}}
        - name: some
          port: 8443
          protocol: TLS
          allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {team: a}}}}
        """)
    (found,) = routes(text).gateways
    assert (found.namespace, found.name, found.gateway_class) == ("infra", "edge", "envoy")
    assert [(each.name, each.port, each.namespaces) for each in found.listeners] == [
        ("own", 80, None),
        ("same", 81, None),
        ("kinds", 82, None),
        ("all", 443, EVERYTHING),
        ("some", 8443, Selector.labels(team="a")),
    ]


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        ("{}", "spec.gatewayClassName", "Required value"),
        ("{}", "spec.listeners", "Required value"),
        ("gatewayClassName: a\nlisteners: [{}]", "spec.listeners[0].port", "Required value"),
        ("gatewayClassName: a\nlisteners: [{}]", "spec.listeners[0].name", "Required value"),
        ("gatewayClassName: a\nlisteners: [{}]", "spec.listeners[0].protocol", "Required value"),
        (
            "gatewayClassName: a\nlisteners: [{name: a, port: 0, protocol: TCP}]",
            "spec.listeners[0].port",
            "must be between 1 and 65535, inclusive",
        ),
        (
            "gatewayClassName: a\nlisteners: [{name: a, port: x, protocol: TCP}]",
            "spec.listeners[0].port",
            "Invalid type: expected integer, got string",
        ),
        (
            "gatewayClassName: a\nlisteners: [{allowedRoutes: {namespaces: {from: all}}}]",
            "spec.listeners[0].allowedRoutes.namespaces.from",
            'supported values: "All", "None", "Same", "Selector"',
        ),
    ],
)
def test_what_is_refused_in_a_gateway_is_an_error(spec: str, field: str, message: str) -> None:
    found = errors(gateway(spec))
    assert any(each.startswith(f"{field}: ") and message in each for each in found), found


def test_a_route_leads_to_what_its_rules_name() -> None:
    found = route(
        http_route("""
        parentRefs:
        - {name: edge, namespace: infra, sectionName: all}
        - {name: mine}
        - {name: mesh, group: "", kind: Service}
        hostnames: [a.example]
        rules:
        - matches: [{path: {value: /a}}, {path: {type: PathPrefix}}, {headers: []}]
          backendRefs: [{name: api, port: 80}, {name: none, port: 80, weight: 0}]
          filters:
          - {type: RequestMirror, requestMirror: {backendRef: {name: mirror, namespace: lab, port: 8080}}}
          - {type: RequestHeaderModifier}
        - backendRefs:
          - {name: bucket, group: x.example, kind: Bucket}
          - {name: api, group: "", kind: Service, port: 81}
        """)
    )
    assert found.hosts == ("a.example",)
    assert found.parents == (
        Parent(namespace="infra", name="edge", listener="all"),
        Parent(namespace="shop", name="mine", listener=""),
    )
    assert [(each.namespace, each.service, each.port, each.match) for each in found.targets] == [
        ("shop", "api", 80, "/a,/"),
        ("lab", "mirror", 8080, "/a,/"),
        ("shop", "api", 81, ""),
    ]


@pytest.mark.parametrize("kind", ["TCPRoute", "TLSRoute", "UDPRoute", "GRPCRoute"])
@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha2"])
def test_routes_of_every_kind_and_version_are_read(kind: str, version: str) -> None:
    found = route(http_route("rules: [{backendRefs: [{name: db, port: 5432}]}]", kind, version))
    assert (found.kind, found.targets[0].service) == (kind, "db")


def test_a_grpc_route_asks_for_methods() -> None:
    rule = "rules: [{matches: [{method: {service: a.B, method: C}}], backendRefs: [{name: b, port: 1}]}]"
    assert route(http_route(rule, "GRPCRoute")).targets[0].match == "a.B/C"


@pytest.mark.parametrize(
    ("reference", "field", "message"),
    [
        ("{port: 80}", "name", "Required value"),
        ("{name: a}", "port", "Required value: Must have port for Service reference"),
        ("{name: a, port: 65536}", "port", "must be between 1 and 65535, inclusive"),
    ],
)
def test_what_is_refused_in_a_route_is_an_error(reference: str, field: str, message: str) -> None:
    (found,) = errors(http_route(f"rules: [{{backendRefs: [{reference}]}}]"))
    assert found.startswith(f"spec.rules[0].backendRefs[0].{field}: ")
    assert message in found


def grant(to: str) -> str:
    head = "apiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\n"
    of = "from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}]"
    return f"{head}metadata: {{name: g, namespace: lab}}\nspec: {{{of}, to: {to}}}\n"


@pytest.mark.parametrize(
    ("to", "services"),
    [
        ('[{group: "", kind: Service}]', None),
        ('[{group: "", kind: Service, name: mirror}]', frozenset(("mirror",))),
    ],
)
def test_a_grant_lets_routes_lead_into_its_namespace(to: str, services: frozenset[str] | None) -> None:
    assert routes(grant(to)).grants == (
        Grant(namespace="lab", kind="HTTPRoute", of_namespace="shop", services=services),
    )


def test_a_grant_for_secrets_is_no_grant_for_services() -> None:
    assert routes(grant('[{group: "", kind: Secret}]')).grants == ()


def test_routes_are_passed_over_unless_asked_for() -> None:
    found = read(ingress("{}"), http_route("{}"), routes=False)
    assert found.cluster.routes is None
    assert found.other_kinds == {"HTTPRoute": 1, "Ingress": 1}


def test_a_former_ingress_is_passed_over() -> None:
    found = read("apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}\n")
    assert found.other_kinds == {"Ingress": 1}
    former = "apiVersion: networking.k8s.io/v1beta1\nkind: Ingress\nmetadata: {name: a}\n"
    assert read(former).other_kinds == {"Ingress": 1}


def test_a_route_given_twice_is_told() -> None:
    text = ingress(f"defaultBackend: {SERVICE}")
    assert [each.code for each in read(text, text).diagnostics] == ["repeated-object"]
    assert len(routes(text, text).routes) == 1
