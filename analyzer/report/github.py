"""Diagnostics as annotations of a pull request: workflow commands of GitHub Actions, one a line.

Comes in: diagnostics, or findings, which are some. Goes out: lines such as `::warning file=a.yaml::text`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.load.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from analyzer.diagnostics import Diagnostic


def commands(diagnostics: Iterable[Diagnostic]) -> Iterator[str]:
    """Yield an annotation for each diagnostic."""
    for each in diagnostics:
        properties = {"title": each.code}
        if span := each.span:
            properties = {"file": span.file, "line": str(span.line), "col": str(span.column), **properties}
        text = ",".join(f"{key}={_property(printable(value))}" for key, value in properties.items())
        message = f"{each.message}\n{each.help}" if each.help else each.message
        lines = "\n".join(printable(line) for line in message.split("\n"))
        yield f"::{each.severity.value} {text}::{_data(lines)}\n"


def _data(text: str) -> str:
    """Escape what would end a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape what would end a property of a command too."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
