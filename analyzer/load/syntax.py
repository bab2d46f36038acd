"""What is wrong with a text that is no YAML, in words that help to mend it.

Comes in: the error of PyYAML's parser. Goes out: a `Problem` at the right place.
"""

from __future__ import annotations

import re

from yaml import MarkedYAMLError

from analyzer.load import limits
from analyzer.load.text import Problem, Text

_UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARK = re.compile(r"\{\{|\{%")
TEMPLATE = "this looks like a template: render it and analyze what comes out"

TOO_DEEP = f"more than {limits.DEPTH} levels inside each other"
# libyaml itself gives up at 1,000 levels since 0.2.6, which it may see before their events come.
_TOO_DEEP = "exceeded maximum nesting depth"

# What the parser says, and what then usually is the mistake.
_REMEDIES = (
    ("mapping values are not allowed", "quote a value that contains `: `, or check the indentation"),
    ("cannot start any token", "quote a value that starts with `@`, `%` or a backtick"),
    ("did not find expected key", "fields of one object start in one column: check the indentation"),
    ("did not find expected '-' indicator", "entries of one list start in one column: check the indentation"),
    ("block sequence entries are not allowed", "start a list on the line below its key"),
    ("could not find expected ':'", "write `key: value`"),
    ("unexpected end of stream", "close the quote or bracket"),
    ("document start", "separate documents by a line `---`"),
)


def control_character(text: Text, start: int, end: int) -> Problem:
    """Return the problem of a text with a character that YAML does not allow even in quotes."""
    found = _UNPRINTABLE.search(text.content, start, end)
    assert found is not None, "the reader refuses only what this expression finds"
    return Problem(
        code="control-character",
        message=f"the character U+{ord(found[0]):04X} may not stand in YAML",
        offset=found.start(),
        help="remove it, or write it as an escape in double quotes",
        fatal=True,
    )


def syntax_problem(text: Text, error: MarkedYAMLError, base: int) -> Problem:
    """Return the problem that stopped the parser, which read the text from offset `base` on."""
    assert error.problem_mark is not None, "PyYAML's parsers mark every problem"
    offset = error.problem_mark.index + base
    line = _line(text.content, offset)
    if "\t" in line[: len(line) - len(line.lstrip())]:
        message, remedy = "a tab in the indentation", "indent with spaces: YAML allows no tabs there"
        return Problem(code="tab-indentation", message=message, offset=offset, help=remedy, fatal=True)
    message = error.problem or "this is no YAML"
    if _TOO_DEEP in message:
        return Problem(code="too-deep", message=TOO_DEEP, offset=offset, fatal=True)
    begin = offset
    if error.context and error.context_mark and error.context_mark.index + base != offset:
        begin = error.context_mark.index + base
        message += f", {error.context} that begins on line {text.position(begin)[0]}"
    template = _MARK.search(line) or _MARK.search(_line(text.content, begin))
    remedy = TEMPLATE if template else next((r for words, r in _REMEDIES if words in message), "")
    return Problem(code="yaml-syntax", message=message, offset=offset, help=remedy, fatal=True)


def _line(content: str, offset: int) -> str:
    begin, end = content.rfind("\n", 0, offset) + 1, content.find("\n", offset)
    return content[begin:] if end < 0 else content[begin:end]
