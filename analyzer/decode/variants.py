"""The NetworkPolicies of a cluster that was decoded, as other CNIs would enforce them.

Comes in: its documents and what they were decoded to. Goes out: for each of some profiles the policies of the
model, in one order, without reading pods again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from analyzer.decode.census import Census
from analyzer.decode.field import Root
from analyzer.decode.kinds import Treatment, treatment
from analyzer.decode.lowering import Lowering
from analyzer.decode.networkpolicy import DraftPolicy, read_network_policy
from analyzer.decode.scope import Options, Scope
from analyzer.profiles import Profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from analyzer.decode import Document
    from analyzer.model import Cluster, Policy


def network_policies(
    documents: Iterable[Document], cluster: Cluster, options: Options, profiles: Iterable[Profile]
) -> Mapping[str, tuple[Policy, ...]]:
    """Return the NetworkPolicies under each profile, by its name.

    Profiles that differ in nothing that policies are made of have one and the same tuple.
    """
    scope = Scope(options)
    drafts: dict[tuple[str, str], DraftPolicy] = {}
    for document in documents:
        known = treatment(document.api_version, document.kind, options.kubernetes_version)
        if known is Treatment.READ and document.kind == "NetworkPolicy":
            draft = read_network_policy(Root(document.data, document.span, scope.problems), scope)
            drafts.setdefault((draft.namespace, draft.name), draft)
    census = Census(cluster.pods, cluster.namespaces)
    found: dict[Profile, tuple[Policy, ...]] = {}
    names = {each.name: _of_policies(each) for each in profiles}
    for profile in names.values():
        if profile not in found:
            lowering = Lowering(profile=profile, census=census)
            found[profile] = tuple(lowering.policy(drafts[key]) for key in sorted(drafts))
    return {name: found[profile] for name, profile in names.items()}


def _of_policies(profile: Profile) -> Profile:
    """Return a profile without what is no matter of policies, nor of their texts."""
    usual = Profile(name="", title="")
    return replace(
        profile,
        name=usual.name,
        title=usual.title,
        other_nodes=usual.other_nodes,
        self_service=usual.self_service,
        denial=usual.denial,
    )
