"""Plain block style, the way nearly all manifests are written, read line by line.

Comes in: the lines of one YAML document. Goes out: its value, or None where a line is not plain enough to be
sure what YAML makes of it: then `events.py` reads the document. This is several times faster than events and
needs no `import yaml`; it never says what is wrong, it only declines. The law that keeps it honest: what it
reads, `events.py` reads alike, and what `events.py` refuses, it declines.

Plain is `key: word`, `- word`, `- key: word`, `key:` with deeper lines below it, in printable ASCII, with
words that are unquoted, quoted without escapes, `{}` or `[]`. Any other entry, such as a block scalar, a list
in brackets or a text of several lines, is given to `events.py` alone, with the deeper lines below it: it
cannot reach further, because quotes and brackets that are still open make it decline.
"""

from __future__ import annotations

import re
import sys
from enum import Enum
from typing import Any, NamedTuple

from analyzer.load import limits
from analyzer.load.scalars import BadScalarError, resolve
from analyzer.load.text import Text

# Possessive throughout: a line matches in one pass or not at all, however long it is.
_KEY = r"([A-Za-z_][A-Za-z0-9_./-]{0,127}+):(?: ++|\Z)"
_UNQUOTED = r"""((?:[A-Za-z0-9_./]|-(?=[!-~]))(?:[!-"$-9;-~]|:(?=[!-~])|(?<! )#| ++(?=[!-"$-9;-~]))*+)"""
_WORD = rf"""(?:{_UNQUOTED}|"([ !#-\[\]-~]*+)"|'([ -&(-~]*+)'|(\{{\}}|\[\]))"""
_LINE = re.compile(rf"( *+)(- )?(?:{_KEY})?{_WORD}? *+(?:(?<= )#[ -~]*+)?")
_LONGEST = 1024  # characters of a plain line
_REMEMBERED = 100_000  # lines whose reading is kept: in a large file most lines have been seen before


class _Shape(Enum):
    """What a line holds."""

    NOTHING = 0  # it is blank, or a comment
    VALUE = 1  # a value, after a key or a dash or both
    OPEN = 2  # a key alone: its value is on the lines below, or null
    EMPTY = 3  # `{}` or `[]`, after a key or a dash or both; the value is the type to make one of
    OTHER = 4  # something that is not plain


_NOTHING, _VALUE, _OPEN, _EMPTY, _OTHER = _Shape

# column, whether it starts with a dash, shape, key if any, value if any
Line = tuple[int, bool, _Shape, str, Any]
Memory = dict[str, Line]


class Block(NamedTuple):
    """The value of a document, and the numbers of the lines on which the entries of its `items` start."""

    data: object
    items: list[int]


def read(lines: list[str], memory: Memory) -> Block | None:  # noqa: C901, PLR0912 - one pass, no call a line
    """Return the value of a document in plain block style, None when it is not plain.

    `memory` is what was made of lines seen before, in any document.
    """
    block: Any = {}  # the collection that the last line belongs to, the column it starts in,
    column = 0
    outer: list[tuple[int, Any]] = []  # and those around it
    pending = ""  # the key of it whose value may start on the next line
    root, items, starts, number = block, None, [], -1
    while (number := number + 1) < len(lines):
        try:
            at, dash, shape, key, value = memory[lines[number]]
        except KeyError:
            at, dash, shape, key, value = _remember(lines[number], memory)
        if shape is _NOTHING:
            continue
        if pending:
            if at > column or (dash and at == column):
                child: Any = [] if dash else {}
                if pending == "items" and not outer:
                    items = child
                block[pending] = child
                outer.append((column, block))
                block, column = child, at
            pending = ""
        while at < column or (at == column and not dash and type(block) is list):
            if not outer:
                return None
            column, block = outer.pop()
        if at != column or dash is not (type(block) is list) or len(outer) > limits.DEPTH - 3:
            return None
        if block is items:
            starts.append(number)
        if shape is _OTHER:
            if (taken := _other(lines, number, at, block, len(outer))) is None:
                return None
            number = taken - 1
            continue
        if shape is _EMPTY:
            value = value()
        if dash:
            if not key:
                block.append(value)
                continue
            entry: dict[str, Any] = {}
            block.append(entry)
            outer.append((column, block))
            block, column = entry, at + 2
        elif key in block:
            return None
        block[key] = value
        if shape is _OPEN:
            pending = key
    return Block(root or None, starts)


def _remember(line: str, memory: Memory) -> Line:
    """Read one line by itself."""
    found = _line(line)
    if len(line) <= _LONGEST:
        if len(memory) >= _REMEMBERED:
            memory.clear()
        memory[line] = found
    return found


def _line(line: str) -> Line:
    words = line.lstrip(" ")
    at = len(line) - len(words)
    if not words or (words[0] == "#" and words.isprintable()):
        return at, False, _NOTHING, "", None
    dash = words.startswith("- ") or words == "-"
    match = _LINE.fullmatch(line) if len(line) <= _LONGEST else None
    if match is None or not (dash or match[3]):
        return at, dash, _OTHER, "", None
    try:
        shape, value = _value(match)
        key = sys.intern(match[3] or "")
        if key and not isinstance(resolve(key), str):
            shape = _OTHER
    except BadScalarError:
        shape, key, value = _OTHER, "", None
    return at, dash, shape, key, value


def _value(match: re.Match[str]) -> tuple[_Shape, Any]:
    match match.lastindex:
        case 3:
            return _OPEN, None
        case 4:
            return _VALUE, resolve(match[4])
        case 5 | 6 as quoted:
            return _VALUE, match[quoted]
        case 7:
            return _EMPTY, dict if match[7] == "{}" else list
        case _:
            return _OTHER, None


def _other(lines: list[str], number: int, at: int, block: Any, depth: int) -> int | None:
    """Add to `block` the entries that a line which is not plain starts, or decline.

    Return the number of the first line that is not part of them: the next that is not indented more.
    """
    from analyzer.load.events import Reading

    end = number + 1
    while end < len(lines) and _deeper(lines[end], at):
        end += 1
    rest = "" if end == len(lines) else "\n"
    reading = Reading(Text("\n".join(lines[number:end]) + rest))
    found = list(reading.documents())
    if len(found) != 1 or found[0].problems or not reading.plain or depth + reading.deepest >= limits.DEPTH:
        return None
    data = found[0].data
    if isinstance(block, list) and isinstance(data, list):
        block += data
    elif isinstance(block, dict) and isinstance(data, dict) and block.keys().isdisjoint(data):
        block |= data
    else:
        return None
    return end


def _deeper(line: str, at: int) -> bool:
    words = line.lstrip(" ")
    return not words or len(line) - len(words) > at
