"""Where the new version shows a change: at the rule that caused it, at a policy, or at pods.

Comes in: a change and the new cluster. Goes out: a place in the new version. What an old rule did stands at
the same rule of the new version, else at the policy that has lost it, else at the pods that it selected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model import Direction

if TYPE_CHECKING:
    from analyzer.diagnostics import Span
    from analyzer.diff.result import Cause, Change
    from analyzer.model import Cluster, Policy


class Places:
    """Finds places in one cluster, the new one."""

    def __init__(self, cluster: Cluster) -> None:
        self._policies = {_identity(each): each for each in cluster.policies}

    def of(self, change: Change) -> Span:
        """Return where a change is shown."""
        for cause in change.causes:
            if cause.effect.is_new:
                return cause.span
        for cause in change.causes:
            if policy := self._policies.get(_identity(cause.policy)):
                return _left_of(cause, policy)
        return _subject(change)


def _identity(policy: Policy) -> tuple[str, str, str]:
    return policy.kind, policy.namespace, policy.name


def _left_of(cause: Cause, policy: Policy) -> Span:
    """Return what a policy of the new version has of a rule of the old one: the same rule, or itself."""
    rules = policy.rules(cause.direction)
    return next((each.span for each in rules if each == cause.rule), policy.span)


def _subject(change: Change) -> Span:
    """Return the first of the pods that the policy selected."""
    part = change.parts[0]
    ends = part.destinations if change.causes[0].direction is Direction.INGRESS else part.sources
    return ends.endpoints[0].pods[0].span
