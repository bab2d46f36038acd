"""Objects that are given more than once."""

from __future__ import annotations

import pytest

from analyzer.diagnostics import Severity
from tests.unit.decode.reading import cluster, errors, policy, read, refused, remarks

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop, labels: {app: a}}\n"


def twice(first: str, second: str) -> str:
    return f"{first}---\n{second}"


def test_the_same_object_twice_counts_once_with_a_notice() -> None:
    text = twice(POD, POD)
    assert len(cluster(text).pods) == 1
    assert remarks(text) == ["5:1 : Pod `shop/a` is given twice with the same content, first at <stdin>:1"]
    assert read(text).diagnostics[0].severity is Severity.NOTICE


def test_what_does_not_decide_anything_may_differ() -> None:
    annotated = POD.replace("labels:", "annotations: {note: x}, resourceVersion: '7', labels:")
    assert len(cluster(twice(POD, annotated)).pods) == 1


def test_many_repeated_objects_are_one_notice() -> None:
    other = POD.replace("name: a", "name: b")
    assert remarks(f"{POD}---\n{other}---\n{POD}---\n{other}---\n{POD}") == [
        "9:1 : Pod `shop/a` is given twice with the same content, first at <stdin>:1, and so are 2 more"
    ]


def test_a_repeated_policy_has_no_effect() -> None:
    text = policy("{podSelector: {}, ingress: [{}]}")
    (found,) = cluster(twice(text, text)).policies
    assert len(found.ingress) == 1


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        (POD, POD.replace("app: a", "app: b"), "Pod `shop/a`"),
        (policy("{podSelector: {}}"), policy("{podSelector: {}, ingress: [{}]}"), "NetworkPolicy `shop/p`"),
        (
            "{apiVersion: v1, kind: Namespace, metadata: {name: a}}\n",
            "{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {b: c}}}\n",
            "Namespace `a`",
        ),
    ],
)
def test_two_objects_of_one_identity_that_differ_are_an_error_that_names_both(
    first: str, second: str, name: str
) -> None:
    (error,) = refused(twice(first, second))
    assert error.message == f"{name} is given twice and differs, first at <stdin>:1"
    assert error.span
    assert error.span.line == first.count("\n") + 2
    assert error.help == "keep one of them; `kubectl apply` would let the later one win"


def test_the_namespace_that_is_left_out_and_the_one_that_is_written_are_one() -> None:
    written = policy("{podSelector: {}}").replace("namespace: shop", "namespace: default")
    left_out = policy("{podSelector: {}, ingress: [{}]}").replace(", namespace: shop", "")
    (error,) = errors(twice(written, left_out))
    assert "`default/p` is given twice" in error


def test_the_same_name_in_another_namespace_or_kind_is_another_object() -> None:
    service = (
        "{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}, spec: {ports: [{port: 1}]}}\n"
    )
    found = cluster("---\n".join((POD, POD.replace("shop", "bar"), service)))
    assert (len(found.pods), len(found.services)) == (2, 1)


def test_objects_without_a_name_are_not_compared() -> None:
    nameless = "{apiVersion: v1, kind: Pod, metadata: {labels: {a: b}}}\n"
    assert [each.code for each in refused(twice(nameless, nameless.replace("a: b", "a: c")))] == [
        "required-value"
    ] * 2
