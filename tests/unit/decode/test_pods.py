"""Pods: ports, addresses, and which of them are endpoints."""

from __future__ import annotations

import pytest

from analyzer.diagnostics import Severity
from analyzer.model import ContainerPort, Workload
from analyzer.sets import Protocol
from tests.unit.decode.reading import errors, pods, read, remarks

POD = "apiVersion: v1\nkind: Pod\nmetadata: {{name: web, namespace: shop, labels: {{app: web}}}}\n{}"


def pod(rest: str = "") -> str:
    """A pod; `rest` starts at line 4."""
    return POD.format(rest)


def test_a_bare_pod_is_its_own_workload() -> None:
    (found,) = pods(pod("spec: {nodeName: n1}"))
    assert found.workload == Workload(kind="Pod", namespace="shop", name="web")
    assert (found.name, found.namespace, found.labels) == ("web", "shop", {"app": "web"})
    assert (found.replicas, found.node, found.host_network, found.addresses) == (1, "n1", False, ())
    assert found.span.line == 1


def test_ports_of_containers_default_to_tcp() -> None:
    ports = (
        "[{containerPort: 80}, {name: dns, containerPort: 53, protocol: UDP, hostPort: 53, hostIP: 1.2.3.4}]"
    )
    (found,) = pods(
        pod(
            f"spec: {{containers: [{{ports: {ports}}}, {{name: b}},"
            " {ports: [{containerPort: 9, protocol: ''}]}]}"
        )
    )
    assert found.ports == (
        ContainerPort(name="", protocol=Protocol.TCP, number=80),
        ContainerPort(name="dns", protocol=Protocol.UDP, number=53),
        ContainerPort(name="", protocol=Protocol.TCP, number=9),
    )


def test_the_same_list_of_ports_is_read_once() -> None:
    spec = "spec: {containers: [{ports: [{name: web, containerPort: 80}]}]}"
    first, second = pods(
        f"{pod(spec)}\n---\n{pod(spec).replace('name: web, namespace', 'name: b, namespace')}"
    )
    assert first.ports is second.ports


@pytest.mark.parametrize(("version", "names"), [((1, 29), ["main", "proxy"]), ((1, 28), ["main"])])
def test_native_sidecars_have_ports_from_1_29_on(version: tuple[int, int], names: list[str]) -> None:
    text = pod(
        """\
spec:
  containers: [{ports: [{name: main, containerPort: 1}]}]
  initContainers:
  - {restartPolicy: Always, ports: [{name: proxy, containerPort: 2}]}
  - {ports: [{name: setup, containerPort: 3}]}
"""
    )
    (found,) = read(text, version=version).cluster.pods
    assert [port.name for port in found.ports] == names


PORT = "spec.containers[0].ports[0]"
NO_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


@pytest.mark.parametrize(
    ("port", "complaints"),
    [
        ("{}", [f"4:30 {PORT}.containerPort: Required value"]),
        ("{containerPort: 0}", [f"4:31 {PORT}.containerPort: Required value"]),
        ("{containerPort: '80'}", [f"4:31 {PORT}.containerPort: Invalid type: expected integer, got string"]),
        (
            "{containerPort: true}",
            [f"4:31 {PORT}.containerPort: Invalid type: expected integer, got boolean"],
        ),
        (
            "{containerPort: 80, hostPort: 65536}",
            [f"4:50 {PORT}.hostPort: Invalid value: 65536: must be between 1 and 65535, inclusive"],
        ),
        (
            "{containerPort: 65536}",
            [f"4:31 {PORT}.containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive"],
        ),
        (
            "{containerPort: 80, protocol: tcp}",
            [f'4:50 {PORT}.protocol: Unsupported value: "tcp": supported values: "TCP", "UDP", "SCTP"'],
        ),
        (
            "{containerPort: 80, name: '80'}",
            [f'4:50 {PORT}.name: Invalid value: "80": must contain at least one letter (a-z)'],
        ),
        ("{containerPort: 80, port: 80}", [f"4:50 {PORT}.port: unknown field `port`"]),
        (
            "{containerPort: 80, name: a}, {containerPort: 81, name: a}",
            ['4:80 spec.containers[0].ports[1].name: Duplicate value: "a"'],
        ),
        ("80", [f"4:30 {PORT}: Invalid type: expected object, got integer"]),
    ],
)
def test_ports_of_a_container(port: str, complaints: list[str]) -> None:
    assert errors(pod(f"spec: {{containers: [{{ports: [{port}]}}]}}")) == complaints


def test_a_bad_list_of_ports_is_told_of_for_each_pod_that_has_it() -> None:
    bad = pod("spec: {containers: [{ports: [{containerPort: 0}]}]}")
    assert len(errors(f"{bad}\n---\n{bad.replace('name: web, namespace', 'name: b, namespace')}")) == 2


@pytest.mark.parametrize(
    ("rest", "complaints"),
    [
        ("spec: 1", ["4:1 spec: Invalid type: expected object, got integer"]),
        ("spec: {containers: {}}", ["4:8 spec.containers: Invalid type: expected array, got object"]),
        ("spec: {containers: [1]}", ["4:21 spec.containers[0]: Invalid type: expected object, got integer"]),
        ("spec: {hostNetwork: 'true'}", ["4:8 spec.hostNetwork: Invalid type: expected boolean, got string"]),
        ("spec: {nodeName: 1}", ["4:8 spec.nodeName: Invalid type: expected string, got integer"]),
        ("status: []", ["4:1 status: Invalid type: expected object, got array"]),
        (
            "spec: {containers: [{ports: 80}]}",
            ["4:22 spec.containers[0].ports: Invalid type: expected array, got integer"],
        ),
        (
            "spec: {initContainers: [{restartPolicy: always}]}",
            [
                (
                    '4:26 spec.initContainers[0].restartPolicy: Unsupported value: "always": '
                    'supported values: "Always", "Never", "OnFailure"'
                )
            ],
        ),
        ("stauts: {}", ["4:1 stauts: unknown field `stauts`"]),
        (
            "status: {phase: Running, podIP: 1.2.3}",
            [f'4:26 status.podIP: Invalid value: "1.2.3": {NO_IP}'],
        ),
        (
            "status: {podIPs: [{ip: 10.0.0.1}, {ip: x}]}",
            [f'4:36 status.podIPs[1].ip: Invalid value: "x": {NO_IP}'],
        ),
        (
            "status: {podIPs: [{}]}",
            [f'4:19 status.podIPs[0].ip: Invalid value: "": {NO_IP}'],
        ),
        ("status: {podIPs: {}}", []),
    ],
)
def test_what_of_a_pod_has_the_wrong_shape(rest: str, complaints: list[str]) -> None:
    if complaints:
        assert errors(pod(rest)) == complaints
    else:
        assert errors(pod(rest)) == ["4:10 status.podIPs: Invalid type: expected array, got object"]


@pytest.mark.parametrize(
    ("status", "addresses"),
    [
        ("{phase: Running, podIP: 10.0.0.1}", ("10.0.0.1",)),
        ("{phase: Running, podIP: 10.0.0.1, podIPs: []}", ("10.0.0.1",)),
        ("{phase: Running, podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}]}", ("10.0.0.1",)),
        ("{phase: Running, podIPs: [{ip: 10.0.0.1}, {ip: 'FD00::1'}]}", ("10.0.0.1", "fd00::1")),
        ("{phase: Running, podIPs: [{ip: 'fd00::1'}, {ip: 10.0.0.1}]}", ("fd00::1", "10.0.0.1")),
        ("{phase: Running, podIPs: [{ip: 10.0.0.1}, {ip: 10.0.0.2}]}", ("10.0.0.1",)),
        ("{phase: Pending, podIP: 10.0.0.1}", ("10.0.0.1",)),
    ],
)
def test_addresses_are_those_of_the_status_one_a_family(status: str, addresses: tuple[str, ...]) -> None:
    (found,) = pods(pod(f"status: {status}"))
    assert found.addresses == addresses


@pytest.mark.parametrize("status", ["null", "{}"])
def test_a_pod_of_a_manifest_is_an_endpoint_without_address(status: str) -> None:
    (found,) = pods(pod(f"status: {status}"))
    assert found.addresses == ()


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_pod_is_no_endpoint(phase: str) -> None:
    text = pod(f"status: {{phase: {phase}, podIP: 10.0.0.1}}")
    assert pods(text) == []
    assert remarks(text) == ["1 finished pod is no endpoint"]
    assert read(text).diagnostics[0].severity is Severity.NOTICE


@pytest.mark.parametrize("status", ["{phase: Pending}", "{phase: Running, podIP: ''}", "{hostIP: 10.0.0.9}"])
def test_a_pod_with_a_status_but_no_address_is_no_endpoint(status: str) -> None:
    text = pod(f"status: {status}")
    assert pods(text) == []
    assert remarks(text) == ["1 pod without an address is no endpoint"]


def test_a_host_network_pod_has_the_addresses_of_its_node() -> None:
    status = "status: {phase: Running, hostIP: 172.18.0.2, hostIPs: [{ip: 172.18.0.2}, {ip: 'fc00::2'}]}"
    (found,) = pods(pod(f"spec: {{hostNetwork: true}}\n{status}"))
    assert found.host_network
    assert found.addresses == ("172.18.0.2", "fc00::2")


def test_pod_ips_of_a_host_network_pod_come_first() -> None:
    (found,) = pods(pod("spec: {hostNetwork: true}\nstatus: {hostIP: 172.18.0.2, podIP: 172.18.0.3}"))
    assert found.addresses == ("172.18.0.3",)


NODE = """
---
apiVersion: v1
kind: Node
metadata: {name: n1}
status:
  addresses:
  - {type: Hostname, address: n1}
  - {type: ExternalIP, address: 203.0.113.1}
  - {type: InternalIP, address: 172.18.0.2}
  - {type: InternalIP, address: 172.18.0.3}
  - {type: InternalIP, address: 'fc00::2'}
"""


def test_a_host_network_pod_of_a_manifest_takes_the_addresses_of_its_node_object() -> None:
    (found,) = pods(pod("spec: {hostNetwork: true, nodeName: n1}") + NODE)
    assert found.addresses == ("172.18.0.2", "fc00::2")


def test_a_pod_of_its_own_network_does_not_take_the_addresses_of_its_node() -> None:
    (found,) = pods(pod("spec: {nodeName: n1}") + NODE)
    assert found.addresses == ()


@pytest.mark.parametrize(
    "node", ["{metadata: {}}", "{metadata: {name: n1}, status: {}}", "{metadata: {name: n1}}"]
)
def test_a_node_without_name_or_addresses_does_no_harm(node: str) -> None:
    text = f"{{apiVersion: v1, kind: Node, {node[1:]}"
    (found,) = pods(pod("spec: {hostNetwork: true, nodeName: n1}\n---\n") + text)
    assert found.addresses == ()


def test_pods_with_generate_name_only_get_numbers() -> None:
    text = "{apiVersion: v1, kind: Pod, metadata: {generateName: job-}}"
    assert [found.name for found in pods(f"{text}\n---\n{text}")] == ["job-1", "job-2"]


def test_a_pod_without_namespace_is_in_the_one_that_the_user_chose() -> None:
    (found,) = read("{apiVersion: v1, kind: Pod, metadata: {name: a}}", namespace="mine").cluster.pods
    assert found.namespace == "mine"


def test_an_unknown_field_of_a_pod_spec_is_a_warning() -> None:
    text = pod("spec: {hostNetwrok: true, containers: [{port: 80}]}")
    assert remarks(text) == [
        "4:8 spec.hostNetwrok: unknown field `hostNetwrok` is ignored",
        "4:41 spec.containers[0].port: unknown field `port` is ignored",
    ]
    assert [each.help for each in read(text).diagnostics] == [
        "did you mean `hostNetwork`?",
        "did you mean `ports`?",
    ]


def test_a_field_that_is_like_no_other_gets_a_pointer_to_the_documentation() -> None:
    (found,) = read(pod("spec: {zzz: 1}")).diagnostics
    assert found.help == "see `kubectl explain`"


def test_pods_are_sorted_whatever_the_order_of_the_documents() -> None:
    texts = [
        f"{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: {space}}}}}"
        for name, space in (("b", "x"), ("a", "z"), ("a", "x"))
    ]
    found = [(each.namespace, each.name) for each in pods("\n---\n".join(texts))]
    assert found == [("x", "a"), ("x", "b"), ("z", "a")]


def test_equal_labels_are_one_object() -> None:
    texts = [
        f"{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{a: x, b: z}}}}}}" for name in "vw"
    ]
    first, second = pods("\n---\n".join(texts))
    assert first.labels is second.labels
