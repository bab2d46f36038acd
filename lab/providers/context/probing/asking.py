"""One pod asks: all of its targets in one exec, and what came of each.

Comes in: a seat and targets. Goes out: a Report for each target, as soon as it is sure. What was not answered
is broken, with the reason, and never taken for a denial. Only the transport is tried again, and only for what
is still open.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Protocol as Interface

from lab.errors import LabError
from lab.probes import Protocol
from lab.providers.context.execution import Executed
from lab.providers.context.probing import script
from lab.providers.context.probing.script import Said, Target
from lab.providers.context.probing.sources import Seat

# What a pod lacks is no failure of the probe: who is asked could be told from elsewhere.
_LACKING = "no program in the pod's containers can connect"
_LACKING_THERE = "no program there can connect"
_STOPPED = "no container of the pod runs"
_NOT_FOUND = re.compile(r"executable file not found|no such file or directory|not found in \$PATH")
# The API server says so before anything is run: pod or container is not there, or nobody may enter.
_NOT_THERE = frozenset((400, 403, 404))
_NO_CONTAINER = "container not found"
_FORBIDDEN = 403
_TRIES = 3
_PAUSE = 0.5
CONTROL = 0
"""The number of the target that every run has: the pod's own loopback, where no policy stands in between."""
_NOWHERE = Target(number=CONTROL, protocol=Protocol.TCP, address="127.0.0.1", port=1, seconds=2.0)


class Executor(Interface):
    """What can run a command where a pod is."""

    def exec(  # noqa: PLR0913 - see Client.exec
        self,
        namespace: str,
        pod: str,
        container: str,
        command: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float = 60.0,
        on_line: Callable[[str], object] | None = None,
    ) -> Executed:
        """Run a command in a container."""
        ...


class Nodes(Interface):
    """What can run a command in a pod's network from outside the pod, on its node."""

    def exec(
        self,
        seat: Seat,
        command: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float = 60.0,
        on_line: Callable[[str], object] | None = None,
    ) -> Executed:
        """Run a command on the node of a seat, in the network of its pod."""
        ...

    def hang_up(self) -> None:
        """End all that runs."""
        ...


class _Run(Interface):
    """A way into a pod's network, to run a command there."""

    def __call__(
        self,
        command: Sequence[str],
        *,
        stdin: bytes,
        timeout: float,
        on_line: Callable[[str], object],
    ) -> Executed: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """One way to ask. `words` say which, with `{tool}` for the program that asked.

    `outside`: what goes wrong is its node's, and says nothing about the pod.
    """

    words: str
    run: _Run
    outside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was said about a target. Times are in seconds, `started` of the monotonic clock."""

    said: Said
    words: str
    started: float
    took: float


class _Tried(NamedTuple):
    """What was answered in one way, and what was in the way of the rest.

    `absent`: nothing was run, since there is no container, no program or no right to enter.
    """

    found: dict[int, Report]
    trouble: str = ""
    absent: bool = False


OnReport = Callable[[int, Report], object]
"""Is told the number of a target, and what was said about it."""


@dataclass(slots=True)
class _Heard:
    """What one exec has told so far. Reports are told once the control shows that who asks can be trusted."""

    on_report: OnReport
    tool: str = ""
    trusted: bool = False
    starts: dict[int, float] = field(default_factory=dict)
    reports: dict[int, Report] = field(default_factory=dict)
    control: Report | None = None

    def take(self, line: str) -> None:
        """Read a line of the script."""
        now = time.monotonic()
        self.tool = self.tool or script.tool(line)
        answer = script.answer(line)
        if answer is None:
            return
        if answer.said is None:
            self.starts[answer.number] = now
            return
        started = self.starts.get(answer.number, now)
        report = Report(said=answer.said, words=answer.words, started=started, took=now - started)
        if answer.number == CONTROL:
            self.control = report
            if report.said in (Said.REFUSED, Said.OPEN):
                self.trust()
        elif self.reports.setdefault(answer.number, report) is report and self.trusted:
            self.on_report(answer.number, report)

    def trust(self) -> None:
        """Tell all that was held back."""
        if not self.trusted:
            self.trusted = True
            for number, report in self.reports.items():
                self.on_report(number, report)


class Pod:
    """One pod that asks. `way` says, once it has asked, how.

    `missed` says why in no better way, "" for nothing.
    `absent` says why it cannot ask, or cannot go on, though another pod could: "" while it can.
    """

    def __init__(
        self, executor: Executor, seat: Seat, stop: threading.Event, nodes: Nodes | None = None
    ) -> None:
        self._executor, self._seat, self._stop, self._nodes = executor, seat, stop, nodes
        self._chosen: _Way | None = None
        self.tool = ""
        self.absent = ""

        self.missed = seat.why if seat.missed else ""

    @property
    def able(self) -> bool:
        """Whether it has ever asked."""
        return self._chosen is not None

    @property
    def way(self) -> str:
        """How this pod asked, in words."""
        return f"asked {self._chosen.words.format(tool=self.tool)}" if self._chosen else "could not ask"

    def ask(self, targets: Sequence[Target], on_report: OnReport) -> Mapping[int, Report]:
        """Ask all targets, and return a report for each."""
        found: dict[int, Report] = {}
        troubles: list[str] = []
        absent = True
        for way in [self._chosen] if self._chosen else self._ways():
            tried = self._asked(way, targets, on_report)
            found, absent = tried.found, absent and tried.absent
            troubles.append(f"its node: {tried.trouble}" if way.outside else tried.trouble)
            if found or self._chosen or self._stop.is_set():
                break
            if troubles[-1] != _LACKING:
                self.missed = self.missed or troubles[-1]
        # A way that broke says more than one that is not there.
        trouble = next((each for each in reversed(troubles) if each != _LACKING), _LACKING)
        lacking = not troubles or trouble == _LACKING
        if lacking:
            trouble = "; ".join(filter(None, (_LACKING if troubles else _STOPPED, self._seat.why)))
        if absent and not self._stop.is_set():
            self.absent = trouble
        lost = Report(
            said=Said.UNSUPPORTED if lacking else Said.BROKEN,
            words=trouble,
            started=time.monotonic(),
            took=0.0,
        )
        return {each.number: found.get(each.number, lost) for each in targets}

    def _ways(self) -> Iterator[_Way]:
        """Yield the ways to ask, best first: our ephemeral container, the pod's node, its own containers."""
        seat, own = self._seat, self._seat.containers
        if seat.ephemeral:
            yield self._within(own[0], "an ephemeral container")
            own = own[1:]
        if self._nodes and seat.node:
            yield _Way(words="by nsenter on its node", run=partial(self._nodes.exec, seat), outside=True)
        for name in own:
            yield self._within(name, "its own container")

    def _forbidden(self, error: LabError) -> None:
        """Keep what would help, where the user may not run commands."""
        if getattr(error, "status", 0) == _FORBIDDEN:
            self.missed = self.missed or f"{error.message}; {error.help}"

    def _within(self, container: str, where: str) -> _Way:
        run = partial(self._executor.exec, self._seat.namespace, self._seat.pod, container)
        return _Way(words=f"by {{tool}} in {where}", run=run)

    def _asked(self, way: _Way, targets: Sequence[Target], on_report: OnReport) -> _Tried:
        """Ask in one way."""
        found: dict[int, Report] = {}
        trouble = ""
        for number in range(_TRIES):
            left = [each for each in targets if each.number not in found]
            if not left or self._stop.is_set():
                break
            if number:
                time.sleep(_PAUSE * number)
            heard = _Heard(on_report)
            try:
                ended = way.run(
                    script.words(),
                    stdin=script.told([_NOWHERE, *left]),
                    timeout=script.longest([_NOWHERE, *left]),
                    on_line=heard.take,
                )
            except LabError as error:
                trouble = error.message
                if not (status := getattr(error, "status", 0)):
                    continue
                self._forbidden(error)
                return _Tried(found, trouble, status in _NOT_THERE or _NO_CONTAINER in trouble)
            if heard.tool == "none":
                return _Tried(found, _LACKING_THERE if way.outside else _LACKING, absent=True)
            if not heard.tool:
                absent = not way.outside and bool(_NOT_FOUND.search(ended.trouble))
                trouble = _LACKING if absent else _said(ended)
                if ended.status is None and ended.trouble.startswith("the connection broke"):
                    continue
                return _Tried(found, trouble, absent)
            if (control := heard.control) and control.said not in (Said.REFUSED, Said.OPEN):
                words = f"{control.said.value} {control.words}"
                return _Tried(found, f"{heard.tool} cannot tell even its own pod: {words}")
            self._chosen, self.tool = way, heard.tool
            heard.trust()
            found.update(heard.reports)
            trouble = _said(ended)
        return _Tried(found, trouble)


def _said(ended: Executed) -> str:
    """Say in a line why a command gave no answers."""
    last = " ".join(ended.stderr.split())[-200:]
    words = ended.trouble or f"the probe ended with exit status {ended.status}"
    return f"{words}: {last}" if last else words
