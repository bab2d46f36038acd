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
"""Is told each line that a program writes, while it runs."""
Process = subprocess.Popen[str]

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


def run(  # noqa: PLR0913 - one parameter a way to watch the program
    words: Sequence[str],
    *,
    stdin: str = "",
    variables: Mapping[str, str] | None = None,
    seconds: float | None = None,
    told: Told | None = None,
    heard: Told | None = None,
    begun: Callable[[Process], object] | None = None,
) -> Ended:
    """Run a program to its end; it ends with us when we are interrupted.

    `heard` is told the lines of its standard output, as `told` those of its errors. `begun` is given the
    process, so that another thread can end it. Raises LabError when the program is not installed, or takes
    longer than `seconds`.
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
        if begun:
            begun(process)
        if told or heard:
            out, err = _talk(process, stdin, seconds, told, heard)
        else:
            out, err = process.communicate(stdin, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise LabError(
            f"`{' '.join(words[:3])}` did not end within {seconds:.0f} seconds",
            f"look whether {words[0]} answers at all, then try again",
        ) from error
    finally:
        _end(process)
        if not (told or heard):
            _close(process)
    return Ended(words=tuple(words), code=process.returncode, out=out, err=err)


def _talk(
    process: Process, stdin: str, seconds: float | None, told: Told | None, heard: Told | None
) -> tuple[str, str]:
    """Return what a program writes; each line is told as it comes."""
    assert process.stdin, "standard input is a pipe"
    assert process.stdout, "standard output is a pipe"
    assert process.stderr, "standard error is a pipe"
    out: list[str] = []
    err: list[str] = []
    # None of them may hold up the others, nor the end of the time: a program need not read what it is given.
    threads = [
        threading.Thread(target=_feed, args=(process.stdin, stdin), daemon=True),
        threading.Thread(target=_drain, args=(process.stdout, out, heard), daemon=True),
        threading.Thread(target=_drain, args=(process.stderr, err, told), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        process.wait(seconds)
    finally:
        _end(process)
        for thread in threads:
            thread.join(_GRACE)
    return "".join(out), "".join(err)


def _feed(pipe: IO[str], text: str) -> None:
    with suppress(BrokenPipeError), pipe:  # it may not want to read; its exit code says why
        pipe.write(text)


def _drain(pipe: IO[str], into: list[str], told: Told | None) -> None:
    with pipe:
        for line in pipe:
            into.append(line)
            if told:
                told(line.rstrip("\n"))


def _end(process: Process) -> None:
    """Make sure that a program has ended."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _close(process: Process) -> None:
    """Close the pipes of a program that has ended."""
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe and not pipe.closed:
            with suppress(BrokenPipeError):
                pipe.close()
