"""Label selectors in text, as the query of a list writes them: read, and what is said of wrong ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from analyzer.decode.names import label_key, label_value

Test = Callable[[Mapping[str, str]], bool]

_TOKENS = re.compile(r"\s*(?:(==|!=|[=!(),<>])|([^\s=!(),<>]+))")
_OPERATORS = ("in", "notin", "=", "==", "!=", ">", "<")
_NUMBER = re.compile(r"[-+]?[0-9]+")


class Unreadable(Exception):  # noqa: N818 - an answer, not a mistake
    """A selector is none; the message says why."""


def read(text: str) -> list[Test]:
    """Return the requirements of a selector. Raises Unreadable."""
    reader, found = _Reader(text), list[Test]()
    if not reader.next:
        return found
    while True:
        if reader.next in (*"=(),<>", "==", "!="):
            raise Unreadable(f"found '{reader.next}', expected: !, identifier, or 'end of string'")
        try:
            found.append(_requirement(reader))
        except Unreadable as error:
            raise Unreadable(f"unable to parse requirement: {error}") from None
        if not reader.next:
            return found
        if reader.take() != ",":
            raise Unreadable(f"found '{reader.taken}', expected: ',' or 'end of string'")
        if not reader.next or not (reader.is_word or reader.next == "!"):
            raise Unreadable(f"found '{reader.next}', expected: identifier after ','")


class _Reader:
    """The tokens of a text; "" after the last one."""

    def __init__(self, text: str) -> None:
        self._tokens = [(symbol or word, bool(word)) for symbol, word in _TOKENS.findall(text)]
        self.taken = ""

    @property
    def next(self) -> str:
        return self._tokens[0][0] if self._tokens else ""

    @property
    def is_word(self) -> bool:
        return bool(self._tokens) and self._tokens[0][1]

    def take(self) -> str:
        self.taken = self._tokens.pop(0)[0] if self._tokens else ""
        return self.taken

    def word(self, expected: str) -> str:
        if not self.is_word:
            raise Unreadable(f"found '{self.next}', expected: {expected}")
        return self.take()


def _requirement(reader: _Reader) -> Test:
    absent = reader.next == "!"
    if absent:
        reader.take()
    key = reader.word("identifier")
    for words in label_key(key):
        raise Unreadable(f'<nil>: Invalid value: "{key}": {words}')
    if absent:
        return lambda labels: key not in labels
    if reader.next in ("", ","):
        return lambda labels: key in labels
    operator = reader.take()
    if operator not in _OPERATORS:
        raise Unreadable(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")
    if operator in (">", "<"):
        return _compared(key, operator, _value(reader))
    values = _values(reader) if operator in ("in", "notin") else [_value(reader)]
    for number, value in enumerate(values):
        for words in label_value(value):
            raise Unreadable(f'values[{number}][{key}]: Invalid value: "{value}": {words}')
    among = operator in ("in", "=", "==")
    # A label that is missing is not among the values.
    return lambda labels: (labels.get(key) in values) == among


def _compared(key: str, operator: str, value: str) -> Test:
    if not _NUMBER.fullmatch(value):
        words = "for 'Gt', 'Lt' operators, the value must be an integer"
        raise Unreadable(f'values[0]: Invalid value: "{value}": {words}')

    def test(labels: Mapping[str, str]) -> bool:
        there = labels.get(key, "")
        if not _NUMBER.fullmatch(there):
            return False
        return int(there) > int(value) if operator == ">" else int(there) < int(value)

    return test


def _value(reader: _Reader) -> str:
    return "" if reader.next in ("", ",") else reader.word("identifier")


def _values(reader: _Reader) -> list[str]:
    if reader.take() != "(":
        raise Unreadable(f"found '{reader.taken}' expected: '('")
    found = []
    while reader.next != ")":
        found.append("" if reader.next == "," else reader.word("',' or ')'"))
        if reader.next == ",":
            reader.take()
        elif reader.next != ")":
            raise Unreadable(f"found '{reader.next}', expected: ',' or ')'")
    reader.take()
    return found
