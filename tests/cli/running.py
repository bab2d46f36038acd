"""Whole commands, as a user runs them: in this process to be quick, or in one of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from analyzer.cli import main

PROJECT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "analyzer")


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


class Commands:
    """Runs commands in one folder."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capture = capture

    def __call__(self, *words: str) -> Ran:
        """Run a command in this process."""
        code = main(words)
        captured = self._capture.readouterr()
        return Ran(code, captured.out, captured.err)

    def write(self, name: str, *documents: str) -> Path:
        """Write manifests to a file in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("---\n".join(documents))
        return path


def process(
    *words: str, stdin: bytes | None = None, folder: Path = PROJECT, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a process of its own, without a terminal."""
    return subprocess.run(
        [*COMMAND, *words],
        input=stdin,
        capture_output=True,
        cwd=folder,
        env={**_environment(), **environment},
        timeout=60,
        check=False,
    )


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KUBEREACH")}
    return {**kept, "PYTHONPATH": str(PROJECT)}
