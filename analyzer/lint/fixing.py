"""Fixes: which can be made, what the files then hold, and the proof that no verdict changes with any CNI.

Comes in: an analysis and the findings with a fix. Goes out: new contents of files, evaluated again; an error
instead when the evaluation differs. Nothing is written here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING

from analyzer.analysis import Analysis, evaluate
from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity
from analyzer.lint.edits import Edits, FileEdit
from analyzer.lint.elsewhere import Elsewhere
from analyzer.lint.equality import difference
from analyzer.lint.evidence import listed
from analyzer.load import Loaded, load
from analyzer.load.positions import Origin
from analyzer.load.text import decode, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from analyzer.diagnostics import Span
    from analyzer.lint.finding import Finding
    from analyzer.load import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file before and after, as bytes."""

    file: str
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """All changes, the findings that they mend, and those that stay, each with the reason.

    `analysis` is that of the changed files.
    """

    changes: tuple[Change, ...]
    mended: tuple[Finding, ...]
    refused: tuple[tuple[Finding, str], ...]
    analysis: Analysis


def fix(analysis: Analysis, findings: Iterable[Finding], contents: Mapping[str, bytes]) -> Fixed:
    """Make the fixes of some findings; `contents` are the bytes of the files that can be changed.

    Raises AnalyzerError when what comes out would not be what was meant: then nothing must be written.
    """
    edits, elsewhere = Edits(analysis.documents), Elsewhere(analysis)
    obstacle = {file: _obstacle(analysis, file, contents) for file in edits.of_file}
    mended, refused = [], []
    for finding in findings:
        if finding.fix:
            span = finding.fix.span
            reason = obstacle[span.file] or _elsewhere(elsewhere, span) or edits.remove(span)
            if reason:
                refused.append((finding, reason))
            else:
                elsewhere.remove(span)
                mended.append(finding)
    changes = tuple(_change(edit, contents[edit.file]) for edit in edits.files.values())
    return Fixed(
        changes=changes,
        mended=tuple(mended),
        refused=tuple(refused),
        analysis=_proved(analysis, edits, changes) if changes else analysis,
    )


def _elsewhere(elsewhere: Elsewhere, span: Span) -> str:
    """Return with which CNIs a removal would change a verdict, "" with none."""
    titles = elsewhere.changed(span)
    return f"it would change a verdict with {listed(titles)}" if titles else ""


def _obstacle(analysis: Analysis, file: str, contents: Mapping[str, bytes]) -> str:
    """Return why a file cannot be changed, "" when it can."""
    if file not in contents:
        return "it does not stand in a file that can be changed"
    origin = next(each.origin for each in analysis.documents if each.source == file)
    read = origin.text.content if isinstance(origin, Origin) else None
    if not _plain(contents[file]) or decode(contents[file]).content != read:
        return "its file is not plain UTF-8, or was changed meanwhile"
    return ""


def _plain(data: bytes) -> bool:
    """Tell whether bytes are UTF-8 whose lines all end as Unix's or Windows' do, so that counts agree."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return len(text.splitlines()) == len(text.replace("\r\n", "\n").removesuffix("\n").split("\n"))


def _change(edit: FileEdit, before: bytes) -> Change:
    return Change(file=edit.file, before=before, after=edit.left(before.decode()).encode())


def _proved(analysis: Analysis, edits: Edits, changes: tuple[Change, ...]) -> Analysis:
    """Read the changed files again, and compare what they hold and every verdict."""
    documents: list[Document] = []
    changed = {each.file: each.after for each in changes}
    for file, old in edits.of_file.items():
        if file not in changed:
            documents += old
            continue
        new = _read(file, changed[file])
        if [each.data for each in new] != edits.files[file].expected(old):
            raise _error(f"the edit of {shown(file)} would change more than it should")
        documents += new
    loaded = Loaded(documents=tuple(documents), files=analysis.files)
    found = evaluate(loaded, analysis.options)
    if told := difference(analysis.cluster, found.cluster):
        raise _error(f"the fixes would change a verdict: {told}")
    return found


def _read(file: str, data: bytes) -> list[Document]:
    """Read what a file would hold; nothing when it could not be read."""
    try:
        return [replace(each, source=file) for each in load(["-"], stdin=BytesIO(data)).documents]
    except AnalyzerError:
        return []


def _error(message: str) -> AnalyzerError:
    hint = "nothing was written; please report it"
    return AnalyzerError(Diagnostic(severity=Severity.ERROR, code="unsafe-fix", message=message, help=hint))
