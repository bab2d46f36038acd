"""Which rule of which version changed a connection.

Comes in: a profile, peers and ports whose verdict differs in one direction. Goes out: these peers and ports,
divided among the rules and policies that made the difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.diff.result import Cause, Effect
from analyzer.model import Action, Direction

if TYPE_CHECKING:
    from analyzer.bitmaps import Bitmap
    from analyzer.diff.joint import Joint, Version
    from analyzer.diff.rows import Profile
    from analyzer.engine import Step
    from analyzer.model import Policy, Rule
    from analyzer.sets import PortSet


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A cause, and where it may be one: on some classes of a version (None: on all) and some ports."""

    cause: Cause
    version: Version
    classes: Bitmap | None
    ports: PortSet | None


@dataclass(frozen=True, slots=True)
class _View:
    """What selects a subject in one version."""

    version: Version
    policies: tuple[Policy, ...]
    steps: tuple[tuple[Policy, Rule, Step], ...]
    rules: frozenset[Rule]
    contents: frozenset[tuple[Rule, ...]]


class Causes:
    """Finds causes; what may be one is listed once for each profile."""

    def __init__(self, joint: Joint) -> None:
        self._joint = joint
        self._candidates: dict[tuple[int, bool], list[_Candidate]] = {}
        self._causes: dict[tuple[Effect, int, int, bool], Cause] = {}
        self._found: dict[tuple[object, ...], list[tuple[tuple[Cause, ...], Bitmap, PortSet]]] = {}

    def divide(
        self, profile: Profile, peers: Bitmap, ports: PortSet, *, grows: bool
    ) -> list[tuple[tuple[Cause, ...], Bitmap, PortSet]]:
        """Divide peers and ports among causes."""
        key = (id(profile), peers, ports, grows)
        if (found := self._found.get(key)) is None:
            found = self._found[key] = list(self._divided(profile, peers, ports, grows=grows))
        return found

    def _divided(
        self, profile: Profile, peers: Bitmap, ports: PortSet, *, grows: bool
    ) -> Iterator[tuple[tuple[Cause, ...], Bitmap, PortSet]]:
        left = [(peers, ports)]
        candidates = iter(self._listed(profile, grows=grows))
        while left:
            each = next(candidates, None)
            assert each is not None, "what a direction denies, a rule denies or a policy isolates"
            rest = []
            for those, these in left:
                where = those if each.classes is None else each.version.spread(each.classes, those)
                which = these if each.ports is None else these & each.ports
                if not where or not which:
                    rest.append((those, these))
                    continue
                yield (each.cause,), where, which
                if where != those:
                    rest.append((those & ~where, these))
                if which != these:
                    rest.append((where, these - which))
            left = rest

    def _listed(self, profile: Profile, *, grows: bool) -> list[_Candidate]:
        key = (id(profile), grows)
        if (found := self._candidates.get(key)) is None:
            found = self._candidates[key] = list(self._ordered(profile, grows=grows))
        return found

    def _ordered(self, profile: Profile, *, grows: bool) -> Iterator[_Candidate]:
        """Yield what may have caused a change, what was edited before what was not.

        The open side is the version that allows more. A rule of it that the other lacks explains the change
        best; then one that denies on the closed side, and then a policy that isolates there.
        """
        direction = profile.direction
        before = _view(self._joint.old, direction, profile.first.old)
        after = _view(self._joint.new, direction, profile.first.new)
        opened, closed = (after, before) if grows else (before, after)
        for edited in (True, False):
            for policy, rule, step in opened.steps:
                if step.action is Action.ALLOW and (rule not in closed.rules) is edited:
                    yield self._of_step(opened, direction, policy, rule, step, edited=edited, new=grows)
            for policy, rule, step in closed.steps:
                if step.action is Action.DENY and (rule not in opened.rules) is edited:
                    yield self._of_step(closed, direction, policy, rule, step, edited=edited, new=not grows)
            for policy in closed.policies:
                isolates = closed.version.tiers[id(policy)].unmatched is Action.DENY
                if isolates and (policy.rules(direction) not in opened.contents) is edited:
                    effect = Effect.ISOLATED if grows else Effect.ISOLATES
                    cause = self._cause(effect, direction, policy, None, edited=edited)
                    yield _Candidate(cause, closed.version, None, None)

    def _of_step(  # noqa: PLR0913 - what a cause is made of
        self,
        view: _View,
        direction: Direction,
        policy: Policy,
        rule: Rule,
        step: Step,
        *,
        edited: bool,
        new: bool,
    ) -> _Candidate:
        if step.action is Action.ALLOW:
            effect = Effect.ALLOWS if new else Effect.ALLOWED
        else:
            effect = Effect.DENIES if new else Effect.DENIED
        cause = self._cause(effect, direction, policy, rule, edited=edited)
        ports = view.version.engine.algebra.cells[step.ports].possible
        return _Candidate(cause, view.version, step.matched.may, ports)

    def _cause(
        self, effect: Effect, direction: Direction, policy: Policy, rule: Rule | None, *, edited: bool
    ) -> Cause:
        """Return the one cause of its kind: equal causes are one object."""
        key = (effect, id(policy), id(rule) if rule else id(direction), edited)
        if (found := self._causes.get(key)) is None:
            found = self._causes[key] = Cause(
                effect=effect, direction=direction, policy=policy, rule=rule, edited=edited
            )
        return found


def _view(version: Version, direction: Direction, subject: int) -> _View:
    engine = version.engine
    policies = engine.policies(direction, subject)
    steps = tuple(
        (policy, rule, step)
        for policy in policies
        for rule in policy.rules(direction)
        for step in engine.lower(rule, direction, subject)
    )
    return _View(
        version=version,
        policies=policies,
        steps=steps,
        rules=frozenset(rule for policy in policies for rule in policy.rules(direction)),
        contents=frozenset(policy.rules(direction) for policy in policies),
    )
