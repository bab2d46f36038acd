from __future__ import annotations

import re

import pytest

from analyzer import Analysis
from analyzer.filters import Filters, View
from analyzer.report import Report
from analyzer.report.markdown import escape, render
from tests.unit.manifests import ALLOW_TCP_80, analysis, pod, policy
from tests.unit.test_report_table import BLOCKS, SHAPES


def markdown(found: Analysis, filters: Filters | None = None) -> str:
    return "".join(render(Report(analysis=found, view=View(found.reachability, filters))))


def rows(text: str) -> list[list[str]]:
    """The cells of the table lines."""
    lines = (line for line in text.splitlines() if line.startswith("|"))
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_the_matrix_is_a_table() -> None:
    found = rows(markdown(analysis(pod("client", "office"), pod("web"), policy(ALLOW_TCP_80))))
    assert found[0][1:] == ["client", "web", "external"]
    assert found[1] == ["---"] * 4
    assert found[2] == ["**client**", ".", "TCP 80", "all"]


@pytest.mark.parametrize("shape", SHAPES)
def test_all_lines_of_a_table_have_the_same_number_of_cells(shape: str) -> None:
    assert len({len(row) for row in rows(markdown(SHAPES[shape]))}) <= 1


@pytest.mark.parametrize("text", ["a|b", "*a*", "_a_", "`a`", "<b>", "[a](b)", "a\\", "~~a~~", "&lt;"])
def test_markup_is_escaped(text: str) -> None:
    assert escape(text) != text
    assert re.sub(r"\\(.)", r"\1", escape(text)) == text


def test_many_endpoints_are_counted_by_namespace() -> None:
    found = rows(markdown(SHAPES["a hundred in ten namespaces"]))
    assert found[0][1:4] == ["team-0", "team-1", "team-2"]


def test_one_large_namespace_is_listed() -> None:
    assert "**team-0/\\***" in markdown(SHAPES["a hundred in one namespace"])


def test_very_many_namespaces_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rows(markdown(SHAPES["a hundred in fifty namespaces"])) == []
    monkeypatch.setattr("analyzer.report.markdown.MOST_GROUPED", 50)
    assert "**team-0/\\***" not in markdown(SHAPES["a hundred in one namespace"])


def test_more_groups_than_anybody_reads_are_cut_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.report.page._MOST_GROUPS", 1)
    assert "and 1 more groups of sources" in markdown(SHAPES["a hundred in one namespace"])


def test_a_namespace_is_shown_from_both_sides() -> None:
    text = markdown(SHAPES["twelve"], Filters(namespaces=("team-1",)))
    assert "### From team-1" in text
    assert "### To team-1 from elsewhere" in text


def test_a_large_part_is_listed() -> None:
    text = markdown(SHAPES["a hundred in ten namespaces"], Filters(sources=("app-1",)))
    assert "**app-1**" in text


def test_lists_and_footnotes_are_lists() -> None:
    text = markdown(analysis(pod("a"), policy(BLOCKS)))
    assert "\n- ingress: " not in text
    assert "\n- egress: a\n" in text
    assert "\n- (1): " in text
    assert "(1)" not in markdown(analysis(pod("a")))
