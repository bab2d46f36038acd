"""Label selectors: what a `LabelSelector` of the API matches.

Comes in: requirements on labels. Goes out: whether a set of labels meets them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from collections.abc import Mapping


class Operator(Enum):
    """The operators of `matchExpressions`; the API has no others and is case-sensitive."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label key. `values` is empty for Exists and DoesNotExist."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether labels meet the condition.

        LabelSelectorRequirement: NotIn and DoesNotExist also match when the key is missing.
        """
        match self.operator:
            case Operator.IN:
                return self.key in labels and labels[self.key] in self.values
            case Operator.NOT_IN:
                return self.key not in labels or labels[self.key] not in self.values
            case Operator.EXISTS:
                return self.key in labels
            case Operator.DOES_NOT_EXIST:
                return self.key not in labels
            case never:
                assert_never(never)

    def __str__(self) -> str:
        match self.operator:
            case Operator.EXISTS:
                return self.key
            case Operator.DOES_NOT_EXIST:
                return f"!{self.key}"
            case Operator.IN if len(self.values) == 1:
                return f"{self.key}={next(iter(self.values))}"
            case Operator.NOT_IN if len(self.values) == 1:
                return f"{self.key}!={next(iter(self.values))}"
        operator = "in" if self.operator is Operator.IN else "notin"
        return f"{self.key} {operator} ({','.join(sorted(self.values))})"


@dataclass(frozen=True, slots=True)
class Selector:
    """A conjunction of requirements, in canonical order; an empty one matches everything."""

    requirements: tuple[Requirement, ...] = ()

    @classmethod
    def of(cls, *requirements: Requirement) -> Selector:
        """Make a selector whose equality does not depend on the order in which it was written."""
        return cls(tuple(sorted(set(requirements), key=_order)))

    @classmethod
    def labels(cls, **labels: str) -> Selector:
        """Make a selector from `matchLabels`, for keys that are Python names."""
        return cls.equal(labels)

    @classmethod
    def equal(cls, labels: Mapping[str, str]) -> Selector:
        """Make a selector from `matchLabels`: each is an In with one value."""
        return cls.of(*(Requirement(k, Operator.IN, frozenset((v,))) for k, v in labels.items()))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether labels meet every requirement."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def keys(self) -> frozenset[str]:
        """Return the label keys that the selector looks at."""
        return frozenset(requirement.key for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements)) or "{}"


def _order(requirement: Requirement) -> tuple[str, str, tuple[str, ...]]:
    return requirement.key, requirement.operator.value, tuple(sorted(requirement.values))


EVERYTHING = Selector()

# Set by the API server on every namespace, always to the namespace's name.
NAMESPACE_NAME = "kubernetes.io/metadata.name"


def namespace_named(name: str) -> Selector:
    """Return the namespace selector that matches exactly the namespace called `name`."""
    return Selector.equal({NAMESPACE_NAME: name})
