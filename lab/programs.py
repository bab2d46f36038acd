"""Other people's programs, run with a list of arguments: what they said, and how they ended.

Comes in: words, data for standard input, variables. Goes out: `Ended`. A program that is not there is a
LabError; one that fails is not: its words are for the caller to read.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from lab.errors import LabError

Told = Callable[[str], object]
"""Is told each line that a program writes on standard error, while it runs."""

_GRACE = 10.0
"""Seconds that a program has to end after it was asked to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a program ended; `out` and `err` are what it wrote."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All that it wrote, errors last."""
        return f"{self.out}\n{self.err}".strip()


def found(program: str) -> bool:
    """Return whether a program is on the PATH."""
    return shutil.which(program) is not None


def run(
    words: Sequence[str],
    *,
    stdin: str = "",
    variables: Mapping[str, str] | None = None,
    seconds: float | None = None,
    told: Told | None = None,
) -> Ended:
    """Run a program to its end; it ends with us when we are interrupted.

    Raises LabError when it is not installed, or takes longer than `seconds`.
    """
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(variables or {})},
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise LabError(f"`{words[0]}` cannot be run: {error.strerror}", f"install {words[0]}") from error
    try:
        out, err = _talk(process, stdin, seconds, told)
    except subprocess.TimeoutExpired as error:
        raise LabError(
            f"`{' '.join(words[:3])}` did not end within {seconds:.0f} seconds",
            f"look whether {words[0]} answers at all, then try again",
        ) from error
    finally:
        _end(process)
    return Ended(words=tuple(words), code=process.returncode, out=out, err=err)


def _talk(
    process: subprocess.Popen[str], stdin: str, seconds: float | None, told: Told | None
) -> tuple[str, str]:
    """Return what a program writes; each line of its errors is told as it comes."""
    if told is None:
        return process.communicate(stdin, timeout=seconds)
    assert process.stdin, "standard input is a pipe"
    assert process.stdout, "standard output is a pipe"
    assert process.stderr, "standard error is a pipe"
    lines: list[str] = []
    out: list[str] = []
    reader = threading.Thread(target=_drain, args=(process.stdout, out), daemon=True)
    reader.start()
    with suppress(BrokenPipeError):  # it may not want to read; its exit code says why
        process.stdin.write(stdin)
        process.stdin.close()
    for line in process.stderr:
        lines.append(line)
        told(line.rstrip())
    process.wait(seconds)
    reader.join()
    return "".join(out), "".join(lines)


def _drain(pipe: IO[str], into: list[str]) -> None:
    into.extend(pipe)


def _end(process: subprocess.Popen[str]) -> None:
    """Make sure that a program has ended, and its pipes are closed."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe and not pipe.closed:
            with suppress(BrokenPipeError):
                pipe.close()
