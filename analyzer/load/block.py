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
from analyzer.load.scalars import WORDS, BadScalarError, resolve
from analyzer.load.text import Text

# Possessive throughout: a line matches in one pass or not at all, however long it is.
_KEY = r"([A-Za-z_][A-Za-z0-9_./-]{0,127}+):(?: ++|\Z)"
_UNQUOTED = r"""((?:[A-Za-z0-9_./]|-(?=[!-~]))(?:[!-"$-9;-~]++|:(?=[!-~])|(?<! )#| ++(?=[!-"$-9;-~]))*+)"""
_WORD = rf"""(?:{_UNQUOTED}|"([ !#-\[\]-~]*+)"|'([ -&(-~]*+)'|(\{{\}}|\[\]))"""
_LINE = re.compile(rf"( *+)(- )?(?:{_KEY})?{_WORD}? *+(?:(?<= )#[ -~]*+)?")
# Further line breaks of YAML 1.1, and a mark that is none at the start of a text: lines with them may not be
# the lines that YAML sees.
_ELUSIVE = re.compile("[\x85\u2028\u2029\ufeff]")
_LONGEST = 1024  # characters of a plain line
_DENSITY = 10  # a document with more than one line in so many that is not plain is not worth reading here
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


class Memory(dict[str, Line]):
    """What lines hold, by themselves; `memory[line]` reads a line that was not seen before."""

    def __missing__(self, line: str) -> Line:
        found = _line(line)
        if len(line) <= _LONGEST:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[line] = found
        return found


class Block(NamedTuple):
    """The value of a document, and the numbers of the lines on which the entries of its `items` start."""

    data: object
    items: list[int]


def read(lines: list[str], memory: Memory) -> Block | None:  # noqa: C901, PLR0912 - one pass, no call a line
    """Return the value of a document in plain block style, None when it is not plain.

    `memory` is what was made of lines seen before, in any document.
    """
    root: dict[str, Any] = {}
    # The collection that the last line belongs to, the column it starts in, whether it is a list, and those
    # around it; the key whose value may start on the next line; the first line after what was not plain.
    block, column, listing, outer = root, 0, False, []  # type: tuple[Any, int, bool, list[tuple[Any, int, bool]]]
    pending, resume, others = "", 0, 0
    items, starts = None, []  # type: tuple[Any, list[int]]
    for number, line in enumerate(lines):
        at, dash, shape, key, value = memory[line]
        if shape is _NOTHING or number < resume:
            continue
        if pending:
            if at > column or (dash and at == column):
                if len(outer) > limits.DEPTH - 4:
                    return None
                outer.append((block, column, listing))
                child: Any = [] if dash else {}
                if pending == "items" and dash and block is root:
                    items = child
                block[pending] = child
                block, column, listing = child, at, dash
            pending = ""
        if at != column or dash is not listing:
            # It ends at the root at the latest, which starts in column 0 and is no list.
            while at < column or (listing and at == column and not dash):
                block, column, listing = outer.pop()
            if at != column or dash is not listing:
                return None
        if block is items:
            starts.append(number)
        if shape is _OTHER:
            others += 1
            if (
                others * _DENSITY > number + _LONGEST
                or (resume := _other(lines, number, at, block, len(outer))) < 0
            ):
                return None
            continue
        if shape is _EMPTY:
            value = value()
        if not dash:
            if key in block:
                return None
            block[key] = value
        elif key:
            entry = {key: value}
            block.append(entry)
            outer.append((block, column, listing))
            block, column, listing = entry, at + 2, False
        else:
            block.append(value)
        if shape is _OPEN:
            pending = key
    return Block(root or None, starts)


def _line(line: str) -> Line:
    """Read one line by itself."""
    match = _LINE.fullmatch(line) if len(line) <= _LONGEST else None
    if match is None or match.lastindex == 2 or not (match[2] or match[3]):
        words = line.lstrip(" ")
        blank = not words or (words[0] == "#" and words.replace("\t", " ").isprintable())
        return len(line) - len(words), words[:2] in {"-", "- "}, _NOTHING if blank else _OTHER, "", None
    at, dash, key = match.end(1), match[2] is not None, match[3] or ""
    try:
        shape, value = _value(match)
    except BadScalarError:
        return at, dash, _OTHER, "", None
    return at, dash, _OTHER if key and key in WORDS else shape, sys.intern(key), value


def _value(match: re.Match[str]) -> tuple[_Shape, Any]:
    match match.lastindex:
        case 4:
            return _VALUE, resolve(match[4])
        case 5 | 6 as quoted:
            return _VALUE, match[quoted]
        case 7:
            return _EMPTY, dict if match[7] == "{}" else list
        case _:
            return _OPEN, None


def _other(lines: list[str], number: int, at: int, block: Any, depth: int) -> int:
    """Add to `block` the entries that a line which is not plain starts, or decline.

    Return the number of the first line that is not part of them, the next that is not indented more, or -1.
    """
    from analyzer.load.events import Reading

    end = number + 1
    while end < len(lines) and _deeper(lines[end], at):
        end += 1
    rest = "" if end == len(lines) else "\n"
    entries = "\n".join(lines[number:end]) + rest
    if lines[number][at] in "{!" or _ELUSIVE.search(entries):  # a whole mapping, not entries of one
        return -1
    reading = Reading(Text(entries))
    found = list(reading.documents())
    if len(found) != 1 or found[0].problems or found[0].start != at:
        return -1
    if not reading.plain or depth + reading.deepest >= limits.DEPTH:
        return -1
    data = found[0].data
    if isinstance(block, list) and isinstance(data, list):
        block += data
    elif isinstance(block, dict) and isinstance(data, dict) and block.keys().isdisjoint(data):
        block |= data
    else:
        return -1
    return end


def _deeper(line: str, at: int) -> bool:
    words = line.lstrip(" ")
    return not words or len(line) - len(words) > at
