"""YAML text becomes the values of its documents.

Comes in: a text. Goes out: a `Parsed` for each document, those that could not be read included. Documents
are independent of each other, so that one which is wrong hides no problem of the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from analyzer.load import limits
from analyzer.load.block import Memory, read
from analyzer.load.text import Parsed, Problem, Text

# How a document starts that is a list, possibly behind its marker and comments. No list is a Kubernetes
# object, whatever it holds, so that nothing of it is read.
_LIST = re.compile(r"(?:---[ \t]*+\n)?(?:[ \t]*+(?:#[^\n]*+)?\n)*+(-)(?:[ \t\n]|\Z)")


def read_yaml(text: Text, memory: Memory) -> Iterator[Parsed]:
    """Yield what stands in each document of a text."""
    content = text.content
    if content.startswith("%") or "\n%" in content:
        yield from _with_directives(text)
        return
    for start, end in _documents(content):
        yield from _document(text, start, end, memory)


def _documents(content: str) -> Iterator[tuple[int, int]]:
    """Yield where documents start and end: at lines with `---` and then white space or nothing.

    YAML 1.1, 4.2.1: such a line is a marker wherever it stands, in a quoted text too.
    """
    start = 0
    at = content.find("\n---")
    while at >= 0:
        if content[at + 4 : at + 5] in {"", " ", "\t", "\n"}:
            yield start, at + 1
            start = at + 1
        at = content.find("\n---", at + 4)
    yield start, len(content)


def _document(text: Text, start: int, end: int, memory: Memory) -> Iterator[Parsed]:
    if (found := _LIST.match(text.content, start, end)) and text.content.find("\n...", start, end) < 0:
        dash = found.start(1)
        yield Parsed(data=[], start=dash, end=dash + 1)
        return
    lines = text.content[start:end].split("\n")
    marker = lines[0]
    if marker.startswith("---") and not marker[3:].strip(" "):
        lines[0] = ""
    block = read(lines, memory)
    if block is None:
        from analyzer.load.events import Reading

        yield from Reading(text, start, end).documents()
        return
    if block.data is not None:
        lines[0] = marker
        items = tuple(_offsets(lines, block.items, start))
        yield Parsed(data=block.data, start=start, end=end, items=items)


def _offsets(lines: list[str], numbers: list[int], start: int) -> Iterator[int]:
    """Yield the offsets that follow the dashes on some lines."""
    before = 0
    for number in numbers:
        start += sum(map(len, lines[before:number])) + number - before
        before = number
        yield start + lines[number].index("-") + 1


def _with_directives(text: Text) -> Iterator[Parsed]:
    """Read a text with `%YAML` or `%TAG` lines as a whole: they end with a document, which must be known."""
    from analyzer.load.events import Reading

    if text.content.count("\n%TAG") > limits.TAG_DIRECTIVES:
        message = f"more than {limits.TAG_DIRECTIVES} %TAG directives"
        problem = Problem(code="yaml-syntax", message=message, offset=0, help="remove them", fatal=True)
        yield Parsed(data=None, start=0, end=0, problems=(problem,))
        return
    yield from Reading(text).documents()
