"""Nodes as kind's configuration has them, with the names that kind gives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer import AnalyzerError
from lab.kindconfig import node_names

_HEAD = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n"


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ("", ("k-control-plane",)),
        ("nodes: []\n", ("k-control-plane",)),
        ("nodes: null\n", ("k-control-plane",)),
        ("nodes: [{}]\n", ("k-control-plane",)),
        ("nodes: [{role: control-plane}, {role: worker}]\n", ("k-control-plane", "k-worker")),
        (
            "nodes: [{role: worker}, {role: control-plane}, {role: worker}, {role: worker}]\n",
            ("k-worker", "k-control-plane", "k-worker2", "k-worker3"),
        ),
        (
            "nodes: [{role: control-plane}, {role: control-plane}]\n",
            ("k-control-plane", "k-control-plane2"),
        ),
    ],
)
def test_nodes_are_named_as_kind_names_them(tmp_path: Path, nodes: str, expected: tuple[str, ...]) -> None:
    path = tmp_path / "kind.yaml"
    path.write_text(_HEAD + nodes)
    assert node_names("k", path) == expected


def test_without_a_configuration_there_is_one_node(tmp_path: Path) -> None:
    assert node_names("k", tmp_path / "none.yaml") == ("k-control-plane",)


def test_the_projects_own_configuration_has_three_workers() -> None:
    assert node_names("k") == ("k-control-plane", "k-worker", "k-worker2", "k-worker3")


def test_a_configuration_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "kind.yaml"
    path.write_text("kind: {")
    with pytest.raises(AnalyzerError):
        node_names("k", path)
