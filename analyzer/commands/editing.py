"""Changed files, shown as a diff or written: all of them or none.

Comes in: files before and after. Goes out: a unified diff; or the files, each replaced as a whole, and all
put back as they were when one of them cannot be.
"""

# Paths stay the texts that the user gave, and pathlib takes a while to import.
# ruff: noqa: PTH101, PTH105, PTH108, PTH116, PTH118, PTH123

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity
from analyzer.load.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from analyzer.lint.fixing import Change


_CONTEXT = 3


def contents(files: Iterable[str]) -> dict[str, bytes]:
    """Return the bytes of those names that are regular files which can be read."""
    found = {}
    for file in files:
        try:
            if stat.S_ISREG(os.stat(file).st_mode):
                with open(file, "rb") as stream:
                    found[file] = stream.read()
        except OSError:
            continue
    return found


def diff(changes: Sequence[Change]) -> Iterator[str]:
    """Yield a unified diff, as `patch -p1` and `git apply` take it."""
    for each in changes:
        name = each.file.lstrip("/")
        before, after = (data.decode().splitlines(keepends=True) for data in (each.before, each.after))
        yield f"--- a/{name}\n+++ b/{name}\n"
        for line in _hunks(before, _removed(before, after)):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _removed(before: Sequence[str], after: Sequence[str]) -> list[int]:
    """Return the numbers of the lines that are gone: nothing is added or moved."""
    kept = 0
    found = []
    for number, line in enumerate(before):
        if kept < len(after) and line == after[kept]:
            kept += 1
        else:
            found.append(number)
    assert kept == len(after), "a fix only removes lines"
    return found


def _hunks(lines: Sequence[str], removed: Sequence[int]) -> Iterator[str]:
    """Yield the removed lines with some around them; what is close together is one hunk."""
    gone = set(removed)
    shift = index = 0
    while index < len(removed):
        start = max(removed[index] - _CONTEXT, 0)
        first = index
        while index + 1 < len(removed) and removed[index + 1] - removed[index] <= 2 * _CONTEXT + 1:
            index += 1
        end = min(removed[index] + _CONTEXT + 1, len(lines))
        index += 1
        old, new = end - start, end - start - (index - first)
        yield f"@@ -{_range(start, old)} +{_range(start - shift, new)} @@\n"
        yield from (f"{'-' if number in gone else ' '}{lines[number]}" for number in range(start, end))
        shift += index - first


def _range(start: int, length: int) -> str:
    """Write a range of lines as diff does: from 1, the line before it when it is empty."""
    return str(start + 1) if length == 1 else f"{start + 1 if length else start},{length}"


def write_all(changes: Sequence[Change]) -> None:
    """Write all files, or leave all as they were. Raises AnalyzerError when one cannot be written."""
    written: list[Change] = []
    try:
        for each in changes:
            _replace(each.file, each.after)
            written.append(each)
    except OSError as error:
        for each in written:
            _replace(each.file, each.before)
        message = f"cannot write {shown(changes[len(written)].file)}: {error.strerror or error}"
        hint = "no file was changed"
        told = Diagnostic(severity=Severity.ERROR, code="unwritable", message=message, help=hint)
        raise AnalyzerError(told) from None


def _replace(file: str, data: bytes) -> None:
    """Put a new file, complete and with the same permissions, in the place of the old one."""
    path = os.path.realpath(file)
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name[:100]}.{os.getpid()}.part")
    mode = stat.S_IMODE(os.stat(path).st_mode)
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
            stream.write(data)
        os.chmod(temporary, mode)  # the umask may have taken something away
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
