"""What the rules go by: the evaluated cluster, and what several of them ask of it, worked out once.

Comes in: an analysis. Goes out: which pods a policy selects and a peer means, rules as they were written, and
names of pods for messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from analyzer.bitmaps import members
from analyzer.load.text import shown
from analyzer.model import Direction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from analyzer.analysis import Analysis
    from analyzer.bitmaps import Bitmap
    from analyzer.diagnostics import Span
    from analyzer.endpoints import Endpoint
    from analyzer.lint.redundancy import Redundancies
    from analyzer.model import Namespace, Policy, Rule

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Written:
    """A rule as it stands in a manifest. A profile may make several rules of it, all at one `span`."""

    policy: Policy
    direction: Direction
    rules: tuple[Rule, ...]
    span: Span


class Evidence:
    """One evaluated cluster, as lint looks at it."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.cluster = analysis.cluster
        self.reachability = analysis.reachability
        self.engine = analysis.reachability.engine
        self.matcher = self.engine.matcher

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """Every policy, tier by tier."""
        return tuple(self.cluster.policies)

    def subjects(self, policy: Policy) -> Bitmap:
        """Return the classes that a policy selects."""
        return self.matcher.subject(policy)

    def written(self, policy: Policy) -> tuple[Written, ...]:
        """Return the rules of a policy as they stand in its manifest, in their order."""
        found: dict[tuple[object, ...], list[tuple[Direction, Rule]]] = {}
        for direction in Direction:
            for rule in policy.rules(direction):
                if rule.span != policy.span:
                    found.setdefault(rule.span.path, []).append((direction, rule))
        return tuple(
            Written(
                policy=policy,
                direction=rules[0][0],
                rules=tuple(rule for _, rule in rules),
                span=rules[0][1].span,
            )
            for rules in found.values()
        )

    @cached_property
    def redundancies(self) -> Redundancies:
        """The policies and rules without effect."""
        from analyzer.lint.redundancy import find

        return find(self)

    @cached_property
    def _of_class(self) -> dict[int, list[Endpoint]]:
        found: dict[int, list[Endpoint]] = {}
        for endpoint in self.reachability.endpoints:
            found.setdefault(endpoint.number, []).append(endpoint)
        return found

    def endpoints(self, classes: Bitmap) -> Iterator[Endpoint]:
        """Yield the endpoints of some classes."""
        for number in members(classes):
            yield from self._of_class[number]

    def named(self, classes: Bitmap) -> str:
        """Return the first few endpoints of some classes by name, and how many there are."""
        return listed([shown(str(each)) for each in self.endpoints(classes)])

    @cached_property
    def namespaces(self) -> dict[str, Bitmap]:
        """The classes that have a pod in each namespace, for namespaces that have one."""
        found: dict[str, Bitmap] = {}
        for number, each in enumerate(self.engine.classes):
            for pod in each.pods:
                found[pod.namespace] = found.get(pod.namespace, 0) | 1 << number
        return found

    def matching(self, policy_namespaces: Iterable[Namespace]) -> Bitmap:
        """Return the classes that have a pod in one of some namespaces."""
        found = 0
        for each in policy_namespaces:
            found |= self.namespaces.get(each.name, 0)
        return found


def listed(names: Sequence[str], most: int = _MOST_NAMED) -> str:
    """Write a list of names for a sentence, cut to the first few."""
    if len(names) > most + 1:
        return f"{', '.join(names[:most])} and {len(names) - most:,} more"
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def raw(span: Span) -> object:
    """Return what stands at a span in the document that it belongs to; None where nothing does."""
    value: object = getattr(span.locator, "data", None)
    for step in span.path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
