"""Prediction and observation, side by side.

Comes in: the questions of a plan, and what their probes saw. Goes out: a finding for each, one of a closed
list; what the endpoints let through, as far as was seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from functools import cached_property, lru_cache
from typing import NamedTuple

from analyzer import Bounds, Endpoint, Match, PortSet
from lab.kinds import kind_of_pair
from lab.plan import Plan, Question
from lab.probes import Outcome, ProbeResult

# A connection that is refused has arrived: the destination's own kernel said that nobody listens.
_ARRIVED = frozenset((Outcome.OPEN, Outcome.REFUSED))
_STOPPED = frozenset((Outcome.DROPPED, Outcome.REJECTED))
_DECIDED = _ARRIVED | _STOPPED


class Status(Enum):
    """What a probe says about a prediction.

    UNKNOWN: the prediction is that a missing fact decides. UNDECIDABLE: from where the lab can ask, nobody
    could tell. FAILED: the probe shows neither.
    """

    AGREES = "agrees"
    DIFFERS = "differs"
    UNKNOWN = "unknown"
    UNDECIDABLE = "undecidable"
    FAILED = "failed"


class Finding(NamedTuple):
    """One question with its answer."""

    question: Question
    result: ProbeResult
    status: Status


def arrived(result: ProbeResult) -> bool:
    """Tell whether a probe got through, to somebody who answered or refused it."""
    return result.outcome in _ARRIVED


def judge(question: Question, result: ProbeResult, *, identified: bool = True) -> Status:
    """Compare an answer with its prediction. An error is never taken for a denial.

    Where answers are `identified`, an open connection counts only when the right one answered.
    """
    if result.outcome is Outcome.WRONG_IDENTITY:
        return Status.DIFFERS
    if result.outcome is Outcome.UNDECIDABLE:
        return Status.UNDECIDABLE
    if result.outcome not in _DECIDED:
        return Status.FAILED
    nameless = not identified and _identity(result) is None
    if result.outcome is Outcome.OPEN and not nameless and _identity(result) not in question.answering:
        return Status.DIFFERS
    if question.predicted is Match.MAYBE:
        return Status.UNKNOWN
    return Status.AGREES if arrived(result) is (question.predicted is Match.YES) else Status.DIFFERS


def _identity(result: ProbeResult) -> str | None:
    return result.attempts[-1].identity if result.attempts else None


class Comparison:
    """All findings of a plan, whose questions are as they were asked."""

    def __init__(self, plan: Plan, results: Sequence[ProbeResult]) -> None:
        self.plan = plan
        identified = plan.world.limits.identified
        asked = (
            (plan.asked_as(question, result.probe), result)
            for question, result in zip(plan.questions, results, strict=True)
        )
        self.findings = tuple(
            Finding(question, result, judge(question, result, identified=identified))
            for question, result in asked
        )

    @cached_property
    def counts(self) -> Mapping[Status, int]:
        """How many findings there are of each status."""
        found = Counter(each.status for each in self.findings)
        return {status: found[status] for status in Status}

    @property
    def verified(self) -> bool:
        """Whether every prediction that can be decided was seen to be true, and one could be."""
        counts = self.counts
        decided = not self.findings or len(self.findings) > counts[Status.UNDECIDABLE]
        return decided and not counts[Status.DIFFERS] and not counts[Status.FAILED]

    def of(self, *statuses: Status) -> list[Finding]:
        """Return the findings of some statuses."""
        return [each for each in self.findings if each.status in statuses]

    def observed(self, source: Endpoint, destination: Endpoint) -> Bounds:
        """Return what was seen to pass between two endpoints, or between two that policies see alike.

        What was not asked, or not decided, is not certain but possible.
        """
        if (found := self._seen.get((source.id, destination.id))) is not None:
            return found
        if source.external or destination.external:  # those are alike to none
            return seen(())
        key = kind_of_pair(source, destination)
        if (alike := self._seen_alike.get(key)) is None:
            alike = self._seen_alike[key] = seen(self._alike.get(key, ()))
        return alike

    @cached_property
    def _seen(self) -> Mapping[tuple[str, str], Bounds]:
        return {ends: seen(found) for ends, found in self._between.items()}

    @cached_property
    def _seen_alike(self) -> dict[tuple[object, ...], Bounds]:
        return {}

    @cached_property
    def _between(self) -> Mapping[tuple[str, str], Sequence[Finding]]:
        """The findings by the endpoints that they are about."""
        groups: dict[tuple[str, str], list[Finding]] = {}
        for each in self.findings:
            question = each.question
            if not question.service:
                groups.setdefault((question.source.id, question.destination.id), []).append(each)
        return groups

    @cached_property
    def _alike(self) -> Mapping[tuple[object, ...], Sequence[Finding]]:
        """The findings by the kind of pair that they are about."""
        groups: dict[tuple[object, ...], list[Finding]] = {}
        for found in self._between.values():
            question = found[0].question
            groups.setdefault(kind_of_pair(question.source, question.destination), []).extend(found)
        return groups


def seen(findings: Iterable[Finding]) -> Bounds:
    """Join what probes between alike endpoints saw: certain if all passed, possible if not all failed."""
    passed: set[PortSet] = set()
    stopped: set[PortSet] = set()
    for each in findings:
        ports, outcome = each.question.ports, each.result.outcome
        if outcome not in _STOPPED:
            passed.add(ports)
        if outcome not in _ARRIVED:
            stopped.add(ports)
    return _bounds(frozenset(passed), frozenset(stopped))


@lru_cache(maxsize=4096)
def _bounds(passed: frozenset[PortSet], stopped: frozenset[PortSet]) -> Bounds:
    yes, no = _union(passed), _union(stopped)
    possible = PortSet.transports() - (no - yes)
    return Bounds(yes - no, possible)


def _union(sets: Iterable[PortSet]) -> PortSet:
    return PortSet(interval for each in sets for interval in each.intervals)
