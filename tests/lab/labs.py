"""Labs for tests: a lab's files in a folder of the test's own, and commands as a user gives them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/expect.yaml"))


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def command(*words: str, environment: Mapping[str, str] | None = None) -> Ended:
    """Run one of our modules, `lab.verify` or `invoke`, from the repository's root."""
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@contextmanager
def runtime_folder() -> Iterator[str]:
    """Give labs a folder whose path is short enough for a socket's name."""
    with tempfile.TemporaryDirectory(prefix="kr-") as folder, pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_RUNTIME_DIR", folder)
        environment.setenv("XDG_STATE_HOME", folder)
        yield folder
