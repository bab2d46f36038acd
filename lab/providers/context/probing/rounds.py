"""All probes of a plan, in rounds, until each is decided.

Comes in: probes, patience, and seats to probe from. Goes out: a result for each probe, with every attempt.
All pods ask at the same time, so many at once as are allowed; each asks all that is still open of its probes
in one go.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from lab.probes import Attempt, Outcome, Patience, Probe, ProbeResult
from lab.providers.context.probing.asking import CONTROL, Executor, Nodes, Pod, Report
from lab.providers.context.probing.script import Target
from lab.providers.context.probing.sources import Seat
from lab.providers.context.probing.verdicts import Place

Progress = Callable[[int, int], object]


class Rounds:
    """The probes of one run."""

    def __init__(
        self,
        executor: Executor,
        seats: Mapping[str, Seat],
        place: Place,
        concurrency: int,
        nodes: Nodes | None = None,
    ) -> None:
        self._seats, self._place, self._concurrency = seats, place, concurrency
        self._stop = threading.Event()
        self._pods = {name: Pod(executor, seat, self._stop, nodes) for name, seat in seats.items()}

    @property
    def ways(self) -> Mapping[str, int]:
        """How many pods asked in which way."""
        return dict(Counter(pod.way for pod in self._pods.values()).most_common())

    def run(
        self,
        probes: Sequence[Probe],
        patience: Patience,
        progress: Progress | None = None,
        on_result: Callable[[int, ProbeResult], object] | None = None,
    ) -> list[ProbeResult]:
        """Carry them out. `on_result` is told the number of a probe, and its result, when it is decided."""
        attempts: list[tuple[Attempt, ...]] = [()] * len(probes)
        results: dict[int, ProbeResult] = {}
        open_ = [*range(len(probes))]
        while open_:
            told = _Told(progress, len(results), len(probes))
            for number, attempt in self._round(probes, attempts, open_, patience, told).items():
                attempts[number] = (*attempts[number], attempt)
            for number in open_:
                outcome = patience.verdict(attempts[number])
                if outcome is not None:
                    results[number] = ProbeResult(probes[number], outcome, attempts[number])
                    if on_result:
                        on_result(number, results[number])
            open_ = [number for number in open_ if number not in results]
        return [results[number] for number in range(len(probes))]

    def _round(
        self,
        probes: Sequence[Probe],
        attempts: Sequence[tuple[Attempt, ...]],
        open_: Sequence[int],
        patience: Patience,
        told: _Told,
    ) -> dict[int, Attempt]:
        groups: dict[str, list[int]] = {}
        for number in open_:
            groups.setdefault(probes[number].source, []).append(number)
        found: dict[int, Attempt] = {}

        def ask(source: str) -> None:
            numbers = groups[source]
            targets = [
                _target(number, probes[number], patience.life(len(attempts[number]))) for number in numbers
            ]
            pod = self._pods.get(source)
            reports = pod.ask(targets, told.one) if pod else {}
            for number in numbers:
                report = reports.get(number + 1)
                found[number] = self._attempt(probes[number], report)

        threads = ThreadPoolExecutor(self._concurrency)
        try:
            pending = [threads.submit(ask, source) for source in groups]
            done, _ = wait(pending, return_when=FIRST_EXCEPTION)
            for each in done:
                each.result()
        except BaseException:
            self._stop.set()
            raise
        finally:
            threads.shutdown(wait=not self._stop.is_set(), cancel_futures=True)
        return found

    def _attempt(self, probe: Probe, report: Report | None) -> Attempt:
        if report is None:
            began = max(0.0, time.monotonic() - self._place.began)
            return Attempt(outcome=Outcome.ERROR, started=began, took=0.0, reason="its pod is gone")
        return self._place.attempt(probe, report)


class _Told:
    """Counts what is answered in a round, from several threads."""

    def __init__(self, progress: Progress | None, before: int, total: int) -> None:
        self._progress, self._count, self._total = progress, before, total
        self._lock = threading.Lock()

    def one(self, number: int) -> None:
        """Count an answer."""
        with self._lock:
            self._count = min(self._count + 1, self._total)
            if self._progress:
                self._progress(self._count, self._total)


def _target(number: int, probe: Probe, seconds: float) -> Target:
    assert CONTROL == 0, "the numbers of probes come after the control's"
    return Target(
        number=number + 1,
        protocol=probe.protocol,
        address=probe.address,
        port=probe.port,
        seconds=seconds,
    )
