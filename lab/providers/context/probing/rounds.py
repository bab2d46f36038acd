"""All probes of a plan, until each is decided.

Comes in: probes, patience, and seats to probe from. Goes out: a result for each probe, with every attempt.
All pods ask at the same time, so many at once as are allowed; each asks all that is still open of its probes
in one go, until nothing is. What is decided is told at once.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from lab.probes import Attempt, Outcome, Patience, Probe, ProbeResult
from lab.providers import OnResult, Progress
from lab.providers.context.probing.asking import CONTROL, Executor, Nodes, Pod, Report
from lab.providers.context.probing.script import Said, Target
from lab.providers.context.probing.sources import Seat
from lab.providers.context.probing.verdicts import Place

Doubts = Callable[[Collection[Probe]], Mapping[Probe, tuple[Outcome, str]]]
"""Returns, of probes that are about to be called dropped, those that are not, with the reason.

UNREACHABLE says that the destination is not there any more.
"""
_LOOK = 0.25
_BELIEVE = 10.0
_TENTH = 10
"""Seconds between two looks at what was decided, and at what was silent: these take a tenth of the time."""


class Rounds:
    """The probes of one run.

    `absent` says of pods why they could not ask, or could not go on; `gone` are those that were not there any
    more when they were asked. `open` are the numbers of their probes, in which others may take part instead.
    """

    def __init__(
        self,
        executor: Executor,
        seats: Mapping[str, Seat],
        place: Place,
        concurrency: int,
        nodes: Nodes | None = None,
        doubts: Doubts | None = None,
    ) -> None:
        self._place, self._concurrency, self._doubts = place, concurrency, doubts
        self._stop = threading.Event()
        self._pods = {name: Pod(executor, seat, self._stop, nodes) for name, seat in seats.items()}
        self.absent: dict[str, str] = {}
        self.gone: set[str] = set()
        self.open: set[int] = set()

    @property
    def ways(self) -> Mapping[str, int]:
        """How many pods asked in which way."""
        return dict(Counter(pod.way for pod in self._pods.values()).most_common())

    @property
    def missed(self) -> Mapping[str, str]:
        """By ways in which pods asked, why one of them did so in no better one."""
        told = {pod.way: f"{name}: {pod.missed}" for name, pod in reversed(self._pods.items()) if pod.missed}
        return dict(reversed(told.items()))

    def able(self, name: str) -> bool:
        """Tell whether a pod has asked anything."""
        return name in self._pods and self._pods[name].able

    def run(
        self,
        probes: Sequence[Probe],
        patience: Patience,
        progress: Progress | None = None,
        on_result: OnResult | None = None,
    ) -> list[ProbeResult]:
        """Carry them out. `on_result` is told the number of a probe, and its result, when it is decided."""
        course = _Course(probes, patience, self._place, careful=self._doubts is not None)
        groups: dict[str, list[int]] = {}
        for number, probe in enumerate(probes):
            groups.setdefault(probe.source, []).append(number)
        threads = ThreadPoolExecutor(self._concurrency)
        try:
            pending = {threads.submit(self._ask, course, name, groups[name]) for name in groups}
            self._attend(course, pending, progress, on_result)
        except BaseException:
            self._stop.set()
            course.tell(None, on_result)
            raise
        finally:
            threads.shutdown(wait=not self._stop.is_set(), cancel_futures=True)
        self.open = course.left
        self.gone = {
            probes[number].expect or ""
            for number in course.left
            if course.results[number].outcome is Outcome.UNREACHABLE
        }
        return [course.results[number] for number in range(len(probes))]

    def _attend(
        self,
        course: _Course,
        pending: set[Future[None]],
        progress: Progress | None,
        on_result: OnResult | None,
    ) -> None:
        """Tell what is decided, and look after what is silent, until all pods have asked."""
        due = time.monotonic() + _BELIEVE
        while pending or course.silent:
            done, pending = wait(pending, _LOOK, FIRST_COMPLETED)
            for each in done:
                each.result()
            if course.silent and (not pending or time.monotonic() > due):
                began = time.monotonic()
                course.believe(self._doubts)
                due = time.monotonic() + max(_BELIEVE, _TENTH * (time.monotonic() - began))
            course.tell(progress, on_result)
        course.tell(progress, on_result)

    def _ask(self, course: _Course, name: str, numbers: Sequence[int]) -> None:
        """Let a pod ask until nothing of its probes is open."""
        pod = self._pods.get(name)
        open_ = list(numbers)
        while open_ and not self._stop.is_set():
            told: set[int] = set()

            def heard(number: int, report: Report, told: set[int] = told) -> None:
                told.add(number)
                course.take(number - 1, report)

            reports = pod.ask([course.target(number) for number in open_], heard) if pod else {}
            absent = pod.absent if pod else "its pod is gone"
            if absent:
                self.absent[name] = absent
            for number in open_:
                if number + 1 not in told:
                    course.take(number, reports.get(number + 1) or _gone(absent), absent=bool(absent))
            open_ = course.still(open_)


class _Course:
    """How far all probes are. Pods that ask take note of what they heard, each in its own thread."""

    def __init__(self, probes: Sequence[Probe], patience: Patience, place: Place, *, careful: bool) -> None:
        """`careful`: silence is believed only when somebody has looked after it."""
        self._probes, self._patience, self._place, self._careful = probes, patience, place, careful
        self._attempts: list[tuple[Attempt, ...]] = [()] * len(probes)
        self._lock = threading.Lock()
        self._fresh: list[int] = []
        first = patience.life(0)
        self._share = first / (first + patience.life(1))
        self._begun: set[int] = set()
        self.results: dict[int, ProbeResult] = {}
        self.silent: set[int] = set()
        self.left: set[int] = set()

    def target(self, number: int) -> Target:
        """Return what a pod is told to ask for a probe."""
        assert CONTROL == 0, "the numbers of probes come after the control's"
        probe = self._probes[number]
        return Target(
            number=number + 1,
            protocol=probe.protocol,
            address=probe.address,
            port=probe.port,
            seconds=self._patience.life(len(self._attempts[number])),
        )

    def take(self, number: int, report: Report, *, absent: bool = False) -> None:
        """Take note of what was said; `absent`: it was not asked, and somebody else may."""
        attempt = self._place.attempt(self._probes[number], report)
        with self._lock:
            attempts = self._attempts[number] = (*self._attempts[number], attempt)
            outcome = self._patience.verdict(attempts)
            if absent:
                self._decide(number, attempt.outcome, sure=False)
            elif outcome is Outcome.DROPPED and self._careful:
                self.silent.add(number)
            elif outcome is not None:
                self._decide(number, outcome)
            else:
                self._begun.add(number)

    def still(self, numbers: Sequence[int]) -> list[int]:
        """Return those of some probes that are to be asked again."""
        with self._lock:
            return [number for number in numbers if not (number in self.results or number in self.silent)]

    def believe(self, doubts: Doubts | None) -> None:
        """Decide what is silent, unless something else than a policy has made it so."""
        with self._lock:
            silent = {number: self._probes[number] for number in self.silent}
        found = doubts(set(silent.values())) if doubts else {}
        with self._lock:
            for number, probe in silent.items():
                self.silent.discard(number)
                outcome = Outcome.DROPPED
                if other := found.get(probe):
                    *earlier, last = self._attempts[number]
                    outcome = other[0]
                    self._attempts[number] = (*earlier, last._replace(outcome=outcome, reason=other[1]))
                self._decide(number, outcome, sure=outcome is not Outcome.UNREACHABLE)

    def _decide(self, number: int, outcome: Outcome, *, sure: bool = True) -> None:
        """Keep a result; unless it is `sure`, somebody else may take part in the probe."""
        self._begun.discard(number)
        self.results[number] = ProbeResult(self._probes[number], outcome, self._attempts[number])
        if sure:
            self._fresh.append(number)
        else:
            self.left.add(number)

    def tell(self, progress: Progress | None, on_result: OnResult | None) -> None:
        """Tell what was decided since the last time, and how far all is.

        A probe that was silent once has had its share of the time that two silences take.
        """
        with self._lock:
            fresh, self._fresh = self._fresh, []
            done = len(self.results) + len(self.silent) + int(self._share * len(self._begun))
        if on_result:
            for number in fresh:
                on_result(number, self.results[number])
        if progress:
            progress(done, len(self._probes))


def _gone(why: str) -> Report:
    return Report(said=Said.BROKEN, words=why or "the probe said nothing", started=time.monotonic(), took=0.0)
