"""Endpoints by what people call them: short names to print, and every name that a user may write.

Comes in: an evaluated cluster. Goes out: for an endpoint its shortest unmistakable name; for a name, a
pattern or an address the endpoints that it means, or an AnalyzerError that lists what could be meant.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING

from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity
from analyzer.load.text import printable, shown
from analyzer.sets import AddressSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from analyzer.endpoints import Endpoint
    from analyzer.reachability import Reachability

# The short names of `kubectl api-resources`.
_KINDS = {
    "cj": "cronjob",
    "deploy": "deployment",
    "ds": "daemonset",
    "po": "pod",
    "rc": "replicationcontroller",
    "rs": "replicaset",
    "sts": "statefulset",
}
_MOST_LISTED = 10
# Comparing a mistyped name with more names than these takes longer than anybody waits for a hint.
_MOST_COMPARED = 20_000
_LONGEST_NAME = 253
_FORMS = "write `name`, `namespace/name`, `namespace/kind/name`, an address, or `external`"


class Names:
    """The names of all endpoints of one cluster."""

    def __init__(self, reachability: Reachability) -> None:
        self._endpoints = reachability.endpoints
        self._pod_network = reachability.cluster.pod_addresses
        self._uses = Counter(each.name for each in self._endpoints)

    @cached_property
    def _full_uses(self) -> Counter[str]:
        return Counter(map(str, self._endpoints))

    def label(self, endpoint: Endpoint) -> str:
        """Return the name, with the namespace and the kind only where endpoints share it."""
        if self._uses[endpoint.name] == 1:
            return printable(endpoint.name)
        return printable(str(endpoint) if self._full_uses[str(endpoint)] == 1 else endpoint.id)

    def find(self, text: str) -> Endpoint:
        """Return the one endpoint that a name or an address means."""
        found = self._named(text)
        if len(found) == 1:
            return found[0]
        if found:
            raise _error("ambiguous-endpoint", f"{shown(text)} may be {len(found)} endpoints", _one_of(found))
        raise self._unknown(text)

    def select(self, pattern: str) -> tuple[Endpoint, ...]:
        """Return every endpoint that a name, an address or a glob pattern means; at least one."""
        found = self._named(pattern)
        if not found and any(character in pattern for character in "*?["):
            found = list(self._matching(pattern))
            if not found:
                raise _error("unknown-endpoint", f"no endpoint matches {shown(pattern)}", _FORMS)
        if not found:
            raise self._unknown(pattern)
        return tuple(found)

    def _named(self, text: str) -> list[Endpoint]:
        """Look a name up, the most exact meaning first."""
        return (
            self._names.get(text)
            or self._with_kind.get(_folded(text))
            or self._pods.get(text)
            or ([each for each in self._endpoints if each.external] if text == "external" else [])
            or self._at(text)
        )

    @cached_property
    def _names(self) -> dict[str, list[Endpoint]]:
        return _index((name, each) for each in self._endpoints for name in (each.name, str(each)))

    @cached_property
    def _with_kind(self) -> dict[str, list[Endpoint]]:
        """Names that tell the kind, whose case does not matter."""
        return _index(
            (_folded(name), each)
            for each in self._endpoints
            for name in (each.id, f"{each.kind}/{each.name}")
        )

    @cached_property
    def _pods(self) -> dict[str, list[Endpoint]]:
        """Single pods stand for the endpoint that they are a replica of."""
        return _index(
            (name, each)
            for each in self._endpoints
            for pod in each.pods
            for name in (pod.name, f"{pod.namespace}/{pod.name}")
        )

    def _at(self, text: str) -> list[Endpoint]:
        """Return the pods and the external addresses that an address or a CIDR holds."""
        try:
            meant = AddressSet.of(text)
        except ValueError:
            return []
        inside = [each for each in self._endpoints if _has_pod_in(each, meant)]
        if not inside and meant <= self._pod_network:
            raise _error(
                "unknown-address",
                f"{shown(text)} belongs to the pod network, and no pod is known to have it",
                "name the pod instead",
            )
        if meant.size == 1 and inside:
            return inside
        return inside + [each for each in self._endpoints if each.addresses & meant]

    def _matching(self, pattern: str) -> Iterator[Endpoint]:
        from fnmatch import fnmatchcase

        folded = _folded(pattern)
        for each in self._endpoints:
            if (
                fnmatchcase(each.name, pattern)
                or fnmatchcase(str(each), pattern)
                or fnmatchcase(_folded(each.id), folded)
            ):
                yield each

    def _unknown(self, text: str) -> AnalyzerError:
        return _error("unknown-endpoint", f"no endpoint is called {shown(text)}", self._suggestion(text))

    def _suggestion(self, text: str) -> str:
        from difflib import get_close_matches

        forms = [str(each) if "/" in text else each.name for each in self._endpoints[:_MOST_COMPARED]]
        if close := get_close_matches(text[:_LONGEST_NAME], dict.fromkeys(forms), n=3):
            return f"did you mean {' or '.join(map(shown, close))}?"
        return _one_of(self._endpoints) if len(self._endpoints) <= _MOST_LISTED else _FORMS


def _index(named: Iterable[tuple[str, Endpoint]]) -> dict[str, list[Endpoint]]:
    found: dict[str, dict[str, Endpoint]] = {}
    for name, endpoint in named:
        found.setdefault(name, {})[endpoint.id] = endpoint
    return {name: list(endpoints.values()) for name, endpoints in found.items()}


def _folded(name: str) -> str:
    """Write the kind, the last but one part of a name, in full and in lower case."""
    *before, last = name.split("/")
    if not before:
        return name
    return "/".join((*before[:-1], full_kind(before[-1]), last))


def full_kind(kind: str) -> str:
    """Write a kind in lower case, and in full where kubectl has a short name for it."""
    folded = kind.lower()
    return _KINDS.get(folded, folded)


def _has_pod_in(endpoint: Endpoint, addresses: AddressSet) -> bool:
    return any(AddressSet.of(each) <= addresses for pod in endpoint.pods for each in pod.addresses)


def _one_of(endpoints: Sequence[Endpoint]) -> str:
    listed = ", ".join(shown(each.id) for each in endpoints[:_MOST_LISTED])
    more = len(endpoints) - _MOST_LISTED
    return f"write one of {listed}{f' and {more} more' if more > 0 else ''}"


def _error(code: str, message: str, hint: str) -> AnalyzerError:
    return AnalyzerError(Diagnostic(severity=Severity.ERROR, code=code, message=message, help=hint))
