"""The one intermediate form of a cluster and its policies; every policy API is decoded into it.

Comes in: nothing (decoders build it). Goes out: frozen data that the reference, the engine, the
explanations and the lab read. After decoding nothing means something by being absent: every default of
the source API and every choice of the CNI profile is written out here.
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING, assert_never

from analyzer.record import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analyzer.diagnostics import Span
    from analyzer.routes import Routes
    from analyzer.selectors import Selector
    from analyzer.sets import AddressSet, PortSet, Protocol


class Direction(Enum):
    """The side of a connection that a rule speaks of: the subject receives or sends."""

    INGRESS = "ingress"
    EGRESS = "egress"


class Action(Enum):
    """What a rule decides. PASS leaves the tier and goes on with the next one."""

    ALLOW = "allow"
    DENY = "deny"
    PASS = "pass"


class Match(Enum):
    """Kleene's three values: MAYBE where a fact that the input does not hold would decide."""

    NO = 0
    MAYBE = 1
    YES = 2


@record(kw_only=True)
class Namespace:
    """A namespace with its labels, `kubernetes.io/metadata.name` always among them."""

    name: str
    labels: Mapping[str, str]


@record(kw_only=True)
class ContainerPort:
    """A port that a container or a native sidecar declares; `name` is "" when it has none.

    `host_port`: that of the node that leads to it, 0 for none; no policy tells such pods apart.
    """

    name: str
    protocol: Protocol
    number: int
    host_port: int = field(default=0, compare=False)


@record(kw_only=True)
class Workload:
    """What a pod belongs to, outermost controller first: a Deployment, or the bare Pod itself."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.kind}/{self.name}"


@record(kw_only=True)
class Pod:
    """A pod that runs, or the pods that a workload's template makes (`replicas` of them).

    `addresses` are its pod IPs, at most one an IP family (of its node when `host_network`); empty when
    the input does not tell. `node` is "" when unknown.
    """

    name: str
    workload: Workload
    labels: Mapping[str, str]
    ports: tuple[ContainerPort, ...]
    addresses: tuple[str, ...]
    host_network: bool
    node: str
    replicas: int
    span: Span = field(compare=False)

    @property
    def namespace(self) -> str:
        """The namespace of the pod."""
        return self.workload.namespace


class ServiceType(Enum):
    """`spec.type` of a Service."""

    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"
    LOAD_BALANCER = "LoadBalancer"
    EXTERNAL_NAME = "ExternalName"


@record(kw_only=True)
class ServicePort:
    """One port of a Service; `target` is a number or the name of a backend's container port."""

    name: str
    protocol: Protocol
    port: int
    target: int | str
    node_port: int | None


@record(kw_only=True)
class Service:
    """A Service. `selector` None: its endpoints are not in the manifests. Headless: only a DNS name.

    `preserves_source`: externalTrafficPolicy Local, so that a backend sees the client's own address.
    `external_ips`: "IP addresses for which nodes in the cluster will also accept traffic for this service".
    """

    namespace: str
    name: str
    type: ServiceType
    headless: bool
    selector: Selector | None
    ports: tuple[ServicePort, ...]
    cluster_ips: tuple[str, ...]
    preserves_source: bool
    external_ips: tuple[str, ...] = ()
    span: Span = field(compare=False)

    @property
    def from_outside(self) -> bool:
        """Whether addresses outside the cluster have a way to its ports: by a node's address, or one more."""
        match self.type:
            case ServiceType.NODE_PORT | ServiceType.LOAD_BALANCER:
                return not self.headless
            case ServiceType.CLUSTER_IP:
                return bool(self.external_ips) and not self.headless
            case ServiceType.EXTERNAL_NAME:
                return False
            case never:
                assert_never(never)


@record(kw_only=True)
class AnyPeer:
    """Every peer: pods, nodes and addresses outside the cluster."""

    span: Span = field(compare=False)


@record(kw_only=True)
class PodPeer:
    """The pods with these labels in the namespaces with those.

    `on_hosts`: whether a hostNetwork pod with matching labels is meant (NO: never).
    """

    namespaces: Selector
    pods: Selector
    on_hosts: Match
    span: Span = field(compare=False)


@record(kw_only=True)
class AddressPeer:
    """Peers by packet address.

    `on_pods` and `on_hosts`: whether addresses of pods and of nodes are compared at all (NO: never,
    MAYBE: the API leaves it open).
    """

    addresses: AddressSet
    on_pods: Match
    on_hosts: Match
    span: Span = field(compare=False)


Peer = AnyPeer | PodPeer | AddressPeer


@record(kw_only=True)
class NamedPort:
    """A port by name, looked up on the destination pod by name and protocol.

    `undefined` is what it stands for on a pod that has no such port (none, in the API).
    """

    name: str
    protocol: Protocol
    undefined: PortSet


@record(kw_only=True)
class Ports:
    """The ports of a rule: the numbered ones, and names that each destination resolves by itself."""

    numbers: PortSet
    named: tuple[NamedPort, ...]
    span: Span = field(compare=False)


@record(kw_only=True)
class Rule:
    """An action for the connections whose peer matches one of `peers` on `ports`.

    `doubt` names the missing fact on which it depends whether the rule exists at all; "" when certain.
    """

    action: Action
    peers: tuple[Peer, ...]
    ports: Ports
    doubt: str
    span: Span = field(compare=False)


@record(kw_only=True)
class Policy:
    """Rules for the pods that the two subject selectors match.

    `directions` are those that the policy speaks of; a direction outside them is not touched.
    `order`: lower first, meaningful in ordered tiers only.
    """

    kind: str
    namespace: str
    name: str
    order: float
    subject_namespaces: Selector
    subject_pods: Selector
    directions: frozenset[Direction]
    ingress: tuple[Rule, ...]
    egress: tuple[Rule, ...]
    span: Span = field(compare=False)

    def rules(self, direction: Direction) -> tuple[Rule, ...]:
        """Return the rules of one direction; none when the policy does not speak of it."""
        if direction not in self.directions:
            return ()
        return self.ingress if direction is Direction.INGRESS else self.egress

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class TierKind(Enum):
    """ORDERED: policies by order, rules in sequence, the first match decides. UNION: order is irrelevant."""

    ORDERED = "ordered"
    UNION = "union"


@record(kw_only=True)
class Tier:
    """Policies that are evaluated together, in their order.

    A UNION tier has allow rules only. `unmatched` is what happens to a connection of a pod that some
    policy of the tier selects when no rule matches: DENY isolates, PASS goes on with the next tier.
    """

    name: str
    kind: TierKind
    unmatched: Action
    policies: tuple[Policy, ...]


class SelfService(Enum):
    """What a CNI does to a pod that reaches itself through its own Service."""

    POLICED = "policed"
    BYPASSED = "bypassed"
    EITHER_DIRECTION = "allowed if either direction allows"
    UNKNOWN = "unknown"


class Denial(Enum):
    """How a denied TCP connection looks to the client."""

    TIMEOUT = "timeout"
    REFUSED = "refused"


@record(kw_only=True)
class Cluster:
    """All that decides who reaches whom.

    `tiers` stand in evaluation order; after the last one everything is allowed. `pod_addresses` and
    `node_addresses` are where an address lies that the input does not tell. `other_nodes`: whether
    traffic of nodes other than a pod's own is admitted to it whatever its policies say. `routes`: None when
    they were not read.
    """

    profile: str
    namespaces: Mapping[str, Namespace]
    pods: tuple[Pod, ...]
    services: tuple[Service, ...]
    tiers: tuple[Tier, ...]
    pod_addresses: AddressSet
    node_addresses: AddressSet
    other_nodes: Match
    self_service: SelfService
    denial: Denial
    routes: Routes | None = None

    @property
    def policies(self) -> Iterator[Policy]:
        """Every policy, tier by tier."""
        return (policy for tier in self.tiers for policy in tier.policies)
