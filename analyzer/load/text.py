"""A file as text: bytes decoded, offsets turned into lines and columns, the user's words made fit to show.

Comes in: bytes, or a place in a text. Goes out: one `Text` without carriage returns, and
`Problem`, what is wrong at one offset of it, before it is known what the text will be used for.
"""

from __future__ import annotations

import codecs
from bisect import bisect_right
from dataclasses import dataclass, field
from math import inf

from analyzer.diagnostics import Diagnostic, FieldPath, Fixed, Severity, Span, Step

# Longer ones first: the mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (b"", "utf-8", "UTF-8"),
)

# What stands around the logs of one container, each followed by its name (kubectl, pkg/cmd/clusterinfo).
_LOGS, _LOGS_END = "\n==== START logs for container ", "==== END logs for container "

_NEAR = 1 << 12  # characters in which line breaks are counted anew each time
_SHOWN = 80  # characters of the user's words that a message repeats


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong at one offset of a text; `fatal` when no value could be read there at all."""

    code: str
    message: str
    offset: int
    path: FieldPath = ()
    help: str = ""
    fatal: bool = False

    def diagnostic(self, source: str, text: Text, severity: Severity = Severity.ERROR) -> Diagnostic:
        """Return it as a diagnostic of the file `source`, whose text it was found in."""
        span = Span(source, self.path, Fixed(*text.position(self.offset)))
        return Diagnostic(severity=severity, code=self.code, message=self.message, span=span, help=self.help)


class Refused(Exception):  # noqa: N818 - not an error of the program: what is read is refused
    """Reading stops here: carries the one problem that is the reason."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """One value of a text: plain dicts, lists, strings, numbers, booleans and None, without positions.

    `start` and `end` are offsets of the text between which the value can be read again. `items` are the
    offsets at which the entries of a list in the field `items` start, or nothing where none is there.
    """

    data: object
    start: int
    end: int
    items: tuple[int, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """The characters of one file; offsets count them from 0."""

    content: str
    # Offsets that were asked for, ascending, and the lines that they lie on: of the next one only what lies
    # between it and the nearest of these is looked at.
    _offsets: list[int] = field(default_factory=lambda: [0], init=False, repr=False)
    _lines: list[int] = field(default_factory=lambda: [1], init=False, repr=False)

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1, of the character at `offset`."""
        at = bisect_right(self._offsets, offset)
        before, behind = self._offsets[at - 1], self._offsets[at] if at < len(self._offsets) else inf
        if offset - before <= behind - offset:
            line = self._lines[at - 1] + self.content.count("\n", before, offset)
        else:
            line = self._lines[at] - self.content.count("\n", offset, self._offsets[at])
        if min(offset - before, behind - offset) > _NEAR:
            self._offsets.insert(at, offset)
            self._lines.insert(at, line)
        return line, offset - self.content.rfind("\n", 0, offset)


def decode(data: bytes) -> Text:
    """Read bytes as UTF-8, or as UTF-16 or UTF-32 where a byte order mark says so (YAML 1.1, section 5.2).

    Raise Refused where they are not. Line breaks with a carriage return become plain ones.
    """
    codec, name = next((codec, name) for mark, codec, name in _MARKS if data.startswith(mark))
    try:
        content = data.decode(codec)
    except UnicodeDecodeError as error:
        readable = data[: error.start].decode(codec, "replace")
        raise Refused(
            Problem(
                code="not-utf8",
                message=f"byte 0x{data[error.start]:02x} at offset {error.start} is not {name}",
                offset=len(readable),
                help="save the file as UTF-8",
                fatal=True,
            )
        ) from None
    if "\r" in content:
        content = content.replace("\r\n", "\n").replace("\r", "\n")
    return Text(content)


def decodable(data: bytes) -> Text:
    """Return as much of `data` as can be read, to say on which line the rest is not."""
    codec = next(codec for mark, codec, _ in _MARKS if data.startswith(mark))
    return Text(data.decode(codec, "replace"))


def without_logs(text: Text) -> Text:
    """Leave out the logs of containers that `kubectl cluster-info dump` writes between the objects.

    Their lines stay, empty, so that all others keep their numbers.
    """
    content, parts, at = text.content, [], 0
    while (start := content.find(_LOGS, at)) >= 0:
        named = content[start + len(_LOGS) : content.find("\n", start + 1)]
        end = content.find(f"{_LOGS_END}{named}", start)
        if end < 0:
            break
        parts += [content[at:start], "\n" * content.count("\n", start, end)]
        at = end + len(_LOGS_END) + len(named)
    return Text("".join((*parts, content[at:]))) if parts else text


def too_long(length: int) -> str:
    """Return what is said of a text that no object can hold."""
    return f"a value of {length} characters: the API server stores none above 1.5 MB"


def too_many(offset: int) -> Problem:
    """Return the problem that stands for all further ones."""
    message = "too many problems: the rest was not read"
    return Problem(code="too-many-problems", message=message, offset=offset, fatal=True)


def shown(words: str) -> str:
    """Return the user's words in backticks: printable, on one line and not too long."""
    cut = words if len(words) <= _SHOWN else words[:_SHOWN] + "…"
    return f"`{printable(cut)}`"


def printable(words: str) -> str:
    """Return words with all that a terminal would not print as it is written as an escape."""
    if words.isprintable():
        return words
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)


def step(key: str) -> Step:
    """Return a mapping's key as a step of a field path that can be shown."""
    return key if len(key) <= _SHOWN and key.isprintable() else shown(key).strip("`")
