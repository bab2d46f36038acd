"""Which files to read, and their bytes.

Comes in: the paths a user gave. Goes out: a `Source` for each file, chart and kustomization that they name or
that lies below them, each once and in the order of their names, and a diagnostic for each path that is none.
"""

# Paths stay the texts that the user gave, and pathlib takes a while to import.
# ruff: noqa: PTH112, PTH114, PTH116, PTH118, PTH208

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from io import RawIOBase
from select import select
from typing import BinaryIO

from analyzer.diagnostics import Diagnostic, Severity, Span
from analyzer.load import limits
from analyzer.load.text import printable

_SUFFIXES = (".yaml", ".yml", ".json")
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
STDIN = "-"
_PART = 1 << 20  # bytes read at once
_IRREGULAR = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# Where the kernel shows itself as files: some have no end, some wait for events, some lose what is read.
_MADE_UP = ("/proc", "/sys")
_KERNEL = "a file that the kernel makes up"


class Form(Enum):
    """How a source is read."""

    FILE = "file"
    STDIN = "stdin"
    CHART = "chart"
    KUSTOMIZATION = "kustomization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Something to read: a file, or a folder to render; `name` is what messages call it.

    `named` is whether the user gave this very path, not a folder around it.
    """

    path: str
    name: str
    form: Form = Form.FILE
    named: bool = False


class Unreadable(Exception):  # noqa: N818 - the user's files, not the program, are at fault
    """A file cannot be read: carries the diagnostic."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic
        super().__init__(diagnostic.message)


Identity = tuple[int, int]  # device and inode: the same for every path to a file


@dataclass(slots=True)
class Found:
    """What the paths lead to."""

    sources: list[Source] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def shown_path(path: str) -> str:
    """Return a path that can be printed, whatever bytes and control characters it has."""
    return printable(os.fsencode(path).decode("utf-8", "backslashreplace"))


def find(paths: Sequence[str]) -> Found:
    """Return what the paths lead to; a file that several lead to is there once."""
    search = _Search()
    for path in paths:
        search.start(path)
    return search.found


class _Search:
    def __init__(self) -> None:
        self.found = Found()
        self._seen: dict[Identity | str, int] = {}  # what was found, and its place among the sources
        self._folders: set[Identity] = set()

    def start(self, path: str) -> None:
        """Add what one path given by the user leads to."""
        if path == STDIN:
            self._add(STDIN, Source(path=STDIN, name="<stdin>", form=Form.STDIN, named=True))
            return
        try:
            status = os.stat(path)
        except (OSError, ValueError) as error:
            self.found.diagnostics.append(_no_file(path, error))
            return
        if stat.S_ISDIR(status.st_mode):
            self._walk(path)
        else:
            self._add(_identity(status), Source(path=path, name=shown_path(path), named=True))

    def _add(self, identity: Identity | str, source: Source) -> None:
        at = self._seen.setdefault(identity, len(self.found.sources))
        if at == len(self.found.sources):
            self.found.sources.append(source)
        elif source.named:
            self.found.sources[at] = source

    def _walk(self, top: str) -> None:
        """Add what lies in a folder and below it, in the order of names."""
        waiting = [top]
        while waiting:
            path = waiting.pop()
            try:
                status = os.stat(path)
                if stat.S_ISDIR(status.st_mode):
                    waiting += reversed(self._folder(path, _identity(status), named=path is top))
                else:
                    self._add(_identity(status), Source(path=path, name=shown_path(path)))
            except OSError as error:
                self.found.diagnostics.append(_refusal(shown_path(path), "unreadable", _reason(error)))

    def _folder(self, path: str, identity: Identity, *, named: bool) -> list[str]:
        """Return what is to be read in a folder: nothing of one that was seen, is rendered or is made up."""
        if (identity in self._folders and not named) or identity[0] in _kernels():
            return []
        self._folders.add(identity)
        with os.scandir(path) as entries:
            names = {entry.name: _is_folder(entry) for entry in entries}
        form = _rendered(names)
        if form:
            self._add(identity, Source(path=path, name=shown_path(path), form=form, named=named))
            return []
        kept = sorted(name for name, folder in names.items() if _read(name, folder=folder))
        return [name if path == os.curdir else os.path.join(path, name) for name in kept]


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _rendered(names: Collection[str]) -> Form | None:
    """Return how a folder with these files is rendered, None when its files are read as they are."""
    if "Chart.yaml" in names:
        return Form.CHART
    return Form.KUSTOMIZATION if any(name in names for name in KUSTOMIZATIONS) else None


def _read(name: str, *, folder: bool) -> bool:
    """Return whether an entry of a folder is looked at: not `.git`, nor the lock file that Emacs leaves."""
    if folder:
        return not name.startswith(".")
    return name.lower().endswith(_SUFFIXES) and not name.startswith(".#")


def read(source: Source) -> bytes:
    """Return the bytes of a file, or raise Unreadable; nothing that could keep one waiting is read."""
    try:
        _ordinary(source, os.stat(source.path))
        # It may have become something else since.
        with open(source.path, "rb", buffering=0, opener=_without_waiting) as file:
            _ordinary(source, os.fstat(file.fileno()))
            return drain(source, file)
    except OSError as error:
        raise Unreadable(_refusal(source.name, "unreadable", _reason(error))) from None


def _ordinary(source: Source, status: os.stat_result) -> None:
    """Raise Unreadable for what is no file on a disk, and for one that is too large."""
    mode = status.st_mode
    if not stat.S_ISREG(mode) or status.st_dev in _kernels():
        what = _IRREGULAR.get(stat.S_IFMT(mode), "a folder") if not stat.S_ISREG(mode) else _KERNEL
        raise Unreadable(
            _refusal(source.name, "not-a-file", f"this is {what}", "pipe the manifests in, and give `-`")
        )
    if status.st_size > limits.FILE_BYTES:
        raise _too_large(source)


@cache
def _kernels() -> frozenset[int]:
    """Return the devices of the file systems whose files the kernel makes up, in some of them without end."""
    root = os.stat(os.sep).st_dev
    found = (os.stat(path).st_dev for path in _MADE_UP if os.path.isdir(path))
    return frozenset(device for device in found if device != root)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def drain(source: Source, stream: RawIOBase | BinaryIO) -> bytes:
    """Return all bytes of a stream, or raise Unreadable."""
    parts: list[bytes] = []
    size = 0
    try:
        while (part := stream.read(_PART)) != b"":
            if part is None:  # nothing has come yet, and whoever opened the stream did not want to wait
                _wait(source, stream)
                continue
            parts.append(part)
            size += len(part)
            if size > limits.FILE_BYTES:
                raise _too_large(source)
    except OSError as error:
        raise Unreadable(_refusal(source.name, "unreadable", _reason(error))) from None
    return b"".join(parts)


def _wait(source: Source, stream: RawIOBase | BinaryIO) -> None:
    """Wait for more of standard input; a file that keeps one waiting is none."""
    if source.form is not Form.STDIN:
        message = "this is a file that ends only when somebody has written to it"
        raise Unreadable(_refusal(source.name, "not-a-file", message))
    select([stream], [], [])


def _too_large(source: Source) -> Unreadable:
    message = f"this is more than {limits.FILE_BYTES >> 20} MB"
    return Unreadable(_refusal(source.name, "file-too-large", message, "split it"))


def _no_file(path: str, error: OSError | ValueError) -> Diagnostic:
    """Return what is said of a path that leads nowhere, with a name that it may be a slip of."""
    if isinstance(error, OSError) and not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return _refusal(shown_path(path), "unreadable", _reason(error))
    if os.path.islink(path):
        return _refusal(shown_path(path), "no-such-file", "this is a link to a file that does not exist")
    from difflib import get_close_matches

    folder, name = os.path.split(path.rstrip(os.sep))
    try:
        near = get_close_matches(name, os.listdir(folder or os.curdir), 1)
    except (OSError, ValueError):
        near = []
    remedy = f"did you mean `{shown_path(os.path.join(folder, near[0]))}`?" if near else ""
    message = f"there is no file or folder `{shown_path(path)}`"
    return Diagnostic(severity=Severity.ERROR, code="no-such-file", message=message, help=remedy)


def _refusal(name: str, code: str, message: str, remedy: str = "") -> Diagnostic:
    return Diagnostic(severity=Severity.ERROR, code=code, message=message, span=Span(name), help=remedy)


def _reason(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"it cannot be read: {reason[:1].lower()}{reason[1:]}"
