"""What the rules go by: the evaluated cluster, and what several of them ask of it, worked out once.

Comes in: an analysis. Goes out: which pods a policy selects and a peer means, rules as they were written, and
names of pods for messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from analyzer.bitmaps import Weights, members
from analyzer.lint.labels import Labels, gathered
from analyzer.load.text import shown
from analyzer.model import Action, Direction, TierKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from analyzer.analysis import Analysis
    from analyzer.bitmaps import Bitmap
    from analyzer.diagnostics import FieldPath, Span
    from analyzer.endpoints import Endpoint
    from analyzer.lint.declared import Declared
    from analyzer.lint.redundancy import Contributions, Redundancies
    from analyzer.model import Peer, Policy, Rule, Service, Tier
    from analyzer.selectors import Selector

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
        self._labels: dict[Bitmap, Labels] = {}
        self._namespaces: dict[Selector, tuple[str, ...]] = {}

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """Every policy, tier by tier."""
        return tuple(self.cluster.policies)

    @cached_property
    def isolating(self) -> tuple[Policy, ...]:
        """The policies of tiers in which being selected means being isolated, and every rule allows."""
        return tuple(policy for tier in self.cluster.tiers if isolates(tier) for policy in tier.policies)

    def subjects(self, policy: Policy) -> Bitmap:
        """Return the classes that a policy selects."""
        return self.matcher.subject(policy)

    def written(self, policy: Policy) -> tuple[Written, ...]:
        """Return the rules of a policy as they stand in its manifest, in their order."""
        found: dict[FieldPath, dict[Direction, list[Rule]]] = {}
        for direction in Direction:
            for rule in policy.rules(direction):
                if rule.span != policy.span:
                    found.setdefault(rule.span.path, {}).setdefault(direction, []).append(rule)
        return tuple(_written(policy, path, rules) for path, rules in found.items())

    def peers(self, policy: Policy) -> Iterator[tuple[Written, Rule, Peer]]:
        """Yield the peers of a policy that stand in its manifest, each once, in their order."""
        for written in self.written(policy):
            seen = set()
            for rule in written.rules:
                for peer in rule.peers:
                    if peer.span != written.span and peer.span.path not in seen:
                        seen.add(peer.span.path)
                        yield written, rule, peer

    def destinations(self, written: Written, rule: Rule) -> Bitmap:
        """Return the pods on which a rule's port names are looked up: its subjects, or its peers."""
        if written.direction is Direction.INGRESS:
            return self.subjects(written.policy)
        return self.matcher.rule(rule).may & self.matcher.pods

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
        first = list(islice(self.endpoints(classes), _MOST_NAMED + 1))
        number = self._counts.count(classes)
        return listed([shown(str(each)) for each in first], number=number)

    @cached_property
    def _counts(self) -> Weights:
        """How many endpoints each class has."""
        return Weights(len(self._of_class[number]) for number, _ in enumerate(self.engine.classes))

    def labels(self, classes: Bitmap) -> Labels:
        """Return the labels that the pods of some classes have."""
        if (found := self._labels.get(classes)) is None:
            different = {id(each.labels): each.labels for each in self.endpoints(classes)}
            found = self._labels[classes] = gathered(different.values())
        return found

    def namespaces(self, selector: Selector) -> tuple[str, ...]:
        """Return the namespaces of the input that a selector matches."""
        if (found := self._namespaces.get(selector)) is None:
            every = self.cluster.namespaces.values()
            found = tuple(each.name for each in every if selector.matches(each.labels))
            self._namespaces[selector] = found
        return found

    @cached_property
    def services_of(self) -> dict[str, list[Service]]:
        """The Services of each namespace."""
        found: dict[str, list[Service]] = {}
        for service in self.cluster.services:
            found.setdefault(service.namespace, []).append(service)
        return found

    @cached_property
    def namespace_labels(self) -> Labels:
        """The labels that some namespace has."""
        return gathered(each.labels for each in self.cluster.namespaces.values())

    @cached_property
    def namespace_spans(self) -> dict[str, Span]:
        """Where the Namespaces of the input stand."""
        documents = (each for each in self.analysis.documents if each.kind == "Namespace")
        return {each.name: each.span for each in documents}

    def awaited(self, pods: Selector, namespaces: Iterable[str]) -> bool:
        """Tell whether something that the input does not hold makes pods that a selector means.

        A custom resource with such labels, whose operator makes pods, or a Service that leads to such pods.
        """
        return any(pods.matches(labels) for name in namespaces for labels in self._made.get(name, ()))

    @cached_property
    def _made(self) -> dict[str, list[Mapping[str, str]]]:
        """Labels of custom resources, and those that Services ask for, by namespace."""
        found: dict[str, list[Mapping[str, str]]] = {}
        for document in self.analysis.documents:
            labels = raw(document.span.child("metadata", "labels"))
            if isinstance(labels, dict) and _custom(document.api_version):
                found.setdefault(document.namespace, []).append(labels)
        for service in self.cluster.services:
            selector = service.selector.requirements if service.selector else ()
            found.setdefault(service.namespace, []).append({each.key: min(each.values) for each in selector})
        return found

    @cached_property
    def contributions(self) -> Contributions:
        """What each policy and rule adds to the others."""
        from analyzer.lint.redundancy import Contributions

        return Contributions(self.engine)

    @cached_property
    def declared(self) -> Declared:
        """The ports that containers declare."""
        from analyzer.lint.declared import Declared

        return Declared(self.engine.classes)


def _written(policy: Policy, path: FieldPath, rules: dict[Direction, list[Rule]]) -> Written:
    """Put together what stands at one place; what a profile adds for the other direction comes last."""
    own = next((each for each in rules if each.value in path), next(iter(rules)))
    ordered = sorted(rules, key=lambda each: each is not own)
    found = tuple(rule for direction in ordered for rule in rules[direction])
    return Written(policy=policy, direction=own, rules=found, span=found[0].span)


def listed(names: Sequence[str], most: int = _MOST_NAMED, number: int = 0) -> str:
    """Write a list of names for a sentence, cut to the first few of all `number` of them."""
    every = max(number, len(names))
    if every > most + 1:
        return f"{', '.join(names[:most])} and {every - most:,} more"
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def isolates(tier: Tier) -> bool:
    """Tell whether a tier is a union in which being selected means being isolated."""
    return tier.kind is TierKind.UNION and tier.unmatched is Action.DENY


def _custom(api_version: str) -> bool:
    """Tell whether an API group is none of Kubernetes' own."""
    group = api_version.rpartition("/")[0]
    return "." in group and not group.endswith(".k8s.io")


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
