"""Comments in a manifest that turn a finding off: `# kubereach: ignore[KR101] the reason`.

Comes in: the documents that were read, with the texts they come from. Goes out: whether a comment on the line
of a finding, or on the line above, means it; and the comments that turn nothing off.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analyzer.diagnostics import AnalyzerError, Fixed, Span
from analyzer.lint.catalogue import CODES, meant, unknown
from analyzer.lint.finding import Finding
from analyzer.lint.rules.unused_ignore import finding
from analyzer.load.positions import Origin, Syntax

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from analyzer.load import Document

MARK = "kubereach: ignore"
# A comment starts a line or follows white space (YAML 1.1, 4.1.1).
_COMMENT = re.compile(
    r"(?:^|(?<=[ \t]))#[ \t]*kubereach:[ \t]*ignore\[([^\]\n]*)\][ \t]*([^\n]*)$", re.MULTILINE
)


@dataclass(slots=True, eq=False)
class _Comment:
    """One comment: its place, and the codes it turns off; `unknown` are words that mean no rule."""

    span: Span
    codes: frozenset[str]
    unknown: tuple[str, ...]
    reason: str
    used: set[str] = field(default_factory=set)


class Suppressions:
    """All comments of some documents."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._at: dict[tuple[str, int], _Comment] = {}
        self._comments: list[_Comment] = []
        for source, origin in _texts(documents):
            for comment in _comments(source, origin):
                self._comments.append(comment)
                self._at[source, comment.span.line] = comment

    def cover(self, finding: Finding) -> bool:
        """Tell whether a comment turns a finding off."""
        if not self._at:
            return False
        span = finding.span
        for line in (span.line, span.line - 1):
            comment = self._at.get((span.file, line))
            if comment and finding.code in comment.codes:
                comment.used.add(finding.code)
                return True
        return False

    def unused(self, looked: Iterable[str]) -> Iterator[Finding]:
        """Yield findings about comments that turn nothing off, of the rules that looked."""
        checked = set(looked)
        for comment in self._comments:
            for word in comment.unknown:
                told = unknown(word)
                yield finding(comment.span, told.message, told.help)
            idle = (comment.codes & checked) - comment.used
            if idle and not comment.used:
                codes = ", ".join(sorted(idle)) if len(idle) < len(CODES) else "anything"
                yield finding(comment.span, f"nothing here is reported as {codes}", "remove the comment")


def _texts(documents: Iterable[Document]) -> Iterator[tuple[str, Origin]]:
    """Yield each YAML text once; JSON has no comments."""
    seen = set()
    for document in documents:
        origin = document.origin
        if isinstance(origin, Origin) and origin.syntax is Syntax.YAML and id(origin.text) not in seen:
            seen.add(id(origin.text))
            if MARK.partition(":")[0] in origin.text.content:
                yield document.source, origin


def _comments(source: str, origin: Origin) -> Iterator[_Comment]:
    for match in _COMMENT.finditer(origin.text.content):
        codes: set[str] = set()
        strange: list[str] = []
        for word in match[1].split(","):
            try:
                codes.update(meant(word))
            except AnalyzerError:
                strange.append(word.strip())
        yield _Comment(
            span=Span(source, (), Fixed(*origin.text.position(match.start()))),
            codes=frozenset(codes),
            unknown=tuple(strange),
            reason=match[2],
        )
