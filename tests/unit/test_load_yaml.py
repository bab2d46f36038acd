"""YAML as kubectl reads it: what is understood, and what is said of the rest."""

from __future__ import annotations

import io
import time
from typing import Any

import pytest
import yaml
from yaml import Mark, MarkedYAMLError

from analyzer.diagnostics import AnalyzerError, Diagnostic
from analyzer.load import load
from analyzer.load.syntax import syntax_problem
from analyzer.load.text import Text

HEAD = "apiVersion: v1\nkind: Pod\n"


def spec(text: str) -> Any:
    """Return the field `spec` of a pod that is written so."""
    (document,) = load(["-"], stdin=io.BytesIO((HEAD + text).encode())).documents
    return document.data["spec"]


def problems(text: str | bytes) -> tuple[Diagnostic, ...]:
    """Return what is said of a text."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    with pytest.raises(AnalyzerError) as caught:
        load(["-"], stdin=io.BytesIO(data))
    return caught.value.diagnostics


def problem(text: str | bytes) -> Diagnostic:
    """Return the one thing that is said of a text."""
    (found,) = problems(text)
    return found


def place(diagnostic: Diagnostic) -> tuple[int, int]:
    assert diagnostic.span is not None
    return diagnostic.span.line, diagnostic.span.column


def field(diagnostic: Diagnostic) -> str:
    assert diagnostic.span is not None
    return diagnostic.span.field


@pytest.fixture(params=["libyaml", "pure"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test with libyaml, and as where PyYAML was built without it."""
    if request.param == "pure":
        monkeypatch.setattr(yaml, "__with_libyaml__", False)
    return str(request.param)


# What is understood


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("spec: {a: [1, 'x', {b: null}], c: }", {"a": [1, "x", {"b": None}], "c": None}),
        ("spec: |\n  one\n  two\n", "one\ntwo\n"),
        ("spec: >-\n  one\n  two\n", "one two"),
        ('spec: "a\\tb\\x41\\u00e9"', "a\tbAé"),
        ("spec: one\n  two", "one two"),
        ("spec: !!str 80", "80"),
        ("spec: ! word", "word"),
        ("spec: !!map {a: !!seq [1]}", {"a": [1]}),
        ("spec:\n  8080: web\n  '1': one", {"8080": "web", "1": "one"}),
        ("spec:\n  ? a\n  : 1", {"a": 1}),
        ("spec: =", "="),
        ("spec: 2024-01-01", "2024-01-01"),
    ],
)
def test_every_style_of_yaml_is_read(text: str, value: object, parser: str) -> None:
    assert spec(text) == value


def test_aliases_stand_for_what_they_name() -> None:
    assert spec("spec:\n  a: &x [1, 2]\n  b: *x\n  c: &y word\n  *y : d") == {
        "a": [1, 2],
        "b": [1, 2],
        "c": "word",
        "word": "d",
    }


def test_a_merge_key_adds_what_is_not_given() -> None:
    bases = "spec:\n  base: &b {a: 1, b: 1}\n  more: &m {b: 2, c: 2}\n"
    text = bases + "  one: {<<: *b, b: 3}\n  two: {<<: [*b, *m]}"
    assert spec(text)["one"] == {"a": 1, "b": 3}
    assert spec(text)["two"] == {"a": 1, "b": 1, "c": 2}


def test_a_quoted_merge_key_is_a_key() -> None:
    assert spec('spec: {"<<": 1}') == {"<<": 1}


def test_directives_are_read() -> None:
    text = "%YAML 1.1\n%TAG !k! tag:yaml.org,2002:\n---\n" + HEAD + "spec: !k!str 1\n...\n---\n" + HEAD
    documents = load(["-"], stdin=io.BytesIO(text.encode())).documents
    assert [document.data.get("spec") for document in documents] == ["1", None]


def test_empty_documents_are_nothing() -> None:
    text = f"---\n---\n# a comment\n---\n{HEAD}---\nnull\n--- # another\n"
    assert len(load(["-"], stdin=io.BytesIO(text.encode())).documents) == 1


def test_a_line_that_only_begins_like_a_marker_is_text() -> None:
    assert spec('spec: "a\n  ---b\n  c"') == "a ---b c"


def test_a_line_that_begins_like_a_marker_in_the_first_column_is_text_too() -> None:
    assert spec('spec: "a\n---b\n  c"') == "a ---b c"


def test_more_different_lines_than_are_remembered_are_read() -> None:
    found = spec("spec:\n" + "".join(f"  k{number}: v{number}\n" for number in range(120_000)))
    assert len(found) == 120_000
    assert found["k0"] == "v0"
    assert found["k119999"] == "v119999"


# Where things stand


def located(text: str, *path: str | int) -> tuple[int, int]:
    (document,) = load(["-"], stdin=io.BytesIO((HEAD + text).encode())).documents
    return document.locate(path)


def test_a_field_stands_where_its_key_starts_and_an_entry_where_its_first_word_does(parser: str) -> None:
    text = 'spec:\n  a:\n  - 1\n  - {b: [c, "d"]}\n'
    assert located(text) == (1, 1)
    assert located(text, "spec", "a") == (4, 3)
    assert located(text, "spec", "a", 0) == (5, 5)
    assert located(text, "spec", "a", 1, "b", 1) == (6, 13)


def test_what_is_not_there_stands_where_it_would_be_added() -> None:
    text = "spec:\n  a: [1]\n"
    assert located(text, "metadata") == (1, 1)
    assert located(text, "spec", "a", 3, "b") == (4, 3)


def test_what_an_alias_stands_for_is_where_it_was_written() -> None:
    text = "x: &x\n  a: {b: 1}\nspec:\n  c: *x\n  d: [*x]\n"
    assert located(text, "spec", "c") == (6, 3)
    assert located(text, "spec", "c", "a", "b") == (4, 7)
    assert located(text, "spec", "d", 0) == (7, 7)
    assert located(text, "spec", "d", 0, "a") == (4, 3)


def test_what_a_merge_key_adds_is_where_it_was_written() -> None:
    text = "x: &x {a: 1, b: 1}\nz: &z {b: 2, c: 2}\nspec:\n  one: {<<: *x, b: 3}\n  two: {<<: [*x, *z]}\n"
    assert located(text, "spec", "one", "a") == (3, 8)
    assert located(text, "spec", "one", "b") == (6, 17)
    assert located(text, "spec", "two", "b") == (3, 14)
    assert located(text, "spec", "two", "c") == (4, 14)


@pytest.mark.parametrize("entry", ["apiVersion: v1", "'apiVersion': 'v1'"])
def test_an_object_in_brackets_only_is_placed_where_it_starts(entry: str) -> None:
    text = f"{{apiVersion: v1,\nkind: List,\nitems: [{{apiVersion: v1, kind: Pod}},\n  {entry}, {{}}]}}\n"
    with pytest.raises(AnalyzerError) as caught:
        load(["-"], stdin=io.BytesIO(text.encode()))
    first, second = caught.value.diagnostics
    assert (first.code, place(first)) == ("no-kind", (4, 3))
    assert (second.code, place(second)) == ("no-kind", (4, 5 + len(entry)))


def test_a_key_that_is_a_list_has_no_place() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\n? [a]\n: b\nmetadata: {name: c}\n"
    (document,) = load(["-"], stdin=io.BytesIO(text.encode())).documents
    assert document.locate(("metadata", "name")) == (5, 12)


# What is refused


def test_a_key_that_stands_twice_is_refused_with_both_lines() -> None:
    found = problem(HEAD + "spec:\n  a: 1\n  b: 2\n  a: 3\n")
    assert (found.code, place(found), field(found)) == ("duplicate-key", (6, 3), "spec.a")
    assert "line 4" in found.message
    assert found.help == "keep one of them"


def test_two_objects_in_one_document_are_told_to_be_separated() -> None:
    found = problems(HEAD + HEAD)
    assert "a line `---` separates two objects" in {each.help for each in found}


def test_all_duplicates_of_all_documents_are_told_at_once() -> None:
    text = HEAD + "a: 1\na: 2\nb: {c: 1, c: 2}\n---\n" + HEAD + "kind: Pod\n"
    assert [field(found) for found in problems(text)] == ["a", "b.c", "kind"]


@pytest.mark.parametrize("key", ["on", "y", "true", "null", "~", "1.5", "0x10", "[a]", "{a: b}"])
def test_a_key_that_is_no_text_is_refused(key: str) -> None:
    found = problem(HEAD + f"spec:\n  ? {key}\n  : 1\n")
    assert found.code == "key-not-text"
    assert place(found) == (4, 5)


def test_an_alias_that_is_no_text_is_no_key() -> None:
    assert problem(HEAD + "spec:\n  a: &x 1\n  *x : 2\n").code == "key-not-text"


@pytest.mark.parametrize(
    "value", ["!!python/object:os.system x", "!secret [1]", "!!binary aGk=", "!!set {a}"]
)
def test_an_unknown_tag_is_refused(value: str) -> None:
    found = problem(HEAD + f"spec: {value}\n")
    assert (found.code, place(found)) == ("unknown-tag", (3, 7))


def test_a_number_that_json_cannot_hold_is_refused() -> None:
    assert problem(HEAD + "spec: .nan\n").code == "not-a-number"
    assert problem(HEAD + f"spec: {'1' * 10_000}\n").code == "number-too-long"


def test_a_merge_of_what_is_no_object_is_refused() -> None:
    assert problem(HEAD + "spec: {<<: [1]}\n").code == "bad-merge"


def test_an_alias_without_an_anchor_is_refused() -> None:
    found = problem(HEAD + "spec: *x\n")
    assert (found.code, place(found)) == ("unknown-alias", (3, 7))


def test_an_alias_inside_what_it_names_is_refused() -> None:
    assert problem(HEAD + "spec: &x\n  a: *x\n").code == "recursive-alias"


def test_a_billion_laughs_are_refused() -> None:
    lines = ['a: &a ["lol", "lol", "lol", "lol", "lol", "lol", "lol", "lol", "lol"]']
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    assert problem(HEAD + "\n".join(lines)).code == "alias-bomb"


def test_a_chain_of_aliases_is_as_deep_as_what_it_stands_for() -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 1000))]
    assert problem(HEAD + "\n".join(lines)).code == "too-deep"


@pytest.mark.parametrize("deep", [10_000, 1_000_000])
@pytest.mark.parametrize("unit", ["[", "{a: ", "- ", "? ", "[\n"])
def test_deep_nesting_is_refused(unit: str, deep: int) -> None:
    start = time.monotonic()
    assert problem(HEAD + "spec:\n  " + unit * deep).code == "too-deep"
    assert time.monotonic() - start < 10


def test_a_parser_that_gives_up_at_deep_nesting_says_the_same() -> None:
    """libyaml does so since 0.2.6, in whatever version is installed here."""
    at = Mark("a.yaml", 5, 0, 5, None, 0)
    error = MarkedYAMLError(problem="exceeded maximum nesting depth", problem_mark=at)
    found = syntax_problem(Text("[[[[[["), error, 0)
    assert (found.code, found.message, found.offset) == (
        "too-deep",
        "more than 200 levels inside each other",
        5,
    )


def test_deep_nesting_by_indentation_is_refused() -> None:
    deep = "".join(f"{' ' * level}a:\n" for level in range(1, 1000))
    assert problem(HEAD + "spec:\n" + deep).code == "too-deep"


def test_two_hundred_levels_are_read(parser: str) -> None:
    assert spec("spec: " + "[" * 199 + "]" * 199)
    assert problem(HEAD + "spec: " + "[" * 200 + "]" * 200).code == "too-deep"
    blocks = "spec:\n" + "".join(f"{' ' * level}a:\n" for level in range(1, 199))
    assert spec(blocks)
    assert spec(blocks + " " * 199 + "a: 1")
    for deeper in ("{}", "{b: 1}", "\n" + " " * 200 + "b: 1"):
        assert problem(HEAD + blocks + " " * 199 + "a: " + deeper).code == "too-deep"


def test_a_text_that_no_object_can_hold_is_refused() -> None:
    found = problem(HEAD + f'spec: "{"x" * 5_000_000}"')
    assert (found.code, place(found)) == ("value-too-long", (3, 7))


def test_a_key_that_no_object_can_hold_is_refused_once() -> None:
    found = problem(HEAD + f'spec:\n  ? "{"x" * 5_000_000}"\n  : 1\n')
    assert (found.code, place(found)) == ("value-too-long", (4, 5))


def test_half_a_surrogate_pair_is_no_key_either(parser: str) -> None:
    found = problem(HEAD + 'spec:\n  "\\ud800": 1\n')
    assert found.code in {"yaml-syntax", "control-character"}


def test_a_root_that_no_object_can_hold_is_refused_once() -> None:
    assert problem("-" * 5_000_000).code == "value-too-long"


def test_keys_from_hell_are_shown_tamely() -> None:
    hell = "x" * 500 + "\\0\\n\\e[31m"
    (found,) = problems(HEAD + f'spec:\n  "{hell}": 1\n  "{hell}": 2\n')
    assert len(found.render()) < 400
    assert all(c.isprintable() or c == "\n" for c in found.render())


def test_after_fifty_problems_the_rest_is_left() -> None:
    found = problems(HEAD + "spec:\n" + "  a: 1\n" * 100_000)
    assert len(found) == 51
    assert found[-1].code == "too-many-problems"


def test_many_tag_directives_are_refused() -> None:
    directives = "".join(f"%TAG !a{n}! b\n" for n in range(100_000))
    assert problem(directives + "---\n" + HEAD).code == "yaml-syntax"


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\x7f", "\x9b", "\ufffe"])
def test_a_control_character_is_refused_where_it_stands(character: str, parser: str) -> None:
    found = problem(HEAD + f"spec: a{character}b\n")
    assert (found.code, place(found)) == ("control-character", (3, 8))
    assert f"U+{ord(character):04X}" in found.message


@pytest.mark.parametrize("text", ["spec:\n\ta: 1\n", "spec:\n  a: 1\n\tb: 2\n"])
def test_a_tab_in_the_indentation_is_named(text: str) -> None:
    found = problem(HEAD + text)
    assert found.code == "tab-indentation"
    assert "spaces" in found.help


@pytest.mark.parametrize(
    "text", ["{{- if .x }}\na: 1\n{{- end }}\n", "spec: {{ .x }}\n", "a: 1\n{% if x %}\n"]
)
def test_a_template_is_recognized(text: str) -> None:
    found = problem(HEAD + text)
    assert "template" in found.help


@pytest.mark.parametrize(
    ("text", "line", "help_"),
    [
        ("spec: a: b\n", 3, "quote"),
        ("spec:\n  a: 1\n b: 2\n", 5, "column"),
        ("spec: @x\n", 3, "quote"),
        ("spec: - a\n", 3, "line below"),
        ("spec\nb: 1\n", 4, "key: value"),
        ("spec: [a\n", 4, ""),
    ],
)
def test_a_syntax_error_says_where_and_what_to_mend(text: str, line: int, help_: str) -> None:
    found = problem(HEAD + text)
    assert found.code == "yaml-syntax"
    assert place(found)[0] == line
    assert help_ in found.help


def test_an_open_quote_says_where_it_was_opened() -> None:
    assert "begins on line 3" in problem(HEAD + 'spec: "abc\n\n\n').message


def test_a_syntax_error_hides_none_in_the_next_document() -> None:
    found = problems(f'{HEAD}a: "x\n---\n{HEAD}b: [\n---\n{HEAD}c: d: e\n')
    assert [place(d)[0] for d in found] == [4, 8, 11]


def test_what_was_wrong_before_a_syntax_error_is_told_too() -> None:
    assert [d.code for d in problems(HEAD + "a: 1\na: 2\nb: [")] == ["duplicate-key", "yaml-syntax"]


def test_half_a_surrogate_pair_is_refused(parser: str) -> None:
    assert problem(HEAD + 'spec: "\\ud800"\n').code in {"yaml-syntax", "control-character"}


@pytest.mark.parametrize(
    "text",
    [
        "-" * 1_000_000,
        "- \n" * 200_000,
        "'" * 1_000_000,
        "a: é\n" * 100_000,
        "," * 1_000_000,
        "---\n" * 200_000,
    ],
)
def test_nonsense_ends_soon(text: str) -> None:
    start = time.monotonic()
    assert problems(text)
    assert time.monotonic() - start < 20


def test_a_document_of_very_many_values_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.load.limits.EVENT_NODES", 1000)
    found = problem(HEAD + "spec: [" + "a, " * 1000 + "]\n")
    assert (found.code, place(found)[0]) == ("too-large", 3)
    assert found.help == "write it as JSON, or as several documents"


@pytest.mark.parametrize("before", ["", "---\n", "--- \n# a comment\n\n  # another\n"])
@pytest.mark.parametrize("entry", ["- a: [\n", "-\n", "-", "- &a [*a]\n"])
def test_nothing_of_a_list_is_read_as_no_list_is_an_object(before: str, entry: str) -> None:
    assert problem(before + entry).code == "not-an-object"


@pytest.mark.parametrize("text", ["-a: [\n", "--- - a: [\n", " - a: [\n"])
def test_what_may_be_something_else_than_a_list_is_read(text: str) -> None:
    assert problem(text).code == "yaml-syntax"


def test_a_document_that_ends_by_dots_behind_a_list_is_read() -> None:
    found = problems(f"- a\n...\n---\n{HEAD}kind: Pod\n")
    assert [each.code for each in found] == ["not-an-object", "duplicate-key"]
    found = problems("- a\n...\nb: [\n")
    assert [each.code for each in found] == ["not-an-object", "yaml-syntax"]


def test_of_a_very_large_object_only_its_own_place_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "# comment\n" + HEAD + "metadata: {name: A}\n"
    (document,) = load(["-"], stdin=io.BytesIO(text.encode())).documents
    monkeypatch.setattr("analyzer.load.limits.PLACED_CHARACTERS", len(text) - 1)
    assert document.locate(("metadata", "name")) == (2, 1)
