"""What was seen as a table for people, in the form of the prediction's.

Comes in: a comparison. Goes out: a matrix of who reached whom, what differed, and a line that sums it up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from analyzer import Bounds, Endpoint, Protocol, View
from analyzer.explain import explain
from analyzer.filters import Block
from analyzer.load.text import printable
from analyzer.report.explanation import render as render_explanation
from analyzer.report.grid import draw
from analyzer.report.labels import Labels, Notes
from analyzer.report.matrix import between_endpoints
from analyzer.report.page import MOST_GROUPED, large, listings
from analyzer.report.words import Words
from lab.compare import Comparison, Finding, Status
from lab.probes import Attempt

_MOST_SHOWN = 20
_ALIKE = "pods that policies see alike were asked for each other; `--every-pair` asks each"


class Observed(View):
    """The view of a plan, with what was seen in the place of what is predicted."""

    def __init__(self, comparison: Comparison) -> None:
        """Take over what the plan's view leaves."""
        plain = comparison.plan.view
        self.__dict__.update(plain.__dict__)
        self._comparison = comparison
        self._found: dict[tuple[str, str], Bounds] = {}

    def verdict(self, source: Endpoint, destination: Endpoint) -> Bounds:
        """Return what was seen to pass."""
        key = source.id, destination.id
        if (found := self._found.get(key)) is None:
            found = self._found[key] = self._mask(self._comparison.observed(source, destination))
        return found

    def row(self, source: Endpoint, destinations: Sequence[Endpoint]) -> Iterator[Bounds]:
        """Yield what was seen to pass from a source to some destinations."""
        return (self.verdict(source, destination) for destination in destinations)

    def replicas(self, endpoint: Endpoint) -> Bounds:
        """Return what was seen of an endpoint with itself: each is a single pod."""
        return self.verdict(endpoint, endpoint)


def matrix(comparison: Comparison, width: int) -> Iterator[str]:
    """Yield the lines of the matrix of what was seen; of a large lab, who reaches what."""
    view = Observed(comparison)
    notes, words = Notes(), Words(view.ports)
    labels = Labels(view, notes)
    for block in view.blocks:
        if block.title:
            yield f"{block.title}\n"
        drawn = None
        if not large(block):
            found = between_endpoints(view, block, words, labels)
            drawn = draw(found, width, notes, lambda cell: cell.text, everything=words.all)
            if drawn:
                yield from drawn.lines
                if drawn.columns:
                    yield "columns: " + ", ".join(drawn.columns)
                yield ""
                meanings = dict(words.legend(found.texts()))
                signs = [(sign, meanings.get(cell.text, cell.text)) for sign, cell in drawn.signs]
                yield "    ".join(f"{sign}  {what}" for sign, what in signs or meanings.items())
        if drawn is None:
            yield from _grouped(view, _shown(comparison, block), words, labels)
            if comparison.plan.kinds:
                yield _ALIKE
    for mark, text in notes.lines():
        yield f"{mark}  {text}"


def _shown(comparison: Comparison, block: Block) -> Block:
    """Return the pairs to show of a large block: of a very large one those that were asked."""
    if len(block.sources) <= MOST_GROUPED >= len(block.destinations):
        return block
    asking = {each.question.source.id for each in comparison.findings}
    asked = {each.question.destination.id for each in comparison.findings}
    return Block(
        title=block.title,
        sources=tuple(each for each in block.sources if each.id in asking),
        destinations=tuple(each for each in block.destinations if each.id in asked),
    )


def _grouped(view: View, block: Block, words: Words, labels: Labels) -> Iterator[str]:
    found, more = listings(view, block, words, labels)
    for listing in found:
        yield listing.sources
        yield from (f"  {cell.text}  {text}" for cell, text in listing.reach)
    if more:
        yield more
    texts = {cell.text for listing in found for cell, _ in listing.reach}
    yield "\n" + "    ".join(f"{text}  {meaning}" for text, meaning in words.legend(texts))


def summary(comparison: Comparison) -> Iterator[str]:
    """Yield what was asked and what came of it, in a few lines."""
    counts = comparison.counts
    total = len(comparison.findings)
    yield (
        f"{total:,} predictions probed: {counts[Status.AGREES]:,} true, {counts[Status.DIFFERS]:,} false,"
        f" {counts[Status.UNKNOWN]:,} left open by the API, {counts[Status.FAILED]:,} undecided"
    )
    for why, count in undecidable(comparison).items():
        yield f"undecidable here: {count:,} ({why})"
    for why, count in comparison.plan.impossible.items():
        yield f"not probed: {count:,} pairs of endpoints ({why})"


def undecidable(comparison: Comparison) -> dict[str, int]:
    """Return how many questions nobody could decide, by the reason why, the commonest first."""
    found = Counter(
        each.result.attempts[-1].reason or "no reason given"
        for each in comparison.of(Status.UNDECIDABLE)
        if each.result.attempts
    )
    return dict(found.most_common())


def differences(comparison: Comparison) -> Iterator[str]:
    """Yield what was not as predicted, each with all attempts and the explanation of the prediction."""
    found = comparison.of(Status.DIFFERS, Status.FAILED)
    for each in found[:_MOST_SHOWN]:
        yield ""
        yield headline(each)
        for attempt in each.result.attempts:
            yield f"  attempt {attempt_line(attempt)}"
        if not each.question.service:
            yield from _explanation(comparison, each)
    if len(found) > _MOST_SHOWN:
        yield ""
        yield f"and {len(found) - _MOST_SHOWN:,} more; `--format json` has all"


def headline(finding: Finding) -> str:
    """Say in a line what was asked, predicted and seen."""
    question, probe = finding.question, finding.question.probe
    name = question.service or probe.expect or probe.address
    return printable(
        f"{finding.status.value}: {probe.source} -> {name} ({probe.address})"
        f" {probe.port}/{probe.protocol.name}: predicted {question.predicted.name.lower()},"
        f" seen {finding.result.outcome.value}"
    )


def attempt_line(attempt: Attempt) -> str:
    """Say in a line what one attempt saw."""
    parts = [attempt.outcome.value, f"after {attempt.took * 1000:.1f} ms"]
    if attempt.identity:
        parts.append(f"answered by {attempt.identity}")
    if attempt.icmp:
        parts.append(f"icmp {attempt.icmp.type}/{attempt.icmp.code} from {attempt.icmp.sender}")
    parts += [text for text in (attempt.rule, attempt.reason) if text]
    return printable(", ".join(parts))


def _explanation(comparison: Comparison, finding: Finding) -> Iterator[str]:
    question = finding.question
    port = Protocol[question.probe.protocol.name], question.probe.port
    found = explain(comparison.plan.view.reachability, question.source, question.destination, port)
    yield from (f"  {printable(line)}" for line in render_explanation(found).splitlines())
