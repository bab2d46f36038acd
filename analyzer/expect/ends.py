"""The ends of an expectation: which endpoints of a cluster, and which addresses outside, are meant.

Comes in: the evaluated cluster. Goes out: for each end a set of endpoints, as a bitmap over the cluster's
endpoints in their order, and a set of addresses; sets of both can be joined and split.
"""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, assert_never

from analyzer.bitmaps import LabelIndex, Weights, bitmap, members
from analyzer.expect.expectation import Chosen, Named, Outside, ToService
from analyzer.load.text import shown
from analyzer.model import Match
from analyzer.names import full_kind
from analyzer.reachability import exemption
from analyzer.selectors import EVERYTHING
from analyzer.sets import AddressSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from analyzer.bitmaps import Bitmap
    from analyzer.endpoints import Endpoint
    from analyzer.expect.expectation import End
    from analyzer.reachability import Reachability
    from analyzer.selectors import Selector

_WILD = frozenset("*?[")
# Comparing a mistyped name with more names than these takes longer than anybody waits for a hint.
_MOST_COMPARED = 20_000
# Names that are less alike share little more than their namespace.
_ALIKE = 0.75


class Meant(NamedTuple):
    """Pods and workloads, as a bitmap over the endpoints, and addresses outside the cluster."""

    inside: Bitmap
    outside: AddressSet

    def __bool__(self) -> bool:
        return bool(self.inside) or bool(self.outside)

    def common(self, other: Meant) -> Meant:
        """Return what both mean."""
        return Meant(self.inside & other.inside, self.outside & other.outside)

    def less(self, other: Meant) -> Meant:
        """Return what only the first means."""
        return Meant(self.inside & ~other.inside, self.outside - other.outside)


NOBODY = Meant(0, AddressSet.none())


class Population:
    """The endpoints of a cluster, numbered in their order; all bitmaps are over these numbers."""

    def __init__(self, reachability: Reachability) -> None:
        self.reachability = reachability
        self.endpoints = reachability.endpoints
        self._external = [(i, each.addresses) for i, each in enumerate(self.endpoints) if each.external]
        # External endpoints come last.
        self.inside: Bitmap = (1 << len(self.endpoints) - len(self._external)) - 1
        self._addresses = ~reachability.cluster.pod_addresses
        self._known: dict[End, Meant] = {}
        self._classes: dict[Bitmap, tuple[int, ...]] = {}
        self._weights: dict[Bitmap, Weights] = {}
        self._hosts: dict[int, tuple[Bitmap, Bitmap]] = {}

    @cached_property
    def single(self) -> Bitmap:
        """The endpoints that are one pod, so that a connection with itself says nothing."""
        return bitmap(i for i, each in enumerate(self.endpoints) if not each.external and each.replicas < 2)

    @cached_property
    def hosts(self) -> Bitmap:
        """The endpoints that use the network of their nodes."""
        return bitmap(i for i, each in enumerate(self.endpoints) if each.host_network)

    @cached_property
    def of_class(self) -> tuple[Bitmap, ...]:
        """The endpoints of each class of the engine."""
        found: list[list[int]] = [[] for _ in self.reachability.engine.classes]
        for index, each in enumerate(self.endpoints):
            found[each.number].append(index)
        return tuple(map(bitmap, found))

    def classes(self, endpoints: Bitmap) -> tuple[int, ...]:
        """Return the classes of some endpoints, ascending."""
        if (found := self._classes.get(endpoints)) is None:
            numbers = {self.endpoints[index].number for index in members(endpoints)}
            found = self._classes[endpoints] = tuple(sorted(numbers))
        return found

    def weights(self, endpoints: Bitmap) -> Weights:
        """Return how many of some endpoints each class has."""
        if (found := self._weights.get(endpoints)) is None:
            counts = [0] * len(self.of_class)
            for index in members(endpoints):
                counts[self.endpoints[index].number] += 1
            found = self._weights[endpoints] = Weights(counts)
        return found

    def admitted(self, host: int) -> tuple[Bitmap, Bitmap]:
        """Return the endpoints that a hostNetwork endpoint reaches for certain, or maybe, as their node."""
        if (found := self._hosts.get(host)) is None:
            by_match: dict[Match, list[int]] = {match: [] for match in Match}
            for index in members(self.inside):
                by_match[exemption(self.endpoints[host], self.endpoints[index])].append(index)
            found = self._hosts[host] = bitmap(by_match[Match.YES]), bitmap(by_match[Match.MAYBE])
        return found

    def union(self, ends: Iterable[End]) -> Meant:
        """Return what some ends mean together."""
        found = [self.meant(end) for end in ends]
        inside = 0
        for each in found:
            inside |= each.inside
        return Meant(inside, AddressSet.union(each.outside for each in found))

    def meant(self, end: End) -> Meant:
        """Return what an end means; of a Service, nobody: it is no endpoint."""
        if (found := self._known.get(end)) is None:
            found = self._known[end] = self._find(end)
        return found

    def indices(self, meant: Meant) -> Bitmap:
        """Return the endpoints, external ones included; one of which only some addresses are meant, too."""
        outside = bitmap(i for i, addresses in self._external if addresses & meant.outside)
        return meant.inside | outside

    def _find(self, end: End) -> Meant:
        match end:
            case Named():
                return Meant(bitmap(self._named(end)), AddressSet.none())
            case Chosen():
                chosen = self._in_namespaces(end.namespace, end.namespaces)
                return Meant(chosen & self._labelled(end.pods), AddressSet.none())
            case Outside():
                return Meant(0, end.addresses & self._addresses)
            case ToService():
                return NOBODY
            case never:
                assert_never(never)

    def _named(self, end: Named) -> Iterator[int]:
        """Yield the endpoints of a name: a workload's pods that policies do not see alike are all meant."""
        alike = _matcher(end.name)
        kind = _matcher(full_kind(end.kind)) if end.kind else None
        for namespace in self._namespaces(end.namespace):
            for index in self._by_namespace[namespace]:
                each = self.endpoints[index]
                whole, _, pod = each.name.partition("#")
                named = alike.fits(whole) or (bool(pod) and alike.fits(each.name))
                if named and (kind is None or kind.fits(full_kind(each.kind))):
                    yield index

    @cached_property
    def _by_namespace(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for index in members(self.inside):
            found.setdefault(self.endpoints[index].namespace, []).append(index)
        return found

    def _namespaces(self, pattern: str) -> list[str]:
        fitting = _matcher(pattern)
        if not fitting.wild:
            return [pattern] if pattern in self._by_namespace else []
        return [name for name in self._by_namespace if fitting.fits(name)]

    def _in_namespaces(self, pattern: str, selector: Selector) -> Bitmap:
        labels = self.reachability.cluster.namespaces
        names = (name for name in self._namespaces(pattern) if selector.matches(labels[name].labels))
        return bitmap(index for name in names for index in self._by_namespace[name])

    def _labelled(self, selector: Selector) -> Bitmap:
        """Return the endpoints of which some pod has the labels: policies see all of its pods alike."""
        if selector == EVERYTHING:
            return self.inside
        owners, index = self._labels
        return bitmap({owners[row] for row in members(index.select(selector))})

    @cached_property
    def _labels(self) -> tuple[list[int], LabelIndex]:
        rows = {
            (index, id(pod.labels)): pod.labels
            for index in members(self.inside)
            for pod in self.endpoints[index].pods
        }
        return [index for index, _ in rows], LabelIndex(enumerate(rows.values()))

    def suggestion(self, end: End) -> str:
        """Say what may have been meant by an end that means nobody."""
        match end:
            case Named() if not _WILD & set(str(end)):
                return self._close(f"{end.namespace}/{end.name}")
            case Chosen() if end.namespace != "*" and not self._namespaces(end.namespace):
                return did_you_mean(end.namespace, list(self._by_namespace))
            case Outside():
                return "these are addresses of the pod network: name the pods instead"
            case _:
                return ""

    def _close(self, name: str) -> str:
        some = (self.endpoints[index] for index in members(self.inside))
        names = {
            str(each).partition("#")[0]: None for each, _ in zip(some, range(_MOST_COMPARED), strict=False)
        }
        return did_you_mean(name, list(names))

    def name(self, endpoint: Endpoint) -> str:
        """Return the name of an endpoint as an expectation has it, with the kind where it is needed."""
        return endpoint.id if str(endpoint) in self._shared else str(endpoint)

    @cached_property
    def _shared(self) -> frozenset[str]:
        return frozenset(name for name, uses in Counter(map(str, self.endpoints)).items() if uses > 1)


class _Matcher(NamedTuple):
    """A name, or a pattern."""

    text: str
    wild: bool

    def fits(self, name: str) -> bool:
        """Tell whether a name is meant."""
        return fnmatchcase(name, self.text) if self.wild else name == self.text


def _matcher(text: str) -> _Matcher:
    return _Matcher(text, not _WILD.isdisjoint(text))


def did_you_mean(name: str, names: list[str]) -> str:
    """Return a question for names like a mistaken one; "" when there is none."""
    from difflib import get_close_matches

    close = get_close_matches(name, names, n=1, cutoff=_ALIKE)
    return f"did you mean {shown(close[0])}?" if close else ""
