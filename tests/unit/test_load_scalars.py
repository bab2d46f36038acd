"""Plain words of YAML, read as the API server reads them."""

from __future__ import annotations

import pytest

from analyzer.load.scalars import BadScalarError, resolve, resolve_tagged

CORE = "tag:yaml.org,2002:"


@pytest.mark.parametrize("word", ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"])
def test_words_of_yaml_1_1_are_true(word: str) -> None:
    assert resolve(word) is True


@pytest.mark.parametrize("word", ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"])
def test_words_of_yaml_1_1_are_false(word: str) -> None:
    assert resolve(word) is False


@pytest.mark.parametrize("word", ["", "~", "null", "Null", "NULL"])
def test_words_of_yaml_1_1_are_null(word: str) -> None:
    assert resolve(word) is None


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("0", 0),
        ("80", 80),
        ("-1", -1),
        ("+5", 5),
        ("1_000", 1000),
        ("010", 8),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b101", 5),
        ("-0x10", -16),
        ("08", 8),  # no octal digit, so that Go reads a float
        ("80.0", 80),  # Go writes a whole float64 without a point
        ("1e3", 1000),
        ("123456789012345678901", 123456789012345678901),
    ],
)
def test_whole_numbers_are_integers_however_they_are_written(word: str, number: int) -> None:
    value = resolve(word)
    assert (value, type(value)) == (number, int)


@pytest.mark.parametrize(("word", "number"), [("1.10", 1.1), (".5", 0.5), ("-2.5e-1", -0.25), ("1e21", 1e21)])
def test_other_numbers_are_floats(word: str, number: float) -> None:
    value = resolve(word)
    assert (value, type(value)) == (number, float)


@pytest.mark.parametrize(
    "word",
    [
        "tRuE",
        "nO",
        "10.0.0.1",
        "10.0.0.0/8",
        "12:30",
        "2024-01-01",
        "1.2.3",
        "-",
        "+",
        "._",
        "0x",
        "0b2",
        "1e999",
        "٣",
    ],
)
def test_all_else_is_text(word: str) -> None:
    assert resolve(word) == word


@pytest.mark.parametrize("word", [".inf", "-.Inf", "+.INF", ".nan", ".NaN"])
def test_what_json_has_no_number_for_is_refused(word: str) -> None:
    with pytest.raises(BadScalarError) as caught:
        resolve(word)
    assert caught.value.code == "not-a-number"


@pytest.mark.parametrize("word", ["1" * 10_000, "0x" + "f" * 10_000, "1." + "0" * 10_000])
def test_a_number_of_ten_thousand_digits_is_refused(word: str) -> None:
    with pytest.raises(BadScalarError) as caught:
        resolve(word)
    assert caught.value.code == "number-too-long"
    assert "10000" in str(caught.value) or "10002" in str(caught.value)


@pytest.mark.parametrize(
    ("tag", "word", "value"),
    [
        ("str", "80", "80"),
        ("timestamp", "2024-01-01", "2024-01-01"),
        ("int", "0x10", 16),
        ("float", "1.5", 1.5),
        ("float", "3", 3),
        ("bool", "on", True),
        ("null", "", None),
    ],
)
def test_a_tag_of_yamls_core_is_followed(tag: str, word: str, value: object) -> None:
    assert resolve_tagged(CORE + tag, word) == value


@pytest.mark.parametrize(("tag", "word"), [("int", "many"), ("bool", "1"), ("null", "x"), ("int", "")])
def test_a_tag_that_its_text_does_not_fit_is_refused(tag: str, word: str) -> None:
    with pytest.raises(BadScalarError) as caught:
        resolve_tagged(CORE + tag, word)
    assert caught.value.code == "wrong-tag"


@pytest.mark.parametrize(
    "tag", ["!secret", CORE + "python/object:os.system", CORE + "binary", CORE + "set", "str"]
)
def test_any_other_tag_is_refused(tag: str) -> None:
    with pytest.raises(BadScalarError) as caught:
        resolve_tagged(tag, "x")
    assert caught.value.code == "unknown-tag"
