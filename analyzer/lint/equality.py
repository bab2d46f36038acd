"""Whether two evaluations of the same pods agree, in both directions of every pod with every peer.

Comes in: the cluster before and after an edit of its policies. Goes out: the first verdict that differs, in
words, or nothing. Rows are compared only where other policies select a pod: all else follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.bitmaps import members
from analyzer.load.text import shown
from analyzer.model import Direction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer.bounds import Bounds
    from analyzer.engine import Engine, Row
    from analyzer.model import Cluster
    from analyzer.reachability import Reachability

# A class before and the class after, for the same pods or addresses.
Pair = tuple[int, int]


def difference(before: Reachability, after: Reachability) -> str:
    """Return the first verdict that differs, "" when all are the same."""
    old, new = before.engine, after.engine
    inside = _pods(old, new, before.cluster, after.cluster)
    if inside is None:
        return "the pods are not the same"
    pairs = list(dict.fromkeys(inside)) + _outside(old, new)
    same: set[tuple[int, int]] = set()
    for direction in Direction:
        for subject in dict.fromkeys(inside):
            if old.policies(direction, subject[0]) == new.policies(direction, subject[1]):
                continue
            here, there = old.row(direction, subject[0]), new.row(direction, subject[1])
            if (id(here), id(there)) in same:
                continue
            same.add((id(here), id(there)))
            for peer, one, other in zip(
                pairs, _along(old, here, pairs, 0), _along(new, there, pairs, 1), strict=True
            ):
                if one != other:
                    return _told(old, direction, subject[0], peer[0])
    return ""


def _pods(old: Engine, new: Engine, before: Cluster, after: Cluster) -> list[Pair] | None:
    """Return the classes of each pod before and after; None when the pods are not the same."""
    if before.pods != after.pods:
        return None
    numbers = []
    for engine, cluster in ((old, before), (new, after)):
        of_pod = {id(pod): number for number, each in enumerate(engine.classes) for pod in each.pods}
        numbers.append([of_pod[id(pod)] for pod in cluster.pods])
    return list(zip(*numbers, strict=True))


def _outside(old: Engine, new: Engine) -> list[Pair]:
    """Return the classes of external addresses that have addresses in common."""
    return [
        (one, other)
        for one in members(old.matcher.external)
        for other in members(new.matcher.external)
        if old.classes[one].places[0] & new.classes[other].places[0]
    ]


def _along(engine: Engine, row: Row, pairs: Sequence[Pair], side: int) -> list[Bounds]:
    """Return what a row lets pass, with each peer."""
    of_class: dict[int, Bounds] = {}
    for cell, peers in row.items():
        of_class.update(dict.fromkeys(members(peers), engine.algebra.cells[cell]))
    return [of_class[pair[side]] for pair in pairs]


def _told(engine: Engine, direction: Direction, subject: int, peer: int) -> str:
    pod = engine.classes[subject].pods[0]
    pods = engine.classes[peer].pods
    other = f"{pods[0].namespace}/{pods[0].name}" if pods else "addresses outside"
    return f"{direction.value} of {shown(f'{pod.namespace}/{pod.name}')} with {shown(other)}"
