"""Sources that reach the same things, told once.

Comes in: a block of pairs. Goes out: groups of sources with equal verdicts, each verdict with the
destinations that have it. Nothing is rounded: a group says of every pair exactly what is so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.model import Match
from analyzer.reachability import exemption

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.bounds import Bounds
    from analyzer.endpoints import Endpoint
    from analyzer.filters import Block, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Sources, and what each of them may open: verdicts with their destinations, the widest first."""

    sources: tuple[Endpoint, ...]
    reach: tuple[tuple[Bounds, tuple[Endpoint, ...]], ...]


def groups(view: View, block: Block) -> tuple[Group, ...]:
    """Group the sources of a block; in the order of the first source of each group.

    That a single pod reaches itself is left out: it says nothing.
    """
    seen = block.destinations, block.inside
    alike: dict[tuple[bool, tuple[Bounds, ...]], list[Endpoint]] = {}
    for source in block.sources:
        row = tuple(_row(view, source, seen[source.external]))
        alike.setdefault((source.external, row), []).append(source)
    found = (_group(sources, seen[external], row) for (external, row), sources in alike.items())
    return tuple(group for group in found if group.reach)


def _row(view: View, source: Endpoint, destinations: Sequence[Endpoint]) -> Iterator[Bounds]:
    """Yield the verdicts of a source; with itself that of two replicas."""
    for destination, bounds in zip(destinations, view.row(source, destinations), strict=True):
        yield view.replicas(source) if source is destination else bounds


def _group(sources: Sequence[Endpoint], destinations: Sequence[Endpoint], row: Sequence[Bounds]) -> Group:
    reach: dict[Bounds, list[Endpoint]] = {}
    for destination, bounds in zip(destinations, row, strict=True):
        if not _says_nothing(sources, destination):
            reach.setdefault(bounds, []).append(destination)
    ordered = sorted(reach.items(), key=lambda each: (-each[0].certain.size, -each[0].possible.size))
    return Group(sources=tuple(sources), reach=tuple((bounds, tuple(found)) for bounds, found in ordered))


def _says_nothing(sources: Sequence[Endpoint], destination: Endpoint) -> bool:
    """Tell whether a destination is the only source itself."""
    alone = len(sources) == 1 and sources[0] is destination
    return alone and exemption(destination, destination) is Match.YES
