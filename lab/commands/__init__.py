"""What the tasks and sessions do, one module a command: each has `run`, which returns an exit code."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer import AnalyzerError, Diagnostic, Severity
from analyzer.collection import paused
from analyzer.commands import Exit
from analyzer.console import Console, wants_color
from analyzer.load.text import printable, shown
from lab.errors import LabError

if TYPE_CHECKING:
    from analyzer import Said

DEFAULT_LAB = "kubereach"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Which manifests, and what the user says about them; empty for what they show themselves."""

    paths: tuple[str, ...] = ()
    cni: str = ""
    pod_cidrs: tuple[str, ...] = ()
    max_replicas: int | None = None

    @property
    def said(self) -> Said:
        """What the analyzer is told."""
        from analyzer import Said  # reading manifests; not every command does

        return Said(cni=self.cni, pod_cidrs=self.pod_cidrs)


def carried_out(call: Callable[[Console], int]) -> int:
    """Carry out a command, and turn what goes wrong into a line and an exit code."""
    console = Console(sys.stderr, color=wants_color("auto", sys.stderr))
    try:
        with paused():  # a command ends before garbage could matter
            return call(console)
    except AnalyzerError as error:
        console.error(error.diagnostics)
    except LabError as error:
        for line in error.seen:
            tell(f"  {printable(line)}")
        console.error([_diagnostic(error.message, error.help or "")])
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FINE
    return Exit.WRONG


def reading(manifests: str, arguments: Sequence[str], *, cni: str = "", max_replicas: str = "") -> Reading:
    """Return what is to be read: named by the option, and behind ` -- `. Raises LabError."""
    replicas = whole(max_replicas, "`--max-replicas`") if max_replicas else None
    return Reading(paths=(*split(manifests), *behind(arguments)), cni=cni, max_replicas=replicas)


def behind(arguments: Sequence[str]) -> list[str]:
    """Return the words behind the first ` -- ` of a command line, each as it was given.

    Invoke joins them with spaces, and then nobody can tell any more where one ended.
    """
    return list(arguments[arguments.index("--") + 1 :]) if "--" in arguments else []


def split(text: str) -> list[str]:
    """Split words as a shell does. Raises LabError for a quotation without its end."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise LabError(
            f"{shown(text)} has a quotation without an end", "close it, or leave it out"
        ) from error


def number(text: str, what: str) -> float:
    """Return a number that the user wrote. Raises LabError when it is none."""
    try:
        return float(text)
    except ValueError as error:
        raise LabError(f"{shown(text)} is no number", f"write {what} as a number") from error


def whole(text: str, what: str) -> int:
    """Return a whole number that the user wrote. Raises LabError when it is none."""
    try:
        return int(text)
    except ValueError as error:
        raise LabError(f"{shown(text)} is no whole number", f"write {what} as one, such as 2") from error


def say(text: str = "") -> None:
    """Write a line of the report."""
    sys.stdout.write(f"{text}\n")


def tell(text: str) -> None:
    """Write a line beside the report."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _diagnostic(message: str, hint: str) -> Diagnostic:
    return Diagnostic(severity=Severity.ERROR, code="lab", message=message, help=hint)
