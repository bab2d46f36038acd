from __future__ import annotations

import re

import pytest

from analyzer import Analysis
from analyzer.filters import Filters, View
from analyzer.report import Report
from analyzer.report.table import render
from tests.unit.manifests import ALLOW_TCP_80, DENY, analysis, pod, policy, service, workload

LONG = "payments-reconciliation-worker-{:02d}-europe"
BLOCKS = (
    "spec: {podSelector: {}, ingress: [{from: "
    "[{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.2.0.0/16, 10.3.0.0/16]}}]}]}"
)


def table(found: Analysis, filters: Filters | None = None, *, width: int = 80, color: bool = False) -> str:
    view = View(found.reachability, filters)
    return "".join(render(Report(analysis=found, view=view, width=width, color=color)))


def workloads(count: int, namespaces: int = 1, name: str = "app-{}") -> Analysis:
    made = [workload(name.format(number), f"team-{number % namespaces}") for number in range(count)]
    closed = [policy(DENY, namespace=f"team-{number}") for number in range(1, namespaces, 2)]
    return analysis(*made, *closed)


SHAPES = {
    "three": workloads(3),
    "twelve": workloads(12, 3),
    "thirty": workloads(30, 4),
    "long names": workloads(12, 3, LONG),
    "thirty long names": workloads(30, 4, LONG),
    "a hundred in one namespace": workloads(100),
    "a hundred in ten namespaces": workloads(100, 10),
    "a hundred in fifty namespaces": workloads(100, 50),
    "many namespaces": workloads(90, 39),
}


@pytest.mark.parametrize("width", [60, 80, 100, 200])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_line_fits_the_terminal(shape: str, width: int) -> None:
    for line in table(SHAPES[shape], width=width).splitlines():
        assert len(line) <= width or " " not in line.strip()


@pytest.mark.parametrize("shape", SHAPES)
def test_colours_change_nothing_but_the_colour(shape: str) -> None:
    colored = table(SHAPES[shape], color=True)
    assert "\x1b[" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == table(SHAPES[shape])


@pytest.mark.parametrize("shape", SHAPES)
def test_no_line_ends_in_spaces_and_no_two_are_empty(shape: str) -> None:
    text = table(SHAPES[shape])
    assert not re.search(r"[ \t]$", text, re.MULTILINE)
    assert "\n\n\n" not in text
    assert text.endswith("\n")


def test_a_matrix_has_a_line_for_each_source() -> None:
    lines = table(analysis(pod("client", "office"), pod("web"), policy(ALLOW_TCP_80))).splitlines()
    assert [line.split() for line in lines[4:7]] == [
        ["client", ".", "TCP", "80", "all"],
        ["web", "all", ".", "all"],
        ["external", "all", "TCP", "80"],
    ]


def test_sources_are_listed_where_no_matrix_fits() -> None:
    lines = table(SHAPES["thirty long names"]).splitlines()
    start = lines.index("team-0/*, team-1/*, team-2/*, team-3/*")
    assert lines[start + 1].split()[:2] == ["all", "team-0/*,"]
    assert ["-", "everything", "else"] in [line.split() for line in lines]


def test_many_endpoints_are_counted_by_namespace() -> None:
    lines = table(SHAPES["a hundred in ten namespaces"], width=120).splitlines()
    head = next(line for line in lines if line.startswith("from"))
    assert head.split()[3:] == [*(f"team-{number}" for number in range(10)), "external"]
    row = next(line for line in lines if line.startswith("team-0"))
    assert row.split()[1:5] == ["all", "-", "all", "-"]


def test_shares_become_signs_where_they_do_not_fit() -> None:
    text = table(SHAPES["many namespaces"], width=100)
    assert any(line.split()[:2] == ["1", "team-0"] and "+" in line for line in text.splitlines())


def test_very_many_namespaces_are_not_drawn() -> None:
    text = table(SHAPES["a hundred in fifty namespaces"])
    assert "from \\ to" not in text
    assert "10,100 pairs:" in text


def test_more_endpoints_than_can_be_grouped_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.report.table.MOST_GROUPED", 50)
    assert "team-0/*" not in table(SHAPES["a hundred in one namespace"]).splitlines()[:6]


def test_more_groups_than_anybody_reads_are_cut_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.report.page._MOST_GROUPS", 1)
    assert "and 1 more groups of sources" in table(SHAPES["a hundred in one namespace"])


def test_a_part_of_a_large_cluster_is_a_matrix_again() -> None:
    filters = Filters(sources=("app-1",), destinations=("app-2",))
    lines = table(SHAPES["a hundred in ten namespaces"], filters).splitlines()
    assert lines[2].split() == ["from", "\\", "to", "app-2"]
    assert lines[4].split() == ["app-1", "all"]


def test_numbers_of_columns_are_explained_where_rows_do_not() -> None:
    filters = Filters(sources=("app-1",), destinations=("team-0/*",))
    text = table(SHAPES["thirty"], filters, width=50)
    assert "columns: 1 app-0, 2 app-12" in text


def test_a_namespace_is_shown_from_both_sides() -> None:
    text = table(SHAPES["twelve"], Filters(namespaces=("team-1",)))
    assert text.index("from team-1") < text.index("to team-1 from elsewhere")


def test_footnotes_stand_at_the_end() -> None:
    lines = table(analysis(pod("a"), policy(BLOCKS))).splitlines()
    assert lines[-1].startswith(("(2)", "     "))
    assert any(line.startswith("(1)  ") for line in lines)


def test_what_is_unknown_is_explained() -> None:
    spec = "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.244.7.0/24}}]}]}"
    text = table(analysis(pod("a"), pod("b"), policy(spec)))
    assert "?  unknown, see below" in text
    assert "unknown until one knows" in text


def test_where_columns_do_not_fit_further_ports_are_indented_below_the_name_of_their_service() -> None:
    name = "a-service-with-a-name-that-leaves-no-room-for-columns"
    ports = "[{name: a, port: 80}, {name: b, port: 81}]"
    web = pod("web", labels="{app: web}")
    found = analysis(web, service(f"{{selector: {{app: web}}, ports: {ports}}}", name))
    lines = table(found).splitlines()
    at = lines.index("services")
    assert lines[at + 1].startswith(f"  shop/{name}")
    assert lines[at + 3] == "    81/TCP"


def test_services_stand_below_each_other() -> None:
    web = pod("web", labels="{app: web}")
    found = analysis(
        web, service("{selector: {app: web}, ports: [{port: 80}]}"), service("{ports: [{port: 8080}]}", "x")
    )
    lines = table(found).splitlines()
    at = lines.index("services")
    assert [line.split() for line in lines[at + 1 :]] == [
        ["shop/web", "80/TCP", "from", "web"],
        ["shop/x", "8080/TCP", "no", "pod", "is", "behind", "it"],
    ]
