"""Whether a fix changes no verdict under any other profile than the cluster's.

Comes in: an analysis, and what is to be removed, one after the other. Goes out: the CNIs with which a verdict
would change. Only policies differ from profile to profile: pods are not read again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from analyzer.decode import Options
from analyzer.decode.variants import network_policies
from analyzer.engine import Engine
from analyzer.lint.redundancy import Contributions
from analyzer.model import Direction
from analyzer.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.analysis import Analysis
    from analyzer.diagnostics import Span
    from analyzer.model import Policy, Rule
    from analyzer.profiles import Profile


class _Variant(NamedTuple):
    """The policies of the cluster as one CNI enforces them, and what each of them adds to the others."""

    profile: Profile
    policies: dict[int, Policy]  # by the `id` of what holds them
    contributions: Contributions


class Elsewhere:
    """The cluster under all other profiles, without what was removed."""

    def __init__(self, analysis: Analysis) -> None:
        options = analysis.options or Options()
        found = network_policies(analysis.documents, analysis.cluster, options, PROFILES.values())
        usual = found[options.profile.name]
        self._variants = [
            _variant(analysis, profile, found[profile.name])
            for profile in PROFILES.values()
            if profile != options.profile
            if found[profile.name] != usual or profile.other_nodes is not analysis.cluster.other_nodes
        ]

    def changed(self, span: Span) -> tuple[str, ...]:
        """Return the CNIs with which a verdict changes when what stands at a span is removed too."""
        return tuple(each.profile.title for each in self._variants if not _redundant(each, span))

    def remove(self, span: Span) -> None:
        """Count what stands at a span as removed."""
        for each in self._variants:
            policy = each.policies[id(span.locator)]
            gone = _at(policy, span) if span.path else (policy,)
            each.contributions.gone.update(map(id, gone))


def _variant(analysis: Analysis, profile: Profile, policies: Sequence[Policy]) -> _Variant:
    cluster = analysis.cluster
    by_name = {(each.namespace, each.name): each for each in policies}
    tiers = [
        replace(tier, policies=tuple(by_name[each.namespace, each.name] for each in tier.policies))
        for tier in cluster.tiers
    ]
    engine = Engine(replace(cluster, tiers=tuple(tiers), other_nodes=profile.other_nodes))
    return _Variant(
        profile=profile,
        policies={id(each.span.locator): each for each in policies},
        contributions=Contributions(engine),
    )


def _redundant(variant: _Variant, span: Span) -> bool:
    policy = variant.policies[id(span.locator)]
    if not span.path:
        return variant.contributions.policy(policy) is not None
    return variant.contributions.rules(policy, tuple(_at(policy, span))) is not None


def _at(policy: Policy, span: Span) -> Iterator[Rule]:
    """Yield the rules that a profile makes of what stands at a span."""
    for direction in Direction:
        yield from (rule for rule in policy.rules(direction) if rule.span.path == span.path)
