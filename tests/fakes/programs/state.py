"""What the fakes of `kind`, `docker` and `podman` share: a folder of a test's own, named by a variable.

In it are `calls.jsonl` (every call, with what stood on standard input), `trouble` (what shall go wrong, a
word a line) and what the programs pretend to have: clusters and images. Standard library only: whatever
Python is on the PATH runs it.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

VARIABLE = "KUBEREACH_FAKES"
RECORDINGS = Path(__file__).parents[1] / "recordings"


@dataclass(frozen=True)
class State:
    """The folder in which fakes keep what they know."""

    folder: Path

    @property
    def troubles(self) -> set[str]:
        """What shall go wrong."""
        path = self.folder / "trouble"
        return set(path.read_text().split()) if path.exists() else set()

    def trouble(self, *words: str) -> None:
        """Let these things go wrong from now on, and no others."""
        (self.folder / "trouble").write_text("\n".join(words))

    def record(self, program: str, words: list[str], stdin: str = "") -> None:
        """Keep a call."""
        engine = os.environ.get("KIND_EXPERIMENTAL_PROVIDER", "")
        line = json.dumps({"program": program, "words": words, "stdin": stdin, "engine": engine})
        with (self.folder / "calls.jsonl").open("a") as file:
            file.write(f"{line}\n")

    def calls(self, program: str = "") -> list[dict[str, Any]]:
        """Return the calls of a program, or all."""
        path = self.folder / "calls.jsonl"
        calls = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [call for call in calls if program in ("", call["program"])]

    def read(self, name: str) -> Any:
        """Return what is kept under a name, None when nothing is."""
        path = self.folder / f"{name}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def keep(self, name: str, value: Any) -> None:
        """Keep something under a name."""
        (self.folder / f"{name}.json").write_text(json.dumps(value))

    @property
    def clusters(self) -> dict[str, list[str]]:
        """The kind clusters that there are, with the names of their nodes."""
        return dict(self.read("clusters") or {})


def here() -> State:
    """Return the folder of the test that runs this program."""
    return State(Path(os.environ[VARIABLE]))


def play(path: str) -> None:
    """Write what the real program wrote on standard error."""
    sys.stderr.write((RECORDINGS / path).read_text())


def fail(text: str, code: int = 1) -> NoReturn:
    """End with words on standard error."""
    sys.stderr.write(f"{text}\n")
    sys.exit(code)
