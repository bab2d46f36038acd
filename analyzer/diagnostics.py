"""What is told to the user about the input: where (Span), what and how to mend it (Diagnostic).

Comes in: a place in a document and a sentence. Goes out: one type that every renderer (terminal, SARIF,
GitHub annotations) can show, and one exception that carries all of them at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from analyzer.record import record

Step = str | int
FieldPath = tuple[Step, ...]


class Locator(Protocol):
    """Finds positions in one document; asked only when somebody wants to see one."""

    def locate(self, path: FieldPath) -> tuple[int, int]:
        """Return line and column (both from 1) of the field at `path`, or of its nearest ancestor."""
        ...


class Severity(Enum):
    """How much a diagnostic weighs: an error stops the analysis, a warning may change verdicts."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@record()
class Fixed:
    """A Locator for places that are known beforehand: a syntax error, an object made in a test."""

    line: int = 1
    column: int = 1

    def locate(self, path: FieldPath) -> tuple[int, int]:
        """Return the one position, whatever the field."""
        return self.line, self.column


@record()
class Span:
    """A field of a document: file, field path and, computed when asked for, line and column.

    `path` is relative to the object, as the API server prints it: ("spec", "ingress", 0, "from").
    Two spans are equal when file and field path are; positions are not compared.
    """

    file: str
    path: FieldPath = ()
    locator: Locator = field(default=Fixed(), compare=False, repr=False)

    @property
    def line(self) -> int:
        """The line, from 1."""
        return self.locator.locate(self.path)[0]

    @property
    def column(self) -> int:
        """The column, from 1."""
        return self.locator.locate(self.path)[1]

    @property
    def field(self) -> str:
        """The field path as the API server writes it: `spec.ingress[0].from[1].podSelector`."""
        return render_path(self.path)

    def child(self, *steps: Step) -> Span:
        """Return the span of a field inside this one."""
        return Span(self.file, self.path + steps, self.locator)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def render_path(path: FieldPath) -> str:
    """Write a field path as the API server does; keys that are no plain names are put in brackets.

    >>> render_path(("metadata", "labels", "app.kubernetes.io/name"))
    'metadata.labels[app.kubernetes.io/name]'
    """
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("-", "").replace("_", "").isalnum():
            text += f".{step}" if text else step
        else:
            text += f"[{step}]"
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One sentence about one place: lower case, no final period, the user's words in backticks.

    `code` is a stable kebab-case name of the kind of problem; `help` says what would be right.
    """

    severity: Severity
    code: str
    message: str
    span: Span | None = None
    help: str = ""

    def render(self) -> str:
        """Return `file:line:column: severity: field: message`, and the help on a second line."""
        where = f"{self.span.file}:{self.span.line}:{self.span.column}: " if self.span else ""
        what = f"{self.span.field}: " if self.span and self.span.path else ""
        text = f"{where}{self.severity.value}: {what}{self.message}"
        return f"{text}\n    help: {self.help}" if self.help else text


class AnalyzerError(Exception):
    """The input cannot be analyzed: all that is wrong with it, at once."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        self.diagnostics = diagnostics
        super().__init__("\n".join(d.render() for d in diagnostics))
