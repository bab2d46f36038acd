"""Namespaces: the label that is always there, and namespaces that nobody declared."""

from __future__ import annotations

import pytest

from analyzer.selectors import NAMESPACE_NAME
from tests.unit.decode.reading import cluster, errors, policy, remarks


def namespace(metadata: str) -> str:
    return f"apiVersion: v1\nkind: Namespace\nmetadata: {metadata}\n"


def test_a_namespace_has_its_labels_and_its_name() -> None:
    found = cluster(namespace("{name: shop, labels: {team: a}}")).namespaces
    assert found["shop"].labels == {"team": "a", NAMESPACE_NAME: "shop"}


def test_a_used_namespace_without_manifest_has_only_its_name() -> None:
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: pods}}"
    service = (
        "{apiVersion: v1, kind: Service, metadata: {name: a, namespace: services}, spec: {clusterIP: None}}"
    )
    found = cluster(f"{pod}\n---\n{service}\n---\n{policy('podSelector: {}')}").namespaces
    assert {name: each.labels for name, each in found.items()} == {
        name: {NAMESPACE_NAME: name} for name in ("pods", "services", "shop")
    }
    assert list(found) == ["pods", "services", "shop"]


def test_a_pod_may_come_before_its_namespace() -> None:
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop}}"
    found = cluster(f"{pod}\n---\n{namespace('{name: shop, labels: {team: a}}')}").namespaces
    assert found["shop"].labels["team"] == "a"


def test_the_label_with_the_name_cannot_be_set_to_something_else() -> None:
    text = namespace(f"{{name: shop, labels: {{{NAMESPACE_NAME}: other}}}}")
    assert cluster(text).namespaces["shop"].labels == {NAMESPACE_NAME: "shop"}
    assert remarks(text) == [
        (
            "3:33 metadata.labels[kubernetes.io/metadata.name]: the API server sets this label to `shop`,"
            " whatever the manifest says"
        )
    ]


def test_the_label_with_the_right_name_is_no_news() -> None:
    assert remarks(namespace(f"{{name: shop, labels: {{{NAMESPACE_NAME}: shop}}}}")) == []


def test_a_namespace_that_is_in_one_is_taken_without_it() -> None:
    text = namespace("{name: a, namespace: b}")
    assert remarks(text) == [
        "3:21 metadata.namespace: a namespace is in no namespace: the API server leaves this out"
    ]
    assert set(cluster(text).namespaces) == {"a"}


@pytest.mark.parametrize(
    ("metadata", "complaints"),
    [
        ("{name: a.b}", ['3:12 metadata.name: Invalid value: "a.b": must not contain dots']),
        ("{}", ["3:1 metadata.name: Required value: name or generateName is required"]),
        ("{name: a, label: {}}", ["3:21 metadata.label: unknown field `label`"]),
    ],
)
def test_what_of_a_namespace_is_wrong(metadata: str, complaints: list[str]) -> None:
    assert errors(namespace(metadata)) == complaints


def test_labels_beside_metadata_are_misplaced() -> None:
    assert errors(namespace("{name: a}") + "labels: {a: b}\n") == ["4:1 labels: unknown field `labels`"]
