"""A policy that allows other connections on another CNI.

What:
    Where the API leaves something open, engines differ: named ports that a pod does not have, rules of a
    direction that policyTypes leaves out, several ipBlocks with excepts in one rule, one policy for both
    directions. The policy is evaluated under the profile of every CNI, and some connection between pods, or
    with addresses outside, is allowed by one and denied by another. ICMP and hostNetwork pods are left out;
    that ipBlocks match pods is told by KR301.

Why:
    It works here and breaks, or opens, when the cluster moves.

Example:
    policyTypes: [Ingress]
    egress: [{ports: [{port: 53, protocol: UDP}]}]     # Cilium and Antrea isolate egress all the same

Instead:
    Say what is meant in a way that no engine reads differently: name every direction in policyTypes, write
    port numbers, give each ipBlock with excepts a rule of its own, and each direction a policy of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity
from analyzer.lint.evidence import listed
from analyzer.lint.finding import Finding
from analyzer.lint.variants import Variant
from analyzer.lint.wording import policy_name
from analyzer.profiles import API, PROFILES, Profile
from analyzer.sets import PortSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.lint.evidence import Evidence
    from analyzer.lint.variants import Difference
    from analyzer.model import Policy

SEVERITY = Severity.NOTICE


def check(evidence: Evidence) -> Iterator[Finding]:
    """Yield the policies on which profiles disagree."""
    options = evidence.analysis.options
    if options is None:
        return
    from analyzer.decode.variants import network_policies

    base = options.profile
    others = [_comparable(each, base) for each in PROFILES.values() if each not in (API, base)]
    found = network_policies(evidence.analysis.documents, evidence.cluster, options, (base, *others))
    usual = found[base.name]
    different = {id(policies): policies for policies in found.values()}
    differences = {key: _differences(evidence, usual, policies) for key, policies in different.items()}
    told: dict[int, dict[Difference, list[str]]] = {}
    for other in others:
        for number, difference in differences[id(found[other.name])].items():
            told.setdefault(number, {}).setdefault(difference, []).append(other.title)
    for number, each in sorted(told.items()):
        yield _finding(usual[number], base, each)


def _differences(
    evidence: Evidence, usual: Sequence[Policy], other: Sequence[Policy]
) -> dict[int, Difference]:
    """Return a connection that differs for each policy, by its number, that has one."""
    if other is usual:
        return {}
    variant = Variant(evidence.engine, usual, other)
    found = ((number, variant.first(number)) for number, _ in enumerate(usual))
    return {number: difference for number, difference in found if difference}


def _comparable(profile: Profile, base: Profile) -> Profile:
    """Return a profile without what other rules tell, or what concerns more than policies."""
    return replace(
        profile,
        blocks_on_pods=base.blocks_on_pods,
        blocks_on_hosts=base.blocks_on_hosts,
        selectors_on_hosts=base.selectors_on_hosts,
        icmp_doubt=base.icmp_doubt,
    )


def _finding(policy: Policy, base: Profile, differences: dict[Difference, list[str]]) -> Finding:
    parts = [
        _sentence(difference, base.title, listed(names, len(PROFILES)))
        for difference, names in differences.items()
    ]
    return Finding(
        code="KR302",
        name="differs-by-cni",
        severity=SEVERITY,
        span=policy.span,
        message=f"policy {policy_name(policy)} differs by CNI: {'; '.join(parts)}",
        help="`kubereach rule KR302` tells how to say it so that every CNI does the same",
    )


def _sentence(difference: Difference, base: str, others: str) -> str:
    """Say who allows one connection and who denies it."""
    allows, denies = (base, others) if difference.usual else (others, base)
    what = "all ports" if PortSet.transports() <= difference.ports else str(difference.ports)
    ends = f"{difference.source} to {difference.destination}"
    return f"{ends} on {what} is allowed by {allows}, denied by {denies}"
