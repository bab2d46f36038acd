from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given

from analyzer import Analysis
from analyzer.filters import Filters, View
from analyzer.model import Cluster
from analyzer.reachability import Reachability
from analyzer.report import Report
from analyzer.report.arrows import EVERYBODY, Arrow, Chart, chart
from analyzer.report.picture import NOTHING, Picture, _alike, picture, shortened
from tests.property.strategies import clusters
from tests.unit.manifests import ALLOW_TCP_80, DENY, WITHIN_10, analysis, pod, policy, workload
from tests.unit.test_report_table import SHAPES


def drawn(found: Analysis, filters: Filters | None = None, *, coarse: bool = False) -> Picture:
    return picture(Report(analysis=found, view=View(found.reachability, filters)), coarse=coarse)


def report(cluster: Cluster) -> Report:
    reachability = Reachability(cluster)
    found = Analysis(files=(), cluster=cluster, reachability=reachability, diagnostics=(), other_kinds={})
    return Report(analysis=found, view=View(reachability))


def meant(found: Picture, chart: Chart, name: str) -> list[int]:
    """The nodes that a name in a chart stands for."""
    if name == EVERYBODY:
        return list(range(len(found.nodes)))
    for box in chart.boxes:
        if box.name == name:
            return [int(each[1:]) for each, _ in box.nodes if each != name]
    return [int(name[1:])]


def says(found: Picture, source: int, destination: int) -> bool:
    alone = source == destination and not found.nodes[source].several
    return not alone and found.cells[source][destination].text != ""


def pairs(found: Picture, chart: Chart, arrow: Arrow) -> Iterator[tuple[int, int]]:
    for source in meant(found, chart, arrow.source):
        for destination in meant(found, chart, arrow.destination):
            for pair in ((source, destination), (destination, source))[: 1 + arrow.both]:
                if says(found, *pair):
                    yield pair


def assert_exact(found: Picture) -> None:
    """The arrows say of every pair what its cell says, and a pair without an arrow is closed."""
    made, told = chart(found), set()
    for arrow in made.arrows:
        for pair in pairs(found, made, arrow):
            assert found.cells[pair[0]][pair[1]] == arrow.cell
            told.add(pair)
    for source, row in enumerate(found.cells):
        for destination, cell in enumerate(row):
            if says(found, source, destination):
                assert ((source, destination) in told) is (cell.text not in NOTHING)


@given(clusters())
def test_endpoints_of_one_node_have_the_same_verdicts(cluster: Cluster) -> None:
    view = report(cluster).view
    for group in _alike(view, view.endpoints):
        for each in group:
            assert each.namespace == group[0].namespace
            for other in view.endpoints:
                if other not in group and not (each.external and other.external):
                    assert view.verdict(each, other) == view.verdict(group[0], other)
                    assert view.verdict(other, each) == view.verdict(other, group[0])
        among = {view.verdict(a, b) for a in group for b in group if a is not b and not a.external}
        assert among <= {view.replicas(group[0])}


@given(clusters())
def test_arrows_say_exactly_what_the_cells_say(cluster: Cluster) -> None:
    assert_exact(picture(report(cluster)))


@pytest.mark.parametrize("shape", SHAPES)
def test_arrows_are_exact_in_every_shape(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.report.arrows._MOST_ARROWS", 10_000)
    assert_exact(drawn(SHAPES[shape], coarse=True))


def test_pods_that_nobody_tells_apart_are_one_node() -> None:
    found = drawn(analysis(*(pod(f"web-{n}") for n in range(3)), pod("client", "office"), policy(DENY)))
    assert [node.lines for node in found.nodes] == [("client",), ("web-0", "web-1", "web-2"), ("external",)]
    assert [node.several for node in found.nodes] == [False, True, False]


def test_replicas_have_a_verdict_with_each_other() -> None:
    found = drawn(analysis(workload("web", replicas=2), policy(DENY)))
    assert [cell.text for cell in found.cells[0]] == ["-", "all"]


def test_what_everybody_reaches_has_one_arrow() -> None:
    made = chart(drawn(analysis(pod("a", "left"), pod("b", "right"), pod("c", "zoo"))))
    assert {(each.source, each.destination) for each in made.arrows} == {
        (EVERYBODY, f"n{number}") for number in range(4)
    }
    assert made.boxes[0].name == EVERYBODY
    assert "anyone: every endpoint and address in the picture" in made.notes


def test_a_whole_namespace_that_reaches_something_has_one_arrow() -> None:
    only_office = (
        "spec: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: it}}}]}]}"
    )
    office = "apiVersion: v1\nkind: Namespace\nmetadata: {name: office, labels: {team: it}}\n"
    pods = [pod("web"), pod("one", "office", labels="{app: one}"), pod("two", "office", labels="{app: two}")]
    rules = [
        policy(only_office),
        policy("spec: {podSelector: {matchLabels: {app: one}}, policyTypes: [Ingress]}", "one", "office"),
    ]
    made = chart(drawn(analysis(office, *pods, *rules)))
    office_box = next(box for box in made.boxes if box.title == "office")
    assert office_box.nodes[0] == (office_box.name, ("all of office",))
    shop = next(box for box in made.boxes if box.title == "shop").nodes[0][0]
    assert [each.source for each in made.arrows if each.destination == shop] == [office_box.name]


def test_opposite_arrows_of_one_verdict_are_one_with_two_heads() -> None:
    made = chart(drawn(analysis(pod("a", "left"), pod("b", "right")), Filters(sources=("a", "b"))))
    assert [(each.source, each.destination) for each in made.arrows if each.both] == [("n1", "n0")]


def test_only_what_is_asked_for_is_drawn() -> None:
    found = drawn(
        analysis(pod("a", "left"), pod("b", "right"), policy(ALLOW_TCP_80, namespace="right")),
        Filters(sources=("a",), destinations=("b",)),
    )
    assert [(node.sends, node.receives) for node in found.nodes] == [(True, False), (False, True)]
    assert [[cell.text for cell in row] for row in found.cells] == [["", "TCP 80"], ["", ""]]
    assert [(each.source, each.destination) for each in chart(found).arrows] == [("n0", "n1")]


def test_addresses_that_policies_name_are_nodes_of_their_own() -> None:
    found = drawn(analysis(pod("a"), policy(WITHIN_10)))
    assert [node.lines[0] for node in found.nodes[1:]] == ["external (1)", "10.0.0.0/8"]
    assert found.notes[0].startswith("(1) ")


def test_many_names_are_cut_and_counted() -> None:
    lines = drawn(analysis(*(pod(f"web-{n}") for n in range(50)))).nodes[0]
    assert lines.lines == ("web-0", "web-1", "web-10", "and 47 more")
    assert lines.title.endswith(" and 10 more")


def test_long_names_are_cut_in_the_middle() -> None:
    assert shortened("a" * 40) == "a" * 40
    assert shortened("a" * 20 + "b" * 60) == "a" * 19 + "…" + "b" * 20


def test_many_endpoints_become_a_picture_of_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.report.picture._MOST_ENDPOINTS", 50)
    found = drawn(SHAPES["a hundred in ten namespaces"])
    assert [node.lines for node in found.nodes] == [*((f"team-{n}/*",) for n in range(10)), ("external",)]
    assert found.notes == ("each node is a namespace; `--namespace` shows the endpoints of one",)


def test_many_different_endpoints_become_a_picture_of_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.report.picture._MOST_NODES", 5)
    found = drawn(SHAPES["a hundred in ten namespaces"], coarse=True)
    assert found.nodes[0].title == "team-0/*"


def test_too_many_endpoints_of_too_many_namespaces_are_cut_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.report.picture._MOST_ENDPOINTS", 30)
    monkeypatch.setattr("analyzer.report.picture._MOST_NODES", 5)
    found = drawn(SHAPES["a hundred in fifty namespaces"])
    assert len(found.nodes) == 5
    assert found.nodes[-1].title == "external"
    assert found.notes == (
        "not shown: 71 endpoints; `--namespace` shows a part",
        "not shown: 21 endpoints in small groups; `--namespace` shows a part",
    )


def test_more_arrows_than_anybody_follows_are_cut_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.report.arrows._MOST_ARROWS", 1)
    made = chart(drawn(analysis(pod("a", "left"), pod("b", "right"), pod("c", "zoo"))))
    assert len(made.arrows) == 1
    assert "not shown: 3 more arrows; `--namespace` shows a part" in made.notes


def test_shares_are_left_out_where_pairs_are_to_be_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.report.picture._MOST_ENDPOINTS", 3)
    only_web = "spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}"
    pods = (pod("web", labels="{app: web}"), pod("api"), pod("a", "office"), pod("b", "office"))
    found = drawn(analysis(*pods, policy(only_web)), coarse=True)
    assert ("some", "some pairs, at least on some ports") in found.legend
    assert found.cells[0][1].text == "some"


def test_unknown_verdicts_are_explained_elsewhere() -> None:
    part = "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.244.1.0/24}}]}]}"
    legend = dict(drawn(analysis(pod("a", "left"), pod("b"), policy(part))).legend)
    assert legend["?"] == "depends on a fact that is missing: the table report says on which"
