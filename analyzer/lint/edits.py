"""Edits of manifests by whole lines, so that comments and layout stay: an object or an item of a list goes.

Comes in: documents with the texts they come from, and the places to remove. Goes out: for each file the
numbers of the lines to leave out; what cannot be removed without touching something else is refused, with the
reason.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from analyzer.load.positions import Origin, Syntax

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analyzer.diagnostics import FieldPath, Span
    from analyzer.load import Document
    from analyzer.load.text import Text

_ITEM = re.compile(r"( *)- +$")


@dataclass(eq=False)  # no slots: the lines are made when first asked for, and kept
class FileEdit:
    """What becomes of one file: lines to leave out (from 0), and what its documents must then hold."""

    file: str
    text: Text
    lines: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)  # the `id` of documents
    items: dict[int, list[FieldPath]] = field(default_factory=dict)  # by the `id` of their document

    @cached_property
    def content(self) -> list[str]:
        """The lines of the file."""
        return self.text.content.split("\n")

    def left(self, whole: str) -> str:
        """Return the lines that stay of a text with the same lines, whatever ends them."""
        kept = (
            line for number, line in enumerate(whole.splitlines(keepends=True)) if number not in self.lines
        )
        return "".join(kept)

    def expected(self, documents: Iterable[Document]) -> list[object]:
        """Return what the documents of the file must hold after the edit."""
        found: list[object] = []
        for document in documents:
            if id(document) not in self.removed:
                paths = self.items.get(id(document), ())
                data: object = deepcopy(document.data) if paths else document.data
                for path in sorted(paths, reverse=True):
                    _delete(data, path)
                found.append(data)
        return found


def _delete(data: object, path: FieldPath) -> None:
    for step in path[:-1]:
        data = data[step]  # type: ignore[index]  # the path was found in it
    del data[path[-1]]  # type: ignore[attr-defined]  # the same


class Edits:
    """Edits of the files that some documents come from."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.of_file: dict[str, list[Document]] = {}
        for document in documents:
            self.of_file.setdefault(document.source, []).append(document)
        self.files: dict[str, FileEdit] = {}

    def remove(self, span: Span) -> str:
        """Plan to remove what stands at a span; return why that cannot be done by lines alone, else ""."""
        document = next((each for each in self.of_file.get(span.file, ()) if each is span.locator), None)
        origin = document.origin if document else None
        if document is None or not isinstance(origin, Origin) or origin.syntax is not Syntax.YAML:
            return "it does not stand in a YAML file"
        edit = self.files.get(span.file) or FileEdit(span.file, origin.text)
        plan = self._item if span.path else self._object
        if reason := plan(edit, document, origin, span.path):
            return reason
        self.files[span.file] = edit
        return ""

    def _object(self, edit: FileEdit, document: Document, origin: Origin, _: FieldPath) -> str:
        text = edit.text
        if origin.prefix or (origin.start and not text.content.startswith("---", origin.start)):
            return "it is an entry of a list of objects"
        if len(self.of_file[edit.file]) - len(edit.removed) < 2:
            return "it is all that its file holds: delete the file"
        first = text.position(origin.start)[0] - 1
        last = len(edit.content) if origin.end == len(text.content) else text.position(origin.end)[0] - 1
        edit.lines.update(range(first, last))
        edit.removed.add(id(document))
        return ""

    def _item(self, edit: FileEdit, document: Document, origin: Origin, path: FieldPath) -> str:
        siblings = _siblings(document.data, path)
        gone = [each for each in edit.items.get(id(document), ()) if each[:-1] == path[:-1]]
        if len(siblings) - len(gone) < 2:
            return "nothing would be left of its list, which means something else"
        line, column = origin.locate(path)
        head = _ITEM.match(edit.content[line - 1][: column - 1])
        if not head:
            return "it does not start with a dash of its own"
        edit.lines.update(range(line - 1, _end(edit.content, line, len(head[1]))))
        edit.items.setdefault(id(document), []).append(path)
        return ""


def _siblings(data: object, path: FieldPath) -> Sequence[object]:
    for step in path[:-1]:
        data = data[step]  # type: ignore[index]  # the path was found in it
    assert isinstance(data, list), "an item stands in a list"
    return data


def _end(lines: Sequence[str], start: int, dash: int) -> int:
    """Return the line behind an item whose dash is in column `dash`; comments that follow it stay."""
    end = start
    for number in range(start, len(lines)):
        text = lines[number].lstrip(" ")
        if not text or text.startswith("#"):
            continue
        if len(lines[number]) - len(text) <= dash:
            break
        end = number + 1
    return end
