"""Where a pod cannot ask, or is not there any more, another one takes over that policies see alike.

Comes in: a plan, and how probing begins. Goes out: a result for each question, whose probe names who asked in
the end. Only who cannot ask is replaced, a few times at most; whatever a pod has seen stands, errors as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from lab.plan import Plan
from lab.probes import Patience, Probe, ProbeResult
from lab.providers import OnResult, Progress
from lab.providers.context.probing.rounds import Rounds

Begin = Callable[[Sequence[Probe], Progress | None], Rounds]
"""Makes ready what some probes need, and tells how far it is."""
_TURNS = 4
_MOST_NAMED = 3


class Relay:
    """The questions of a plan, and who asks them."""

    def __init__(self, plan: Plan, begin: Begin) -> None:
        self._plan, self._begin = plan, begin
        self._questions = list(plan.questions)
        self._results: dict[int, ProbeResult] = {}
        self._ways: Counter[str] = Counter()
        self._missed: dict[str, str] = {}
        self._out: dict[str, str] = {}
        self._gone: set[str] = set()
        self._replaced: dict[str, str] = {}

    def run(
        self, patience: Patience, progress: Progress | None = None, on_result: OnResult | None = None
    ) -> list[ProbeResult]:
        """Carry the plan out. `on_result` is told the number of a question when its result is sure."""
        open_ = [*range(len(self._questions))]
        for turn in range(_TURNS):
            unable = self._turn(open_, patience, progress, on_result)
            open_ = [number for number in unable if turn < _TURNS - 1 and self._passed_on(number)]
            if on_result:
                for number in set(unable).difference(open_):
                    on_result(number, self._results[number])
            if not open_:
                break
        return [self._results[number] for number in range(len(self._questions))]

    def _turn(
        self,
        numbers: Sequence[int],
        patience: Patience,
        progress: Progress | None,
        on_result: OnResult | None,
    ) -> list[int]:
        """Ask some questions; return those that were not, since a pod could not ask or was not there."""
        total = len(self._questions)
        before = total - len(numbers)
        probes = [self._questions[number].probe for number in numbers]
        rounds = self._begin(probes, progress)
        try:
            found = rounds.run(
                probes,
                patience,
                partial(_further, progress, before, total) if progress else None,
                (lambda number, result: on_result(numbers[number], result)) if on_result else None,
            )
        finally:
            self._ways.update(rounds.ways)
            self._missed = {**rounds.missed, **self._missed}
        self._results.update(zip(numbers, found, strict=True))
        self._out.update((name, why) for name, why in rounds.absent.items() if not rounds.able(name))
        self._gone |= rounds.gone
        return [numbers[number] for number in sorted(rounds.open)]

    def _passed_on(self, number: int) -> bool:
        """Pass a question on to another pod, or to the same one where that may go on in a new container."""
        question = self._questions[number]
        before = question.probe.source, question.probe.expect or ""
        if before[0] not in self._out and before[1] not in self._gone:
            return True
        if other := self._plan.instead(question, self._out, self._gone):
            self._questions[number] = other
            after = other.probe.source, other.probe.expect or ""
            for old, new in zip(before, after, strict=True):
                if old in self._out or old in self._gone:
                    self._replaced[old] = new
        return other is not None

    def notes(self) -> Iterator[str]:
        """Yield how the pods asked, why in no better way, and who took the place of whom."""
        for way, count in self._ways.most_common():
            told = f"1 pod {way}" if count == 1 else f"{count:,} pods {way.replace(' its ', ' their ')}"
            yield f"{told}; {self._missed[way]}" if way in self._missed else told
        if self._replaced:
            why = {**dict.fromkeys(self._gone, "it is not there any more"), **self._out}
            yield _told(self._replaced, why)


def _further(progress: Progress, before: int, total: int, done: int, _: int, doing: str = "probing") -> None:
    progress(before + done, total, doing)


def _told(replaced: Mapping[str, str], why: Mapping[str, str]) -> str:
    """Say who took part for whom."""
    named = [f"{other} for {name} ({why[name]})" for name, other in [*replaced.items()][:_MOST_NAMED]]
    more = f", and {len(replaced) - _MOST_NAMED:,} more" if len(replaced) > _MOST_NAMED else ""
    return f"taken instead, alike to all policies: {', '.join(named)}{more}"
