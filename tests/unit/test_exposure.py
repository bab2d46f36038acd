from __future__ import annotations

from dataclasses import replace

from analyzer import Options
from analyzer.exposure import Exposure, Exposures
from analyzer.model import Match
from analyzer.names import Names
from tests.unit.manifests import ALLOW_TCP_80, analysis, pod, policy, service
from tests.unit.test_edge import API, API_SERVICE, ingress


def exposure(name: str, *documents: str) -> Exposure:
    found = analysis(*documents, options=Options(routes=True)).reachability
    return Exposures(found).of(Names(found).find(name))


def spec(ingress: str) -> str:
    return f"spec: {{podSelector: {{}}, ingress: {ingress}}}"


def test_a_group_needs_no_member() -> None:
    peer = "{podSelector: {matchLabels: {role: frontend}}, namespaceSelector: {matchLabels: {ns: test-c}}}"
    found = exposure("a", pod("a"), policy(spec(f"[{{from: [{peer}], ports: [{{port: 80}}]}}]")))
    (group,) = found.ingress.groups
    assert (str(group.pods.pods), str(group.pods.namespaces)) == ("role=frontend", "ns=test-c")
    assert (str(group.bounds.certain), str(group.certain), group.now) == ("TCP 80", "TCP 80", 0)
    assert not found.ingress.others.possible
    assert found.ingress.protected
    assert not found.egress.protected


def test_a_group_that_gets_what_everybody_gets_is_not_told() -> None:
    wide = spec("[{from: [{namespaceSelector: {}}]}, {from: [{podSelector: {}}], ports: [{port: 80}]}]")
    assert exposure("a", pod("a"), policy(wide)).ingress.groups == ()


def test_a_group_that_no_pod_can_be_in_is_not_told() -> None:
    never = (
        "{podSelector: {matchExpressions: [{key: a, operator: Exists}, {key: a, operator: DoesNotExist}]}}"
    )
    assert exposure("a", pod("a"), policy(spec(f"[{{from: [{never}]}}]"))).ingress.groups == ()


def test_ports_by_name_are_those_of_the_other_pod() -> None:
    peer = "{podSelector: {matchLabels: {app: db}}}"
    rule = f"spec: {{podSelector: {{}}, egress: [{{to: [{peer}], ports: [{{port: sql}}]}}]}}"
    (group,) = exposure("a", pod("a"), policy(rule)).egress.groups
    assert group.names == ("TCP sql",)
    assert not group.bounds.certain


def test_a_service_with_an_external_address_is_published() -> None:
    ports = "ports: [{port: 80}], externalIPs: [203.0.113.9]"
    documents = (
        pod("api", labels="{app: api}"),
        service(f"{{selector: {{app: api}}, {ports}}}", "open"),
        service(f"{{clusterIP: None, selector: {{app: api}}, {ports}}}", "headless"),
    )
    (published,) = exposure("api", *documents).published
    assert published.service.service.name == "open"
    assert published.access


def on_node(name: str, port: str, more: str = "") -> str:
    container = f"[{{name: c, image: i, ports: [{port}]}}]"
    return pod(name).replace("[{name: c, image: i}]", container + more)


def test_a_port_of_the_node_is_published_to_whom_policies_let_in() -> None:
    web = on_node("web", "{containerPort: 8080, hostPort: 80}")
    (found,) = exposure("web", web).host_ports
    assert (found.port.number, found.port.host_port) == (8080, 80)
    assert [match for _, match in found.access] == [Match.YES]
    (found,) = exposure("web", web, policy(ALLOW_TCP_80)).host_ports
    assert found.access == ()


def test_a_port_that_only_the_node_can_use_is_not_published() -> None:
    for port in ("{containerPort: 80}", "{containerPort: 80, hostPort: 0}"):
        assert exposure("web", on_node("web", port)).host_ports == ()
    for address in ("127.0.0.1", '"::1"'):
        port = f"{{containerPort: 80, hostPort: 80, hostIP: {address}}}"
        assert exposure("web", on_node("web", port)).host_ports == ()
    host = on_node("web", "{containerPort: 80, hostPort: 80}", ", hostNetwork: true")
    assert exposure("web", host).host_ports == ()


def test_what_may_get_through_a_port_of_the_node_is_unknown() -> None:
    found = exposure("web", on_node("web", "{containerPort: 8080, hostPort: 80}"))
    assert not found.unknown
    ((outside, _),) = found.host_ports[0].access
    doubted = replace(found.host_ports[0], access=((outside, Match.MAYBE),))
    assert replace(found, host_ports=(doubted,)).unknown


def test_only_services_of_some_types_are_published() -> None:
    node_port = service(
        "{type: NodePort, selector: {app: api}, ports: [{port: 80, nodePort: 30080}]}", "open"
    )
    found = exposure("api", API, API_SERVICE, node_port)
    (published,) = found.published
    assert published.service.service.name == "open"
    assert [each.match for each in published.access] == [Match.YES]


def test_a_source_address_that_may_be_lost_is_unknown() -> None:
    balancer = service("{type: LoadBalancer, selector: {app: api}, ports: [{port: 80}]}", "open")
    closed = exposure("api", API, balancer, policy(ALLOW_TCP_80.replace("80", "81")))
    assert closed.unknown


def test_what_depends_on_a_missing_fact_is_unknown() -> None:
    assert not exposure("api", API, API_SERVICE, ingress()).unknown
    assert exposure("api", API, API_SERVICE, ingress(), policy(ALLOW_TCP_80)).unknown
