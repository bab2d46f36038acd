"""JSON as kubectl prints it: what is understood, and what is said of the rest."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest

from analyzer.diagnostics import AnalyzerError, Diagnostic
from analyzer.load import Document, limits, load
from analyzer.load.json_text import locate, read_json
from analyzer.load.text import Refused, Text

HEAD = '{"apiVersion": "v1", "kind": "Pod",\n'


def read(text: str | bytes) -> tuple[Document, ...]:
    data = text if isinstance(text, bytes) else text.encode()
    return load(["-"], stdin=io.BytesIO(data)).documents


def spec(text: str) -> Any:
    """Return the field `spec` of a pod, whose value is written so."""
    (document,) = read(f'{HEAD}"spec": {text}}}')
    return document.data["spec"]


def problems(text: str | bytes) -> tuple[Diagnostic, ...]:
    with pytest.raises(AnalyzerError) as caught:
        read(text)
    return caught.value.diagnostics


def problem(text: str | bytes) -> Diagnostic:
    (found,) = problems(text)
    return found


def place(diagnostic: Diagnostic) -> tuple[int, int]:
    assert diagnostic.span is not None
    return diagnostic.span.line, diagnostic.span.column


def field(diagnostic: Diagnostic) -> str:
    assert diagnostic.span is not None
    return diagnostic.span.field


# What is understood


@pytest.mark.parametrize(
    "value",
    [None, True, False, 0, -1, 1.5, 1e-300, "", "é\u2028\U0001f600", [], {}, [[1], {"a": [None]}], {"": 1}],
)
def test_every_value_is_read(value: object) -> None:
    assert spec(json.dumps(value)) == value
    assert spec(json.dumps(value, ensure_ascii=False, indent="\t")) == value


def test_values_may_follow_each_other_without_anything_between() -> None:
    text = '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s"}}'
    documents = read(text % "a" + text % "b" + "\n\r\n\t" + text % "c" + "\n")
    assert [document.name for document in documents] == ["a", "b", "c"]


def test_half_a_surrogate_pair_is_replaced_as_go_replaces_it() -> None:
    assert spec(r'"a\ud800b\udc00\\ud800\ud83d\ude00"') == "a\ufffdb\ufffd\\ud800\U0001f600"


def test_json_with_a_comma_or_a_comment_too_many_is_yaml() -> None:
    assert spec('[1, 2,],  # "two"\n') == [1, 2]


# Where things stand


def located(text: str, *path: str | int) -> tuple[int, int]:
    return read(text)[0].locate(path)


def test_a_field_stands_where_its_key_starts_and_an_entry_where_its_first_word_does() -> None:
    text = HEAD + '  "spec": {\n    "a": [1,\n      {"b\\u0063": null}]}}'
    assert located(text) == (1, 1)
    assert located(text, "spec") == (2, 3)
    assert located(text, "spec", "a") == (3, 5)
    assert located(text, "spec", "a", 0) == (3, 11)
    assert located(text, "spec", "a", 1, "bc") == (4, 8)


def test_what_is_not_there_stands_where_it_would_be_added() -> None:
    text = HEAD + '"spec": {"a": [1]}}'
    assert located(text, "metadata", "name") == (1, 1)
    assert located(text, "spec", "b") == (2, 1)
    assert located(text, "spec", "a", 7) == (2, 10)
    assert located(text, "spec", "a", 0, "deeper", 1) == (2, 16)


@pytest.mark.parametrize("key", ["items", "kind"])
def test_entries_of_a_list_have_their_own_places(key: str) -> None:
    pod = '{"apiVersion": "v1", "kind": "Pod", "metadata":\n {"name": "a"}}'
    listed = f'"items": [{pod},\n{pod}]'
    fields = [listed, '"kind": "List"'] if key == "items" else ['"kind": "List"', listed]
    first, second = read("{" + ", ".join(fields) + "}")
    assert second.locate(())[0] == first.locate(())[0] + 2 == 3
    assert second.locate(("metadata", "name")) == (4, 3)


def test_entries_of_a_list_in_a_list_have_their_own_places() -> None:
    pods = '{"kind": "PodList", "apiVersion": "v1", "items": [\n{"metadata": 1},\n {}]}'
    text = f'{{"kind": "List", "items": [\n{pods}]}}'
    first, second = read(text)
    assert (first.kind, first.locate(("metadata",))) == ("Pod", (3, 2))
    assert second.locate(("metadata",)) == (4, 2)


def test_entries_of_many_lists_in_each_other_are_placed_in_no_time() -> None:
    entries = ",\n".join(['{"kind": "x"}'] * 20_000)
    text = f'{{"kind": "List", "items": [{{"kind": "List", "items": [\n{entries}]}}]}}'
    start = time.monotonic()
    found = problems(text)
    told = limits.FILE_PROBLEMS + 1
    assert [place(each) for each in found[:told]] == [(2 + number, 1) for number in range(told)]
    assert time.monotonic() - start < 20


# What is refused


@pytest.mark.parametrize(
    ("text", "where", "path"),
    [
        ('"a": {"b": 1,\n "b": 2}}', (3, 2), "a.b"),
        ('"a": [{"c": {}}, {"b": {"d": 1}, "b": 2}]}', (2, 34), "a[1].b"),
        ('"kind": "Pod"}', (2, 1), "kind"),
        ('"items": [], "items": [1]}', (2, 14), "items"),
        ('"items": [{"b": 1, "b": 2}]}', (2, 20), "items[0].b"),
    ],
)
def test_a_key_that_stands_twice_is_refused_where_it_does(
    text: str, where: tuple[int, int], path: str
) -> None:
    found = problem(HEAD + text)
    assert (found.code, place(found), field(found)) == ("duplicate-key", where, path)
    assert " stands here and on line " in found.message


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" * 400 + ".5"])
def test_a_number_that_json_cannot_hold_is_refused_where_it_stands(word: str) -> None:
    found = problem(f'{HEAD}"a": [1, {{"b": {word}}}]}}')
    assert found.code in {"not-a-number", "number-too-long"}
    assert (place(found), field(found)) == ((2, 16), "a[1].b")
    assert len(found.message) < 150


@pytest.mark.parametrize("digits", [326, 4_300, 10_000, 10_000_000])
def test_a_number_of_very_many_digits_is_refused(digits: int) -> None:
    start = time.monotonic()
    found = problem(f'{HEAD}"a": {{"b": {"1" * digits}}}}}')
    assert (found.message, field(found)) == (f"a number of {digits} characters", "a.b")
    assert time.monotonic() - start < 10


def test_all_problems_of_all_values_are_told_at_once() -> None:
    text = f'{HEAD}"a": {{"b": NaN}}, "c": {{"d": 1, "d": 2}}, "kind": 7}}\n'
    assert [field(found) for found in problems(text + text)] == ["a.b", "c.d", "kind"] * 2


def test_after_fifty_problems_the_rest_is_left() -> None:
    found = problems(HEAD + ",\n".join(f'"a{n}": NaN' for n in range(100_000)) + "}")
    assert len(found) == 51
    assert found[-1].code == "too-many-problems"


def test_what_is_wrong_below_many_levels_of_much_text_is_told_soon_and_where_it_is_about() -> None:
    much = "1," * 1_000_000
    start = time.monotonic()
    found = problem(f'{HEAD}"a": {"[" * 150}{{"k": [{much} 1], "k": 1}}{"]" * 150}}}')
    assert (found.code, found.message) == ("duplicate-key", "the key `k` stands here twice")
    assert field(found).startswith("a[0][0][0]")
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("unit", [("[", "]"), ('{"a":', "}"), ('{"items": [', "]}")])
@pytest.mark.parametrize("deep", [200, 900, 10_000, 1_000_000])
def test_deep_nesting_is_refused(unit: tuple[str, str], deep: int) -> None:
    start = time.monotonic()
    found = problem(f'{HEAD}"a":{unit[0] * deep}1{unit[1] * deep}}}')
    assert (found.code, found.message) == ("too-deep", "more than 200 levels inside each other")
    depth = 1 if unit[0] == "[" else unit[0].count("{") + unit[0].count("[")
    assert place(found)[1] > 199 // depth
    assert time.monotonic() - start < 20


def test_deep_nesting_that_is_never_closed_is_refused() -> None:
    assert problem(f'{HEAD}"a":{"[" * 10_000}').code in {"too-deep", "json-syntax"}


def test_two_hundred_levels_are_read() -> None:
    assert spec("[" * 199 + "]" * 199)
    found = problem(f'{HEAD}"spec": {"[" * 200 + "]" * 200}}}')
    assert (found.code, place(found)) == ("too-deep", (2, 9 + 199))


@pytest.mark.parametrize("length", [5_000_000, 100_000_000])
def test_a_text_that_no_object_can_hold_is_refused(length: int) -> None:
    found = problem(f'{HEAD}"a": [1, "x",\n{{"b": "{"x" * length}"}}]}}')
    assert (found.code, place(found)) == ("value-too-long", (3, 7))
    assert f"a value of {length} characters" in found.message


def test_a_key_that_no_object_can_hold_is_refused() -> None:
    found = problem(f'{HEAD}"a": {{"{"x" * 5_000_000}": 1}}}}')
    assert (found.code, place(found)) == ("value-too-long", (2, 7))


def test_a_long_text_in_escapes_is_as_long_as_what_it_stands_for() -> None:
    assert len(spec('"' + r"\u0061" * 4_000_000 + '"')) == 4_000_000
    long = r"\u0061" * 4_000_000
    found = problem(f'{HEAD}"a": "{long}",\n"b": "{"x" * 5_000_000}"}}')
    assert place(found) == (3, 6)


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ('"a": ', (2, 6), "expecting value"),
        ('"a": 1', (2, 7), "expected `,` or `}`"),
        ('"a": 1 2}', (2, 8), "expected `,` or `}`"),
        ('"items": [1 2]}', (2, 13), "expected `,` or `]`"),
        ('"a" 1}', (2, 5), "expected `:`"),
        ('"a": "b', (2, 6), "unterminated string"),
        ('"a": "b\x01"}', (2, 8), "invalid control character"),
        ('"a', (2, 1), "unterminated string"),
    ],
)
def test_what_is_no_json_is_refused_where_it_stops_being_some(
    text: str, where: tuple[int, int], message: str
) -> None:
    whole = Text(HEAD + text)
    with pytest.raises(Refused) as caught:
        list(read_json(whole))
    found = caught.value.problem
    assert (found.code, found.message, whole.position(found.offset)) == ("json-syntax", message, where)


def test_json_that_was_cut_off_is_not_read_again_as_yaml() -> None:
    start = time.monotonic()
    found = problem(HEAD + '"a": [' + "1,\n" * 2_000_000)
    assert (found.code, place(found)[0]) == ("json-syntax", 2_000_002)
    assert time.monotonic() - start < 20


def test_json_that_yaml_does_not_understand_either_is_refused_where_it_stops_being_json() -> None:
    found = problem(HEAD + '"a": "b\x01"}')
    assert (found.code, place(found)) == ("json-syntax", (2, 8))


def test_yaml_that_begins_like_json_is_refused_as_yaml() -> None:
    assert problem("{a: 1\n b: 2}").code == "yaml-syntax"


@pytest.mark.parametrize("text", ['{"a" "b"}', "{a b}"])
def test_a_key_needs_quotes_and_a_colon(text: str) -> None:
    assert problem(text).code in {"json-syntax", "yaml-syntax", "no-kind"}


def test_a_list_of_objects_is_no_object() -> None:
    assert problem(f'[{HEAD} "spec": 1}}]').code == "not-an-object"


def test_bytes_that_are_no_utf_8_are_refused_with_line_and_column() -> None:
    found = problem((HEAD + '"a": "caf\xe9"}').encode("latin-1"))
    assert (found.code, place(found)) == ("not-utf8", (2, 10))


def test_what_stands_behind_a_field_is_not_looked_at_to_place_it(monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[int] = []

    class Passing:
        def raw_decode(self, content: str, at: int) -> tuple[object, int]:
            passed.append(at)
            return json.JSONDecoder().raw_decode(content, at)

    monkeypatch.setattr("analyzer.load.json_text._passing", Passing())
    content = '[{"a": [1], "b": {}}, {"c": 2}, {"d": 3}]'
    text = Text(content)
    assert locate(text, 0, (1, "c")) == content.index('"c"')
    assert passed == [1]
    assert locate(text, 0, (0, "b")) == content.index('"b"')
    assert locate(text, 0, (1, "e")) == content.index('{"c"')
    assert passed == [1, content.index("[1"), content.index("2")]
