from __future__ import annotations

import csv
import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from analyzer import Analysis, Options, analyze
from analyzer.exposure import Exposures
from analyzer.filters import View
from analyzer.model import Cluster, Match
from analyzer.reachability import Reachability
from analyzer.report.exposure import ExposureReport, csv as csv_report, json as json_report, markdown, table
from analyzer.report.exposure.rows import Rows
from analyzer.report.labels import Labels, Notes
from analyzer.report.words import Words
from tests.property.strategies import clusters
from tests.unit.manifests import ALLOW_TCP_80, DENY, WITHIN_10, analysis, pod, policy, service, workload
from tests.unit.test_edge import API, API_SERVICE, CONTROLLER, FROM_EDGE, ingress
from tests.unit.test_report_json import closed

PROJECT = Path(__file__).parents[2]
SCHEMA = json.loads((PROJECT / "analyzer/report/exposure/exposure.schema.json").read_text())
NODE_PORT = service("{type: NodePort, selector: {app: api}, ports: [{port: 80, nodePort: 30080}]}", "open")
FRONTEND = """\
spec:
  podSelector: {}
  ingress:
  - from:
    - namespaceSelector: {matchLabels: {ns: test-c}}
      podSelector: {matchLabels: {role: frontend}}
    ports: [{port: 80}]
  - from: [{podSelector: {}}]
  egress:
  - to: [{namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}]
    ports: [{port: sql}, {port: 53, protocol: UDP}]
  - to:
    - namespaceSelector:
        matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [x, w]}]
    ports: [{port: metrics}]
"""


def routed(*documents: str) -> Analysis:
    return analysis(*documents, options=Options(routes=True))


def report(found: Analysis, width: int = 100) -> ExposureReport:
    return ExposureReport(
        analysis=found,
        view=View(found.reachability),
        exposures=Exposures(found.reachability),
        endpoints=tuple(each for each in found.reachability.endpoints if not each.external),
        width=width,
    )


def text(renderer: ModuleType, *documents: str, width: int = 100) -> str:
    return "".join(renderer.render(report(routed(*documents), width)))


def lines(*documents: str) -> list[str]:
    """The lines of the table, their columns by single blanks."""
    return [" ".join(line.split()) for line in text(table, *documents, width=200).splitlines()]


def test_an_unprotected_workload_is_open_to_anybody() -> None:
    found = lines(pod("a"))
    assert found[2:5] == [
        "a",
        "exposes anybody all unprotected: no policy selects it",
        "uses anybody all unprotected: no policy selects it",
    ]


def test_an_isolated_workload_is_open_to_nobody() -> None:
    assert "exposes nobody -" in lines(pod("a"), policy(DENY))


def test_groups_are_written_as_a_user_would_say_them() -> None:
    found = lines(pod("a"), policy(FRONTEND))
    assert "pods labelled role=frontend in namespaces labelled ns=test-c TCP 80 no endpoint now" in found
    assert "any pod in namespace shop all 1 endpoint now" in found
    assert "pods labelled app=db in any namespace UDP 53, TCP sql (its own) no endpoint now" in found
    assert "any pod in namespace w or x TCP metrics (its own) no endpoint now" in found


def test_addresses_with_equal_verdicts_stand_together() -> None:
    found = lines(pod("a"), policy(WITHIN_10))
    assert "exposes external (1) -" in found
    assert "10.0.0.0/8 all" in found
    assert any(line.startswith("(1) ") for line in found)


def test_workloads_of_which_the_same_is_said_stand_together() -> None:
    found = lines(pod("a"), pod("b"), pod("c", "office"), policy(DENY, namespace="office"))
    assert "a, b" in found
    assert "c" in found


def test_of_a_pod_on_the_host_network_it_is_said_why_it_is_unprotected() -> None:
    found = lines(pod("host", more="hostNetwork: true"), pod("a"), policy(DENY, namespace="office"))
    told = " ".join(found)
    assert told.count("unprotected: policies do not select pods on the host network") == 2
    assert told.count("unprotected: no policy selects it") == 2


def test_further_addresses_of_a_service_are_named() -> None:
    front = service("{selector: {app: api}, ports: [{port: 80}], externalIPs: [203.0.113.9]}", "front")
    assert any("ClusterIP shop/front at 203.0.113.9" in line for line in lines(API, front))


def test_services_and_routes_stand_below() -> None:
    found = lines(API, API_SERVICE, NODE_PORT, CONTROLLER, ingress())
    assert "published NodePort shop/open 80:30080/TCP from external" in found
    assert any(
        line.startswith("Ingress shop/web to Service shop/api TCP 8080 open from controller")
        for line in found
    )


def test_a_service_that_policies_close_is_told() -> None:
    local = NODE_PORT.replace("{type", "{externalTrafficPolicy: Local, type")
    assert any("closed by policies" in line for line in lines(API, local, policy(DENY)))


def test_what_is_not_known_is_said_with_the_fact() -> None:
    whole = " ".join(lines(API, API_SERVICE, NODE_PORT, ingress(), policy(FROM_EDGE)))
    assert "unknown: which pods are the ingress controller of class `nginx`" in whole
    assert "unknown from external: whether shop/api sees the client's address or a node's" in whole


def test_routes_that_lead_nowhere_are_listed() -> None:
    assert "routes that lead nowhere" in lines(API, ingress("gone"))
    assert "### Routes that lead nowhere" in text(markdown, API, ingress("gone"))


def test_more_groups_than_anybody_reads_are_cut_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.report.exposure.page._MOST_BLOCKS", 1)
    documents = (pod("a"), pod("c", "office"), policy(DENY, namespace="office"))
    for renderer in (table, markdown):
        assert "and 1 more group of workloads" in text(renderer, *documents)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_table_keeps_remarks_within_the_width(width: int) -> None:
    whole = text(table, API, API_SERVICE, ingress(), policy(FROM_EDGE), width=width)
    below = [line for line in whole.splitlines() if line.strip().startswith(("unknown", "controller"))]
    assert all(len(line) <= width for line in below)


def test_markdown_is_tables() -> None:
    found = text(markdown, pod("a"), workload("b"), policy(FRONTEND), policy(WITHIN_10, "more"))
    rows = [line for line in found.splitlines() if line.startswith("|")]
    assert all(line.count("|") == 5 for line in rows)
    assert "| exposes | external \\(1\\)" in found or "| exposes | external (1) |" in found
    assert "\n- (1)" in found
    assert "`all` every port" in text(markdown, pod("a"))


def test_signs_that_do_not_occur_are_not_explained() -> None:
    both = "spec: {podSelector: {}, ingress: [{ports: [{port: 80}]}], egress: [{ports: [{port: 80}]}]}"
    for renderer in (table, markdown):
        assert "nothing" not in text(renderer, pod("a"), policy(both))


def table_of(whole: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(whole)))


def test_csv_has_a_line_for_each_statement() -> None:
    found = table_of(text(csv_report, pod("a"), policy(ALLOW_TCP_80)))
    assert found[0] == {
        "workload": "shop/Pod/a",
        "way": "exposes",
        "kind": "anybody",
        "peer": "anybody",
        "ports": "TCP 80",
        "remark": "",
    }
    assert found[1]["remark"] == "unprotected: no policy selects it"


def test_csv_names_addresses_in_full() -> None:
    peers = {row["peer"] for row in table_of(text(csv_report, pod("a"), policy(WITHIN_10)))}
    assert "0.0.0.0/0 except 10.0.0.0/8, ::/0" in peers or any("10.0.0.0/8" in each for each in peers)
    assert not any("(1)" in each for each in peers)


def test_no_cell_is_a_formula() -> None:
    assert csv_report._safe("=1") == "'=1"
    assert csv_report._safe("-") == "-"


VALIDATOR = Draft202012Validator({k: v for k, v in SCHEMA.items() if k != "$id"})


def document(found: Analysis) -> Any:
    made = json.loads("".join(json_report.render(report(found))))
    VALIDATOR.validate(made)
    return made


@pytest.mark.parametrize(
    "folder", [PROJECT / "manifests", *sorted(p for p in (PROJECT / "examples").iterdir() if p.is_dir())]
)
def test_json_is_as_the_schema_says(folder: Path) -> None:
    assert document(analyze([str(folder)], Options(routes=True)))["workloads"]


@given(clusters())
def test_json_of_any_cluster_is_as_the_schema_says(cluster: Cluster) -> None:
    reachability = Reachability(cluster)
    found = Analysis(files=(), cluster=cluster, reachability=reachability, diagnostics=(), other_kinds={})
    inside = {each.id for each in reachability.endpoints if not each.external}
    assert {each["id"] for each in document(found)["workloads"]} == inside


def test_ports_of_nodes_and_further_addresses_of_services_are_told() -> None:
    web = pod("web", labels="{app: web}").replace(
        "image: i", "image: i, ports: [{containerPort: 81, hostPort: 80}]"
    )
    front = service("{selector: {app: web}, ports: [{port: 80}], externalIPs: [203.0.113.9]}", "front")
    found = lines(web, front)
    assert any("hostPort of its nodes 81:80/TCP from external" in line for line in found)
    (told,) = document(analysis(web, front))["workloads"]
    assert told["hostPorts"][0]["hostPort"] == 80
    assert told["hostPorts"][0]["from"][0]["verdict"] == "open"
    assert told["services"][0]["externalIPs"] == ["203.0.113.9"]
    assert "closed by policies" in " ".join(lines(web, policy(DENY)))


def test_who_may_get_through_a_port_of_the_nodes_is_told_apart_from_who_does() -> None:
    web = pod("web").replace("image: i", "image: i, ports: [{containerPort: 81, hostPort: 80}]")
    found = analysis(web).reachability
    view, exposures = View(found), Exposures(found)
    exposure = exposures.of(found.endpoints[0])
    (host_port,) = exposure.host_ports
    ((outside, _),) = host_port.access
    doubted = replace(host_port, access=((outside, Match.MAYBE),))
    rows = Rows(Labels(view, Notes()), Words(view.ports)).of(replace(exposure, host_ports=(doubted,)))
    assert rows[-1].remark == "unknown from external"


def test_json_tells_groups_services_and_routes() -> None:
    documents = (API, API_SERVICE, NODE_PORT, CONTROLLER, ingress(), ingress("gone").replace("web", "old"))
    made = document(routed(*documents, policy(FRONTEND), pod("host", more="hostNetwork: true")))
    api = next(each for each in made["workloads"] if each["name"] == "api")
    assert api["exposes"]["policies"] == ["shop/NetworkPolicy/policy"]
    assert api["exposes"]["groups"][0] == {
        "namespaces": [{"key": "ns", "operator": "In", "values": ["test-c"]}],
        "pods": [{"key": "role", "operator": "In", "values": ["frontend"]}],
        "allowed": {"TCP": [[80, 80]]},
        "always": {"TCP": [[80, 80]]},
        "now": 0,
    }
    assert api["uses"]["groups"][0]["ownPorts"] == ["TCP sql"]
    assert [each["name"] for each in api["services"]] == ["open"]
    assert api["routes"][0]["verdict"] == "closed"
    assert api["routes"][0]["via"] == ["edge/Pod/controller"]
    assert made["deadEnds"][0]["reason"] == "Service shop/gone is not in the input"
    assert next(each for each in made["workloads"] if each["name"] == "host")["hostNetwork"] is True


def test_the_schema_describes_every_field() -> None:
    plain = {key: value for key, value in closed(SCHEMA).items() if key != "$id"}
    for name in ("target", "route", "deadEnd"):  # joined by allOf, so that each alone does not know all
        plain["$defs"][name].pop("additionalProperties", None)
    documents = (API, API_SERVICE, NODE_PORT, CONTROLLER, ingress(), policy(FRONTEND))
    made = json.loads("".join(json_report.render(report(routed(*documents)))))
    Draft202012Validator(plain).validate(made)
