"""Values become documents: objects, the entries of lists, and what only looks like an object."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity
from analyzer.load import Document, Loaded, load

HEAD = "apiVersion: v1\nkind: Pod\n"


def loaded(text: str) -> Loaded:
    return load(["-"], stdin=io.BytesIO(text.encode()))


def read(text: str) -> tuple[Document, ...]:
    return loaded(text).documents


def problems(text: str) -> list[tuple[str, int, str]]:
    """Return code, line and field of all that is wrong with a text."""
    with pytest.raises(AnalyzerError) as caught:
        loaded(text)
    return [told(each) for each in caught.value.diagnostics]


def told(diagnostic: Diagnostic) -> tuple[str, int, str]:
    assert diagnostic.span is not None
    return diagnostic.code, diagnostic.span.line, diagnostic.span.field


# What names an object


def test_an_object_is_named_by_its_fields() -> None:
    (found,) = read(HEAD + "metadata: {name: a, namespace: b}\n")
    assert (found.kind, found.api_version, found.name, found.namespace) == ("Pod", "v1", "a", "b")
    assert str(found.span.child("metadata")) == "<stdin>:3"


@pytest.mark.parametrize("metadata", ["", "[]", "{name: 7, namespace: {}}"])
def test_what_is_no_text_names_nothing(metadata: str) -> None:
    (found,) = read(HEAD + f"metadata: {metadata}\n")
    assert (found.name, found.namespace) == ("", "")


# Lists


def test_the_entries_of_a_list_are_objects_with_places_of_their_own() -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n"
    text += "- {apiVersion: v1, kind: Node,\n   metadata: {name: b}}\n"
    first, second = read(text)
    assert (first.name, second.name, second.kind) == ("a", "b", "Node")
    assert first.locate(("metadata", "name")) == (6, 14)
    assert second.locate(("metadata", "name")) == (8, 15)


def test_the_kind_of_a_list_is_that_of_its_entries() -> None:
    text = "apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n- {apiVersion: x/v1, kind: Job}\n"
    assert [(each.kind, each.api_version) for each in read(text)] == [("Pod", "v1"), ("Job", "x/v1")]


def test_an_entry_that_is_no_object_is_refused() -> None:
    text = "apiVersion: v1\nkind: PodList\nitems:\n- 7\n- {}\n- []\n"
    assert problems(text) == [("not-an-object", 4, ""), ("not-an-object", 6, "")]


def test_lists_may_hold_lists() -> None:
    pods = "  - kind: PodList\n    apiVersion: v1\n    items: [{}, {}]\n"
    text = f"kind: List\nitems:\n- kind: List\n  items:\n{pods}---\n{HEAD}"
    assert [each.locate(()) for each in read(text)] == [(7, 13), (7, 17), (9, 1)]


@pytest.mark.parametrize("items", ["", "items:\n", "items: []\n"])
def test_an_empty_list_holds_nothing(items: str) -> None:
    assert len(read(f"apiVersion: v1\nkind: List\n{items}---\n{HEAD}")) == 1


@pytest.mark.parametrize("items", [" {a: b}", "\n  a: b", "\n  a-b: c", "\n  a: {b: c}"])
def test_items_of_a_list_are_a_list(items: str) -> None:
    assert problems(f"apiVersion: v1\nkind: List\nitems:{items}\n") == [("not-a-list", 1, "")]


def test_items_of_another_object_may_be_what_they_want() -> None:
    (document,) = loaded("apiVersion: v1\nkind: Shop\nitems:\n  a: b\n").documents
    assert document.kind == "Shop"


def test_an_object_that_is_only_called_a_list_is_an_object() -> None:
    assert [each.kind for each in read("apiVersion: x/v1\nkind: IPAllowList\nspec: {}\n")] == ["IPAllowList"]


def test_what_is_wrong_with_an_entry_is_told_of_the_entry_and_of_the_list_what_is_outside() -> None:
    text = "apiVersion: v1\nkind: List\nkind: List\nitems:\n"
    text += (
        "- {apiVersion: v1, kind: Pod, a: 1, a: 2}\n- {apiVersion: v1, kind: Pod, b: 1, b: 2}\nitems: []\n"
    )
    assert problems(text) == [
        ("duplicate-key", 3, "kind"),
        ("duplicate-key", 5, "a"),
        ("duplicate-key", 6, "b"),
        ("duplicate-key", 7, "items"),
    ]


# What is no object


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("word", "`word` is no Kubernetes object"),
        ("7", "`7` is no Kubernetes object"),
        ("- a\n", "a list is no Kubernetes object"),
        ("a: b\n", "`apiVersion` and `kind` must be given, as text"),
        ("kind: Pod\n", "`apiVersion` must be given, as text"),
        ("apiVersion: 1\nkind: Pod\n", "`apiVersion` must be given, as text"),
        ("apiVersion: v1\nkind: [Pod]\n", "`kind` must be given, as text"),
    ],
)
def test_what_was_named_must_be_an_object(text: str, message: str) -> None:
    with pytest.raises(AnalyzerError) as caught:
        loaded(text)
    (found,) = caught.value.diagnostics
    assert (found.message, found.severity) == (message, Severity.ERROR)
    assert found.help


@pytest.mark.parametrize(
    "text", ["kind: Pod\nmetadata: {}\n", "apiVersion: v1\nspec: {}\n", "apiVersion: 1\nkind: 2\n"]
)
def test_in_a_folder_what_was_meant_to_be_an_object_must_be_one(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(AnalyzerError, match="must be given"):
        load([str(tmp_path)])


@pytest.mark.parametrize(
    "text", ["kind: minor\n", "apiVersion: 2.0\n", "metadata: {}\nspec: {}\n", "- kind: Pod\n"]
)
def test_in_a_folder_what_nobody_meant_to_be_an_object_is_left_out(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "pod.yaml").write_text(HEAD)
    assert [each.code for each in load([str(tmp_path)]).diagnostics] == ["not-kubernetes"]


def test_what_is_wrong_with_objects_that_bear_on_no_verdict_is_a_warning() -> None:
    found = loaded("apiVersion: v1\nkind: ConfigMap\ndata: {a: 1, a: 2}\n").diagnostics
    assert [(each.code, each.severity) for each in found] == [("duplicate-key", Severity.WARNING)]


def test_a_value_with_problems_and_no_kind_has_errors() -> None:
    assert problems("*x") == [("unknown-alias", 1, "")]


# What is kept


def test_of_an_object_that_nobody_reads_its_name_is_kept() -> None:
    (found,) = read("apiVersion: v1\nkind: Secret\nmetadata: {name: a, managedFields: [x]}\ndata: {a: b}\n")
    assert found.data == {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}


def test_of_a_pods_status_what_bears_on_reachability_is_kept() -> None:
    (found,) = read(HEAD + "status: {podIP: 10.0.0.1, conditions: [a], containerStatuses: [b]}\n")
    assert found.data["status"] == {"podIP": "10.0.0.1"}
    (found,) = read(HEAD + "status: none\n")
    assert found.data["status"] == "none"
