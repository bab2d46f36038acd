"""Whether two sets of policies let the same pass, in both directions of every pod with every peer.

Comes in: a cluster before and after an edit of its policies. Goes out: the first verdict that differs, in
words, or nothing. Both are evaluated over the same classes, which tell apart all that either of them does, so
that equal rows are equal verdicts. Rows are made only where other policies select a pod: all else follows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from analyzer.bitmaps import lowest, members
from analyzer.engine import Engine
from analyzer.load.text import shown
from analyzer.model import Direction

if TYPE_CHECKING:
    from analyzer.engine import Row
    from analyzer.model import Cluster, Policy, Tier

_Selecting = list[tuple["Tier", list["Policy"]]]


def difference(before: Cluster, after: Cluster) -> str:
    """Return the first verdict that differs, "" when all are the same."""
    if replace(before, tiers=()) != replace(after, tiers=()):
        return "more than policies is different"
    engine = Engine(replace(before, tiers=(*before.tiers, *after.tiers)))
    sides = [frozenset(map(id, each.tiers)) for each in (before, after)]
    for direction in Direction:
        seen = set()
        for subject in members(engine.matcher.pods):
            if (profile := engine.profile(direction, subject)) in seen:
                continue
            seen.add(profile)
            selecting = engine.selecting(direction, subject)
            old, new = ([each for each in selecting if id(each[0]) in side] for side in sides)
            if _same(old, new):
                continue
            here, there = (_row(engine, direction, subject, each) for each in (old, new))
            if here != there:
                return _told(engine, direction, subject, here, there)
    return ""


def _same(old: _Selecting, new: _Selecting) -> bool:
    return [found for _, found in old] == [found for _, found in new]


def _row(engine: Engine, direction: Direction, subject: int, selecting: _Selecting) -> Row:
    tiers = [(tier, [rule for each in found for rule in each.rules(direction)]) for tier, found in selecting]
    return engine.fold(direction, subject, tiers) if tiers else engine.open


def _told(engine: Engine, direction: Direction, subject: int, here: Row, there: Row) -> str:
    same = 0
    for cell, peers in here.items():
        same |= peers & there.get(cell, 0)
    pod = engine.classes[subject].pods[0]
    pods = engine.classes[lowest(engine.matcher.everybody & ~same)].pods
    other = f"{pods[0].namespace}/{pods[0].name}" if pods else "addresses outside"
    return f"{direction.value} of {shown(f'{pod.namespace}/{pod.name}')} with {shown(other)}"
