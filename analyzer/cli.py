"""The command line: finds the command, and turns what happens into an exit code.

Comes in: arguments. Goes out: an exit code; the report is on standard output, everything else on standard
error. Commands are imported when they are called.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, NoReturn

from analyzer.collection import paused
from analyzer.commands import Exit
from analyzer.console import Console, wants_color
from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity
from analyzer.load import NothingToAnalyze
from analyzer.load.text import shown

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence

    Run = Callable[[Namespace, Console], Exit]

# Each is a module in analyzer/commands. The name comes first; without one, all words are for `reach`.
COMMANDS = {
    "check": "hold a cluster to what is expected of it: who may talk to whom",
    "diff": "say which connections a change opens and closes, and why",
    "explain": "say why a connection is allowed or denied",
    "exposure": "say what each workload exposes and uses, and who is reachable from the edge",
    "lint": "find what policies do not do, and what was hardly meant",
    "rule": "tell what a lint rule finds, why, and what to do instead",
    "completion": "write a completion script for bash, zsh or fish",
}
_DEBUG = "KUBEREACH_DEBUG"
_OUT_OF_MEMORY = Diagnostic(
    severity=Severity.ERROR,
    code="out-of-memory",
    message="there is not enough memory for this input",
    help="give fewer or smaller files",
)


def process(*, live: bool = False) -> NoReturn:
    """Be a process of its own: run the command that its arguments say, and leave with its exit code.

    Everything is written by then. An interpreter that ends in the usual way would first take apart what was
    read and computed, object by object, which takes a tenth of the time of the whole command.
    """
    held: list[object] = []
    code = main(live=live, held=held)
    if not held:
        sys.exit(code)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


def main(words: Sequence[str] | None = None, *, live: bool = False, held: list[object] | None = None) -> int:
    """Run one command; return its exit code. `live`: the current context is read when no path is given.

    What was analyzed goes into `held`, for a caller who need not take it apart.
    """
    _prepare()
    console = Console(sys.stderr, color=wants_color("auto", sys.stderr))
    try:
        chosen, run = _parsed(sys.argv[1:] if words is None else words)
        chosen.live = live
        chosen.held = [] if held is None else held
        color = wants_color(chosen.color, sys.stderr)
        console = Console(sys.stderr, color=color, quiet=chosen.quiet, timings=chosen.timings)
        with paused():
            code = run(chosen, console)
        console.finish()
    except AnalyzerError as error:
        console.error(error.diagnostics)
        code = Exit.NOTHING if isinstance(error, NothingToAnalyze) else Exit.WRONG
    except SystemExit as finished:  # argparse has shown help or the version
        code = Exit(int(finished.code or 0))
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    except BrokenPipeError:
        _abandon_stdout()
        code = Exit.FINE
    except MemoryError:
        console.error([_OUT_OF_MEMORY])
        code = Exit.WRONG
    except Exception as error:
        if os.environ.get(_DEBUG):
            raise
        console.error([_internal(error)])
        code = Exit.INTERNAL
    return code


def _parsed(words: Sequence[str]) -> tuple[Namespace, Run]:
    """Return the arguments, and the function that takes them."""
    name = words[0] if words and words[0] in COMMANDS else ""
    if words and not name:
        _refuse_misspelt(words[0])
    module = import_module(f"analyzer.commands.{name or 'reach'}")
    listed = "\n".join(f"  kubereach {each:<10}  {what}" for each, what in COMMANDS.items())
    parser = module.arguments() if name else module.arguments(listed)
    return parser.parse_intermixed_args(words[1:] if name else words), module.run


def _refuse_misspelt(word: str) -> None:
    """Raise AnalyzerError for a word that is nearly a command: it would be taken for a path."""
    if word.startswith("-") or os.path.exists(word):  # noqa: PTH110 - pathlib takes long to import
        return
    from difflib import get_close_matches

    if near := get_close_matches(word, COMMANDS, n=1, cutoff=0.75):
        raise AnalyzerError(
            Diagnostic(
                severity=Severity.ERROR,
                code="usage",
                message=f"there is no command, file or folder {shown(word)}",
                help=f"did you mean `kubereach {near[0]}`?",
            )
        )


def _prepare() -> None:
    """Make both streams take any text: what they cannot encode is written as an escape."""
    if sys.stdout is None or sys.stderr is None:
        # Closed by the caller; the files stay open for the life of the process.
        sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - stays open
        sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - stays open
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _abandon_stdout() -> None:
    """Keep the interpreter from complaining at its end about the pipe that nobody reads."""
    with suppress(OSError):  # what stands for standard output has no descriptor
        descriptor = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def _internal(error: Exception) -> Diagnostic:
    return Diagnostic(
        severity=Severity.ERROR,
        code="internal",
        message=f"this is a mistake in kubereach: {type(error).__name__}: {error}",
        help=f"please report it, with what is printed when {_DEBUG}=1 is set",
    )
