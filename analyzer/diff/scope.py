"""Which part of a difference is asked for: the filters, understood in both versions.

Comes in: two evaluated clusters and the user's filters. Goes out: marks for endpoints that stay, and pieces
cut to what the filters leave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.diagnostics import AnalyzerError
from analyzer.diff.compare import Piece
from analyzer.names import Names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.diff.joint import Joint, Stay
    from analyzer.endpoints import Endpoint
    from analyzer.filters import Filters
    from analyzer.reachability import Reachability


class Scope:
    """The endpoints that filters mean in the old version, in the new one, or in both."""

    def __init__(self, old: Reachability, new: Reachability, filters: Filters) -> None:
        names = (Names(old), Names(new))
        self._sources = _meant(names, filters.sources)
        self._destinations = _meant(names, filters.destinations)
        self._namespaces = frozenset(filters.namespaces)

    def marks(self, stay: Stay) -> tuple[bool, bool, bool]:
        """Tell whether an endpoint is a source, a destination, and in the namespaces asked for."""
        return (
            _is(stay, self._sources),
            _is(stay, self._destinations),
            not self._namespaces or stay.new.namespace in self._namespaces,
        )

    def has(self, endpoint: Endpoint) -> bool:
        """Tell whether an endpoint that only one version has is asked for."""
        meant = [ids for ids in (self._sources, self._destinations) if ids is not None]
        named = not meant or any(endpoint.id in before | after for before, after in meant)
        return named and (not self._namespaces or endpoint.namespace in self._namespaces)

    def cut(self, joint: Joint, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """Yield what the filters leave of each piece."""
        sources, destinations, inside = map(joint.marked, range(3))
        for piece in pieces:
            here, there = piece.sources & sources, piece.destinations & destinations
            for one, two in ((here & inside, there), (here & ~inside, there & inside)):
                if one and two:
                    yield Piece(piece.before, piece.after, piece.ports, one, two, piece.causes)


Ids = tuple[frozenset[str], frozenset[str]]


def _meant(names: tuple[Names, Names], patterns: Sequence[str]) -> Ids | None:
    """Return the ids that patterns mean in each version; None when there are none."""
    if not patterns:
        return None
    before, after = names
    old: set[str] = set()
    new: set[str] = set()
    for pattern in patterns:
        old |= (here := _selected(before, pattern))
        try:
            new.update(each.id for each in after.select(pattern))
        except AnalyzerError:
            if not here:
                raise
    return frozenset(old), frozenset(new)


def _selected(names: Names, pattern: str) -> set[str]:
    try:
        return {each.id for each in names.select(pattern)}
    except AnalyzerError:
        return set()


def _is(stay: Stay, ids: Ids | None) -> bool:
    if ids is None:
        return True
    found = (stay.old.id in ids[0], stay.new.id in ids[1])
    return all(found) if stay.old.external else any(found)
