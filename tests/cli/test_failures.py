from __future__ import annotations

import io
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer import cli
from tests.cli.running import COMMAND, PROJECT, Commands


def broken(_: object) -> None:
    raise ZeroDivisionError("division by \x1b[31mzero")


def test_a_mistake_of_ours_asks_for_a_report_and_is_exit_code_70(
    run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_parsed", broken)
    monkeypatch.delenv("KUBEREACH_DEBUG", raising=False)
    ran = run()
    assert (ran.code, ran.out) == (70, "")
    assert "ZeroDivisionError" in ran.err
    assert "KUBEREACH_DEBUG" in ran.err
    assert "Traceback" not in ran.err
    assert "\x1b" not in ran.err


def test_a_mistake_of_ours_has_a_traceback_for_those_who_want_it(
    run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_parsed", broken)
    monkeypatch.setenv("KUBEREACH_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run()


def test_too_little_memory_is_one_clear_error(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    def large(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(cli, "_parsed", large)
    ran = run()
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: there is not enough memory for this input\n")


def test_an_interrupt_is_exit_code_130(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_parsed", interrupted)
    ran = run()
    assert (ran.code, ran.out, ran.err) == (130, "", "")


def test_a_pipe_that_nobody_reads_is_exit_code_0(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    def unread(_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(cli, "_parsed", unread)
    assert run().code == 0


def test_after_a_broken_pipe_nothing_more_reaches_standard_output(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def unread(_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(cli, "_parsed", unread)
    with (tmp_path / "out").open("w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert cli.main([]) == 0
        stream.write("too late")
    assert (tmp_path / "out").read_text() == ""


def test_the_package_can_be_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["kubereach", "--help"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("analyzer", run_name="__main__")
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("usage: kubereach")


def test_a_process_leaves_with_everything_written() -> None:
    arguments = [*COMMAND, "manifests", "--format", "csv", "--fail-on-unknown"]
    finished = subprocess.run(arguments, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0
    assert finished.stdout.startswith("source,")
    assert finished.stdout.endswith("\n")


def test_a_process_leaves_at_once_when_it_analyzed_something(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class LeftError(Exception):
        pass

    def leave(code: int) -> None:
        raise LeftError(code)

    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.setattr(sys, "argv", ["kubereach", str(PROJECT / "manifests")])
    with pytest.raises(LeftError, match=r"^0$"):
        cli.process()
    assert "3 endpoints" in capsys.readouterr().out


def test_a_process_that_analyzed_nothing_leaves_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["kubereach", "no-such-file"])
    with pytest.raises(SystemExit) as caught:
        cli.process()
    assert caught.value.code == 2


def test_streams_that_are_closed_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert cli.main(["--format", "csv", "no-such-file"]) == 2
    sys.stdout.close()
    sys.stderr.close()


def test_a_stream_that_is_no_file_is_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    assert cli.main(["no-such-file"]) == 2
    assert "no-such-file" in written.getvalue()


def test_arguments_are_those_of_the_process_unless_given(
    run: Commands, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["kubereach", "--format", "csv"])
    assert cli.main() == 0
    assert capsys.readouterr().out.startswith("source,")


def test_help_is_exit_code_0_in_the_same_process(run: Commands) -> None:
    assert run("--help").code == 0
    assert run("explain", "--help").code == 0


def test_a_version_that_is_not_installed_is_no_failure(
    run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import metadata

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert run("--version").out == "kubereach (not installed)\n"
