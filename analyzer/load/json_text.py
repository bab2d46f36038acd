"""JSON text becomes values: what `kubectl get -o json` prints, one or several after the other.

Comes in: a text. Goes out: a `Parsed` for each value. The entries of a top-level `items` are decoded one by
one, so that the place of each is known and a large dump is never walked in Python. Imported only when needed.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from json import JSONDecodeError, JSONDecoder
from json.decoder import scanstring  # type: ignore[attr-defined]  # the stubs leave it out
from typing import Any, NoReturn

from analyzer.diagnostics import FieldPath, Step
from analyzer.load import limits
from analyzer.load.text import Parsed, Problem, Refused, Text, shown, step, too_long, too_many

_SPACE = re.compile(r"[ \t\n]*+")
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{]|[\]}]', re.DOTALL)
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)
_REREAD = 32 << 20  # characters: two or three seconds


class _UnusableError(ValueError):
    """A value is JSON, but not one to go on with: `code` says what kind of problem it is."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        self.code, self.remedy = code, remedy
        super().__init__(message)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = {sys.intern(key): value for key, value in pairs}
    if len(made) != len(pairs):
        keys = iter(
            made
        )  # in the order of their first use: the first that is not the next one is a second use
        twice = next(key for key, _ in pairs if key != next(keys, None))
        raise _UnusableError("duplicate-key", f"the key {shown(twice)} stands here twice", "keep one of them")
    return made


def _int(word: str) -> int:
    if len(word) > limits.NUMBER_CHARACTERS:
        raise _too_many_digits(word)
    return int(word)


def _float(word: str) -> float:
    if len(word) > limits.NUMBER_CHARACTERS:
        raise _too_many_digits(word)
    value = float(word)
    if math.isinf(value):
        raise _UnusableError("number-too-long", f"{shown(word)} is more than a 64-bit float holds", "")
    return value


def _too_many_digits(word: str) -> _UnusableError:
    message = f"a number of {len(word)} characters"
    return _UnusableError("number-too-long", message, "quote it if it is text")


def _constant(word: str) -> NoReturn:
    raise _UnusableError("not-a-number", f"`{word}` is no number that JSON can hold", "")


_strict = JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_constant)
_lenient = JSONDecoder(parse_float=lambda _: 0.0, parse_int=lambda _: 0, parse_constant=lambda _: None)
# Of what it reads only where it ends is wanted.
_passing = JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


class Members:
    """Steps through the members of the object or list at an offset; the caller moves `at` past each value."""

    def __init__(self, content: str, at: int) -> None:
        self.key_at = at
        self.at = at
        self._content = content
        self._list = content[at] == "["
        self._close = "]" if self._list else "}"
        self._count = 0

    def next(self) -> Step | None:
        """Return the next key or number, with `at` on its value and `key_at` where it starts itself.

        Return None, with `at` behind the closing bracket, after the last one.
        """
        at = _space(self._content, self.at + (self._count == 0))
        mark = self._content[at : at + 1]
        if mark == self._close:
            self.at = at + 1
            return None
        if self._count:
            if mark != ",":
                raise JSONDecodeError(f"expected `,` or `{self._close}`", self._content, at)
            at = _space(self._content, at + 1)
        self.key_at = self.at = at
        self._count += 1
        return self._count - 1 if self._list else self._key()

    def _key(self) -> str:
        if self._content[self.at : self.at + 1] != '"':
            raise JSONDecodeError("expected a key in double quotes", self._content, self.at)
        key: str
        key, at = scanstring(self._content, self.at + 1, True)
        at = _space(self._content, at)
        if self._content[at : at + 1] != ":":
            raise JSONDecodeError("expected `:`", self._content, at)
        self.at = _space(self._content, at + 1)
        return key


def locate(text: Text, at: int, path: FieldPath) -> int:
    """Return the offset of a field of the value at `at`: of its key, or of the nearest one above it."""
    found = at
    for wanted in path:
        if text.content[at] not in "[{" or (place := _places(text, at).of(wanted)) is None:
            break
        found, at = place
    return found


class _Places:
    """The offsets of an object's or list's members and of their keys, found as far as they were asked for."""

    def __init__(self, content: str, at: int) -> None:
        self._found: dict[Step, tuple[int, int]] = {}
        self._rest = self._walk(content, Members(content, at))

    def of(self, wanted: Step) -> tuple[int, int] | None:
        """Return the offsets of a member's key, or of an entry itself, and of its value."""
        while wanted not in self._found:
            member = next(self._rest, None)
            if member is None:
                return None
            self._found.setdefault(*member)
        return self._found[wanted]

    @staticmethod
    def _walk(content: str, members: Members) -> Iterator[tuple[Step, tuple[int, int]]]:
        while (member := members.next()) is not None:
            yield member, (members.key_at, members.at)
            # What is wanted itself is not passed over: it may be nearly all of the text.
            members.at = _passing.raw_decode(content, members.at)[1]


@lru_cache(maxsize=limits.DEPTH + 1)  # those of all levels around a field: its neighbours are asked for next
def _places(text: Text, at: int) -> _Places:
    return _Places(text.content, at)


def read_json(text: Text) -> Iterator[Parsed]:
    """Yield the values of a text; raise Refused, with a fatal problem, where it is no JSON."""
    reading = _Reading(text)
    try:
        yield from reading.values()
    except JSONDecodeError as error:
        words = error.msg.removesuffix(" at").removesuffix(" starting")
        message = words[0].lower() + words[1:]
        problem = Problem(code="json-syntax", message=message, offset=error.pos, fatal=True)
        raise Refused(problem) from None


class _Reading:
    """One pass over a text."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._content = _mend(text.content)
        self._long = len(text.content) > limits.SCALAR_CHARACTERS
        self._problems: list[Problem] = []
        self._reread = 0  # characters that were read once more to find what is wrong with them

    def values(self) -> Iterator[Parsed]:
        at = _space(self._content, 0)
        while at < len(self._content):
            self._problems = []
            items: tuple[int, ...] = ()
            data: object
            try:
                if self._content[at] == "{":
                    data, end, items = self._top(at)
                else:
                    data, end = self._decode(at, ())
                self._bound(data, at)
            except RecursionError:
                yield self._refused(self._too_deep(at))
                return
            except Refused as refused:
                yield self._refused(refused.problem)
                return
            yield Parsed(data=data, start=at, end=end, items=items, problems=tuple(self._problems))
            at = _space(self._content, end)

    def _top(self, at: int) -> tuple[dict[str, object], int, tuple[int, ...]]:
        """Read an object whose `items`, if it has any, are decoded one by one."""
        made: dict[str, object] = {}
        starts: dict[Step, int] = {}
        items: list[int] = []
        members = Members(self._content, at)
        while (key := members.next()) is not None:
            if starts.setdefault(key, members.key_at) != members.key_at:
                self._note(self._duplicate((), str(key), starts[key], members.key_at))
            if key == "items" and self._content[members.at : members.at + 1] == "[":
                value, end = self._items(members.at, items)
            else:
                value, end = self._decode(members.at, (step(str(key)),))
            made.setdefault(str(key), value)
            members.at = end
        return made, members.at, tuple(items)

    def _items(self, at: int, starts: list[int]) -> tuple[object, int]:
        made: list[object] = []
        members = Members(self._content, at)
        while (number := members.next()) is not None:
            starts.append(members.at)
            value, members.at = self._decode(members.at, ("items", number))
            made.append(value)
        return made, members.at

    def _decode(self, at: int, path: FieldPath) -> tuple[object, int]:
        """Return the value at an offset and where it ends; of a value that is unusable, tell why."""
        try:
            return _strict.raw_decode(self._content, at)
        except _UnusableError as error:
            value, end = _lenient.raw_decode(self._content, at)
            self._note(self._culprit(at, end, path, error))
            return value, end

    def _culprit(self, at: int, end: int, path: FieldPath, error: _UnusableError) -> Problem:
        """Find what makes the value at an offset unusable: go down into the first member that is.

        Each level is read once more: where that takes too long, the problem stands at the level reached.
        """
        while self._content[at] in "[{" and self._reread < _REREAD:
            self._reread += end - at
            starts: dict[Step, int] = {}
            members = Members(self._content, at)
            while True:
                member = members.next()
                assert member is not None, "what is refused has a key twice or a member that is refused"
                if starts.setdefault(member, members.key_at) != members.key_at:
                    return self._duplicate(path, str(member), starts[member], members.key_at)
                try:
                    members.at = _strict.raw_decode(self._content, members.at)[1]
                except _UnusableError as inner:
                    path = (*path, step(member) if isinstance(member, str) else member)
                    at, error = members.at, inner
                    break
        return Problem(code=error.code, message=str(error), offset=at, path=path, help=error.remedy)

    def _note(self, problem: Problem) -> None:
        if len(self._problems) == limits.PROBLEMS:
            raise Refused(too_many(problem.offset))
        self._problems.append(problem)

    def _duplicate(self, path: FieldPath, key: str, first: int, second: int) -> Problem:
        message = f"the key {shown(key)} stands here and on line {self._text.position(first)[0]}"
        return Problem(
            code="duplicate-key",
            message=message,
            offset=second,
            path=(*path, step(key)),
            help="keep one of them",
        )

    def _refused(self, problem: Problem) -> Parsed:
        problems = (*self._problems, replace(problem, fatal=True))
        return Parsed(data=None, start=problem.offset, end=problem.offset, problems=problems)

    def _bound(self, data: object, at: int) -> None:
        """Refuse a value that is too deep or has too long a text in it, level by level."""
        level: list[Any] = [data] if isinstance(data, (dict, list)) else []
        for _ in range(limits.DEPTH):
            values = [v for c in level for v in (c.values() if type(c) is dict else c)]
            if self._long and any(
                map(_is_long, (*values, *(key for c in level if type(c) is dict for key in c)))
            ):
                raise Refused(self._too_long(at))
            level = [v for v in values if type(v) is dict or type(v) is list]
            if not level:
                return
        raise Refused(self._too_deep(at))

    def _too_deep(self, at: int) -> Problem:
        depth, tokens = 0, _TOKEN.finditer(self._content, at)
        while depth <= limits.DEPTH:
            token = next(tokens)
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
            at = token.start()
        message = f"more than {limits.DEPTH} levels inside each other"
        return Problem(code="too-deep", message=message, offset=at)

    def _too_long(self, at: int) -> Problem:
        long = (t.start() for t in _TOKEN.finditer(self._content, at) if _is_long(t[0]))
        found = ((start, len(scanstring(self._content, start + 1, True)[0])) for start in long)
        offset, length = next(each for each in found if each[1] > limits.SCALAR_CHARACTERS)
        return Problem(code="value-too-long", message=too_long(length), offset=offset)


def _is_long(value: object) -> bool:
    return type(value) is str and len(value) > limits.SCALAR_CHARACTERS


def _space(content: str, at: int) -> int:
    """Return the offset of what follows white space."""
    found = _SPACE.match(content, at)
    assert found is not None, "no white space is white space too"
    return found.end()


def _mend(content: str) -> str:
    """Write U+FFFD for each half of a surrogate pair that stands alone, as Go's decoder does; same length."""
    if not _HALF.search(content):
        return content
    return _ESCAPE.sub(lambda escape: "\\ufffd" if escape[1] else escape[0], content)
