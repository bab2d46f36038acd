"""The arrows of a picture: pairs of nodes with equal verdicts joined until few remain.

Comes in: a picture. Goes out: its nodes under plain names (`n0`), nodes that stand for all of a namespace
(`b0`) or for everybody (`any`), and arrows between them. Together the arrows say of every pair of nodes
exactly what its cell says; a pair without an arrow is closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.load.text import printable
from analyzer.report.picture import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analyzer.report.picture import Picture
    from analyzer.report.words import Cell

EVERYBODY = "any"
# Fewer arrows than these are read as easily as one that means them all.
_FEWEST_OF_ALL = 3
_FEWEST_OF_A_BOX = 2
_MOST_ARROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A namespace with its nodes: names and lines of text. `title` is "" for those without one."""

    name: str
    title: str
    nodes: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """A verdict between nodes, by their names; `both`: in both directions."""

    source: str
    destination: str
    cell: Cell
    both: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Boxes in order, arrows, and what has to be said below."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    notes: tuple[str, ...]


def chart(picture: Picture) -> Chart:
    """Join the cells of a picture into arrows."""
    joined = _Joining(picture)
    arrows = _two_headed(joined.arrows())
    used = {end for each in arrows for end in (each.source, each.destination)}
    notes = [f"{sign}: {meaning}" for sign, meaning in picture.legend if sign not in NOTHING]
    if EVERYBODY in used:
        notes.append("anyone: every endpoint and address in the picture")
    if len(arrows) > _MOST_ARROWS:
        notes.append(f"not shown: {len(arrows) - _MOST_ARROWS} more arrows; `--namespace` shows a part")
    return Chart(
        boxes=joined.boxes(used), arrows=tuple(arrows[:_MOST_ARROWS]), notes=(*notes, *picture.notes)
    )


class _Joining:
    """One picture's arrows being found."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        members: dict[str, list[int]] = {}
        for index, node in enumerate(picture.nodes):
            members.setdefault(node.namespace, []).append(index)
        self._members = members
        self._names = {namespace: f"b{number}" for number, namespace in enumerate(members)}

    def boxes(self, used: set[str]) -> tuple[Box, ...]:
        """Return the namespaces with their nodes, and with nodes for all of them where one is used."""
        anyone = Box(name=EVERYBODY, title="", nodes=((EVERYBODY, ("anyone",)),))
        found = [anyone] if EVERYBODY in used else []
        for namespace, indices in self._members.items():
            whole = self._names[namespace]
            nodes: list[tuple[str, tuple[str, ...]]] = []
            nodes += [(whole, (f"all of {printable(namespace)}",))] if whole in used else []
            nodes += [(f"n{index}", self._picture.nodes[index].lines) for index in indices]
            found.append(Box(name=whole, title=printable(namespace), nodes=tuple(nodes)))
        return tuple(found)

    def arrows(self) -> list[Arrow]:
        """Join by sources, then by destinations."""
        reached: dict[tuple[str, Cell], list[int]] = {}
        for destination, node in enumerate(self._picture.nodes):
            if node.receives:
                for source, cell in self._into(destination):
                    reached.setdefault((source, cell), []).append(destination)
        return [
            Arrow(source=source, destination=end, cell=cell, both=False)
            for (source, cell), found in reached.items()
            for end in self._ends(found, source)
        ]

    def _into(self, destination: int) -> list[tuple[str, Cell]]:
        """Return who reaches a node, with as few names as can be."""
        by_cell: dict[Cell, list[int]] = {}
        relevant = [index for index in range(len(self._picture.nodes)) if self._says(index, destination)]
        for index in relevant:
            by_cell.setdefault(self._picture.cells[index][destination], []).append(index)
        if len(by_cell) == 1 and len(relevant) >= _FEWEST_OF_ALL:
            cell = next(iter(by_cell))
            return [] if cell.text in NOTHING else [(EVERYBODY, cell)]
        return [
            (name, cell)
            for cell, found in by_cell.items()
            if cell.text not in NOTHING
            for name in self._joined(found, relevant)
        ]

    def _says(self, source: int, destination: int) -> bool:
        """Tell whether the cell of a pair is more than that a pod reaches itself."""
        node = self._picture.nodes[source]
        return bool(self._picture.cells[source][destination].text) and (source != destination or node.several)

    def _joined(self, found: Sequence[int], relevant: Iterable[int]) -> list[str]:
        """Name nodes: those of a box together where all that are `relevant` are among them."""
        chosen, wanted = set(found), set(relevant)
        names: list[str] = []
        for namespace, members in self._members.items():
            here = [index for index in members if index in chosen]
            joined = namespace and len(here) >= _FEWEST_OF_A_BOX
            if joined and len(here) == sum(index in wanted for index in members):
                names.append(self._names[namespace])
            else:
                names += [f"n{index}" for index in here]
        return names

    def _ends(self, found: Sequence[int], source: str) -> list[str]:
        """Name destinations of one source; a single pod needs no arrow to itself."""
        relevant = [
            index
            for index, node in enumerate(self._picture.nodes)
            if node.receives and (source != f"n{index}" or node.several)
        ]
        return self._joined(found, relevant)


def _two_headed(arrows: Sequence[Arrow]) -> list[Arrow]:
    """Join an arrow with the opposite one of the same verdict."""
    known = {(each.source, each.destination, each.cell) for each in arrows}
    found: list[Arrow] = []
    done: set[tuple[str, str, Cell]] = set()
    for each in arrows:
        opposite = (each.destination, each.source, each.cell)
        if opposite in done:
            continue
        both = opposite in known and each.source != each.destination
        done.add((each.source, each.destination, each.cell))
        found.append(Arrow(source=each.source, destination=each.destination, cell=each.cell, both=both))
    return found
