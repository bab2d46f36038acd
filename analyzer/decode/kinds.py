"""Which kinds are read, and what is said of those that are not.

Comes in: `apiVersion` and `kind`. Goes out: how to treat the document. Group and kind decide together; for
the groups of Kubernetes itself the version must exist as well.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analyzer.decode.scope import Version


class Treatment(Enum):
    """READ: it is decoded. POLICY: a policy that is not evaluated. OTHER: it decides nothing here.

    ROUTE: it leads traffic from outside to Services, and is decoded for those who ask. MISSING: Kubernetes
    has no such kind in this version, and one of a like name would not be passed over.
    """

    READ = "read"
    POLICY = "policy"
    ROUTE = "route"
    OTHER = "other"
    MISSING = "missing"


# The current API of each kind that is read.
CURRENT: Mapping[str, str] = {
    "Pod": "v1",
    "Namespace": "v1",
    "Node": "v1",
    "Service": "v1",
    "ReplicationController": "v1",
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
}
# Former APIs with the version of Kubernetes that no longer has them (deprecated API migration guide).
_REMOVED: Mapping[tuple[str, str], Version] = {
    ("extensions/v1beta1", "NetworkPolicy"): (1, 16),
    ("extensions/v1beta1", "Deployment"): (1, 16),
    ("extensions/v1beta1", "DaemonSet"): (1, 16),
    ("extensions/v1beta1", "ReplicaSet"): (1, 16),
    ("apps/v1beta1", "Deployment"): (1, 16),
    ("apps/v1beta1", "StatefulSet"): (1, 16),
    ("apps/v1beta2", "Deployment"): (1, 16),
    ("apps/v1beta2", "StatefulSet"): (1, 16),
    ("apps/v1beta2", "DaemonSet"): (1, 16),
    ("apps/v1beta2", "ReplicaSet"): (1, 16),
    ("batch/v1beta1", "CronJob"): (1, 25),
}
_LONGEST = 63  # characters of a kind
_ALIKE = 0.87  # of 1: `NetworkPolcy` is a slip, other kinds of Kubernetes are not
# Policies of other APIs that decide about connections too.
_POLICIES: Mapping[str, frozenset[str]] = {
    "policy.networking.k8s.io": frozenset(
        ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy")
    ),
    "projectcalico.org": frozenset(("NetworkPolicy", "GlobalNetworkPolicy", "HostEndpoint")),
    "crd.projectcalico.org": frozenset(("NetworkPolicy", "GlobalNetworkPolicy", "HostEndpoint")),
    "cilium.io": frozenset(("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy")),
    "crd.antrea.io": frozenset(("NetworkPolicy", "ClusterNetworkPolicy")),
    "security.antrea.tanzu.vmware.com": frozenset(("NetworkPolicy", "ClusterNetworkPolicy")),
    "k8s.ovn.org": frozenset(("EgressFirewall",)),
    "network.openshift.io": frozenset(("EgressNetworkPolicy",)),
    "security.istio.io": frozenset(("AuthorizationPolicy",)),
}
# What leads traffic from outside to Services. Versions of the Gateway API differ in nothing that is read.
_ROUTES: Mapping[str, frozenset[str]] = {
    "networking.k8s.io": frozenset(("Ingress", "IngressClass")),
    "gateway.networking.k8s.io": frozenset(
        (
            *("Gateway", "GatewayClass", "GRPCRoute", "HTTPRoute", "ReferenceGrant"),
            *("TCPRoute", "TLSRoute", "UDPRoute"),
        )
    ),
}


def treatment(api_version: str, kind: str, version: Version) -> Treatment:
    """Tell how to treat a document in a cluster of a version."""
    group, _, number = api_version.rpartition("/")
    if kind in _ROUTES.get(group, ()) and (number == "v1" or group != "networking.k8s.io"):
        return Treatment.ROUTE
    if kind in _POLICIES.get(group, ()):
        return Treatment.POLICY
    current = CURRENT.get(kind)
    if current is None:
        return Treatment.MISSING if meant(api_version, kind) else Treatment.OTHER
    removed = _REMOVED.get((api_version, kind))
    if api_version == current or (removed and version < removed):
        return Treatment.READ
    if _is_own(api_version) or _is_slip(group, current):
        return Treatment.MISSING
    # Whatever API it is of, it decides about connections by its name.
    return Treatment.POLICY if kind == "NetworkPolicy" else Treatment.OTHER


def _is_slip(group: str, current: str) -> bool:
    """Tell whether a group is all but the one in which the kind is."""
    from difflib import SequenceMatcher

    wanted = current.rpartition("/")[0]
    return len(group) <= _LONGEST and SequenceMatcher(None, group, wanted).ratio() > _ALIKE


def _is_own(api_version: str) -> bool:
    """Tell whether a group is Kubernetes' own: in others there may be kinds of the same names."""
    group = api_version.rpartition("/")[0]
    return "." not in group or group == "networking.k8s.io"


def meant(api_version: str, kind: str) -> str:
    """Return the kind that is not passed over and that another one is a slip of; "" when there is none.

    `kubectl` knows kinds by plurals and in any case, the API server only as they are written.
    """
    group = api_version.rpartition("/")[0]
    known: set[str] = {*_POLICIES.get(group, ()), *(CURRENT if _is_own(api_version) else ())}
    folded: dict[str, str] = {each.lower(): each for each in known}
    word = kind.lower()[:_LONGEST]
    for name in (word, word.removesuffix("s"), word.removesuffix("es"), f"{word.removesuffix('ies')}y"):
        if name in folded:
            return folded[name]
    if not _is_own(api_version):
        return ""
    from difflib import get_close_matches

    close = get_close_matches(word, folded, 1, _ALIKE)
    return folded[close[0]] if close else ""


def removal(api_version: str, kind: str) -> str:
    """Say when an API was removed; "" when it never was one."""
    version = _REMOVED.get((api_version, kind))
    return f", which Kubernetes {version[0]}.{version[1]} removed" if version else ""
