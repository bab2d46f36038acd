"""Verdicts in a few characters: what stands in a cell, and what its signs mean.

Comes in: bounds, and the ports that were asked for. Goes out: cells with a text and a tone; the legend of
the cells that were made.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from analyzer.sets import PortSet

if TYPE_CHECKING:
    from analyzer.bounds import Bounds

_FAMILIAR = {
    PortSet.transports(): "every port of TCP, UDP and SCTP",
    PortSet.all(): "every port of TCP, UDP and SCTP, and ICMP",
}
DENIED = "-"
ITSELF = "."
UNKNOWN = "?"


class Tone(Enum):
    """What a verdict is like, for colours."""

    OPEN = "open"
    PART = "part"
    CLOSED = "closed"
    UNKNOWN = "unknown"
    FAINT = "faint"


@dataclass(frozen=True, slots=True)
class Cell:
    """A few characters, and what they are like."""

    text: str
    tone: Tone = Tone.FAINT


class Words:
    """Writes verdicts on the ports that were asked for; notes which signs were used."""

    def __init__(self, asked: PortSet) -> None:
        self.asked = asked
        self.all = "yes" if asked.size == 1 else "all"
        self._cells: dict[Bounds, Cell] = {}

    def cell(self, bounds: Bounds) -> Cell:
        """Return the cell for a verdict (already restricted to the ports asked for)."""
        if (found := self._cells.get(bounds)) is None:
            found = self._cells[bounds] = self._make(bounds)
        return found

    def _make(self, bounds: Bounds) -> Cell:
        unknown = bounds.unknown
        if not unknown:
            tone = Tone.OPEN if bounds.certain == self.asked else Tone.PART if bounds.certain else Tone.CLOSED
            return Cell(self.ports(bounds.certain), tone)
        if unknown == self.asked:
            return Cell(UNKNOWN, Tone.UNKNOWN)
        if not bounds.certain:
            return Cell(f"{UNKNOWN} {self.ports(unknown)}", Tone.UNKNOWN)
        rest = UNKNOWN if bounds.possible == self.asked else f"{UNKNOWN} {self.ports(unknown)}"
        return Cell(f"{self.ports(bounds.certain)}, {'else ' if rest == UNKNOWN else ''}{rest}", Tone.UNKNOWN)

    def ports(self, ports: PortSet) -> str:
        """Write a set of ports in the shorter way: what is in it, or what is missing."""
        if not ports:
            return DENIED
        if ports == self.asked:
            return self.all
        plain, missing = str(ports), str(self.asked - ports)
        but = f"{self.all} but {missing}"
        return but if len(but) < len(plain) else plain

    def legend(self, cells: set[str]) -> list[tuple[str, str]]:
        """Return sign and meaning of the signs that occur among some cells."""
        everything = _FAMILIAR.get(self.asked) or str(self.asked)
        meanings = (
            (self.all, everything, lambda text: text == self.all),
            (DENIED, "nothing", lambda text: text == DENIED),
            (UNKNOWN, "unknown, see below", lambda text: UNKNOWN in text),
            (ITSELF, "itself", lambda text: text == ITSELF),
        )
        return [(sign, meaning) for sign, meaning, used in meanings if any(map(used, cells))]
