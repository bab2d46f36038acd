"""What two bounds say of a connection, and the algebra of them that rules need, interned as small numbers.

Comes in: port sets. Goes out: numbers for pairs (ports allowed for certain, ports that may be allowed),
on which every operation is done once and remembered.
"""

from __future__ import annotations

from operator import and_, or_, sub
from typing import TYPE_CHECKING, NamedTuple

from analyzer.sets import PortSet

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Operation(Protocol):
        """An operation on cells; most have two operands."""

        def __call__(self, left: Cell, right: Cell, third: Cell = ..., /) -> Cell:
            """Return the cell of the result."""
            ...


class Bounds(NamedTuple):
    """`certain` is allowed whatever the missing facts are; `possible` at most. certain <= possible."""

    certain: PortSet
    possible: PortSet

    @property
    def unknown(self) -> PortSet:
        """The ports whose verdict depends on a missing fact."""
        return self.possible - self.certain if self.certain != self.possible else PortSet.none()


# Numbers of the two bounds that every algebra knows from the start.
NONE = 0
ALL = 1

Cell = int


class Algebra:
    """Interned bounds. A rule's ports are a cell too, with both bounds equal."""

    def __init__(self) -> None:
        self.cells: list[Bounds] = []
        self._numbers: dict[Bounds, Cell] = {}
        for ports in (PortSet.none(), PortSet.all()):
            self.cell(ports, ports)
        self.allow = self._operation(lambda a, b, _: _of_each(or_, a, b))
        self.may_allow = self._operation(lambda a, b, _: Bounds(a.certain, a.possible | b.possible))
        self.deny = self._operation(lambda a, b, _: _of_each(sub, a, b))
        self.may_deny = self._operation(lambda a, b, _: Bounds(a.certain - b.certain, a.possible))
        self.both = self._operation(lambda a, b, _: _of_each(and_, a, b))
        self.hand_over = self._operation(_hand_over)
        self.may_hand_over = self._operation(_may_hand_over)

    def cell(self, certain: PortSet, possible: PortSet | None = None) -> Cell:
        """Return the number of a pair of bounds; of exact ports when only one set is given."""
        return self._intern(Bounds(certain, certain if possible is None else possible))

    def _intern(self, bounds: Bounds) -> Cell:
        if (number := self._numbers.get(bounds)) is None:
            number = self._numbers[bounds] = len(self.cells)
            self.cells.append(bounds)
        return number

    def _operation(self, compute: Callable[[Bounds, Bounds, Bounds], Bounds]) -> Operation:
        done: dict[tuple[Cell, Cell, Cell], Cell] = {}

        def operation(left: Cell, right: Cell, third: Cell = NONE, /) -> Cell:
            key = (left, right, third)
            if (found := done.get(key)) is None:
                cells = self.cells
                found = done[key] = self._intern(compute(cells[left], cells[right], cells[third]))
            return found

        return operation


def _of_each(operator: Callable[[PortSet, PortSet], PortSet], left: Bounds, right: Bounds) -> Bounds:
    """Apply an operator to the certain and to the possible ports: once, where these are the same."""
    certain = operator(left.certain, right.certain)
    if left.certain is left.possible and right.certain is right.possible:
        return Bounds(certain, certain)
    return Bounds(certain, operator(left.possible, right.possible))


def _hand_over(here: Bounds, ports: Bounds, later: Bounds) -> Bounds:
    """Let what comes later decide on some ports: a pass rule that matches for certain."""
    passed = ports.certain
    return Bounds(
        (here.certain - passed) | (later.certain & passed),
        (here.possible - passed) | (later.possible & passed),
    )


def _may_hand_over(here: Bounds, ports: Bounds, later: Bounds) -> Bounds:
    """Do the same for a rule that may match: certain is only what both outcomes allow."""
    passed = ports.certain
    return Bounds(
        (here.certain - passed) | (here.certain & later.certain & passed),
        here.possible | (later.possible & passed),
    )
