"""Names of endpoints as a report prints them: short, with footnotes for what is too long to repeat.

Comes in: endpoints. Goes out: labels, lists of labels that name a whole namespace once, and the notes
that explain what was shortened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.load.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer.endpoints import Endpoint
    from analyzer.filters import View

_LONGEST_ADDRESSES = 26
_LONGEST_NOTE = 400
# From so many endpoints on, `namespace/*` is easier to read than their names.
_WORTH_A_PATTERN = 3


class Notes:
    """Footnotes, numbered from 1 in the order in which they were first needed."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, text: str) -> str:
        """Return the mark of a note, such as `(1)`; the same text has one number."""
        return f"({self._numbers.setdefault(text, len(self._numbers) + 1)})"

    def lines(self) -> list[tuple[str, str]]:
        """Return each mark with its text, very long ones cut."""
        return [(f"({number})", _cut(text)) for text, number in self._numbers.items()]


def _cut(text: str) -> str:
    if len(text) <= _LONGEST_NOTE:
        return text
    kept = text[:_LONGEST_NOTE].rpartition(",")[0]
    return f"{kept}, and {text.count(',') - kept.count(',')} more"


class Labels:
    """The labels of one view's endpoints."""

    def __init__(self, view: View, notes: Notes) -> None:
        self._view = view
        self._names = view.names
        self._notes = notes
        self._counted: dict[int, tuple[Sequence[Endpoint], dict[str, int]]] = {}
        outside = [each for each in view.reachability.endpoints if each.external]
        self._largest = max((each.addresses.size for each in outside), default=0)
        self._labels: dict[str, str] = {}

    def of(self, endpoint: Endpoint) -> str:
        """Return the label of one endpoint."""
        if (found := self._labels.get(endpoint.id)) is None:
            found = self._addresses(endpoint) if endpoint.external else self._names.label(endpoint)
            self._labels[endpoint.id] = found
        return found

    def _addresses(self, endpoint: Endpoint) -> str:
        """Shorten addresses to their first CIDR; the widest, usually what no policy names, to `external`."""
        if len(endpoint.name) <= _LONGEST_ADDRESSES:
            return endpoint.name
        widest = endpoint.addresses.size == self._largest
        head = "external" if widest else endpoint.name.replace(",", " ").split()[0]
        return f"{head} {self._notes.mark(endpoint.name.replace(', ', ',').replace(',', ', '))}"

    def several(self, found: Sequence[Endpoint], among: Sequence[Endpoint] | None = None) -> list[str]:
        """Return the labels of some endpoints; `namespace/*` where all of a namespace `among` are meant."""
        whole = self._sizes(self._view.endpoints if among is None else among)
        here = _count(found)
        texts: dict[str, None] = {}
        for each in found:
            size = here[each.namespace]
            pattern = not each.external and size >= _WORTH_A_PATTERN and size == whole[each.namespace]
            texts[f"{printable(each.namespace)}/*" if pattern else self.of(each)] = None
        return list(texts)

    def _sizes(self, among: Sequence[Endpoint]) -> dict[str, int]:
        """Return how many endpoints of each namespace there are: counted once for what is asked again."""
        if id(among) not in self._counted:
            self._counted[id(among)] = among, _count(among)
        return self._counted[id(among)][1]


def _count(endpoints: Sequence[Endpoint]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in endpoints:
        counts[each.namespace] = counts.get(each.namespace, 0) + 1
    return counts
