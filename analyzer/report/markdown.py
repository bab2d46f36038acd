"""The report for pull requests and wikis: the matrix as a table of GitHub's Markdown, then lists.

Comes in: an analysis and the view of it that was asked for. Goes out: Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from analyzer.report import sections
from analyzer.report.labels import Labels, Notes
from analyzer.report.matrix import Matrix, between_endpoints, between_namespaces
from analyzer.report.page import MORE, MOST_GROUPED, large, listings, totals
from analyzer.report.words import Words
from analyzer.summary import summarize

if TYPE_CHECKING:
    from analyzer.filters import Block, View
    from analyzer.report import Report
    from analyzer.summary import Summary

# What Markdown or HTML reads as markup inside a line.
_MARKUP = re.compile(r"([\\`*_\[\]<|~&])")


def render(report: Report) -> Iterator[str]:
    """Yield the report, part by part."""
    view, notes = report.view, Notes()
    labels, words = Labels(view, notes), Words(view.ports)
    summary = summarize(view.reachability, view.ports)
    yield f"## Reachability\n\n{escape(sections.headline(report.analysis, summary))}\n"
    if view.whole and large(view.blocks[0]):
        yield from _overview(view, summary, words, labels)
    else:
        for block in view.blocks:
            yield from _block(view, block, words, labels)
    for section in (
        *sections.protection(view, summary, labels),
        *sections.reach_of_services(view, labels),
        *sections.missing_facts(view, summary, labels),
    ):
        yield f"\n### {escape(section.title.capitalize())}\n\n"
        yield from (_item(row) for row in section.rows)
    if found := notes.lines():
        yield "\n" + "".join(_item(note) for note in found)


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, also inside a table."""
    return _MARKUP.sub(r"\\\1", text)


def _overview(view: View, summary: Summary, words: Words, labels: Labels) -> Iterator[str]:
    yield f"\n{escape(totals(summary))}\n"
    if summary.groups:
        yield from _table(between_namespaces(summary.groups, words, coarse=False), words)
    elif summary.endpoints <= MOST_GROUPED:
        yield from _lists(view, view.blocks[0], words, labels)
    yield f"\n{MORE}\n"


def _block(view: View, block: Block, words: Words, labels: Labels) -> Iterator[str]:
    if block.title:
        yield f"\n### {escape(block.title.capitalize())}\n"
    if large(block):
        yield from _lists(view, block, words, labels)
    else:
        yield from _table(between_endpoints(view, block, words, labels), words)


def _table(matrix: Matrix, words: Words) -> Iterator[str]:
    yield "\n" + _row(("from \\ to", *matrix.columns))
    yield "|---" * (len(matrix.columns) + 1) + "|\n"
    for label, row in zip(matrix.rows, matrix.cells, strict=True):
        yield _row((label, *(cell.text for cell in row)))
    yield from _legend([*words.legend(matrix.texts()), *matrix.legend])


def _row(texts: Sequence[str]) -> str:
    first, *others = map(escape, texts)
    return "| " + " | ".join((f"**{first}**", *others)) + " |\n"


def _legend(signs: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield "\n" + "; ".join(f"`{sign}` {escape(meaning)}" for sign, meaning in signs) + "\n"


def _lists(view: View, block: Block, words: Words, labels: Labels) -> Iterator[str]:
    found, more = listings(view, block, words, labels)
    for listing in found:
        yield f"\n**{escape(listing.sources)}**\n\n"
        yield from (f"- `{cell.text}` {escape(text)}\n" for cell, text in listing.reach)
    if more:
        yield f"\n{more}\n"
    yield from _legend(words.legend({cell.text for listing in found for cell, _ in listing.reach}))


def _item(texts: Sequence[str]) -> str:
    return "- " + ": ".join(escape(text) for text in texts if text) + "\n"
