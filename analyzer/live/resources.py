"""What is listed of a live cluster, and what is not known where it may not be listed.

Comes in: nothing. Goes out: the built-in resources, and the API groups whose policies may be there.
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
class PolicyApi:
    """Policies that are no part of Kubernetes itself, by kind.

    `groups` serve the same objects; the first one that the cluster has is read. `title` is what the policies
    are called.
    """

    groups: tuple[str, ...]
    kinds: frozenset[str]
    title: str

    @property
    def unknown(self) -> str:
        """What is not known where they may not be listed."""
        return f"whether there are {self.title}, which may change any verdict"


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
    PolicyApi(
        groups=("policy.networking.k8s.io",),
        kinds=frozenset({"ClusterNetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy"}),
        title="cluster-scoped policies",
    ),
    # What crd.projectcalico.org stores, Calico's API server serves as projectcalico.org; what is stored
    # carries the labels of an object inside an annotation only.
    PolicyApi(
        groups=("projectcalico.org", "crd.projectcalico.org"),
        kinds=frozenset(
            {"Tier", "GlobalNetworkPolicy", "NetworkPolicy", "GlobalNetworkSet", "NetworkSet", "IPPool"}
        ),
        title="Calico policies",
    ),
    PolicyApi(
        groups=("cilium.io",),
        kinds=frozenset({"CiliumClusterwideNetworkPolicy", "CiliumNetworkPolicy"}),
        title="Cilium policies",
    ),
    PolicyApi(
        groups=("crd.antrea.io",),
        kinds=frozenset({"Tier", "ClusterNetworkPolicy", "NetworkPolicy"}),
        title="Antrea policies",
    ),
)
