"""One pod asks: all of its targets in one exec, and what came of each.

Comes in: a seat and targets. Goes out: a Report for each target. What was not answered is broken, with the
reason, and never taken for a denial. Only the transport is tried again, and only for what is still open.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol as Interface

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


@dataclass(slots=True)
class _Heard:
    """What one exec has told so far."""

    on_report: Callable[[int], object]
    began: float = field(default_factory=time.monotonic)
    tool: str = ""
    starts: dict[int, float] = field(default_factory=dict)
    reports: dict[int, Report] = field(default_factory=dict)

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
        known = answer.number in self.reports
        self.reports[answer.number] = Report(
            said=answer.said, words=answer.words, started=started, took=now - started
        )
        if not known and answer.number != CONTROL:
            self.on_report(answer.number)


class Pod:
    """One pod that asks. `way` says, once it has asked, how."""

    def __init__(
        self, executor: Executor, seat: Seat, stop: threading.Event, nodes: Nodes | None = None
    ) -> None:
        self._executor, self._seat, self._stop, self._nodes = executor, seat, stop, nodes
        self._chosen: _Way | None = None
        self.tool = ""

    @property
    def way(self) -> str:
        """How this pod asked, in words."""
        return f"asked {self._chosen.words.format(tool=self.tool)}" if self._chosen else "could not ask"

    def ask(self, targets: Sequence[Target], on_report: Callable[[int], object]) -> Mapping[int, Report]:
        """Ask all targets, and return a report for each."""
        found: dict[int, Report] = {}
        troubles: list[str] = []
        for way in [self._chosen] if self._chosen else self._ways():
            found, trouble = self._asked(way, targets, on_report)
            troubles.append(f"its node: {trouble}" if way.outside else trouble)
            if found or self._chosen or self._stop.is_set():
                break
        # A way that broke says more than one that is not there.
        trouble = next((each for each in reversed(troubles) if each != _LACKING), _LACKING)
        lacking = not troubles or trouble == _LACKING
        if lacking:
            trouble = "; ".join(filter(None, (_LACKING if troubles else _STOPPED, self._seat.why)))
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

    def _within(self, container: str, where: str) -> _Way:
        run = partial(self._executor.exec, self._seat.namespace, self._seat.pod, container)
        return _Way(words=f"by {{tool}} in {where}", run=run)

    def _asked(
        self, way: _Way, targets: Sequence[Target], on_report: Callable[[int], object]
    ) -> tuple[dict[int, Report], str]:
        """Ask in one way; return what was answered, and what was in the way of the rest."""
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
                if not getattr(error, "status", 0):
                    continue
                break
            if heard.tool == "none":
                return found, _LACKING_THERE if way.outside else _LACKING
            if not heard.tool:
                absent = not way.outside and _NOT_FOUND.search(ended.trouble)
                trouble = _LACKING if absent else _said(ended)
                if ended.status is None and ended.trouble.startswith("the connection broke"):
                    continue
                break
            control = heard.reports.pop(CONTROL, None)
            if control is not None and control.said not in (Said.REFUSED, Said.OPEN):
                return (
                    found,
                    f"{heard.tool} cannot tell even its own pod: {control.said.value} {control.words}",
                )
            self._chosen, self.tool = way, heard.tool
            found.update(heard.reports)
            trouble = _said(ended)
        return found, trouble


def _said(ended: Executed) -> str:
    """Say in a line why a command gave no answers."""
    last = " ".join(ended.stderr.split())[-200:]
    words = ended.trouble or f"the probe ended with exit status {ended.status}"
    return f"{words}: {last}" if last else words
