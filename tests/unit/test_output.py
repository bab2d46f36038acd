from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from analyzer.diagnostics import AnalyzerError
from analyzer.output import write


def failing() -> Iterator[str]:
    yield "half of a report"
    raise KeyboardInterrupt


class Full(StringIO):
    """A stream on a disk without room."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


class Unread(StringIO):
    """A pipe that nobody reads."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize("path", [None, "-"])
def test_without_a_file_the_report_goes_to_standard_output(path: str | None) -> None:
    stdout = StringIO()
    write(["a", "b"], path, stdout)
    assert stdout.getvalue() == "ab"


def test_a_file_is_written_with_the_rights_that_a_new_file_has(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    write(["é"], str(tmp_path / "report"), StringIO())
    assert (tmp_path / "report").read_bytes() == b"\xc3\xa9"
    assert (tmp_path / "report").stat().st_mode == plain.stat().st_mode


def test_an_old_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    old = tmp_path / "report"
    old.write_text("a longer old report")
    write(["new"], str(old), StringIO())
    assert old.read_text() == "new"


def test_what_is_interrupted_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    old = tmp_path / "report"
    old.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write(failing(), str(old), StringIO())
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write(["new"], str(link), StringIO())
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_device_is_written_to_and_not_replaced() -> None:
    write(["lost"], os.devnull, StringIO())
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


@pytest.mark.parametrize("path", ["missing/report", "file/report", "."])
def test_a_file_that_cannot_be_written_is_one_clear_error(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(AnalyzerError) as caught:
        write(["a"], path, StringIO())
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "unwritable"
    assert diagnostic.message.startswith(f"cannot write `{path}`: ")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_behind_standard_output_is_one_clear_error() -> None:
    with pytest.raises(AnalyzerError, match="cannot write standard output: No space left on device"):
        write(["a"], None, Full())


def test_a_pipe_that_nobody_reads_is_no_error_of_the_output() -> None:
    with pytest.raises(BrokenPipeError):
        write(["a"], None, Unread())
