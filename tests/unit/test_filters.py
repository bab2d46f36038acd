from __future__ import annotations

from importlib import import_module

import pytest
from hypothesis import given

from analyzer.bounds import Bounds
from analyzer.diagnostics import AnalyzerError
from analyzer.endpoints import Endpoint
from analyzer.filters import Filters, View
from analyzer.model import Cluster
from analyzer.reachability import Reachability
from analyzer.report import Report
from analyzer.sets import PortSet, Protocol
from tests.property.strategies import clusters
from tests.unit.manifests import ALLOW_TCP_80, DENY, analysis, pod, policy, service, view, workload

TCP_80 = PortSet.of(Protocol.TCP, 80)
SHOP = (pod("web"), pod("db"), pod("client", "office"), policy(ALLOW_TCP_80))


def pairs(found: View) -> set[tuple[str, str]]:
    return {(source.name, destination.name) for source, destination, _ in found.connections()}


@pytest.mark.parametrize("few", [0, 1, 16])
@given(cluster=clusters())
def test_the_connections_of_a_view_are_those_of_the_engine(few: int, cluster: Cluster) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analyzer.filters._FEW_ROWS", few)
        patch.setattr("analyzer.filters._MOST_KEPT", 2)
        check(cluster)


def check(cluster: Cluster) -> None:
    reachability = Reachability(cluster)
    found = View(reachability, Filters(ports=PortSet.all()))
    expected = [
        (source.id, destination.id, reachability.connection(source, destination))
        for source in reachability.endpoints
        for destination in reachability.endpoints
        if not (source.external and destination.external)
    ]
    assert [(s.id, d.id, bounds) for s, d, bounds in found.connections()] == expected


def test_equal_verdicts_are_one_object() -> None:
    found = [bounds for _, _, bounds in view(*SHOP).connections()]
    assert len({id(bounds) for bounds in found}) == len(set(found))


def test_without_filters_every_endpoint_is_source_destination_and_subject() -> None:
    found = view(*SHOP)
    assert found.whole
    assert found.endpoints == found.subjects == found.sources == found.reachability.endpoints


def test_verdicts_hold_the_ports_that_were_asked_for_and_no_others() -> None:
    found = view(*SHOP, filters=Filters(ports=PortSet.of(Protocol.TCP, 80, 81)))
    web, client = found.names.find("web"), found.names.find("client")
    assert found.verdict(client, web) == Bounds(TCP_80, TCP_80)


def test_icmp_is_no_part_of_a_verdict_unless_asked_for() -> None:
    found = view(pod("a"), pod("b"))
    assert {bounds.certain for _, _, bounds in found.connections()} == {PortSet.transports()}


def test_sources_and_destinations_are_filtered_apart() -> None:
    found = view(*SHOP, filters=Filters(sources=("client",), destinations=("shop/*",)))
    assert pairs(found) == {("client", "web"), ("client", "db")}
    assert {each.name for each in found.subjects} == {"client", "web", "db"}


def test_endpoints_that_only_the_other_side_brings_in_are_no_subjects() -> None:
    found = view(*SHOP, filters=Filters(destinations=("web",)))
    assert [each.name for each in found.subjects] == ["web"]
    assert len(found.endpoints) == 4


def test_a_namespace_keeps_the_connections_that_start_or_end_in_it() -> None:
    found = view(*SHOP, filters=Filters(namespaces=("office",)))
    everybody = {"web", "db", "client", "external"}
    assert pairs(found) == {("client", name) for name in everybody} | {(name, "client") for name in everybody}
    assert [each.name for each in found.subjects] == ["client"]
    assert [block.title for block in found.blocks] == ["from office", "to office from elsewhere"]


def test_blocks_hold_every_pair_once() -> None:
    found = view(*SHOP, filters=Filters(namespaces=("office", "shop")))
    listed = [(s.id, d.id) for block in found.blocks for s in block.sources for d in block.destinations]
    assert len(listed) == len(set(listed)) == 4 * 4 - 1


def test_a_namespace_and_a_source_elsewhere_leave_what_comes_in() -> None:
    found = view(*SHOP, filters=Filters(namespaces=("shop",), sources=("client",)))
    assert pairs(found) == {("client", "web"), ("client", "db")}


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        (Filters(namespaces=("shpo",)), "unknown-namespace"),
        (Filters(namespaces=("elsewhere-entirely",)), "unknown-namespace"),
        (Filters(namespaces=("office",), sources=("web",), destinations=("db",)), "empty-selection"),
        (Filters(sources=("nobody",)), "unknown-endpoint"),
    ],
)
def test_filters_that_mean_nothing_are_errors(filters: Filters, code: str) -> None:
    with pytest.raises(AnalyzerError) as caught:
        view(*SHOP, filters=filters)
    assert [each.code for each in caught.value.diagnostics] == [code]


def test_a_mistyped_namespace_gets_a_suggestion() -> None:
    with pytest.raises(AnalyzerError) as caught:
        view(*SHOP, filters=Filters(namespaces=("shpo",)))
    assert caught.value.diagnostics[0].help == "did you mean `shop`?"


def test_the_verdict_between_replicas_is_not_that_of_a_pod_with_itself() -> None:
    found = view(workload("web", replicas=2), pod("one", labels="{a: b}"), policy(DENY))
    web, one = found.names.find("web"), found.names.find("one")
    assert not found.verdict(web, web).possible
    assert found.verdict(one, one).certain == PortSet.transports()
    assert not found.replicas(one).possible


@pytest.mark.parametrize(
    ("cidr", "unknown"), [("10.244.0.0/16", False), ("10.244.7.0/24", True), ("192.0.2.0/24", False)]
)
def test_a_view_finds_the_verdicts_that_are_unknown(cidr: str, *, unknown: bool) -> None:
    spec = f"spec: {{podSelector: {{}}, ingress: [{{from: [{{ipBlock: {{cidr: {cidr}}}}}]}}]}}"
    found = view(pod("a"), pod("b"), policy(spec)).unknown()
    assert [(s.name, d.name) for s, d, _ in found] == ([("a", "b"), ("b", "a")] if unknown else [])


@given(clusters())
def test_the_unknown_connections_are_those_with_an_unknown_port(cluster: Cluster) -> None:
    found = View(Reachability(cluster), Filters(ports=PortSet.of(Protocol.TCP)))
    assert list(found.unknown()) == [each for each in found.connections() if each[2].unknown]


SERVICES = (
    pod("web", labels="{app: web}"),
    pod("client", "office"),
    service("{selector: {app: web}, ports: [{port: 80}]}", "front"),
    service("{selector: {app: none}, ports: [{port: 80}]}", "empty"),
)


@pytest.mark.parametrize(
    ("filters", "services"),
    [
        (Filters(), ["empty", "front"]),
        (Filters(destinations=("web",)), ["front"]),
        (Filters(destinations=("client",)), []),
    ],
)
def test_services_are_filtered_by_the_pods_behind_them(filters: Filters, services: list[str]) -> None:
    assert [each.service.name for each in view(*SERVICES, filters=filters).services()] == services


def test_access_to_a_service_is_filtered_by_source() -> None:
    found = view(*SERVICES, filters=Filters(sources=("client",)))
    (front,) = (each for each in found.services() if each.service.name == "front")
    assert [each.source.name for each in found.access(front)] == ["client"]


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json"])
def test_pairs_that_are_both_outside_are_not_even_looked_at(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[tuple[bool, bool]] = []

    def counted(view: View, verdicts: object, source: Endpoint, destination: Endpoint) -> Bounds:
        looked.append((source.external, destination.external))
        return view.verdict(source, destination)

    monkeypatch.setattr(View, "_at", counted)
    blocks = "".join(f"{{ipBlock: {{cidr: 192.0.2.{2 * n}/32}}}}, " for n in range(60))
    found = analysis(
        pod("a"), pod("b"), policy(f"spec: {{podSelector: {{}}, ingress: [{{from: [{blocks}]}}]}}")
    )
    report = Report(analysis=found, view=View(found.reachability))
    assert list(import_module(f"analyzer.report.{form}").render(report))
    assert looked
    assert (True, True) not in looked
