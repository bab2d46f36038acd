"""A view small enough to be drawn: endpoints that behave alike are one node, and what is cut is told.

Comes in: a report. Goes out: nodes by namespace and, for every ordered pair of them, the cell with the
verdict that all pairs of their endpoints have; without any layout. Views that are too large become a picture
of namespaces, or are cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.load.text import printable
from analyzer.model import Match
from analyzer.reachability import exemption
from analyzer.report.labels import Labels, Notes
from analyzer.report.matrix import between_namespaces
from analyzer.report.sections import counted, headline
from analyzer.report.words import DENIED, ITSELF, UNKNOWN, Cell, Words
from analyzer.summary import OUTSIDE, summarize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analyzer.bounds import Bounds
    from analyzer.endpoints import Endpoint
    from analyzer.filters import View
    from analyzer.report import Report
    from analyzer.summary import Tally

# Endpoints with equal verdicts are found by looking at every pair of them.
_MOST_ENDPOINTS = 400
_MOST_NODES = 60
_MOST_LINES = 4
_LONGEST_LINE = 40
_MOST_TITLED = 40
_SOME = "some"
_UNKNOWN = "depends on a fact that is missing: the table report says on which"
NOTHING = frozenset({"", DENIED, ITSELF})


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Endpoints of one namespace with equal verdicts; without one: addresses, or a whole namespace.

    `lines`: their names, few and short. `title`: the same in full. `several`: whether it stands for more
    than one pod, so that its verdict with itself says something. `sends`, `receives`: its part in the view.
    """

    namespace: str
    lines: tuple[str, ...]
    title: str
    several: bool
    sends: bool
    receives: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is to be drawn; `cells[source][destination]`, empty where there is nothing to say."""

    headline: str
    nodes: tuple[Node, ...]
    cells: tuple[tuple[Cell, ...], ...]
    legend: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def picture(report: Report, *, coarse: bool = False) -> Picture:
    """Reduce a view until it can be drawn; `coarse`: without shares, so that more pairs are equal."""
    view = report.view
    summary = summarize(view.reachability, view.ports)
    title = headline(report.analysis, summary)
    by_namespace = view.whole and bool(summary.groups)
    cut: list[str] = []
    if len(view.endpoints) <= _MOST_ENDPOINTS or not by_namespace:
        groups = _alike(view, _first(view.endpoints, cut))
        if len(groups) <= _MOST_NODES or not by_namespace:
            return _of_groups(title, view, _largest(groups, cut), cut)
    return _of_namespaces(title, summary.groups, Words(view.ports), coarse=coarse)


def _first(found: Sequence[Endpoint], cut: list[str]) -> Sequence[Endpoint]:
    """Keep as many endpoints as can be compared, external ones first."""
    if len(found) <= _MOST_ENDPOINTS:
        return found
    ordered = sorted(found, key=lambda each: not each.external)
    kept = {each.id for each in ordered[:_MOST_ENDPOINTS]}
    cut.append(f"not shown: {counted(len(found) - len(kept), 'endpoint')}; `--namespace` shows a part")
    return [each for each in found if each.id in kept]


def _largest(groups: Sequence[tuple[Endpoint, ...]], cut: list[str]) -> Sequence[tuple[Endpoint, ...]]:
    """Keep the groups of the most endpoints."""
    if len(groups) <= _MOST_NODES:
        return groups
    ordered = sorted(groups, key=lambda group: (not group[0].external, -len(group)))
    kept = {group[0].id for group in ordered[:_MOST_NODES]}
    less = sum(len(group) for group in groups if group[0].id not in kept)
    cut.append(f"not shown: {counted(less, 'endpoint')} in small groups; `--namespace` shows a part")
    return [group for group in groups if group[0].id in kept]


class _Pairs:
    """Verdicts of the pairs that are in a view."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._destinations: dict[str, set[str]] = {}
        for block in view.blocks:
            destinations = {each.id for each in block.destinations}
            self._destinations.update((source.id, destinations) for source in block.sources)

    def between(self, source: Endpoint, destination: Endpoint) -> Bounds | None:
        """Return the verdict; None for a pair that is not asked for, or of which no policy knows.

        Of an endpoint with itself it is that of two replicas, of which a single pod could have more.
        """
        if destination.id not in self._destinations.get(source.id, ()):
            return None
        if source is destination and not source.external:
            return self._view.replicas(source)
        return None if source.external and destination.external else self._view.verdict(source, destination)


def _alike(view: View, found: Sequence[Endpoint]) -> list[tuple[Endpoint, ...]]:
    """Group endpoints of one namespace that have the same verdicts with everybody, in both directions.

    Two of a group then have that verdict with each other which each of them has with itself.
    """
    pairs = _Pairs(view)
    rows = [[pairs.between(source, destination) for destination in found] for source in found]
    groups: dict[tuple[object, ...], list[Endpoint]] = {}
    for each, row, column in zip(found, rows, zip(*rows, strict=True), strict=True):
        groups.setdefault((each.namespace, tuple(row), column), []).append(each)
    return [tuple(group) for group in groups.values()]


def _of_groups(title: str, view: View, groups: Sequence[tuple[Endpoint, ...]], cut: Sequence[str]) -> Picture:
    pairs, words, notes = _Pairs(view), Words(view.ports), Notes()
    labels = Labels(view, notes)
    cells = tuple(
        tuple(_cell(pairs.between(here[0], there[0]), here, there, words) for there in groups)
        for here in groups
    )
    return Picture(
        headline=title,
        nodes=tuple(_node(group, view, labels) for group in groups),
        cells=cells,
        legend=_legend(words, {cell.text for row in cells for cell in row}),
        notes=(*(f"{mark} {text}" for mark, text in notes.lines()), *cut),
    )


def _cell(bounds: Bounds | None, here: Sequence[Endpoint], there: Sequence[Endpoint], words: Words) -> Cell:
    if bounds is None:
        return Cell("")
    alone = here[0] is there[0] and len(here) == 1
    return Cell(ITSELF) if alone and exemption(here[0], here[0]) is Match.YES else words.cell(bounds)


def _node(group: Sequence[Endpoint], view: View, labels: Labels) -> Node:
    first = group[0]
    prefix = "" if first.external else f"{printable(first.namespace)}/"
    names = [labels.of(each).removeprefix(prefix) for each in group]
    sources = {each.id for each in view.sources}
    destinations = {each.id for block in view.blocks for each in block.destinations}
    return Node(
        namespace=first.namespace,
        lines=_lines(names),
        title=_title(names),
        several=len(group) > 1 or first.replicas > 1,
        sends=first.id in sources,
        receives=first.id in destinations,
    )


def _lines(names: Sequence[str]) -> tuple[str, ...]:
    """Return the first names, and how many more there are."""
    kept = names if len(names) <= _MOST_LINES else names[: _MOST_LINES - 1]
    more = (f"and {len(names) - len(kept)} more",) if len(kept) < len(names) else ()
    return (*map(shortened, kept), *more)


def shortened(name: str) -> str:
    """Cut a name in the middle, where names of one team differ least."""
    half = _LONGEST_LINE // 2
    return name if len(name) <= _LONGEST_LINE else f"{name[: half - 1]}…{name[-half:]}"


def _title(names: Sequence[str]) -> str:
    more = len(names) - _MOST_TITLED
    return ", ".join(names[:_MOST_TITLED]) + (f" and {more} more" if more > 0 else "")


def _of_namespaces(
    title: str, groups: Mapping[tuple[str, str], Tally], words: Words, *, coarse: bool
) -> Picture:
    matrix = between_namespaces(groups, words, coarse=coarse)
    nodes = tuple(
        Node(
            namespace="",
            lines=(shortened(label if name == OUTSIDE else f"{label}/*"),),
            title=label if name == OUTSIDE else f"{label}/*",
            several=True,
            sends=True,
            receives=True,
        )
        for name, label in zip(dict.fromkeys(source for source, _ in groups), matrix.rows, strict=True)
    )
    return Picture(
        headline=title,
        nodes=nodes,
        cells=matrix.cells,
        legend=(*_legend(words, matrix.texts()), *matrix.legend),
        notes=("each node is a namespace; `--namespace` shows the endpoints of one",),
    )


def _legend(words: Words, texts: set[str]) -> tuple[tuple[str, str], ...]:
    """Return what the signs mean; a picture has no room for what an unknown verdict depends on."""
    some = ((_SOME, "some pairs, at least on some ports"),) if any(map(_is_some, texts)) else ()
    found = ((sign, _UNKNOWN if sign == UNKNOWN else meaning) for sign, meaning in words.legend(texts))
    return (*found, *some)


def _is_some(text: str) -> bool:
    return text.startswith(_SOME)
