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
    from collections.abc import Sequence

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
    alike: dict[tuple[object, ...], list[Endpoint]] = {}
    for source in block.sources:
        row = tuple(_verdict(view, source, destination) for destination in block.destinations)
        alike.setdefault((source.external, row), []).append(source)
    found = (_group(view, sources, block.destinations) for sources in alike.values())
    return tuple(group for group in found if group.reach)


def _verdict(view: View, source: Endpoint, destination: Endpoint) -> Bounds:
    return view.replicas(source) if source is destination else view.verdict(source, destination)


def _group(view: View, sources: Sequence[Endpoint], destinations: Sequence[Endpoint]) -> Group:
    reach: dict[Bounds, list[Endpoint]] = {}
    for destination in destinations:
        if not _says_nothing(sources, destination):
            reach.setdefault(_verdict(view, sources[0], destination), []).append(destination)
    ordered = sorted(reach.items(), key=lambda each: (-each[0].certain.size, -each[0].possible.size))
    return Group(sources=tuple(sources), reach=tuple((bounds, tuple(found)) for bounds, found in ordered))


def _says_nothing(sources: Sequence[Endpoint], destination: Endpoint) -> bool:
    """Tell whether a destination is the only source itself, or both are outside the cluster."""
    if destination.external:
        return sources[0].external
    alone = len(sources) == 1 and sources[0] is destination
    return alone and exemption(destination, destination) is Match.YES
