"""Whole processes, timed: command lines in, seconds and peak memory out.

A process is measured from outside, as its user waits for it: from its start to its end, with the largest
resident memory that the kernel saw. Linux counts the measuring process's own memory as the least that a
child can have, so this package imports little and generates its clusters in another process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

PROJECT = Path(__file__).parents[1]
WORKSHOP = PROJECT / ".cache" / "bench"
KIB_PER_MB = 1000 * 1000 / 1024


class BenchError(Exception):
    """A measured command failed: the message holds what it printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: wall-clock seconds, peak resident memory in megabytes, and what went to standard error.

    `finished` is False when the time limit ended it; the seconds are then the limit.
    """

    seconds: float
    peak: float
    errors: str
    finished: bool


def run(command: Sequence[str], *, limit: float = 600, accepted: Sequence[int] = (0,)) -> Run:
    """Run a command once, its output thrown away. Raises BenchError when it ends with another exit code."""
    with tempfile.TemporaryFile() as errors:
        began = perf_counter()
        process = subprocess.Popen(
            command, cwd=PROJECT, env=_environment(), stdout=subprocess.DEVNULL, stderr=errors
        )
        ended_by_us = threading.Event()

        def end() -> None:
            ended_by_us.set()
            process.kill()

        timer = threading.Timer(limit, end)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = perf_counter() - began
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        text = errors.read().decode(errors="replace")
    if process.returncode not in accepted and not ended_by_us.is_set():
        raise BenchError(f"`{' '.join(command)}` ended with {process.returncode}: {text.strip()[-2000:]}")
    peak = usage.ru_maxrss / KIB_PER_MB
    return Run(seconds=seconds, peak=peak, errors=text, finished=not ended_by_us.is_set())


def _environment() -> dict[str, str]:
    """Return the environment, in which modules are kept compiled, as they are for whoever waits."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def repeat(commands: Mapping[str, Sequence[str]], times: int, *, limit: float = 600) -> dict[str, list[Run]]:
    """Run all commands in turn, `times` rounds after one that does not count (caches, compiled modules)."""
    for command in commands.values():
        run(command, limit=limit)
    rounds = [{name: run(command, limit=limit) for name, command in commands.items()} for _ in range(times)]
    return {name: [each[name] for each in rounds] for name in commands}


def median(values: Sequence[float]) -> float:
    """Return the middle value, or the mean of the two in the middle."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def generate(name: str, *arguments: str) -> Path:
    """Return a generated cluster, made in another process: the folder or file `name` of the workshop."""
    place = WORKSHOP / name
    WORKSHOP.mkdir(parents=True, exist_ok=True)
    run([sys.executable, "-m", "bench.generate", *arguments, "--output", str(place)])
    return place


def kubereach(manifests: Path | str, *options: str) -> list[str]:
    """Return the command line that analyzes manifests."""
    return [sys.executable, "-m", "analyzer", str(manifests), *options]
