"""What decides predictions as a short text, equal where it is equal: to know whether it has changed since.

Comes in: a cluster, or a pod of it. Goes out: some hexadecimal digits. Where policies stand in files, and in
which order policies stand whose order means nothing, plays no part.
"""

from __future__ import annotations

from collections.abc import Mapping, Set as AbstractSet
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import sha256

from analyzer import Cluster, Pod
from analyzer.model import TierKind
from analyzer.sets import IntervalSet


def of_rules(cluster: Cluster) -> str:
    """Return that of all policies, of the namespaces' labels and of the CNI: what decides for all pods."""
    tiers = []
    for tier in cluster.tiers:
        policies = [_text(each) for each in tier.policies]
        tiers.append((tier.name, tier.kind, sorted(policies) if tier.kind is TierKind.UNION else policies))
    labels = {name: each.labels for name, each in cluster.namespaces.items()}
    return _digest(cluster.profile, tiers, labels, cluster.other_nodes, cluster.self_service)


def of_pod(pod: Pod) -> str:
    """Return that of what policies see of a pod, beside where it is."""
    return _digest(pod.labels, pod.ports, pod.host_network)[:16]


def _digest(*values: object) -> str:
    return sha256(_text(values).encode()).hexdigest()


def _text(value: object) -> str:  # noqa: PLR0911 - one a type
    """Write a value of the model in one way."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, IntervalSet):
        return repr(value.intervals)
    if is_dataclass(value):
        kept = (each.name for each in fields(value) if each.compare)
        return f"{type(value).__name__}({', '.join(_text(getattr(value, name)) for name in kept)})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(sorted(f'{_text(key)}: {_text(other)}' for key, other in value.items()))}}}"
    if isinstance(value, AbstractSet):
        return f"{{{', '.join(sorted(map(_text, value)))}}}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_text, value))}]"
    return repr(value)
