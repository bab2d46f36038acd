"""Named steps of long work: what is being done, for how long, and what is to be seen when one fails.

Comes in: steps, lines that programs write meanwhile. Goes out: on a terminal a spinner that becomes one line
a step, elsewhere plain lines. What was made on the way is undone in reverse when a later step fails or is
interrupted, unless it is to be retained.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from analyzer import AnalyzerError
from analyzer.load.text import printable
from lab.errors import LabError

Undo = Callable[[], object]
Evidence = Callable[[], Iterable[str]]

_FRAMES = "|/-\\"
_PAUSE = 0.1
_ERASE = "\r\x1b[K"
_WIDTH = 100
_HEARTBEAT = 30.0
"""Seconds after which work that is not shown on a terminal says that it still goes on."""


class Steps:
    """A piece of work in steps, told on a stream."""

    def __init__(self, stream: TextIO, *, retain: bool = False, evidence: Evidence | None = None) -> None:
        """Tell steps on `stream`; `retain` what they made, whatever happens.

        `evidence` yields lines about what was found when a step fails: events, states, logs.
        """
        self._stream = stream
        self._lively = stream.isatty()
        self._undoing: list[tuple[str, Undo]] = []
        self._lock = threading.Lock()
        self._detail = ""
        self.evidence = evidence
        self.retain = retain

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[str], None]]:
        """Carry out a step; what is yielded takes a line that says how far it is."""
        began = time.monotonic()
        self._detail = ""
        done = threading.Event()
        thread = threading.Thread(target=self._live, args=(name, began, done), daemon=True)
        if not self._lively:
            self._line(f"{name} ...")
        thread.start()
        failed = True
        try:
            yield self._say
            failed = False
        finally:
            done.set()
            thread.join()
            if self._lively:
                self._write(_ERASE)
            self._line(f"{name}: {'failed after ' if failed else ''}{_seconds(time.monotonic() - began)}")

    @contextmanager
    def undone_on_failure(self) -> Iterator[None]:
        """Undo what was made, last first, when the work inside fails or is interrupted.

        A request to end, and the end of the terminal, interrupt it as Ctrl-C does.
        """
        with _interrupted_by_others():
            try:
                yield
            except BaseException as error:
                try:
                    if isinstance(error, LabError):
                        self._show_evidence(error)
                finally:  # looking for it may be interrupted, too
                    with _undisturbed():
                        self._undo()
                raise

    def made(self, what: str, undo: Undo) -> None:
        """Remember how to undo what was just made, or is about to be."""
        self._undoing.append((what, undo))

    def note(self, text: str) -> None:
        """Write a line between steps."""
        self._line(printable(text))

    def _undo(self) -> None:
        for what, undo in reversed(self._undoing):
            if self.retain:
                self._line(f"{what} is kept")
                continue
            try:
                undo()
                self._line(f"{what} was removed again")
            except LabError as error:
                self._line(f"{what} is left behind: {error.message}")
        self._undoing.clear()

    def _show_evidence(self, failure: LabError) -> None:
        """Show what is found now; what the failure has seen itself is part of it, and not told again."""
        if self.evidence is None:
            return
        failure.seen = ()
        try:
            for line in self.evidence():
                self._line(f"  {printable(line)}")
        except LabError as error:  # the cluster may not even answer: the step's own error says more
            self._line(f"  nothing more is known: {error.message}")
        except AnalyzerError as error:
            self._line(f"  nothing more is known: {error.diagnostics[0].message}")

    def _say(self, text: str) -> None:
        self._detail = printable(" ".join(text.split()))

    def _live(self, name: str, began: float, done: threading.Event) -> None:
        """Show that a step goes on, until it is done."""
        if not self._lively:
            while not done.wait(_HEARTBEAT):
                detail = f": {self._detail}" if self._detail else ""
                self._line(f"{name} ... {_seconds(time.monotonic() - began)}{detail}")
            return
        number = 0
        while not done.wait(_PAUSE):
            number += 1
            frame = _FRAMES[number % len(_FRAMES)]
            text = f"{frame} {name} {time.monotonic() - began:.0f} s  {self._detail}"
            self._write(f"{_ERASE}{text[:_WIDTH]}")

    def _line(self, text: str) -> None:
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        # Who reads it may be gone: that is no reason to leave things half made.
        with self._lock, suppress(OSError):
            self._stream.write(text)
            self._stream.flush()


def now_and_then(stream: TextIO) -> Callable[[str], None]:
    """Return what writes how far work is that is no step, each time that half a minute has passed."""
    began = last = time.monotonic()

    def tell(text: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _HEARTBEAT:
            last = now
            stream.write(f"... {_seconds(now - began)}: {printable(text)}\n")
            stream.flush()

    return tell


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no second Ctrl-C, and nothing like it, stop the removal of what the first one left half made.

    Programs that are started meanwhile ignore the terminal's signals too: an ignored signal stays so across
    exec. They can be ended, though: a handler of ours does not.
    """
    with (
        _handled(signal.SIGINT, signal.SIG_IGN),
        _handled(signal.SIGHUP, signal.SIG_IGN),
        _handled(signal.SIGTERM, lambda *_: None),
    ):
        yield


@contextmanager
def _interrupted_by_others() -> Iterator[None]:
    """Let SIGTERM and SIGHUP interrupt as Ctrl-C does, unless whoever started us has them ignored."""
    with _handled(signal.SIGTERM, _interrupt, usual=True), _handled(signal.SIGHUP, _interrupt, usual=True):
        yield


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _handled(number: int, handler: Any, *, usual: bool = False) -> Iterator[None]:
    """Handle a signal in a way of our own; `usual`: only where it would end us. Threads cannot."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(number)
    if usual and before != signal.SIG_DFL:
        yield
        return
    signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def _seconds(count: float) -> str:
    return f"{count:.1f} s" if count < 60 else f"{count // 60:.0f} min {count % 60:.0f} s"
