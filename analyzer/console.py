"""What is said beside the report, on standard error: diagnostics, progress, how long things took.

Comes in: diagnostics and names of stages. Goes out: lines that are safe to print, in colour where that is
wanted.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity
from analyzer.load.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import TextIO

    from analyzer.diagnostics import Diagnostic

_COLOURS = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.NOTICE: "1;36"}
_BOLD = "1"
# Seconds; a line about work that takes less would only flicker.
_PATIENCE = 0.7
_MOST_ALIKE = 4
# More than anybody mends before reading the manifests again.
_MOST_ERRORS = 1000
_ERASE = "\r\x1b[K"


def wants_color(choice: str, stream: TextIO) -> bool:
    """Decide about colour: `always`, `never`, or `auto`: on a terminal, unless NO_COLOR is set."""
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Console:
    """Standard error, or what stands for it. `quiet`: errors only."""

    def __init__(
        self, stream: TextIO, *, color: bool = False, quiet: bool = False, timings: bool = False
    ) -> None:
        self._stream = stream
        self._color = color
        self._quiet = quiet
        self._timings = timings
        self._began = perf_counter()

    def error(self, found: Iterable[Diagnostic]) -> None:
        """Write diagnostics that stopped the work, errors first, and how many there are."""
        diagnostics = sorted(found, key=_place)
        ordered = [each for severity in Severity for each in diagnostics if each.severity is severity]
        self._write_all(ordered[:_MOST_ERRORS])
        if len(ordered) > _MOST_ERRORS:
            self._line(f"    and {len(ordered) - _MOST_ERRORS:,} more")
        counts = Counter(each.severity for each in diagnostics)
        if len(diagnostics) > 1:
            text = ", ".join(
                f"{counts[each]} {each.value}{'s' if counts[each] > 1 else ''}"
                for each in Severity
                if counts[each]
            )
            self._line(f"{text}; nothing was analyzed")

    def warn(self, found: Iterable[Diagnostic]) -> None:
        """Write warnings and notices, unless they are not wanted; of many that say the same the first few."""
        if self._quiet:
            return
        alike: dict[tuple[str, str], list[Diagnostic]] = {}
        for each in sorted(found, key=_place):
            alike.setdefault((each.code, each.message), []).append(each)
        for group in alike.values():
            kept = group if len(group) <= _MOST_ALIKE else group[: _MOST_ALIKE - 1]
            self._write_all(kept)
            if len(group) > len(kept):
                self._line(f"    and {len(group) - len(kept):,} more like it")

    def not_read(self, kinds: Mapping[str, int]) -> None:
        """Name the kinds of objects that decide nothing, in one line."""
        if kinds and not self._quiet:
            self._line(
                "not read: " + ", ".join(f"{count} {printable(kind)}" for kind, count in kinds.items())
            )

    @contextmanager
    def stage(self, name: str, doing: str = "") -> Iterator[None]:
        """Time a part of the work; on a terminal, tell what is being done when it takes a while."""
        began = perf_counter()
        shown = doing and not self._quiet and self._stream.isatty()
        with self._progress(doing) if shown else _nothing():
            yield
        if self._timings:
            self._line(f"timing: {name} {perf_counter() - began:.3f}")

    def finish(self) -> None:
        """Write the time of all stages together."""
        if self._timings:
            self._line(f"timing: total {perf_counter() - self._began:.3f}")

    @contextmanager
    def _progress(self, doing: str) -> Iterator[None]:
        from threading import Event, Thread

        done = Event()
        began = perf_counter()

        def tell() -> None:
            while not done.wait(_PATIENCE):
                self._stream.write(f"{_ERASE}{doing} ... {perf_counter() - began:.0f} s")
                self._stream.flush()

        thread = Thread(target=tell, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            self._stream.write(_ERASE)
            self._stream.flush()

    def _write_all(self, found: Iterable[Diagnostic]) -> None:
        for each in found:
            self._line(self._rendered(each))

    def _rendered(self, diagnostic: Diagnostic) -> str:
        """Write as Diagnostic.render does, with colours and without control characters."""
        span, severity = diagnostic.span, diagnostic.severity
        where = self._paint(f"{printable(span.file)}:{span.line}:{span.column}: ", _BOLD) if span else ""
        field = f"{printable(span.field)}: " if span and span.path else ""
        level = self._paint(f"{severity.value}:", _COLOURS[severity])
        text = f"{where}{level} {field}{printable(diagnostic.message)}"
        return (
            f"{text}\n    {self._paint('help:', _BOLD)} {printable(diagnostic.help)}"
            if diagnostic.help
            else text
        )

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._color else text

    def _line(self, text: str) -> None:
        self._stream.write(f"{text}\n")


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _place(diagnostic: Diagnostic) -> tuple[str, int, int]:
    span = diagnostic.span
    return (span.file, span.line, span.column) if span else ("", 0, 0)
