"""Services."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analyzer.model import Service, ServicePort, ServiceType
from analyzer.selectors import Selector
from analyzer.sets import Protocol
from tests.unit.decode.reading import cluster, errors, remarks


def service(spec: str, name: str = "web") -> str:
    """A Service whose spec starts at line 4."""
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n"


def only(spec: str) -> Service:
    (found,) = cluster(service(spec)).services
    return found


def test_a_service_with_the_defaults_of_the_api() -> None:
    found = only("{selector: {app: web}, ports: [{port: 80}]}")
    assert found == Service(
        namespace="shop",
        name="web",
        type=ServiceType.CLUSTER_IP,
        headless=False,
        selector=Selector.labels(app="web"),
        ports=(ServicePort(name="", protocol=Protocol.TCP, port=80, target=80, node_port=None),),
        cluster_ips=(),
        preserves_source=False,
        external_ips=(),
        span=found.span,
    )


def test_further_addresses_are_read_and_must_be_some() -> None:
    found = only("{selector: {app: web}, ports: [{port: 80}], externalIPs: [203.0.113.9, '2001:DB8::1']}")
    assert (found.external_ips, found.from_outside) == (("203.0.113.9", "2001:db8::1"), True)
    assert not replace(found, type=ServiceType.EXTERNAL_NAME).from_outside
    assert not replace(found, external_ips=()).from_outside
    (error,) = errors(service("{ports: [{port: 80}], externalIPs: [203.0.113.999]}"))
    assert "spec.externalIPs[0]" in str(error)


def test_target_ports_are_numbers_or_names() -> None:
    ports = """[{name: a, port: 80, targetPort: 8080}, {name: b, port: 81, targetPort: web, nodePort: 30081},
                {name: c, port: 82, targetPort: 0, nodePort: 0},
                {name: d, port: 53, protocol: UDP, targetPort: ''}]"""
    found = only(f"{{type: NodePort, ports: {ports}}}")
    assert [(each.target, each.node_port) for each in found.ports] == [
        (8080, None),
        ("web", 30081),
        (82, None),
        (53, None),
    ]


@pytest.mark.parametrize("selector", ["", "selector: null, ", "selector: {}, "])
def test_without_selector_the_endpoints_are_not_in_the_manifests(selector: str) -> None:
    assert only(f"{{{selector}ports: [{{port: 80}}]}}").selector is None


def test_an_external_name_has_neither_selector_nor_ports() -> None:
    found = only("{type: ExternalName, externalName: example.com, selector: {a: b}}")
    assert (found.type, found.selector, found.ports) == (ServiceType.EXTERNAL_NAME, None, ())


@pytest.mark.parametrize(
    "ip", ["clusterIP: None", "clusterIPs: [None]", "clusterIP: None, clusterIPs: [None]"]
)
def test_a_headless_service_needs_no_ports(ip: str) -> None:
    found = only(f"{{{ip}, selector: {{a: b}}}}")
    assert (found.headless, found.cluster_ips, found.ports) == (True, (), ())


@pytest.mark.parametrize(
    ("ip", "addresses"),
    [
        ("clusterIP: 10.96.0.1", ("10.96.0.1",)),
        ("clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1, 'FD00::1']", ("10.96.0.1", "fd00::1")),
        ("clusterIP: ''", ()),
    ],
)
def test_cluster_ips(ip: str, addresses: tuple[str, ...]) -> None:
    assert only(f"{{{ip}, ports: [{{port: 80}}]}}").cluster_ips == addresses


def test_external_traffic_policy_local_preserves_the_source() -> None:
    found = only("{type: LoadBalancer, externalTrafficPolicy: Local, ports: [{port: 80}]}")
    assert (found.type, found.preserves_source) == (ServiceType.LOAD_BALANCER, True)


@pytest.mark.parametrize(
    ("spec", "complaints"),
    [
        ("{}", ["4:1 spec.ports: Required value"]),
        ("{ports: []}", ["4:8 spec.ports: Required value"]),
        ("{ports: 80}", ["4:8 spec.ports: Invalid type: expected array, got integer"]),
        (
            "{ports: [{}]}",
            ["4:16 spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"],
        ),
        ("{ports: [{port: '80'}]}", ["4:17 spec.ports[0].port: Invalid type: expected integer, got string"]),
        (
            "{ports: [{port: 80, targetPort: 70000}]}",
            ["4:27 spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive"],
        ),
        (
            "{ports: [{port: 80, targetPort: '80'}]}",
            ['4:27 spec.ports[0].targetPort: Invalid value: "80": must contain at least one letter (a-z)'],
        ),
        (
            "{ports: [{port: 80, targetPort: true}]}",
            ["4:27 spec.ports[0].targetPort: Invalid type: expected integer or string, got boolean"],
        ),
        (
            "{ports: [{port: 80, nodePort: 70000}]}",
            ["4:27 spec.ports[0].nodePort: Invalid value: 70000: must be between 1 and 65535, inclusive"],
        ),
        ("{ports: [{port: 80}, {name: b, port: 81}]}", ["4:16 spec.ports[0].name: Required value"]),
        (
            "{ports: [{name: a, port: 80}, {name: a, port: 81}]}",
            ['4:38 spec.ports[1].name: Duplicate value: "a"'],
        ),
        (
            "{ports: [{name: a, port: 80}, {name: b, port: 80}]}",
            ["4:47 spec.ports[1].port: Duplicate value: 80"],
        ),
        (
            "{ports: [{name: a.b, port: 80}]}",
            ['4:17 spec.ports[0].name: Invalid value: "a.b": must not contain dots'],
        ),
        ("{ports: [{port: 80, target: 8080}]}", ["4:27 spec.ports[0].target: unknown field `target`"]),
        (
            "{type: nodeport, ports: [{port: 80}]}",
            [
                (
                    '4:8 spec.type: Unsupported value: "nodeport": supported values: "ClusterIP",'
                    ' "ExternalName", "LoadBalancer", "NodePort"'
                )
            ],
        ),
        (
            "{externalTrafficPolicy: local, ports: [{port: 80}]}",
            [
                (
                    '4:8 spec.externalTrafficPolicy: Unsupported value: "local": supported values:'
                    ' "Cluster", "Local"'
                )
            ],
        ),
        (
            "{clusterIP: 10.96.0.256, ports: [{port: 80}]}",
            [
                (
                    '4:8 spec.clusterIP: Invalid value: "10.96.0.256": must be a valid IP address,'
                    " (e.g. 10.9.8.7 or 2001:db8::ffff)"
                )
            ],
        ),
        (
            "{selector: {a: 1}, ports: [{port: 80}]}",
            ["4:19 spec.selector.a: Invalid type: expected string, got integer"],
        ),
        (
            "{selector: [a], ports: [{port: 80}]}",
            ["4:8 spec.selector: Invalid type: expected object, got array"],
        ),
    ],
)
def test_what_of_a_service_is_wrong(spec: str, complaints: list[str]) -> None:
    assert errors(service(spec)) == complaints


def test_the_same_port_may_be_used_by_two_protocols() -> None:
    assert len(only("{ports: [{name: a, port: 53}, {name: b, port: 53, protocol: UDP}]}").ports) == 2


def test_names_may_start_with_a_digit_from_1_36_on() -> None:
    text = service("{ports: [{port: 80}]}", "9to5")
    assert len(cluster(text).services) == 1
    (error,) = errors(text, version=(1, 35))
    assert error.startswith('3:12 metadata.name: Invalid value: "9to5": a DNS-1035 label must consist of')


def test_a_name_with_dots_is_none() -> None:
    assert errors(service("{ports: [{port: 80}]}", "a.b")) == [
        '3:12 metadata.name: Invalid value: "a.b": must not contain dots'
    ]


def test_an_unknown_field_is_a_warning() -> None:
    assert remarks(service("{selectors: {a: b}, ports: [{port: 80}]}")) == [
        "4:8 spec.selectors: unknown field `selectors` is ignored"
    ]


def test_services_are_sorted() -> None:
    text = "---\n".join(service("{ports: [{port: 80}]}", name) for name in ("b", "a"))
    assert [each.name for each in cluster(text).services] == ["a", "b"]
