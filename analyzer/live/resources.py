"""What is listed of a live cluster, and what is not known where it may not be listed.

Comes in: nothing. Goes out: the built-in resources, and the API groups whose
policies and routes may be there.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource of the API.

    `version` is its version, `plural` the name in paths and in permissions. `unknown` says what is not known
    without it; "" when no verdict can be given without it.
    """

    group: str = ""
    version: str = "v1"
    plural: str
    kind: str
    unknown: str = ""

    @property
    def api_version(self) -> str:
        """The `apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        """Where all its objects are listed, those of every namespace."""
        return f"/{'apis' if self.group else 'api'}/{self.api_version}/{self.plural}"

    def __str__(self) -> str:
        """Return its name as kubectl takes it: `networkpolicies.networking.k8s.io`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherApi:
    """Objects that not every cluster has, by kind.

    `groups` serve the same objects; the first one that the cluster has is read. `unknown` says what is not
    known where they may not be listed.
    """

    groups: tuple[str, ...]
    kinds: frozenset[str]
    unknown: str


def _policies(title: str) -> str:
    return f"whether there are {title}, which may change any verdict"


_SERVICES = "the Services, and who reaches them"
_NODES = "the nodes' addresses and pod CIDRs"
_WORKLOADS = "to which workload a pod belongs, and which workloads have no pods"

BUILT_IN = (
    Resource(plural="namespaces", kind="Namespace"),
    Resource(plural="pods", kind="Pod"),
    Resource(group="networking.k8s.io", plural="networkpolicies", kind="NetworkPolicy"),
    Resource(plural="services", kind="Service", unknown=_SERVICES),
    Resource(plural="nodes", kind="Node", unknown=_NODES),
    Resource(plural="replicationcontrollers", kind="ReplicationController", unknown=_WORKLOADS),
    Resource(group="apps", plural="deployments", kind="Deployment", unknown=_WORKLOADS),
    Resource(group="apps", plural="statefulsets", kind="StatefulSet", unknown=_WORKLOADS),
    Resource(group="apps", plural="daemonsets", kind="DaemonSet", unknown=_WORKLOADS),
    Resource(group="apps", plural="replicasets", kind="ReplicaSet", unknown=_WORKLOADS),
    Resource(group="batch", plural="jobs", kind="Job", unknown=_WORKLOADS),
    Resource(group="batch", plural="cronjobs", kind="CronJob", unknown=_WORKLOADS),
)

POLICY_APIS = (
    OtherApi(
        groups=("policy.networking.k8s.io",),
        kinds=frozenset({"ClusterNetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy"}),
        unknown=_policies("cluster-scoped policies"),
    ),
    # What crd.projectcalico.org stores, Calico's API server serves as projectcalico.org; what is stored
    # carries the labels of an object inside an annotation only.
    OtherApi(
        groups=("projectcalico.org", "crd.projectcalico.org"),
        kinds=frozenset(
            {"Tier", "GlobalNetworkPolicy", "NetworkPolicy", "GlobalNetworkSet", "NetworkSet", "IPPool"}
        ),
        unknown=_policies("Calico policies"),
    ),
    OtherApi(
        groups=("cilium.io",),
        kinds=frozenset({"CiliumClusterwideNetworkPolicy", "CiliumNetworkPolicy"}),
        unknown=_policies("Cilium policies"),
    ),
    OtherApi(
        groups=("crd.antrea.io",),
        kinds=frozenset({"Tier", "ClusterNetworkPolicy", "NetworkPolicy"}),
        unknown=_policies("Antrea policies"),
    ),
)

# What `exposure` follows from outside to workloads; nobody else asks for it.
ROUTE_APIS = (
    OtherApi(
        groups=("networking.k8s.io",),
        kinds=frozenset({"Ingress", "IngressClass"}),
        unknown="which workloads are published by an Ingress",
    ),
    OtherApi(
        groups=("gateway.networking.k8s.io",),
        kinds=frozenset(
            {
                *("Gateway", "GatewayClass", "GRPCRoute", "HTTPRoute", "ReferenceGrant"),
                *("TCPRoute", "TLSRoute", "UDPRoute"),
            }
        ),
        unknown="which workloads are published by the Gateway API",
    ),
)
