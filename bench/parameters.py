"""What a generated cluster is asked to be, and the stream of choices it is drawn with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

T = TypeVar("T")
MOST_PODS = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """A cluster's size and kind; the same parameters always give the same documents.

    `classes` is the number of different (namespace, labels, ports) among the pods; `workloads` are
    controllers in addition to the pods, each of one of the classes. A fraction `owned` of the classes
    have pods that name a ReplicaSet as their controller. `addresses` gives every pod what a running
    cluster adds: a phase and its addresses. `compatible` leaves out what network-config-analyzer is
    known to misread (tests/differential/known.py); `plain` policies are as most people write them, a rule
    or two of labels and port numbers, and are understood by every tool.

    Raises ValueError where the numbers contradict each other.
    """

    pods: int = 100
    classes: int = 50
    policies: int = 20
    namespaces: int = 5
    workloads: int = 0
    owned: float = 0.0
    blocks: int = 24
    seed: int = 1
    addresses: bool = False
    compatible: bool = False
    plain: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.classes <= self.pods:
            raise ValueError(f"every class needs a pod: {self.classes} classes, {self.pods} pods")
        if not 0 < self.namespaces <= self.classes:
            raise ValueError(
                f"every namespace needs a class: {self.namespaces} namespaces, {self.classes} classes"
            )
        if self.pods > MOST_PODS:
            raise ValueError(f"pod addresses come from 10.64.0.0/10: at most {MOST_PODS} pods")


class Draw:
    """A seeded stream of choices.

    Only `Random.random` is used: of all methods it alone promises the same numbers for the same seed
    in every Python version.
    """

    def __init__(self, parameters: Parameters, topic: str) -> None:
        self._random = Random(f"{parameters.seed}/{topic}").random

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self._random() < probability

    def between(self, first: int, last: int) -> int:
        """Return an integer, both ends included."""
        return first + int(self._random() * (last - first + 1))

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[int(self._random() * len(items))]

    def some(self, items: Sequence[T], most: int) -> list[T]:
        """Return one to `most` different items, in their own order."""
        wanted = min(self.between(1, most), len(items))
        chosen: set[int] = set()
        while len(chosen) < wanted:
            chosen.add(self.between(0, len(items) - 1))
        return [items[index] for index in sorted(chosen)]
