"""The lists below a matrix: who is unprotected or isolated, Services, and what is not known.

Comes in: the view and what was computed from it. Goes out: titled rows of short texts, which the table and
the markdown report lay out in their own ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from analyzer.load.text import printable
from analyzer.model import Direction, Match, ServiceType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.analysis import Analysis
    from analyzer.endpoints import Endpoint
    from analyzer.filters import View
    from analyzer.report.labels import Labels
    from analyzer.services import Access, PortBackends, ServicePorts
    from analyzer.summary import Summary

_MOST_NAMES = 12
_MOST_SERVICES = 40
_MOST_FACTS = 6
# Finding out which fact is missing costs an explanation each: a few show what is needed.
_MOST_EXPLAINED = 40
# A service is asked about from every endpoint: beyond so many questions, the JSON report answers them.
_MOST_QUESTIONS = 50_000


@dataclass(frozen=True, slots=True)
class Section:
    """A title and rows of a few texts each, the last of which may be long."""

    title: str
    rows: tuple[tuple[str, ...], ...]


def headline(analysis: Analysis, summary: Summary) -> str:
    """Say in one line what was analyzed."""
    outside = "external addresses" if summary.external == 1 else f"{summary.external} external ranges"
    parts = (
        f"{counted(summary.endpoints, 'endpoint')} ({counted(summary.pods, 'pod')}) and {outside}",
        counted(summary.policies, "policy", "policies"),
        read_from(analysis.files),
        f"cni {analysis.cluster.profile}",
    )
    return ", ".join(parts)


def read_from(files: Sequence[str]) -> str:
    """Name the live cluster that was read, or count the files."""
    if len(files) == 1 and files[0].startswith("cluster "):
        return printable(files[0])
    return counted(len(files), "file")


def counted(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun: `1 policy`, `12,000 policies`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(names: Sequence[str], most: int = _MOST_NAMES) -> str:
    """Join names with commas, and tell how many more there are than are written."""
    kept = names if len(names) <= most + 1 else names[:most]
    more = len(names) - len(kept)
    return ", ".join(kept) + (f" and {more:,} more" if more else "")


def protection(view: View, summary: Summary, labels: Labels) -> Iterator[Section]:
    """Tell which endpoints no policy protects, and which nothing can reach or can reach nothing."""
    shown = {each.id for each in view.subjects}
    inside = [each for each in view.subjects if not each.external]
    for title, found in (
        ("unprotected: no policy selects them", summary.unprotected),
        ("isolated: their policies let nothing pass", summary.isolated),
    ):
        rows: list[tuple[str, ...]] = []
        for direction in Direction:
            here = [each for each in found[direction] if each.id in shown]
            if here:
                everybody = f"all {counted(len(inside), 'endpoint')}" if 1 < len(here) == len(inside) else ""
                rows.append((direction.value, everybody or listed(labels.several(here, inside))))
        if rows:
            yield Section(title, tuple(rows))


def reach_of_services(view: View, labels: Labels) -> Iterator[Section]:
    """Tell for each port of each Service who can reach it."""
    found = list(view.services())
    if len(found) * len(view.endpoints) > _MOST_QUESTIONS:
        text = f"{counted(len(found), 'Service')}; who reaches them is in `--format json`"
        yield Section("services", ((text,),))
        return
    rows = [row for each in islice(found, _MOST_SERVICES) for row in _service(view, each, labels)]
    if more := len(found[_MOST_SERVICES:]):
        rows.append((f"and {more:,} more",))
    if rows:
        yield Section("services", tuple(rows))


def _service(view: View, found: ServicePorts, labels: Labels) -> Iterator[tuple[str, ...]]:
    service = found.service
    name = printable(f"{service.namespace}/{service.name}")
    if service.type is ServiceType.EXTERNAL_NAME:
        yield name, "", "a name outside the cluster"
        return
    got = list(view.access(found))
    for port in found.ports:
        mine = [each for each in got if each.port is port.port]
        yield name, _port(port), _reached(port, mine, view.sources, labels)
        name = ""


def _port(found: PortBackends) -> str:
    """Write a port as kubectl does, and where it leads when that is another number."""
    port = found.port
    node = f":{port.node_port}" if port.node_port else ""
    targets = sorted({str(n) for b in found.backends for r in b.targets.ranges(port.protocol) for n in r})
    text = f"{port.port}{node}/{port.protocol.value}"
    return text if targets in ([], [str(port.port)]) else f"{text} -> {','.join(targets)}"


def _reached(found: PortBackends, got: Sequence[Access], sources: Sequence[Endpoint], labels: Labels) -> str:
    if not found.backends:
        return "no pod is behind it"
    open_to = [each.source for each in got if each.match is Match.YES]
    in_part = [each.source for each in got if each.some]
    unknown = [each.source for each in got if each.match is Match.MAYBE and not each.some]
    everybody = [each for each in sources if not each.external]
    if len(everybody) > 1 and len(open_to) >= len(everybody) and not any(each.external for each in open_to):
        return f"from all {counted(len(everybody), 'endpoint')}"
    parts = (
        ("from", open_to),
        ("to some of its pods from", in_part),
        ("unknown from", unknown),
    )
    texts = [f"{word} {listed(labels.several(some, sources))}" for word, some in parts if some]
    return "; ".join(texts) or "from nowhere"


def missing_facts(view: View, summary: Summary, labels: Labels) -> Iterator[Section]:
    """Tell on which facts, that the input does not hold, unknown verdicts depend."""
    if not summary.total.unknown:
        return
    from analyzer.explain import explain

    pairs: dict[str, list[str]] = {}
    found = list(islice(view.unknown(), _MOST_EXPLAINED + 1))
    for source, destination, _ in found[:_MOST_EXPLAINED]:
        pair = f"{labels.of(source)} -> {labels.of(destination)}"
        for fact in explain(view.reachability, source, destination).facts:
            pairs.setdefault(printable(fact), []).append(pair)
    rows = [(fact, listed(found, 2)) for fact, found in islice(pairs.items(), _MOST_FACTS)]
    if len(found) > _MOST_EXPLAINED or len(pairs) > len(rows):
        total = f"; {counted(summary.total.unknown, 'pair')} in all" if view.whole else ""
        rows.append((f"and more{total}", ""))
    if rows:
        yield Section("unknown until one knows", tuple(rows))
