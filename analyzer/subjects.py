"""Which policies select which class.

Comes in: a cluster and the evaluated selectors. Goes out: for each class and direction the groups of
policies that select it, in evaluation order. Policies of a union that select the same classes form one
group; in an ordered tier each policy stands alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analyzer.bitmaps import members
from analyzer.model import Direction, TierKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.bitmaps import Bitmap
    from analyzer.matching import Matcher
    from analyzer.model import Cluster, NamedPort, Policy, Tier


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Policies of one tier that select the same classes in the same directions.

    `named`: the port names in their ingress rules, which every subject resolves by itself.
    """

    tier: Tier
    subjects: Bitmap
    policies: tuple[Policy, ...]
    named: tuple[NamedPort, ...] = field(init=False)

    def __post_init__(self) -> None:
        rules = (rule for policy in self.policies for rule in policy.rules(Direction.INGRESS))
        object.__setattr__(self, "named", tuple(dict.fromkeys(n for r in rules for n in r.ports.named)))


class Subjects:
    """The groups that select each class."""

    def __init__(self, cluster: Cluster, matcher: Matcher) -> None:
        selecting: dict[Direction, dict[int, list[Group]]] = {direction: {} for direction in Direction}
        for tier in cluster.tiers:
            for directions, group in _groups(tier, matcher):
                for subject in members(group.subjects):
                    for direction in directions:
                        selecting[direction].setdefault(subject, []).append(group)
        self._selecting = {
            direction: {subject: tuple(groups) for subject, groups in found.items()}
            for direction, found in selecting.items()
        }

    def selecting(self, direction: Direction, subject: int) -> tuple[Group, ...]:
        """Return the groups that select a class in a direction; none for hosts and addresses."""
        return self._selecting[direction].get(subject, ())


def _groups(tier: Tier, matcher: Matcher) -> Iterator[tuple[frozenset[Direction], Group]]:
    alike: dict[tuple[object, ...], list[Policy]] = {}
    for index, policy in enumerate(tier.policies):
        alone = index if tier.kind is TierKind.ORDERED else None
        alike.setdefault((policy.directions, matcher.subject(policy), alone), []).append(policy)
    for policies in alike.values():
        subjects = matcher.subject(policies[0])
        if subjects:
            yield policies[0].directions, Group(tier, subjects, tuple(policies))
