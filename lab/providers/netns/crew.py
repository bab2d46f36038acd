"""A list of probes carried out by as many processes as pay: the lab's own, and one more a processor.

Comes in: probes, the ground they run on and the lab's listeners. Goes out: results in the order of the
probes. Each process has some of the sources; all answer at all listeners; the lab's own hears the firewall
for all.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from lab.probes import Probe, ProbeResult
from lab.providers.netns.aims import Aims
from lab.providers.netns.columns import Columns, pack_results, read_results, renumbered
from lab.providers.netns.loop import Loop
from lab.providers.netns.nflog import Event
from lab.providers.netns.prober import Run
from lab.providers.netns.worker import Share, Worker

_WORTH_A_PROCESS = 2_000
_MOST = 8
_TELL_EVERY = 0.1

Progress = Callable[[int, int], object]
"""Is told how many probes are done, of how many; the last time when all are."""


class Crew:
    """A list of probes under way. `done` is true when every probe has its result."""

    def __init__(self, loop: Loop, share: Share, on_progress: Progress | None = None) -> None:
        """Begin; the loop does the rest. Raises LabError where a probe names what does not exist."""
        Aims(share.ground.places).check(share.probes)
        self._loop, self._on_progress, self._silent = loop, on_progress, False
        self._probes = share.probes
        own, *others = _shares(share.probes, _processes(len(share.probes)))
        self._numbers = [own]
        self._workers: list[Worker] = []
        self._owners: dict[bytes, Worker] = {}
        for numbers in others:
            self._hire(share, numbers)
        mine = [share.probes[number] for number in own]
        self._run = Run(loop, share.ground, mine, share.patience, self._ended)
        self._run.start()
        self._timer = loop.at(time.monotonic() + _TELL_EVERY, self._tell)

    @property
    def done(self) -> bool:
        """Tell whether every probe has its result."""
        return self._run.done and all(worker.done for worker in self._workers)

    def results(self) -> list[ProbeResult]:
        """Return the results in the order of the probes, once all are done."""
        return read_results(self._probes, self.packed())

    def packed(self) -> list[Columns]:
        """Return the results of each process as lists, once all are done."""
        own, *others = self._numbers
        parts = [pack_results(self._run.results(), own)]
        for numbers, worker in zip(others, self._workers, strict=True):
            parts.append(renumbered(worker.results(), numbers))
        return parts

    def logged(self, events: Sequence[Event]) -> None:
        """Hear what the firewall did, and pass on what concerns the others."""
        if not self._workers:
            self._run.logged(events)
            return
        others: dict[Worker, list[Event]] = defaultdict(list)
        for event in events:
            owner = self._owners.get(event.source)
            if owner is not None:
                others[owner].append(event)
        self._run.logged(events)
        for worker, some in others.items():
            worker.tell(some)

    def close(self) -> None:
        """Give up what is still under way."""
        self._silent = True
        self._timer.cancel()
        self._run.close()
        for worker in self._workers:
            worker.close()

    def _hire(self, share: Share, numbers: list[int]) -> None:
        """Fork a process for some of the probes; they stay with the lab's own where that is not possible."""
        probes = [share.probes[number] for number in numbers]
        try:
            worker = Worker(self._loop, replace(share, probes=probes), self._ended)
        except OSError:
            self._numbers[0] += numbers
            self._numbers[0].sort()
            return
        self._workers.append(worker)
        self._numbers.append(numbers)
        for source in {probe.source for probe in probes}:
            self._owners.update(dict.fromkeys(share.ground.places[source].addresses, worker))

    def _tell(self) -> None:
        """Say how far it has come, and come back later."""
        if self._on_progress is not None and not self._silent:
            finished = self._run.finished + sum(worker.finished for worker in self._workers)
            self._on_progress(finished, len(self._probes))
            self._silent = self.done
            if not self.done:
                self._timer = self._loop.at(time.monotonic() + _TELL_EVERY, self._tell)

    def _ended(self) -> None:
        if self.done:
            self._tell()


def _processes(probes: int) -> int:
    return max(1, min(len(os.sched_getaffinity(0)), _MOST, probes // _WORTH_A_PROCESS))


def _shares(probes: Sequence[Probe], processes: int) -> list[list[int]]:
    """Deal the probes out by their sources, to each process about as many; order is kept within a share."""
    if processes == 1:
        return [list(range(len(probes)))]
    by_source: dict[str, list[int]] = {}
    for number, probe in enumerate(probes):
        by_source.setdefault(probe.source, []).append(number)
    shares: list[list[int]] = [[] for _ in range(processes)]
    for numbers in by_source.values():
        min(shares, key=len).extend(numbers)
    return shares
