"""Manifests as they are in a revision of a Git repository.

Comes in: a revision and a path as the user wrote them. Goes out: a temporary folder with the files of that
revision, removed afterwards. Only Git's objects are read: no hook, filter or working tree is touched.
"""

# Paths stay the texts that the user gave, and pathlib takes a while to import.
# ruff: noqa: PTH103, PTH112, PTH118, PTH119, PTH120, PTH123

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity
from analyzer.load import NothingToAnalyze, limits
from analyzer.load.files import KUSTOMIZATIONS
from analyzer.load.text import printable, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Replaced objects and patterns in paths would make another revision of what was asked for.
_GIT = ("git", "--no-pager", "--no-replace-objects", "--literal-pathspecs")
_QUIETLY = {"GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
_SECONDS = 120
_SUFFIXES = (".yaml", ".yml", ".json")
_RENDERED = frozenset({"Chart.yaml", *KUSTOMIZATIONS})
_FILES = frozenset({b"100644", b"100755"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedOut:
    """The files of a revision: where they lie now, and what was left out."""

    revision: str
    folder: str
    path: str
    diagnostics: tuple[Diagnostic, ...]

    def called(self, name: str) -> str:
        """Return what Git calls a file of the revision: `HEAD~1:manifests/policy.yaml`."""
        inside = os.path.relpath(name, self.folder)
        return f"{printable(self.revision)}:{'' if inside == os.curdir else inside}"


class _Entry(NamedTuple):
    """A file in a tree."""

    mode: bytes
    object: bytes
    size: int
    path: str


@contextmanager
def checked_out(revision: str, path: str) -> Iterator[CheckedOut]:
    """Write the files that a revision has at a path to a temporary folder for a while.

    Raises AnalyzerError when Git is missing or the revision does not exist, NothingToAnalyze when it has no
    file there.
    """
    from tempfile import TemporaryDirectory

    place = os.path.realpath(path)
    start = _existing(place)
    top = os.fsdecode(_git(start, "rev-parse", "--show-toplevel", wrong=_no_repository(path)).rstrip(b"\n"))
    inside = os.path.relpath(place, os.path.realpath(top))
    tree = _git(
        top, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{tree}}", wrong=_no_revision(revision)
    )
    entries = list(_entries(top, tree.decode().strip(), inside))
    if not entries:
        message = f"there is no file at {shown(path)} in revision {shown(revision)}"
        raise NothingToAnalyze(_error("no-such-file", message, "`git ls-tree -r --name-only REV` lists them"))
    wanted = _wanted([each for each in entries if each.mode in _FILES])
    with TemporaryDirectory(prefix="kubereach-") as folder:
        _write(top, wanted, folder)
        yield CheckedOut(
            revision=revision,
            folder=folder,
            path=os.path.join(folder, inside),
            diagnostics=tuple(_left_out(revision, entries)),
        )


def _existing(path: str) -> str:
    """Return the folder that a path is in, or the next one above it that is there."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _entries(top: str, tree: str, inside: str) -> Iterator[_Entry]:
    """Yield the files of a tree, and what else stands where files do."""
    below = () if inside == os.curdir else (inside,)
    listing = _git(top, "ls-tree", "-r", "-z", "-l", "--full-tree", tree, "--", *below)
    for line in filter(None, listing.split(b"\0")):
        facts, _, path = line.partition(b"\t")
        mode, _, name, size = facts.split()
        yield _Entry(mode, name, int(size) if size.isdigit() else 0, os.fsdecode(path))


def _wanted(entries: Sequence[_Entry]) -> list[_Entry]:
    """Leave out what nobody reads, unless something is rendered, for which any file may be needed."""
    if any(os.path.basename(each.path) in _RENDERED for each in entries):
        found = list(entries)
    else:
        found = [each for each in entries if each.path.lower().endswith(_SUFFIXES)]
    if sum(each.size for each in found) > limits.FILE_BYTES:
        message = f"the revision has more than {limits.FILE_BYTES >> 20} MB there"
        raise AnalyzerError(_error("file-too-large", message, "name a folder below it"))
    return found


def _write(top: str, entries: Sequence[_Entry], folder: str) -> None:
    names = b"".join(each.object + b"\n" for each in entries)
    data = _git(top, "cat-file", "--batch", given=names)
    start = 0
    for each in entries:
        start = data.index(b"\n", start) + 1  # behind `<object> blob <size>`
        content = data[start : start + each.size]
        start += each.size + 1
        # Git writes no such names itself; a tree that was made by hand may have them.
        if {"", os.curdir, os.pardir} & set(each.path.split("/")):
            raise AnalyzerError(_error("bad-path", f"{shown(each.path)} leads out of the revision"))
        path = os.path.join(folder, each.path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb") as file:
            file.write(content)


def _left_out(revision: str, entries: Sequence[_Entry]) -> Iterator[Diagnostic]:
    links = [each.path for each in entries if each.mode not in _FILES]
    if links:
        more = f" and {len(links) - 1:,} more" if len(links) > 1 else ""
        message = f"left out of revision {shown(revision)}, as links and submodules: {shown(links[0])}{more}"
        yield Diagnostic(severity=Severity.NOTICE, code="not-a-file", message=message)


def _git(top: str, *words: str, given: bytes = b"", wrong: Diagnostic | None = None) -> bytes:
    """Return what a Git command prints; `wrong` is what its failure means."""
    try:
        ran = subprocess.run(
            [*_GIT, *words],
            cwd=top,
            input=given,
            capture_output=True,
            timeout=_SECONDS,
            env={**os.environ, **_QUIETLY},
            check=False,
        )
    except FileNotFoundError:
        raise AnalyzerError(_error("tool-missing", "`git` is not installed")) from None
    except subprocess.TimeoutExpired:
        message = f"`git {words[0]}` took longer than {_SECONDS} seconds"
        raise AnalyzerError(_error("git-failed", message)) from None
    if ran.returncode:
        complaint = printable(" ".join(ran.stderr.decode("utf-8", "replace").split())[-300:])
        raise AnalyzerError(wrong or _error("git-failed", f"`git {words[0]}` failed: {complaint}"))
    return ran.stdout


def _no_repository(path: str) -> Diagnostic:
    return _error("no-repository", f"{shown(path)} is in no Git repository", "compare two paths instead")


def _no_revision(revision: str) -> Diagnostic:
    hint = "write a commit, a branch or a tag, such as `HEAD~1` or `main`"
    return _error("no-such-revision", f"there is no revision {shown(revision)}", hint)


def _error(code: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(severity=Severity.ERROR, code=code, message=message, help=hint)
