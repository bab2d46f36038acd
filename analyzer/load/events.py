"""The events of libyaml become values: every YAML that kubectl reads, and every problem it can have.

Comes in: the text of one or more documents. Goes out: a `Parsed` for each. This is the complete reader; the
plain block style in which most manifests are written has a faster one in `block.py`, which hands over to
this one whatever it does not know. Imported only when needed: `import yaml` costs more than a small analysis.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from yaml.reader import ReaderError

from analyzer.diagnostics import FieldPath, Step
from analyzer.load import limits
from analyzer.load.scalars import BadScalarError, resolve, resolve_tagged
from analyzer.load.syntax import TEMPLATE, TOO_DEEP, control_character, syntax_problem
from analyzer.load.text import Parsed, Problem, Refused, Text, shown, step, too_long, too_many

# The way from a collection up to the root of its document, the innermost step first.
Trail = tuple["Trail", Step] | None
# Where an object has one of these again, most likely another one starts.
_STARTS = frozenset({"apiVersion", "kind"})

_TOO_LARGE = f"more than {limits.EVENT_NODES:,} values in one document"
_SMALLER = "write it as JSON, or as several documents"
_HALF = re.compile("[\ud800-\udfff]")
_COLLECTIONS = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "!", None}


class EventSource(Protocol):
    """What both of PyYAML's parsers offer."""

    def get_event(self) -> Any:
        """Return the next event, None after the last."""
        ...


def events(content: str) -> EventSource:
    """Return the parser of a text: libyaml's, or PyYAML's own where it was built without libyaml."""
    return yaml.CSafeLoader(content) if yaml.__with_libyaml__ else yaml.SafeLoader(content)


def path_of(trail: Trail) -> FieldPath:
    """Return a trail as a field path."""
    steps: list[Step] = []
    while trail is not None:
        trail, last = trail
        steps.append(last)
    return tuple(reversed(steps))


class Reading:
    """One pass over the documents between two offsets of a text.

    `plain` turns False when an anchor, an alias or a merge key is met: then what stands in one place may
    depend on what stands in another. `deepest` is how many collections lie around the innermost one.
    """

    def __init__(self, text: Text, start: int = 0, end: int | None = None) -> None:
        self.plain = True
        self._text = text
        self._base = start
        self._end = len(text.content) if end is None else end
        self._problems: list[Problem] = []

    def documents(self) -> Iterator[Parsed]:
        """Yield a value for each document; where the text cannot be read on, one with a fatal problem."""
        try:
            self._next = events(self._text.content[self._base : self._end]).get_event
            while type(event := self._next()) is not StreamEndEvent:
                if type(event) is DocumentStartEvent:
                    yield self._document()
        except Refused as refused:
            yield self._unreadable(refused.problem)
        except ReaderError:
            yield self._unreadable(control_character(self._text, self._base, self._end))
        except yaml.MarkedYAMLError as error:
            yield self._unreadable(syntax_problem(self._text, error, self._base))

    def _unreadable(self, problem: Problem) -> Parsed:
        return Parsed(
            data=None, start=problem.offset, end=problem.offset, problems=(*self._problems, problem)
        )

    def _document(self) -> Parsed:
        self._problems = []
        # value, nodes and levels below each anchor; None while what it marks is still being read
        self._anchors: dict[str, tuple[object, int, int] | None] = {}
        self._items: list[int] = []
        self._nodes = self._aliased = self.deepest = 0
        root = self._next()
        data = self._node(root, 0, None)
        end = self._next().end_mark.index + self._base
        start = self._offset(root)
        found, self._problems = tuple(self._problems), []
        return Parsed(data=data, start=start, end=end, items=tuple(self._items), problems=found)

    def _node(self, event: Any, depth: int, trail: Trail) -> object:
        kind = type(event)
        if kind is AliasEvent:
            return self._alias(event, depth, trail)
        if event.anchor is None:
            return self._value(event, kind, depth, trail)
        self.plain = False
        nodes, deepest = self._nodes, self.deepest
        self.deepest = depth - 1
        self._anchors[event.anchor] = None
        value = self._value(event, kind, depth, trail)
        self._anchors[event.anchor] = value, self._nodes - nodes, self.deepest - depth
        self.deepest = max(self.deepest, deepest)
        return value

    def _value(self, event: Any, kind: type, depth: int, trail: Trail) -> object:
        self._nodes += 1
        if self._nodes > limits.EVENT_NODES:
            raise self._refused(event, None, "too-large", _TOO_LARGE, _SMALLER)
        if kind is ScalarEvent:
            return self._scalar(event, trail)
        self._descend(event, depth, trail)
        if event.tag not in _COLLECTIONS:
            self._complain(
                event,
                trail,
                "unknown-tag",
                f"the tag {shown(event.tag)} is not supported",
                "leave the tag out",
            )
        if kind is MappingStartEvent:
            return self._mapping(depth, trail)
        return self._sequence(depth, trail)

    def _descend(self, event: Any, depth: int, trail: Trail) -> None:
        """Note how deep a collection, or what an alias stands for, reaches; refuse what is too deep."""
        if depth >= limits.DEPTH:
            raise self._refused(event, None, "too-deep", TOO_DEEP)
        self.deepest = max(self.deepest, depth)

    def _scalar(self, event: Any, trail: Trail) -> object:
        text: str = event.value
        if len(text) > limits.SCALAR_CHARACTERS:
            self._complain(event, trail, "value-too-long", too_long(len(text)))
            return None
        if not text.isascii() and _HALF.search(text):  # libyaml refuses these itself
            self._complain(event, trail, "control-character", "half of a surrogate pair stands for nothing")
            return None
        try:
            if event.tag is not None and event.tag != "!":
                return resolve_tagged(event.tag, text)
            return resolve(text) if event.implicit[0] else text
        except BadScalarError as error:
            self._complain(event, trail, error.code, str(error), error.remedy)
            return text

    def _sequence(self, depth: int, trail: Trail) -> list[object]:
        made: list[object] = []
        starts = self._items if trail == (None, "items") else []
        while type(event := self._next()) is not SequenceEndEvent:
            starts.append(self._offset(event))
            made.append(self._node(event, depth + 1, (trail, len(made))))
        return made

    def _mapping(self, depth: int, trail: Trail) -> dict[str, object]:
        made: dict[str, object] = {}
        seen: dict[str, int] = {}
        merged: list[dict[str, object]] = []
        while type(event := self._next()) is not MappingEndEvent:
            key = self._key(event, depth, trail)
            if key is None:
                self._node(self._next(), depth + 1, trail)
            elif key == "<<" and type(event) is ScalarEvent and event.implicit[0]:
                merged += self._merge(depth, trail)
            else:
                value = self._node(self._next(), depth + 1, (trail, step(key)))
                if key in made:
                    self._duplicate(key, seen[key], event, trail)
                else:
                    made[key] = value
                    seen[key] = event.start_mark.index
        for mapping in merged:
            for key, value in mapping.items():
                made.setdefault(key, value)
        return made

    def _key(self, event: Any, depth: int, trail: Trail) -> str | None:
        """Return the text of a key; whole numbers stand for their digits, as they do to the API server."""
        if type(event) is MappingStartEvent or type(event) is SequenceStartEvent:
            self._node(event, depth + 1, trail)
            template = self._text.content.startswith("{{", self._offset(event) - 1)
            remedy = TEMPLATE if template else "write a text"
            self._complain(event, trail, "key-not-text", "a list or an object as a key", remedy)
            return None
        told = len(self._problems)
        value = self._node(event, depth, trail)
        if type(value) is str:
            return value
        if len(self._problems) > told:
            return None
        if type(value) is int and type(event) is ScalarEvent and str(value) == event.value:
            return str(value)
        words = shown(event.value) if type(event) is ScalarEvent else "an alias"
        self._complain(
            event, trail, "key-not-text", f"the key {words} is no text to YAML", "put it in quotes"
        )
        return None

    def _merge(self, depth: int, trail: Trail) -> list[dict[str, object]]:
        """Read what follows `<<`: a mapping or a list of mappings, of which the first has precedence."""
        self.plain = False
        event = self._next()
        value = self._node(event, depth + 1, (trail, "<<"))
        entries = value if isinstance(value, list) else [value]
        mappings = [entry for entry in entries if isinstance(entry, dict)]
        if len(mappings) == len(entries):
            return mappings
        self._complain(event, (trail, "<<"), "bad-merge", "`<<` takes an object or a list of objects")
        return []

    def _alias(self, event: Any, depth: int, trail: Trail) -> object:
        self.plain = False
        name = f"`*{shown(event.anchor)[1:]}"
        if event.anchor not in self._anchors:
            self._complain(event, trail, "unknown-alias", f"{name}: nothing above is marked so")
            return None
        target = self._anchors[event.anchor]
        if target is None:
            raise self._refused(event, trail, "recursive-alias", f"{name} stands inside what it marks")
        value, nodes, levels = target
        self._nodes += nodes
        self._aliased += nodes
        if self._aliased > limits.ALIASED_NODES:
            message = f"the aliases stand for more than {limits.ALIASED_NODES} values"
            raise self._refused(event, trail, "alias-bomb", message)
        self._descend(event, depth + levels, trail)
        return value

    def _duplicate(self, key: str, first: int, second: Any, trail: Trail) -> None:
        line, _ = self._text.position(first + self._base)
        message = f"the key {shown(key)} stands here and on line {line}"
        another = trail is None and key in _STARTS
        remedy = "a line `---` separates two objects" if another else "keep one of them"
        self._complain(second, (trail, step(key)), "duplicate-key", message, remedy)

    def _offset(self, event: Any) -> int:
        offset: int = event.start_mark.index
        return offset + self._base

    def _complain(self, event: Any, trail: Trail, code: str, message: str, remedy: str = "") -> None:
        """Note a problem that does not hinder reading on."""
        if len(self._problems) == limits.PROBLEMS:
            raise Refused(too_many(self._offset(event)))
        self._problems.append(self._problem(event, trail, code, message, remedy))

    def _refused(self, event: Any, trail: Trail, code: str, message: str, remedy: str = "") -> Refused:
        return Refused(replace(self._problem(event, trail, code, message, remedy), fatal=True))

    def _problem(self, event: Any, trail: Trail, code: str, message: str, remedy: str = "") -> Problem:
        return Problem(
            code=code,
            message=message,
            offset=self._offset(event),
            path=path_of(trail),
            help=remedy,
        )
