from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from analyzer import Analysis, analyze
from analyzer.filters import Filters, View
from analyzer.model import Cluster
from analyzer.reachability import Reachability
from analyzer.report import Report
from analyzer.report.json import render
from analyzer.sets import PortSet, Protocol
from tests.property.strategies import clusters
from tests.unit.manifests import ALLOW_TCP_80, WITHIN_10, analysis, pod, policy, service, workload

PROJECT = Path(__file__).parents[2]
SCHEMA = json.loads((PROJECT / "analyzer/report/reachability.schema.json").read_text())
FOLDERS = [PROJECT / "manifests", *sorted(path for path in (PROJECT / "examples").iterdir() if path.is_dir())]


def closed(schema: Any) -> Any:
    """The schema without its openness to fields of the future: ours must all be described."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    return inner if "properties" not in schema else inner | {"additionalProperties": False}


VALIDATOR = Draft202012Validator(closed({k: v for k, v in SCHEMA.items() if k != "$id"}))


def report(found: Analysis, filters: Filters | None = None) -> Any:
    text = "".join(render(Report(analysis=found, view=View(found.reachability, filters))))
    made = json.loads(text)
    VALIDATOR.validate(made)
    return made


def verdicts(made: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    return {(each["source"], each["destination"]): each for each in made["connections"]}


def ports(by_protocol: Mapping[str, list[list[int]]]) -> PortSet:
    found = PortSet.none()
    for protocol, ranges in by_protocol.items():
        for first, last in ranges:
            found |= PortSet.of(Protocol(protocol), first, last)
    return found


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_report_of_every_example_meets_the_schema(folder: Path) -> None:
    made = report(analyze([str(folder)]))
    assert made["schema"] == SCHEMA["properties"]["schema"]["const"] == "kubereach.dev/reachability"
    assert made["version"] == SCHEMA["properties"]["version"]["const"] == 1


@given(clusters())
def test_the_report_holds_every_verdict(cluster: Cluster) -> None:
    found = Analysis(
        files=(), cluster=cluster, reachability=Reachability(cluster), diagnostics=(), other_kinds={}
    )
    view = View(found.reachability, Filters(ports=PortSet.all()))
    made = json.loads("".join(render(Report(analysis=found, view=view))))
    VALIDATOR.validate(made)
    told = verdicts(made)
    for source, destination, bounds in view.connections():
        connection = told.pop((source.id, destination.id), {"allowed": {}})
        assert ports(connection["allowed"]) == bounds.certain
        assert ports(connection.get("unknown", {})) == bounds.unknown
    assert told == {}


def test_the_demo_lets_c_reach_b_on_tcp_80_only() -> None:
    found = verdicts(report(analyze([str(PROJECT / "manifests")])))
    a, b, c = "test-a/Pod/test-pod-a", "test-b/Pod/test-pod-b", "test-c/Pod/test-pod-c"
    assert (a, b) not in found
    assert found[c, b] == {"source": c, "destination": b, "allowed": {"TCP": [[80, 80]]}}
    everything = {"TCP": [[1, 65535]], "UDP": [[1, 65535]], "SCTP": [[1, 65535]]}
    assert found[a, c]["allowed"] == everything


def test_policies_say_where_they_stand_and_whom_they_select() -> None:
    found = report(analyze([str(PROJECT / "manifests")]))
    (made,) = found["policies"]
    line = (PROJECT / "manifests/network-policy.yaml").read_text().split("\n").index("kind: NetworkPolicy")
    assert made["file"].endswith("manifests/network-policy.yaml")
    assert abs(made["line"] - line) <= 1
    selected = {each["name"]: each["policies"] for each in found["endpoints"] if each["kind"] != "External"}
    assert selected["test-pod-b"] == {"ingress": [made["id"]], "egress": []}
    assert selected["test-pod-a"] == {"ingress": [], "egress": []}


def test_external_endpoints_have_their_addresses() -> None:
    outside = [
        e for e in report(analysis(pod("a"), policy(WITHIN_10)))["endpoints"] if e["kind"] == "External"
    ]
    assert ["10.0.0.0/8"] in [each["cidrs"] for each in outside]
    assert all("replicas" not in each for each in outside)


def test_external_endpoints_have_no_connection_with_each_other() -> None:
    made = report(analysis(pod("a"), policy(WITHIN_10)))
    outside = {each["id"] for each in made["endpoints"] if each["kind"] == "External"}
    assert len(outside) == 2
    assert not [pair for pair in verdicts(made) if outside.issuperset(pair)]


def test_pods_of_the_host_network_are_marked() -> None:
    made = report(analysis(pod("a"), pod("agent", more="hostNetwork: true")))
    assert [each["name"] for each in made["endpoints"] if each.get("hostNetwork")] == ["agent"]


def test_what_is_unknown_is_told_apart_from_what_is_allowed() -> None:
    spec = (
        "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.244.7.0/24}}], ports: [{port: 80}]}]}"
    )
    found = verdicts(report(analysis(pod("a"), pod("b"), policy(spec))))
    connection = found["shop/Pod/a", "shop/Pod/b"]
    assert (connection["allowed"], connection["unknown"]) == ({}, {"TCP": [[80, 80]]})


def test_filters_leave_out_endpoints_and_ports() -> None:
    filters = Filters(sources=("a",), destinations=("b",), ports=PortSet.of(Protocol.TCP, 80))
    made = report(analysis(pod("a"), pod("b"), pod("c")), filters)
    assert [each["name"] for each in made["endpoints"]] == ["a", "b"]
    assert [each["allowed"] for each in made["connections"]] == [{"TCP": [[80, 80]]}]


def test_services_lead_to_backends_and_tell_who_reaches_them() -> None:
    front = service(
        "{type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]}"
    )
    cluster = (pod("web", labels="{app: web}"), pod("client", "office"), front)
    (made,) = report(analysis(*cluster))["services"]
    (port,) = made["ports"]
    assert (made["type"], port["port"], port["targetPort"], port["nodePort"]) == ("NodePort", 80, 8080, 30080)
    assert port["backends"] == [{"endpoint": "shop/Pod/web", "ports": [[8080, 8080]]}]
    assert {"source": "office/Pod/client", "verdict": "allowed"} in port["sources"]


def test_a_service_that_leads_only_to_some_of_its_pods_says_so() -> None:
    deny_one = "spec: {podSelector: {matchLabels: {part: one}}, policyTypes: [Ingress]}"
    cluster = (
        pod("one", labels="{app: web, part: one}"),
        pod("two", labels="{app: web}"),
        pod("client", "office"),
        service("{selector: {app: web}, ports: [{port: 80}]}"),
        policy(deny_one),
    )
    (made,) = report(analysis(*cluster))["services"]
    assert {"source": "office/Pod/client", "verdict": "some"} in made["ports"][0]["sources"]


def test_a_service_behind_a_missing_fact_names_it() -> None:
    front = service("{type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}")
    allow = "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}"
    (made,) = report(analysis(pod("web", labels="{app: web}"), front, policy(allow)))["services"]
    unknown = [each for each in made["ports"][0]["sources"] if each["verdict"] == "unknown"]
    assert unknown
    assert all(each["facts"] for each in unknown)


def test_a_large_report_is_made_in_pieces_of_bounded_size() -> None:
    documents = [pod(f"pod-{number}", f"team-{number % 7}") for number in range(60)]
    found = analysis(*documents, workload("web"), policy(ALLOW_TCP_80))
    pieces = list(render(Report(analysis=found, view=View(found.reachability))))
    made = json.loads("".join(pieces))
    assert len(made["connections"]) > 3000
    assert max(map(len, pieces)) < 400_000


def test_every_object_stands_on_a_line_of_its_own() -> None:
    found = analysis(pod("a"), pod("b"))
    lines = "".join(render(Report(analysis=found, view=View(found.reachability)))).splitlines()
    connections = [line for line in lines if '"source"' in line]
    assert len(connections) == 8
    assert all(json.loads(line.rstrip(",")) for line in connections)


def test_the_report_is_plain_ascii() -> None:
    found = analysis(pod("a"))
    assert "".join(render(Report(analysis=found, view=View(found.reachability)))).isascii()
