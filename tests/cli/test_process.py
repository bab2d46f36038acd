from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.running import COMMAND, PROJECT, process
from tests.unit.manifests import pod


def test_a_stream_on_standard_input_is_analyzed() -> None:
    ran = process("-", "--format", "json", stdin=pod("a").encode())
    assert ran.returncode == 0
    assert [each["name"] for each in json.loads(ran.stdout)["endpoints"]] == ["a", "external"]


def test_the_version_is_told_by_every_command() -> None:
    for words in (("--version",), ("explain", "--version")):
        ran = process(*words)
        assert ran.returncode == 0
        assert ran.stdout.startswith(b"kubereach ")


def test_a_reader_that_goes_away_is_no_failure() -> None:
    with subprocess.Popen(
        [*COMMAND, "--format", "csv"], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.wait(60) == 0
        assert running.stderr.read() == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_clear_error() -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [*COMMAND, "--format", "csv"],
            cwd=PROJECT,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert ran.returncode == 2
    assert ran.stderr == b"error: cannot write standard output: No space left on device\n"


def test_standard_output_and_error_may_be_closed() -> None:
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        command = f"{' '.join(COMMAND)} --format csv {closed}"
        ran = subprocess.run(["sh", "-c", command], cwd=PROJECT, capture_output=True, timeout=60, check=False)
        assert ran.returncode == 0
        assert b"Traceback" not in ran.stderr


def test_an_interrupt_is_exit_code_130_without_a_traceback(tmp_path: Path) -> None:
    fifo = tmp_path / "never-written.yaml"
    with subprocess.Popen(
        [*COMMAND, "-"], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        time.sleep(1.5)  # it waits for standard input by then; sooner, and Python itself is interrupted
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (130, b"", b"")
    assert not fifo.exists()


def test_an_encoding_without_a_character_gets_an_escape(tmp_path: Path) -> None:
    ran = process("größe.yaml", folder=tmp_path, PYTHONIOENCODING="ascii")
    assert ran.returncode == 2
    assert b"gr\\xf6\\xdfe.yaml" in ran.stderr


def terminal(*words: str, **environment: str) -> str:
    """Return what a command writes to a terminal of 80 columns."""
    owner, user = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *words],
        cwd=PROJECT,
        stdout=user,
        stderr=user,
        env={k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "COLUMNS"}} | environment,
    ):
        os.close(user)
        found = b""
        while chunk := _read(owner):
            found += chunk
    os.close(owner)
    return found.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the last writer is gone
        return b""


def test_a_terminal_gets_colours_unless_they_are_not_wanted() -> None:
    assert "\x1b[32m" in terminal(TERM="xterm")
    assert "\x1b[3" not in terminal(TERM="xterm", NO_COLOR="1")
    assert "\x1b[3" not in terminal("--color", "never", TERM="xterm")


def test_the_demo_imports_nothing_heavy() -> None:
    ran = subprocess.run(
        [COMMAND[0], "-X", "importtime", *COMMAND[1:]],
        cwd=PROJECT,
        capture_output=True,
        timeout=60,
        check=False,
    )
    imported = {line.rpartition("|")[2].strip() for line in ran.stderr.decode().splitlines()}
    assert "analyzer.report.grid" in imported
    heavy = {
        "asyncio",
        "csv",
        "difflib",
        "importlib.metadata",
        "json",
        "jsonschema",
        "kubernetes",
        "numpy",
        "pathlib",
        "tabulate",
        "tempfile",
        "threading",
        "urllib.parse",
    }
    assert not imported & heavy
