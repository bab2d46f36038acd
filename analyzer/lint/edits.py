"""Edits of manifests by whole lines, so that comments and layout stay: an object or an item of a list goes.

Comes in: documents with the texts they come from, and the places to remove. Goes out: for each file the
numbers of the lines to leave out; what cannot be removed without touching something else is refused, with the
reason.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analyzer.load.positions import Origin, Syntax

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analyzer.diagnostics import FieldPath, Span
    from analyzer.load import Document

_ITEM = re.compile(r"( *)- +$")


class Refused(Exception):  # noqa: N818 - no error of the program: the edit is not safe
    """An edit cannot be made; the text says why."""


@dataclass(slots=True, eq=False)
class FileEdit:
    """What becomes of one file: lines to leave out (from 0), and what its documents must then hold."""

    file: str
    content: str
    lines: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)  # the `id` of documents
    items: dict[int, list[FieldPath]] = field(default_factory=dict)  # by the `id` of their document

    def text(self, whole: str) -> str:
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
                data: object = deepcopy(document.data)
                for path in sorted(self.items.get(id(document), ()), reverse=True):
                    _delete(data, path)
                found.append(data)
        return found


def _delete(data: object, path: FieldPath) -> None:
    for step in path[:-1]:
        data = data[step]  # type: ignore[index]
    del data[path[-1]]  # type: ignore[attr-defined]


class Edits:
    """Edits of the files that some documents come from."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.of_file: dict[str, list[Document]] = {}
        for document in documents:
            self.of_file.setdefault(document.source, []).append(document)
        self.files: dict[str, FileEdit] = {}

    def remove(self, span: Span) -> None:
        """Plan to remove what stands at a span. Raises Refused when that cannot be done by lines alone."""
        document = next((each for each in self.of_file.get(span.file, ()) if each is span.locator), None)
        origin = document.origin if document else None
        if document is None or not isinstance(origin, Origin) or origin.syntax is not Syntax.YAML:
            raise Refused("it does not stand in a YAML file")
        edit = self.files.get(span.file) or FileEdit(span.file, origin.text.content)
        if span.path:
            self._item(edit, document, origin, span.path)
        else:
            self._object(edit, document, origin)
        self.files[span.file] = edit

    def _object(self, edit: FileEdit, document: Document, origin: Origin) -> None:
        content = edit.content
        if origin.prefix or (origin.start and not content.startswith("---", origin.start)):
            raise Refused("it is an entry of a list of objects")
        if len(self.of_file[edit.file]) - len(edit.removed) < 2:
            raise Refused("it is all that its file holds: delete the file")
        first = content.count("\n", 0, origin.start)
        last = content.count("\n", 0, origin.end) + (origin.end == len(content))
        edit.lines.update(range(first, last))
        edit.removed.add(id(document))

    def _item(self, edit: FileEdit, document: Document, origin: Origin, path: FieldPath) -> None:
        siblings = _siblings(document.data, path)
        gone = [each for each in edit.items.get(id(document), ()) if each[:-1] == path[:-1]]
        if len(siblings) - len(gone) < 2:
            raise Refused("nothing would be left of its list, which means something else")
        lines = edit.content.split("\n")
        line, column = origin.locate(path)
        head = _ITEM.match(lines[line - 1][: column - 1])
        if not head:
            raise Refused("it does not start with a dash of its own")
        edit.lines.update(range(line - 1, _end(lines, line, len(head[1]))))
        edit.items.setdefault(id(document), []).append(path)


def _siblings(data: object, path: FieldPath) -> Sequence[object]:
    for step in path[:-1]:
        data = data[step]  # type: ignore[index]
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
