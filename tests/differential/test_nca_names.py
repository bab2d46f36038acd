"""NCA's names for pods, as NCA 2.1.0 made them of the same manifests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.differential.nca_names import read_names


def folder(place: Path, text: str) -> Path:
    (place / "objects.yaml").write_text(text)
    return place


def workload(kind: str, spec: str) -> str:
    return f"kind: {kind}\nmetadata: {{name: w, namespace: a}}\nspec: {spec}\n"


@pytest.mark.parametrize(
    ("kind", "spec", "pods"),
    [
        ("Deployment", "{}", ["a/w-1"]),
        ("Deployment", "{replicas: null}", ["a/w-1"]),
        ("Deployment", "{replicas: 0}", []),
        ("StatefulSet", "{replicas: 2}", ["a/w-1", "a/w-2"]),
        ("ReplicaSet", "{replicas: 9}", ["a/w-1", "a/w-2"]),
        ("Job", "{parallelism: 3}", ["a/w-1", "a/w-2"]),
        ("Job", "{parallelism: 0}", []),
        ("CronJob", "{jobTemplate: {spec: {parallelism: 3}}}", ["a/w-1"]),
        ("DaemonSet", "{}", ["a/w-1"]),
    ],
)
def test_a_workload_makes_two_pods_at_most(tmp_path: Path, kind: str, spec: str, pods: list[str]) -> None:
    assert read_names(folder(tmp_path, workload(kind, spec))).pods == {(kind, "a", "w"): pods}


def test_a_bare_pod_keeps_its_name(tmp_path: Path) -> None:
    names = read_names(folder(tmp_path, "kind: Pod\nmetadata: {name: p}\n"))
    assert names.pods == {("Pod", "default", "p"): ["default/p"]}


def test_pods_with_a_controller_belong_to_it(tmp_path: Path) -> None:
    owned = (
        "kind: Pod\nmetadata: {name: p, ownerReferences: [{kind: ReplicaSet, name: r, controller: true}]}\n"
    )
    names = read_names(folder(tmp_path, owned))
    assert names.pods == {("ReplicaSet", "default", "r"): ["default/p"]}


def test_a_pod_that_has_ended_belongs_to_nothing(tmp_path: Path) -> None:
    names = read_names(folder(tmp_path, "kind: Pod\nmetadata: {name: p}\nstatus: {phase: Failed}\n"))
    assert (names.pods, names.ended) == ({}, {"default/p"})


def test_objects_in_lists_are_read(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(
        '{"kind": "List", "items": [{"kind": "Pod", "metadata": {"name": "p"}}]}'
    )
    assert read_names(tmp_path).pods == {("Pod", "default", "p"): ["default/p"]}
