"""Bytes become text, and offsets become lines and columns."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given, strategies as st

from analyzer.load.text import Refused, Text, decodable, decode, printable, shown, step, without_logs


@pytest.mark.parametrize(
    "data",
    [
        "a: é\n".encode(),
        codecs.BOM_UTF8 + "a: é\n".encode(),
        "a: é\n".encode("utf-16"),
        codecs.BOM_UTF16_BE + "a: é\n".encode("utf-16-be"),
        "a: é\n".encode("utf-32"),
        codecs.BOM_UTF32_BE + "a: é\n".encode("utf-32-be"),
    ],
)
def test_unicode_is_read_in_every_encoding_that_a_mark_announces(data: bytes) -> None:
    assert decode(data).content == "a: é\n"


def test_line_breaks_of_windows_and_of_old_macs_are_line_breaks() -> None:
    assert decode(b"a\r\nb\rc\n").content == "a\nb\nc\n"


def test_latin_1_is_refused_at_the_byte_that_is_no_utf_8() -> None:
    data = b"a: 1\nb: caf\xe9\n"
    with pytest.raises(Refused) as caught:
        decode(data)
    problem = caught.value.problem
    assert problem.code == "not-utf8"
    assert problem.message == "byte 0xe9 at offset 11 is not UTF-8"
    assert decodable(data).position(problem.offset) == (2, 7)


def test_half_a_character_of_utf_16_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        decode("a".encode("utf-16") + b"x")
    assert "is not UTF-16" in caught.value.problem.message


def test_positions_count_lines_and_columns_from_one() -> None:
    text = Text("ab\n\nc")
    assert [text.position(offset) for offset in range(6)] == [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (3, 2)]


@given(st.lists(st.integers(0, 60_000), max_size=30))
def test_positions_are_the_same_in_whatever_order_they_are_asked_for(offsets: list[int]) -> None:
    content = "".join("x" * (number % 97) + "\n" for number in range(1250))
    text = Text(content)
    for offset in offsets:
        line = content[:offset].count("\n")
        assert text.position(offset) == (line + 1, len(content[:offset].rpartition("\n")[2]) + 1)


def test_what_a_terminal_would_obey_is_shown_as_an_escape() -> None:
    assert shown("a\x1b[31m\nb\x00é\ud800") == r"`a\x1b[31m\nb\x00é\ud800`"


def test_long_words_are_cut() -> None:
    assert len(shown("x" * 1_000_000)) < 100
    assert len(str(step("x" * 1_000_000))) < 100


def test_plain_words_are_shown_as_they_are() -> None:
    assert shown("app.kubernetes.io/name") == "`app.kubernetes.io/name`"
    assert step("app.kubernetes.io/name") == "app.kubernetes.io/name"
    assert printable("ünïcode") == "ünïcode"


START, END = (
    "==== START logs for container c of pod a/b ====",
    "==== END logs for container c of pod a/b ====",
)


@pytest.mark.parametrize("log", ["", "kind: Pod\n", "no line break", f"{END[:-6]}c ====\n{START}\n"])
def test_logs_between_objects_are_left_out_and_lines_keep_their_numbers(log: str) -> None:
    first, other = "{}\n", START.replace(" c ", " d ")
    left = without_logs(Text(f"{first}{START}\n{log}{END}\n{other}\n{END.replace(' c ', ' d ')}\n[]\n"))
    assert left.content.split() == ["{}", "[]"]
    assert left.content.index("[") == len(first) + log.count("\n") + 4


def test_a_log_that_does_not_end_is_left_where_it_is() -> None:
    text = Text(f"{{}}\n{START}\nkind: Pod\n")
    assert without_logs(text) is text
