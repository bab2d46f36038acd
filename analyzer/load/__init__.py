"""Files, folders and standard input become documents.

Comes in: paths. Goes out: one `Document` for each Kubernetes object, in the order of the files, and notices.
All that is wrong with any file is raised at once. Nothing here knows what an object means.

The parts: `files` finds and reads bytes, `render` asks helm and kustomize for theirs, `text` decodes them;
`json_text` (`json_whole` where there is much), `yaml_text` with `block` and `events` turn text into plain
values; `documents` tells objects from other values; `positions` finds the line of a field when it is shown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO, assert_never

from analyzer.collection import paused
from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity, Span
from analyzer.load import limits
from analyzer.load.block import Memory
from analyzer.load.documents import KINDS_READ, Document, contents
from analyzer.load.files import Form, Source, Unreadable, drain, find, read, shown_path
from analyzer.load.positions import Syntax
from analyzer.load.text import Parsed, Refused, Text, decodable, decode, without_logs
from analyzer.load.yaml_text import read_yaml

__all__ = ["KINDS_READ", "Document", "Loaded", "NothingToAnalyze", "PartlyReadError", "load"]

_START = 4096  # characters in which a text says which language it is
_FEW = 5  # names in one message


class NothingToAnalyze(AnalyzerError):  # noqa: N818 - no error of the program: there is no input
    """There is not one Kubernetes object in what was given."""


class PartlyReadError(AnalyzerError):
    """Some of the input cannot be read; `documents` is what can: it may be wrong as well."""

    def __init__(self, *diagnostics: Diagnostic, documents: tuple[Document, ...]) -> None:
        self.documents = documents
        super().__init__(*diagnostics)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What was read: objects, the names of all files read, and warnings and notices."""

    documents: tuple[Document, ...]
    files: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


def load(
    paths: Sequence[str],
    *,
    stdin: BinaryIO | None = None,
    called: Callable[[str], str] | None = None,
    everything: bool = False,
) -> Loaded:
    """Read files, folders and, for `-`, standard input; `called` tells what to call a file by its path.

    Of kinds that decide no verdict only what names them is kept, unless `everything` is said, to deploy them:
    then they must be right as well.

    Raise PartlyReadError with all that is wrong with all of them, NothingToAnalyze when there is no object.
    """
    found = find(paths)
    reading = _Reading(everything=everything, diagnostics=list(found.diagnostics))
    with paused():
        for source in _wanted(found.sources):
            reading.read(replace(source, name=called(source.name)) if called else source, stdin)
    return reading.loaded(paths)


def _wanted(sources: Sequence[Source]) -> list[Source]:
    """Leave out kustomizations that another one, which is rendered, builds on."""
    kustomizations = [source for source in sources if source.form is Form.KUSTOMIZATION]
    if len(kustomizations) < 2:
        return list(sources)
    from os.path import realpath

    from analyzer.load.render import bases

    paths = {source: realpath(source.path) for source in kustomizations}
    below = {path: set(bases(source)) - {path} for source, path in paths.items()}
    waiting = list(below.keys() - set().union(*below.values()))
    # What is built on and cannot be reached from above builds on itself: only the tool can say so.
    built: set[str] = set()
    while waiting:
        new = below.get(waiting.pop(), set()) - built
        built |= new
        waiting += new
    return [source for source in sources if source.named or paths.get(source) not in built]


@dataclass(slots=True)
class _Reading:
    """What has been read so far."""

    everything: bool = False
    documents: list[Document] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)

    def read(self, source: Source, stdin: BinaryIO | None) -> None:
        """Add what a source holds."""
        try:
            source, text = _text(source, stdin)
        except Unreadable as unreadable:
            self.diagnostics.append(unreadable.diagnostic)
            return
        self.files.append(source.name)
        syntax, values = _values(text, self.memory)
        strict = source.named or source.form is not Form.FILE
        held = contents(values, text, syntax, source.name, strict=strict, everything=self.everything)
        self.documents += held.documents
        self.diagnostics += held.diagnostics
        if held.strangers:
            self.strangers.append(source.name)

    def loaded(self, paths: Sequence[str]) -> Loaded:
        """Return all of it, or raise what is wrong with it."""
        if any(d.severity is Severity.ERROR for d in self.diagnostics):
            raise PartlyReadError(*self.diagnostics, documents=tuple(self.documents))
        if self.strangers:
            message = f"left out, as they hold no Kubernetes object: {_some(self.strangers)}"
            self.diagnostics.append(
                Diagnostic(severity=Severity.NOTICE, code="not-kubernetes", message=message)
            )
        if not self.documents:
            message = f"there is no Kubernetes object in {_some([shown_path(path) for path in paths])}"
            remedy = "name files, or folders with .yaml, .yml or .json files, or `-` for standard input"
            nothing = Diagnostic(severity=Severity.ERROR, code="nothing-found", message=message, help=remedy)
            raise NothingToAnalyze(nothing, *self.diagnostics)
        return Loaded(
            documents=tuple(self.documents), files=tuple(self.files), diagnostics=tuple(self.diagnostics)
        )


def _text(source: Source, stdin: BinaryIO | None) -> tuple[Source, Text]:
    """Return what a source holds as text, and the name under which to speak of it."""
    source, data = _bytes(source, stdin)
    try:
        return source, without_logs(decode(data))
    except Refused as refused:
        raise Unreadable(refused.problem.diagnostic(source.name, decodable(data))) from None


def _bytes(source: Source, stdin: BinaryIO | None) -> tuple[Source, bytes]:
    """Return the bytes of a source, and the name under which to speak of them."""
    match source.form:
        case Form.FILE:
            return source, read(source)
        case Form.STDIN:
            return source, drain(source, stdin or _standard_input(source))
        case Form.CHART | Form.KUSTOMIZATION:
            from analyzer.load.render import render

            return render(source)
        case never:
            assert_never(never)


def _standard_input(source: Source) -> BinaryIO:
    if sys.stdin is None:
        message = "standard input is closed"
        raise Unreadable(
            Diagnostic(severity=Severity.ERROR, code="unreadable", message=message, span=Span(source.name))
        )
    return sys.stdin.buffer


def _values(text: Text, memory: Memory) -> tuple[Syntax, Iterable[Parsed]]:
    """Return what a text holds, and in which language; all JSON but the oddest is YAML too."""
    if text.content[:_START].lstrip()[:1] not in {"{", "["}:
        return Syntax.YAML, read_yaml(text, memory)
    from analyzer.load.json_text import read_json
    from analyzer.load.json_whole import LARGE, read_whole

    if len(text.content) >= LARGE and (whole := read_whole(text)):
        return Syntax.JSON, [whole]
    try:
        return Syntax.JSON, list(read_json(text))
    except Refused as refused:
        problem = refused.problem
    if len(text.content) <= limits.FLOW_CHARACTERS:
        values = list(read_yaml(text, memory))
        # Where both give up, the one that came further understood more of what was meant.
        if all(not p.fatal or p.offset > problem.offset for value in values for p in value.problems):
            return Syntax.YAML, values
    return Syntax.JSON, [Parsed(data=None, start=0, end=0, problems=(problem,))]


def _some(names: Sequence[str]) -> str:
    """Return the first few names, and how many there are."""
    few = ", ".join(f"`{name}`" for name in names[:_FEW])
    return f"{few} and {len(names) - _FEW} more" if len(names) > _FEW else few
