"""The NetworkPolicies of a cluster that was decoded, as other CNIs would enforce them.

Comes in: its documents and what they were decoded to. Goes out: for each of some profiles the policies of the
model, in one order, without reading pods again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.decode.census import Census
from analyzer.decode.field import Root
from analyzer.decode.kinds import Treatment, treatment
from analyzer.decode.lowering import Lowering
from analyzer.decode.networkpolicy import DraftPolicy, read_network_policy
from analyzer.decode.scope import Options, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from analyzer.decode import Document
    from analyzer.model import Cluster, Policy
    from analyzer.profiles import Profile


def network_policies(
    documents: Iterable[Document], cluster: Cluster, options: Options, profiles: Iterable[Profile]
) -> Mapping[str, tuple[Policy, ...]]:
    """Return the NetworkPolicies under each profile, by its name."""
    scope = Scope(options)
    drafts: dict[tuple[str, str], DraftPolicy] = {}
    for document in documents:
        known = treatment(document.api_version, document.kind, options.kubernetes_version)
        if known is Treatment.READ and document.kind == "NetworkPolicy":
            draft = read_network_policy(Root(document.data, document.span, scope.problems), scope)
            drafts.setdefault((draft.namespace, draft.name), draft)
    census = Census(cluster.pods, cluster.namespaces)
    found = {}
    for profile in profiles:
        lowering = Lowering(profile=profile, census=census)
        found[profile.name] = tuple(lowering.policy(drafts[key]) for key in sorted(drafts))
    return found
