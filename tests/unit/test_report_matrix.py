from __future__ import annotations

import pytest

from analyzer.report.labels import Labels, Notes
from analyzer.report.matrix import between_endpoints, between_namespaces
from analyzer.report.words import Cell, Tone, Words
from analyzer.sets import PortSet
from analyzer.summary import Tally
from tests.unit.manifests import ALLOW_TCP_80, DENY, pod, policy, view, workload

WORDS = Words(PortSet.transports())


def rows(*documents: str) -> dict[str, list[str]]:
    found = view(*documents)
    matrix = between_endpoints(found, found.blocks[0], WORDS, Labels(found, Notes()))
    return {label: [cell.text for cell in row] for label, row in zip(matrix.rows, matrix.cells, strict=True)}


def test_rows_are_sources_and_columns_destinations() -> None:
    found = rows(pod("client", "office"), pod("web"), policy(ALLOW_TCP_80))
    assert found == {
        "client": [".", "TCP 80", "all"],
        "web": ["all", ".", "all"],
        "external": ["all", "TCP 80", ""],
    }


def test_an_endpoint_of_several_pods_has_a_verdict_with_itself() -> None:
    assert rows(workload("web"), policy(DENY))["web"] == ["-", "all"]


def test_the_namespace_of_a_column_stands_above_its_name() -> None:
    found = view(pod("web"), pod("web", "bank"), workload("web", "bank"))
    matrix = between_endpoints(found, found.blocks[0], WORDS, Labels(found, Notes()))
    assert matrix.heads == (
        ("bank/", "Deployment/", "web"),
        ("bank/", "Pod/", "web"),
        ("shop/", "web"),
        ("external",),
    )


@pytest.mark.parametrize(
    ("tally", "fine", "coarse"),
    [
        (Tally(allowed=7), Cell("all", Tone.OPEN), "all"),
        (Tally(denied=7), Cell("-", Tone.CLOSED), "-"),
        (Tally(unknown=7), Cell("?", Tone.UNKNOWN), "?"),
        (Tally(partial=7), Cell("100%", Tone.PART), "some"),
        (Tally(allowed=1, partial=1, denied=2), Cell("50%", Tone.PART), "some"),
        (Tally(allowed=1, denied=999), Cell("<1%", Tone.PART), "some"),
        (Tally(allowed=999, denied=1), Cell(">99%", Tone.PART), "some"),
        (Tally(denied=3, unknown=1), Cell("0% ?", Tone.UNKNOWN), "some ?"),
        (Tally(allowed=3, unknown=1), Cell("75% ?", Tone.UNKNOWN), "some ?"),
        (Tally(), Cell(""), ""),
    ],
)
def test_between_namespaces_the_share_of_open_pairs_is_shown(tally: Tally, fine: Cell, coarse: str) -> None:
    groups = {("a", "a"): tally}
    assert between_namespaces(groups, WORDS, coarse=False).cells == ((fine,),)
    assert between_namespaces(groups, WORDS, coarse=True).cells[0][0].text == coarse


def test_the_percent_sign_is_explained_where_it_is_used() -> None:
    part, whole = {("a", "a"): Tally(partial=1)}, {("a", "a"): Tally(allowed=1)}
    assert between_namespaces(part, WORDS, coarse=False).legend[0][0] == "%"
    assert between_namespaces(part, WORDS, coarse=True).legend == ()
    assert between_namespaces(whole, WORDS, coarse=False).legend == ()


def test_a_combination_of_namespaces_without_pairs_is_blank() -> None:
    groups = {("a", "b"): Tally(allowed=1), ("b", "a"): Tally(allowed=1)}
    matrix = between_namespaces(groups, WORDS, coarse=False)
    assert (matrix.rows, matrix.columns) == (("a", "b"), ("b", "a"))
    assert [[cell.text for cell in row] for row in matrix.cells] == [["all", ""], ["", "all"]]
