"""What the reports for people share: workloads of which the same is said, together.

Comes in: a report. Goes out: a headline, blocks of rows under the names that they are about, and what
stands below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.load.text import printable
from analyzer.report.exposure.rows import Rows, route_text
from analyzer.report.labels import Labels, Notes
from analyzer.report.sections import counted, listed, read_from
from analyzer.report.words import Words

if TYPE_CHECKING:
    from analyzer.endpoints import Endpoint
    from analyzer.report.exposure import ExposureReport
    from analyzer.report.exposure.rows import Row

_MOST_BLOCKS = 100
_MOST_NAMES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Endpoints, and what is said of each of them."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A report for people. `dead_ends`: routes that lead nowhere, and why; `notes`: marks and texts."""

    headline: str
    blocks: tuple[Block, ...]
    more: str
    dead_ends: tuple[tuple[str, str], ...]
    legend: tuple[tuple[str, str], ...]
    notes: tuple[tuple[str, str], ...]


def page(report: ExposureReport) -> Page:
    """Put a page together."""
    notes = Notes()
    labels, words = Labels(report.view, notes), Words(report.exposures.mask)
    rows = Rows(labels, words)
    alike: dict[tuple[Row, ...], list[Endpoint]] = {}
    for endpoint in report.endpoints:
        alike.setdefault(rows.of(report.exposures.of(endpoint)), []).append(endpoint)
    kept = list(alike.items())[:_MOST_BLOCKS]
    less = len(alike) - len(kept)
    blocks = tuple(
        Block(title=listed(labels.several(found, report.endpoints), _MOST_NAMES), rows=said)
        for said, found in kept
    )
    return Page(
        headline=_headline(report),
        blocks=blocks,
        more=f"and {counted(less, 'more group')} of workloads; `--format json` has all" if less else "",
        dead_ends=tuple((route_text(each), printable(each.reason)) for each in report.exposures.dead_ends),
        legend=tuple(words.legend({row.ports for block in blocks for row in block.rows})),
        notes=tuple(notes.lines()),
    )


def _headline(report: ExposureReport) -> str:
    cluster = report.analysis.cluster
    parts = (
        counted(len(report.endpoints), "workload"),
        counted(sum(1 for _ in cluster.policies), "policy", "policies"),
        read_from(report.analysis.files),
        f"cni {cluster.profile}",
    )
    return ", ".join(parts)
