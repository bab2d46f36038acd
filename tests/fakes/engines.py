"""A PATH on which `kind`, `docker` and `podman` are ours, for a test and what it starts."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.fakes.programs.state import VARIABLE, State

BIN = Path(__file__).parent / "bin"


def installed(monkeypatch: pytest.MonkeyPatch, folder: Path, *programs: str) -> State:
    """Let these programs be the fakes, and the others of them not be there; return what the fakes keep."""
    shelf = folder / "bin"
    shelf.mkdir()
    for name in programs:
        (shelf / name).symlink_to(BIN / name)
    hidden = {"kind", "docker", "podman"}
    places = [place for place in os.environ["PATH"].split(os.pathsep) if place]
    clean = [place for place in places if not any(shutil.which(name, path=place) for name in hidden)]
    if len(clean) < len(places):
        # A folder that has one of the real programs is left out: what else is needed is linked.
        python = shutil.which("python3")
        assert python, "a test runs in Python"
        clean.insert(0, str(_with(folder, python)))
    monkeypatch.setenv("PATH", os.pathsep.join((str(shelf), *clean)))
    monkeypatch.setenv(VARIABLE, str(folder))
    monkeypatch.delenv("KIND_EXPERIMENTAL_PROVIDER", raising=False)
    return State(folder)


def _with(folder: Path, python: str) -> Path:
    made = folder / "python"
    made.mkdir()
    (made / "python3").symlink_to(python)
    return made
