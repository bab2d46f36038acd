"""Large JSON texts: read at once as they are read with care, or left to those who read with care."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from analyzer.load import limits, load
from analyzer.load.json_text import read_json
from analyzer.load.json_whole import LARGE, read_whole
from analyzer.load.text import Text

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("orjson", reason="texts are read as a whole with orjson only")

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def nested(levels: int) -> str:
    return "[" * levels + "1" + "]" * levels


@given(VALUES, st.sampled_from([None, 0, 1, 4]), st.booleans())
def test_what_is_read_at_once_is_what_is_read_with_care(value: Any, indent: int | None, plain: Any) -> None:
    text = Text(json.dumps(value, indent=indent, ensure_ascii=plain))
    if whole := read_whole(text):
        (careful,) = read_json(text)
        assert repr(whole.data) == repr(careful.data)
        assert (whole.start, whole.end) == (0, len(text.content))


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "List", "items": [{"a": 1.5, "b": [true, null, -7]}]}',
        '{"k": "a\\u003cb\\u003e \\u0026\\u0026 \\"c\\": \\\\ é"}',
        "\n[]\n",
        nested(limits.DEPTH - 1),
        json.dumps(["x" * 1000] * 20_000),
    ],
)
def test_what_kubectl_prints_is_read_at_once(text: str) -> None:
    whole = read_whole(Text(text))
    assert whole is not None
    assert whole.data == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 1}',
        '{"a": 1, "\\u0061": ":"}',
        '{"a\\\\": 1, "a\\\\": 2}',
        '{"a" : 1, "a": ": "}',
        '{"a": {"b": 1, "b": {}}}',
        "[12345678901234567890123]",
        "[1e400]",
        "[1.10]",
        "[NaN]",
        '["\\\\u003c"]',
        '["\\ud800"]',
        "[1] [2]",
        "[1",
        "",
        nested(limits.DEPTH + 1),
        nested(2000),
        json.dumps(["x" * (limits.SCALAR_CHARACTERS + 1)]),
        json.dumps(["x\\" * limits.SCALAR_CHARACTERS, 1]),
    ],
)
def test_what_might_lose_something_is_left(text: str) -> None:
    assert read_whole(Text(text)) is None


@pytest.mark.parametrize("twice", [False, True])
def test_objects_of_a_large_list_have_their_places(tmp_path: Path, *, twice: bool) -> None:
    """With a key that stands twice, in an object that nobody reads, the text is read with care."""
    pods = [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"p{n}"}} for n in range(10_000)]
    text = json.dumps({"apiVersion": "v1", "items": pods, "kind": "List"}, indent=4)
    if twice:
        text = text.replace('"items": [', '"items": [{"apiVersion": "a/v1", "kind": "B", "x": 1, "x": 2},', 1)
    assert len(text) > LARGE
    file = tmp_path / "dump.json"
    file.write_text(text, encoding="utf-8")
    found = load([str(file)])
    document = next(each for each in found.documents if each.name == "p9000")
    line = text[: text.index('"p9000"')].count("\n") + 1
    assert document.span.child("metadata", "name").line == line
    assert [each.code for each in found.diagnostics] == ["duplicate-key"] * twice


def test_without_orjson_everything_is_read_with_care(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "orjson", None)
    assert read_whole(Text("[1]")) is None
