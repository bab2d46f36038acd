"""Probes a running lab, and shows what was seen.

Comes in: what to probe, and how to write it. Goes out: an exit code: 0 when every prediction was seen to be
true, 1 when not.
"""

from __future__ import annotations

import shutil
import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from analyzer import Filters, PortSet
from analyzer.commands import Exit
from analyzer.commands.ports import port_set
from analyzer.console import Console
from analyzer.load.text import shown
from analyzer.output import write
from lab.commands import say, tell
from lab.compare import Comparison, Status
from lab.errors import LabError
from lab.plan import Plan, TooManyProbesError, Wanted, plan
from lab.probes import Patience
from lab.providers import Manner, Provider, running
from lab.steps import now_and_then
from lab.world import World

if TYPE_CHECKING:  # what most probes do without
    from analyzer.expect.expectation import Expectation
    from lab.recording import Files, Recording

FORMATS = ("table", "json", "csv", "junit")
_MOST_AT_A_TIME = 256
_SURE = 3.0
"""Seconds until the time that is left can be guessed."""
MOST = 1_000_000
"""Probes, unless the user asks for more: beyond that it takes minutes and gigabytes."""
_MANY = 100_000
"""Probes, before which it is told how long they take."""
_FEWER = "name fewer by `--port 80/TCP`, `--source`, `--destination` or `--namespace`"
_LONGEST = 60
"""Seconds until the first silence counts; later attempts take longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the user asks for, as written."""

    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    every_pair: bool = False
    every_pod: bool = False
    timeout: float = 1.0
    most: int = MOST
    manner: Manner = field(default_factory=Manner)
    expectations: tuple[Expectation, ...] = ()

    def wanted(self) -> Wanted:
        """Return it as the plan understands it. Raises LabError for ports that are none."""
        mask = PortSet.none()
        for text in self.ports:
            try:
                mask |= port_set(text)
            except ArgumentTypeError as error:
                raise LabError(
                    f"{shown(text)} is no port", "write `80/TCP`, `8000-8100/UDP` or `SCTP`"
                ) from error
        filters = Filters(
            sources=self.sources,
            destinations=self.destinations,
            namespaces=self.namespaces,
            ports=mask or PortSet.transports(),
        )
        if self.most < 1:
            raise LabError("at least one probe must be allowed", f"write `--max-probes {MOST}`")
        if self.every_pod and (self.every_pair or self.expectations):
            other = "--every-pair" if self.every_pair else "--expect"
            raise LabError(f"`{other}` says by itself which pods ask", "leave out `--every-pod`")
        return Wanted(
            filters=filters,
            ports=mask or None,
            every_pair=self.every_pair,
            every_pod=self.every_pod,
            most=self.most,
        )

    def planned(self, world: World, known: Collection[tuple[str, str]] = ()) -> Plan:
        """Plan the probes: those that decide the expectations, where there are some.

        `known`: between whom probes were made already, which are not to be made between others.
        """
        wanted = replace(self.wanted(), known=known)
        if not self.expectations:
            return plan(world, wanted)
        if self.sources or self.destinations or self.namespaces or self.ports:
            raise LabError("`--expect` says by itself who is asked what", "leave out filters and `--port`")
        from lab.expectations import Expected

        focus = Expected(world, self.expectations, every_pair=self.every_pair).focus
        return plan(world, replace(wanted, focus=focus))

    def patience(self) -> Patience:
        """Return how long to wait. Raises LabError for a time in which nothing can be seen."""
        if not 0 < self.timeout <= _LONGEST:
            raise LabError(f"a timeout is more than 0 seconds and at most {_LONGEST}", "write `--timeout 1`")
        return Patience(timeout=self.timeout)


def run(console: Console, asked: Asked, *, name: str, form: str = "table", files: Files | None = None) -> int:
    """Probe, and write a report; a recording too, where one is asked for."""
    render = reporter(asked, form)
    if not 0 < asked.manner.concurrency <= _MOST_AT_A_TIME:
        raise LabError(
            f"from 1 to {_MOST_AT_A_TIME} pods can ask at a time", "write `--concurrency 16`, or leave it out"
        )
    with running.connect(name, asked.manner) as lab:
        comparison = probed(lab, asked, files)
        for note in lab.notes():
            tell(note)
    text, code = render(comparison)
    write(text, None, sys.stdout)
    return code


def reporter(asked: Asked, form: str) -> Callable[[Comparison], tuple[Iterator[str], Exit]]:
    """Return what makes a report and an exit code. Raises LabError when there is no such format."""
    if not asked.expectations:
        plain = writer(form)
        return lambda found: (plain(found), Exit.FINE if found.verified else Exit.FINDING)
    from lab.commands import expected

    render = expected.writer(form)

    def told(comparison: Comparison) -> tuple[Iterator[str], Exit]:
        found, code = expected.report(comparison, asked.expectations, every_pair=asked.every_pair)
        return render(found), code

    return told


def writer(form: str) -> Callable[[Comparison], Iterator[str]]:
    """Return what writes a format. Raises LabError when there is none of that name."""
    if form == "json":
        from lab.report.json import render
    elif form == "csv":
        from lab.report.csv import render
    elif form == "junit":
        from lab.report.junit import render
    elif form == "table":
        return _table
    else:
        raise LabError(f"there is no format `{form}`", f"write one of {', '.join(FORMATS)}")
    return render


def probed(lab: Provider, asked: Asked, files: Files | None = None) -> Comparison:
    """Probe a lab, with a line about how far it is on a terminal.

    What was decided in a recording to be resumed is not asked again; one to be written is written every few
    seconds, as a whole. Raises LabError when there is nothing to probe: that would verify nothing.
    """
    patience = asked.patience()
    earlier = _earlier(files, lab.world)
    made = planned(lab, asked, earlier.pairs if earlier else ())
    if not made.questions and not asked.expectations:
        raise LabError("nothing of what was asked for can be probed", "ask for other ports, or fewer filters")
    if files is None or not (files.output or files.resume):
        with _Progress() as progress:
            results = lab.observe(made, patience, progress) if made.questions else []
        return Comparison(made, results)
    from lab.recording import Recorder

    run_ = Recorder(made, files, earlier.results) if earlier else Recorder(made, files)
    try:
        with _Progress() as progress:
            lab.observe(run_.rest, patience, progress, run_.take) if run_.rest.questions else None
    except BaseException:
        if kept := run_.keep():
            tell(f"`{kept}` has what was seen until now: `--resume {kept}` goes on")
        raise
    return run_.finish()


def _earlier(files: Files | None, world: World) -> Recording | None:
    """Return what of a recording to be resumed still counts; None when there is none yet. Raises LabError."""
    if files is None or not files.resume or not Path(files.resume).exists():
        return None
    from lab.recording import read

    found = read(files.resume)
    try:
        still = found.still(world)
    except LabError as error:
        raise LabError(f"`{files.resume}` cannot be resumed: {error.message}", error.help) from error
    if lost := len(found.results) - len(still.results):
        tell(f"{lost:,} of {len(found.results):,} observations in `{files.resume}` do not count, or no more")
    return still


def planned(lab: Provider, asked: Asked, known: Collection[tuple[str, str]] = ()) -> Plan:
    """Plan what to ask a lab, and say so before it is much. Raises LabError when it is too much."""
    try:
        found = asked.planned(lab.world, known)
    except TooManyProbesError as error:
        more = f"allow them with `--max-probes {error.count}`{_lasting(lab, error.count, ', which takes')}"
        raise LabError(error.message, f"{_FEWER}; or {more}") from error
    count = len(found.questions)
    if count >= _MANY:
        tell(f"{count:,} probes{_lasting(lab, count, ',')}; to ask less, {_FEWER}")
    return found


def _lasting(lab: Provider, probes: int, words: str) -> str:
    """Say how long probes take, where that can be told."""
    if lab.pace is None:
        return ""
    return f"{words} about {_time(probes / lab.pace)}"


def _time(seconds: float) -> str:
    """Say for about how long something goes on."""
    return f"{seconds / 60:,.0f} min" if seconds > 2 * _LONGEST else f"{seconds:.0f} s"


def _table(comparison: Comparison) -> Iterator[str]:
    from lab.report.table import differences, matrix, summary

    width = shutil.get_terminal_size((100, 24)).columns
    lines = [*matrix(comparison, width), "", *summary(comparison)]
    if comparison.counts[Status.DIFFERS] or comparison.counts[Status.FAILED]:
        lines += differences(comparison)
    yield "\n".join((*lines, ""))


class _Progress:
    """How far it is: a line on a terminal, which is removed at the end; elsewhere a line each half minute."""

    def __init__(self) -> None:
        self._lively = sys.stderr.isatty()
        self._shown = False
        self._doing = ""
        self._now_and_then = now_and_then(sys.stderr)
        self._began = time.monotonic()
        self._before = 0

    def __enter__(self) -> Self:
        return self

    def __call__(self, done: int, of: int, doing: str = "probing") -> None:
        now = time.monotonic()
        if doing != self._doing:
            self._doing, self._began, self._before = doing, now, done
        past, more = now - self._began, done - self._before
        left = past * (of - done) / more if more > 0 and past > _SURE else 0
        far = f"{done:,} of {of:,}{f', about {_time(left)} left' if left >= 1 else ''}"
        if not self._lively:
            self._now_and_then(f"{doing}, {far}")
        elif of > 1000 or past > 1:
            self._shown = True
            sys.stderr.write(f"\r\x1b[K{doing} ... {far}")
            sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def lines(found: Sequence[str]) -> None:
    """Write lines of the report."""
    for line in found:
        say(line)
