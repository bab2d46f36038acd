"""Where a report goes: standard output, or a file that is there as a whole or not at all.

Comes in: pieces of text. Goes out: nothing but the file; what goes wrong is an AnalyzerError.
"""

# Paths stay the texts that the user gave, and pathlib takes a while to import.
# ruff: noqa: PTH105, PTH108, PTH116, PTH118, PTH123

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity
from analyzer.load.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_ANYBODY = 0o666  # less what the umask takes away


def write(pieces: Iterable[str], path: str | None, stdout: TextIO) -> None:
    """Write to the file at `path`, or to `stdout` for None and for `-`.

    Raises AnalyzerError when it cannot be written; BrokenPipeError when nobody reads standard output.
    """
    try:
        if path is None or path == "-":
            _copy(pieces, stdout)
        elif _is_special(path):
            with open(path, "w", encoding="utf-8") as stream:
                _copy(pieces, stream)
        else:
            _replace(pieces, os.path.realpath(path))
    except BrokenPipeError:
        raise
    except OSError as error:
        where = "standard output" if path is None else shown(path)
        message = f"cannot write {where}: {error.strerror or error}"
        raise AnalyzerError(Diagnostic(severity=Severity.ERROR, code="unwritable", message=message)) from None


def _copy(pieces: Iterable[str], stream: TextIO) -> None:
    stream.writelines(pieces)
    stream.flush()


def _is_special(path: str) -> bool:
    """Tell whether a path is a device or a pipe, which cannot be replaced by a file."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return False


def _replace(pieces: Iterable[str], path: str) -> None:
    """Write a new file beside the old one and put it in its place when it is complete."""
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name[:100]}.{os.getpid()}.part")
    try:
        with open(os.open(temporary, _NEW, _ANYBODY), "w", encoding="utf-8") as stream:
            _copy(pieces, stream)
        os.replace(temporary, path)
    except BaseException:
        if os.path.lexists(temporary):
            os.unlink(temporary)
        raise
