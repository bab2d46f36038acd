"""Where each field of a YAML object stands, from the events of the one object.

Comes in: the part of a text that an object was read from. Goes out: a tree of offsets. Imported only when
somebody wants to see a position.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from yaml import YAMLError
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from analyzer.diagnostics import FieldPath, Step
from analyzer.load import limits
from analyzer.load.events import EventSource, events


@dataclass(slots=True)
class Place:
    """Where an entry of a list or the key of a field starts, and the places inside it."""

    offset: int
    members: dict[Step, Place] = field(default_factory=dict)

    def find(self, path: FieldPath) -> int:
        """Return the offset of a field below this one, or of its nearest ancestor."""
        place = self
        for step in path:
            if step not in place.members:
                break
            place = place.members[step]
        return place.offset


def places(content: str, start: int, end: int) -> Place:
    """Return the places of the object that was read from `start` on; of a very large one only its own."""
    column = start - content.rfind("\n", 0, start) - 1
    # What stands before the object in its line may hold dashes: blanks instead keep its columns.
    source = events(" " * column + content[start:end])
    try:
        return _Pass(source, start - column).root(alone=end - start > limits.PLACED_CHARACTERS)
    except YAMLError:  # an entry such as `[kind: Pod]`, which is an object inside brackets only
        return Place(start)


class _Pass:
    """One pass over events; `shift` is added to all offsets."""

    def __init__(self, source: EventSource, shift: int) -> None:
        self._next = source.get_event
        self._shift = shift
        self._anchors: dict[str, Place] = {}

    def root(self, *, alone: bool) -> Place:
        """Return the place of the first node, without those inside it when it is to stand alone."""
        while not isinstance(event := self._next(), NodeEvent):
            assert event is not None, "an object that was read has a node"
        return self._start(event) if alone else self._place(event)

    def _start(self, event: Any) -> Place:
        return Place(event.start_mark.index + self._shift)

    def _place(self, event: Any) -> Place:
        place = self._start(event)
        if isinstance(event, AliasEvent):
            marked = self._anchors.get(str(event.anchor))
            return Place(place.offset, marked.members) if marked else place
        if event.anchor is not None:
            self._anchors[event.anchor] = place
        if isinstance(event, SequenceStartEvent):
            self._entries(place)
        elif isinstance(event, MappingStartEvent):
            self._fields(place)
        return place

    def _entries(self, place: Place) -> None:
        while not isinstance(event := self._next(), SequenceEndEvent):
            place.members[len(place.members)] = self._place(event)

    def _fields(self, place: Place) -> None:
        merged: list[Place] = []
        while not isinstance(event := self._next(), MappingEndEvent):
            key = self._place(event)
            value = self._place(self._next())
            if not isinstance(event, ScalarEvent):
                continue
            if event.value == "<<" and event.implicit[0]:
                merged += [m for step, m in value.members.items() if isinstance(step, int)] or [value]
            place.members.setdefault(event.value, Place(key.offset, value.members))
        for source in merged:
            for step, member in source.members.items():
                place.members.setdefault(step, member)
