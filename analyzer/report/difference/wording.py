"""A difference in words, which the table and the Markdown report share.

Comes in: a report. Goes out: titles, causes and ends as short texts, long lists cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.diff import Verdict
from analyzer.endpoints import address_name
from analyzer.filters import View
from analyzer.load.text import printable
from analyzer.report.labels import Labels, Notes
from analyzer.report.sections import counted, listed
from analyzer.report.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.diff import Cause, Change, Ends, Part, Witness
    from analyzer.report.difference import DifferenceReport

MOST_CHANGES = 60
_MOST_PARTS = 6
_MOST_NAMES = 8
_LONGEST_ADDRESSES = 120

TITLES = {
    (Verdict.DENIED, Verdict.ALLOWED): "opened: were denied, are allowed",
    (Verdict.UNKNOWN, Verdict.ALLOWED): "opened: were unknown, are allowed",
    (Verdict.DENIED, Verdict.UNKNOWN): "perhaps opened: were denied, are unknown",
    (Verdict.ALLOWED, Verdict.DENIED): "closed: were allowed, are denied",
    (Verdict.UNKNOWN, Verdict.DENIED): "closed: were unknown, are denied",
    (Verdict.ALLOWED, Verdict.UNKNOWN): "perhaps closed: were allowed, are unknown",
}


class Wording:
    """Writes the parts of one difference."""

    def __init__(self, report: DifferenceReport) -> None:
        self._report = report
        self._labels = Labels(View(report.new.reachability), Notes())
        self._ports = Words(report.ports)

    def headline(self) -> str:
        """Say in one line what was compared."""
        found, old, new = self._report.difference, self._report.old.cluster, self._report.new.cluster
        profiles = dict.fromkeys((old.profile, new.profile))
        return f"{counted(found.kept, 'endpoint')} in both versions, cni {' -> '.join(profiles)}"

    def endpoints(self) -> Iterator[tuple[str, str]]:
        """Yield what is said of endpoints that only one version has."""
        found = self._report.difference
        for title, those in (("endpoints added", found.added), ("endpoints removed", found.removed)):
            if those:
                yield title, listed([printable(each.id) for each in those], _MOST_NAMES)

    def sections(self) -> Iterator[tuple[str, list[Change]]]:
        """Yield the changes by what became of the connections, as many as can be read."""
        found: dict[str, list[Change]] = {}
        for change in self._report.difference.changes[:MOST_CHANGES]:
            found.setdefault(TITLES[change.before, change.after], []).append(change)
        yield from found.items()

    def left_out(self) -> str:
        """Say how many changes are not shown; "" when all are."""
        more = len(self._report.difference.changes) - MOST_CHANGES
        return f"and {counted(more, 'more change')}; all are in `--format json`" if more > 0 else ""

    def causes(self, change: Change) -> str:
        """Say what caused a change: the rule or the policy, and where it stands."""
        return "; ".join(map(self._cause, change.causes))

    def _cause(self, cause: Cause) -> str:
        field = f" {cause.span.field}" if cause.rule else ""
        what = f"{cause.policy.kind} {cause.policy}{field} {cause.effect.value}"
        direction = "" if cause.rule else f" {cause.direction.value}"
        same = "" if cause.edited else " (the rule is the same, what it is about changed)"
        return printable(f"{cause.span}: {what}{direction}{same}")

    def parts(self, change: Change) -> tuple[list[tuple[str, str, str]], str]:
        """Return ports, sources and destinations of the parts that are shown, and how many are not."""
        shown = change.parts if len(change.parts) <= _MOST_PARTS + 1 else change.parts[:_MOST_PARTS]
        more = len(change.parts) - len(shown)
        return [self._part(each) for each in shown], f"and {counted(more, 'more part')}" if more else ""

    def lines(self, change: Change) -> Iterator[str]:
        """Yield all that is said of a change: what changed, why, and an example."""
        parts, more = self.parts(change)
        yield from (printable(f"{ports}: {sources} -> {ends}") for ports, sources, ends in parts)
        if more:
            yield more
        yield self.causes(change)
        yield f"such as {witness(change.witness)}"

    def _part(self, part: Part) -> tuple[str, str, str]:
        return self._ports.ports(part.ports), self._ends(part.sources), self._ends(part.destinations)

    def _ends(self, ends: Ends) -> str:
        names = self._labels.several(ends.endpoints)
        if ends.addresses:
            name = address_name(ends.addresses)
            names.append(name if len(name) <= _LONGEST_ADDRESSES else f"{name[:_LONGEST_ADDRESSES]}...")
        return listed(names, _MOST_NAMES)


def witness(found: Witness) -> str:
    """Write a connection as `explain` takes it."""
    return printable(f"{found.source} {found.destination} {found.port}/{found.protocol.value}")
