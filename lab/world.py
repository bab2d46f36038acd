"""What a lab brings to life: the cluster of the manifests with every pod in a place of its own.

Comes in: a cluster as the analyzer decoded it, in which pods may have no address and workloads stand for
many. Goes out: a World, in which each pod has a node and addresses, and each group of addresses outside the
cluster that policies tell apart has a host. It says nothing about how it is built: every provider has one.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from analyzer import (
    AddressSet,
    Cluster,
    Endpoint,
    Pod,
    Reachability,
    Service,
    ServicePort,
    ServiceType,
    Workload,
)
from lab.addresses import NODE_PORTS, NODES, SERVICES, Allocator
from lab.errors import LabError
from lab.outside import representatives

MOST_PODS = 5000
"""More were never tried: descriptors (three a pod) and patience end there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A machine of the cluster, with at most one address an IP family."""

    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """A host outside the cluster. It stands for all addresses of `endpoint`, an external endpoint's id."""

    name: str
    addresses: tuple[str, ...]
    endpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What cannot be seen of a world that others made.

    `identified`: whether who answers says who they are, as all do in the embedded lab. `mute` are pods in
    which no probe can start, by name, and why; `quiet` those in which none starts unless they are asked for,
    or their namespace is. `external` says why an outside address cannot be asked.
    """

    identified: bool = True
    mute: Mapping[str, str] = field(default_factory=dict)
    quiet: Mapping[str, str] = field(default_factory=dict)
    external: str = "an address that no host can have"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A cluster in its place.

    In `cluster` every pod is a workload of its own with one replica, a node and addresses, and every Service
    has its addresses. `names` are the pods' names in the lab (`namespace/name`), in the order of the pods;
    `origins` the workloads that the manifests call them. `sources` are the paths they came from, `limits`
    what cannot be seen of it.
    """

    cluster: Cluster
    names: tuple[str, ...]
    origins: tuple[Workload, ...]
    nodes: tuple[Node, ...]
    outside: tuple[Outside, ...]
    sources: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def pods(self) -> Iterator[tuple[str, Pod]]:
        """Yield the pods with their names in the lab."""
        return zip(self.names, self.cluster.pods, strict=True)

    @property
    def placement(self) -> Placement:
        """Where everything is."""
        return Placement(
            nodes={node.name: node.addresses for node in self.nodes},
            pods={name: (pod.node, pod.addresses) for name, pod in self.pods() if not pod.host_network},
            services={_title(each): each.cluster_ips for each in self.cluster.services},
        )

    def identity_of(self) -> Mapping[str, str]:
        """Return who answers for each pod and host: a hostNetwork pod's node answers for it."""
        pods = {name: pod.node if pod.host_network else name for name, pod in self.pods()}
        return {**pods, **{each.name: each.name for each in self.outside}}

    def pack(self) -> bytes:
        """Return the world as bytes, for the process that holds the lab."""
        return zlib.compress(pickle.dumps(self), 1)

    @staticmethod
    def unpack(data: bytes) -> World:
        """Return a world from bytes that this user's own lab kept."""
        found = pickle.loads(zlib.decompress(data))  # noqa: S301 - from the lab of the same user
        assert isinstance(found, World), "a lab keeps its world"
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where things were: nodes, pods (node and addresses, by name in the lab), Services' addresses.

    hostNetwork pods are left out: they are where their node is.
    """

    nodes: Mapping[str, tuple[str, ...]]
    pods: Mapping[str, tuple[str, tuple[str, ...]]]
    services: Mapping[str, tuple[str, ...]]


NOWHERE = Placement(nodes={}, pods={}, services={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """How to place: the names of the nodes, and how many replicas of a workload at most (None: all)."""

    nodes: tuple[str, ...] = ("node",)
    most_replicas: int | None = None


def realize(
    cluster: Cluster,
    placing: Placing | None = None,
    *,
    before: Placement = NOWHERE,
    sources: Sequence[str] = (),
) -> World:
    """Give everything in a cluster its place; what was placed in `before` keeps it where it can.

    Raises LabError when there are too many pods, or too few addresses.
    """
    pods = _replicas(cluster, placing or Placing())
    nodes = _nodes(cluster, (placing or Placing()).nodes, pods, before)
    names = names_of(pods)
    placed = _placed(cluster, pods, names, nodes, before)
    services = _services(cluster, [*_all_addresses(placed, nodes)], before)
    made = replace(
        cluster,
        pods=tuple(replace(pod, workload=own(pod)) for pod in placed),
        services=services,
    )
    return World(
        cluster=made,
        names=names,
        origins=tuple(pod.workload for pod in pods),
        nodes=nodes,
        outside=_outside(made, nodes),
        sources=tuple(sources),
    )


def _replicas(cluster: Cluster, placing: Placing) -> list[Pod]:
    """Return one pod for each replica, named as a StatefulSet would name them."""
    found: list[Pod] = []
    for pod in cluster.pods:
        most = pod.replicas if placing.most_replicas is None else min(pod.replicas, placing.most_replicas)
        if len(found) + most > MOST_PODS:
            raise LabError(
                f"the manifests make more than {MOST_PODS:,} pods, which is more than a lab has room for",
                "bring up fewer of each workload: `--max-replicas 2`",
            )
        bare = pod.workload.kind == "Pod" or (pod.replicas == 1 and pod.name != pod.workload.name)
        numbered = [pod.name] if bare else [f"{pod.name}-{number}" for number in range(most)]
        found += [replace(pod, name=name, replicas=1) for name in numbered]
    return found


def own(pod: Pod) -> Workload:
    """Return the workload that a pod is in a world: itself."""
    return Workload(kind="Pod", namespace=pod.namespace, name=pod.name)


def names_of(pods: Iterable[Pod]) -> tuple[str, ...]:
    """Name pods `namespace/name`; when two share a name, the later one says its kind too."""
    taken: dict[str, None] = {}
    for pod in pods:
        name = f"{pod.namespace}/{pod.name}"
        if name in taken:
            name = f"{pod.namespace}/{pod.workload.kind.lower()}/{pod.name}"
        while name in taken:
            name += "-2"
        taken[name] = None
    return tuple(taken)


def _nodes(
    cluster: Cluster, names: Sequence[str], pods: Iterable[Pod], before: Placement
) -> tuple[Node, ...]:
    """Return the nodes: the usual ones, and those that pods name; hostNetwork pods tell their addresses."""
    told: dict[str, tuple[str, ...]] = {}
    for pod in pods:
        if pod.node or (pod.host_network and pod.addresses):
            told.setdefault(_node_of(pod), ())
        if pod.host_network and pod.addresses:
            told[_node_of(pod)] = pod.addresses
    known = before.nodes
    families = _families(cluster, pods)
    taken = (address for group in (*told.values(), *known.values()) for address in group)
    free = Allocator([NODES[version] for version in families], taken)
    wanted = dict.fromkeys((*names, *told))
    return tuple(
        Node(name=name, addresses=told.get(name) or known.get(name) or free.take()) for name in wanted
    )


def _node_of(pod: Pod) -> str:
    """Return the node that a pod names, or stands for by the address that it has from it."""
    return pod.node or f"node-{pod.addresses[0]}"


def _placed(
    cluster: Cluster, pods: Sequence[Pod], names: Sequence[str], nodes: Sequence[Node], before: Placement
) -> list[Pod]:
    """Give every pod a node and addresses."""
    known = before.pods
    by_name = {node.name: node for node in nodes}
    told = {address for pod in pods for address in pod.addresses}
    kept = {
        name: known[name][1]
        for name, pod in zip(names, pods, strict=True)
        if name in known and not pod.addresses and not pod.host_network and told.isdisjoint(known[name][1])
    }
    free = Allocator(
        [cluster.pod_addresses & AddressSet.family(version) for version in cluster.pod_addresses.families()],
        (*told, *(address for addresses in kept.values() for address in addresses)),
    )
    found = []
    for number, (name, pod) in enumerate(zip(names, pods, strict=True)):
        node = by_name[_home(pod, name, number, nodes, known)]
        own = () if pod.host_network else pod.addresses or kept.get(name) or free.take()
        found.append(replace(pod, node=node.name, addresses=own or node.addresses))
    return found


def _home(
    pod: Pod, name: str, number: int, nodes: Sequence[Node], known: Mapping[str, tuple[str, tuple[str, ...]]]
) -> str:
    """Choose a node: the pod's own, the one it was on, or the next in turn; control planes only if alone."""
    if pod.node or (pod.host_network and pod.addresses):
        return _node_of(pod)
    names = {node.name for node in nodes}
    if name in known and known[name][0] in names:
        return known[name][0]
    workers = [node.name for node in nodes if "control-plane" not in node.name]
    return (workers or [node.name for node in nodes])[number % len(workers or nodes)]


def _all_addresses(pods: Iterable[Pod], nodes: Iterable[Node]) -> Iterator[str]:
    groups: tuple[Iterable[Pod | Node], ...] = (pods, nodes)
    return (address for group in groups for each in group for address in each.addresses)


def _families(cluster: Cluster, pods: Iterable[Pod]) -> tuple[int, ...]:
    """Return the IP versions that the pods have, or will be given."""
    told = {6 if ":" in address else 4 for pod in pods for address in pod.addresses}
    return tuple(sorted(told.union(cluster.pod_addresses.families())))


def _services(cluster: Cluster, taken: Sequence[str], before: Placement) -> tuple[Service, ...]:
    """Give Services the cluster addresses and node ports that they do not have yet."""
    told = {address for each in cluster.services for address in each.cluster_ips}
    old = [address for addresses in before.services.values() for address in addresses]
    families = _families(cluster, cluster.pods)
    free = Allocator([SERVICES[version] for version in families], (*taken, *told, *old))
    used = {port.node_port for each in cluster.services for port in each.ports}
    numbers = (number for number in NODE_PORTS if number not in used)
    found = []
    for each in cluster.services:
        addresses = each.cluster_ips
        if not addresses and not each.headless and each.ports:
            known = before.services.get(_title(each), ())
            addresses = known if known and told.isdisjoint(known) else free.take()
        found.append(replace(each, cluster_ips=addresses, ports=tuple(_ported(each, numbers))))
    return tuple(found)


def _ported(service: Service, numbers: Iterator[int]) -> Iterator[ServicePort]:
    """Yield a Service's ports, with node ports where its type has some."""
    on_nodes = service.type in (ServiceType.NODE_PORT, ServiceType.LOAD_BALANCER) and not service.headless
    for port in service.ports:
        yield replace(port, node_port=next(numbers)) if on_nodes and port.node_port is None else port


def _title(service: Service) -> str:
    return f"{service.namespace}/{service.name}"


def _outside(cluster: Cluster, nodes: Sequence[Node]) -> tuple[Outside, ...]:
    """Return a host for each group of outside addresses that policies tell apart and that a lab can have."""
    inside = [*_all_addresses(cluster.pods, nodes)]
    inside += [address for each in cluster.services for address in each.cluster_ips]
    taken = AddressSet.union((cluster.pod_addresses, *map(AddressSet.of, inside)))
    families = _families(cluster, cluster.pods)
    groups = [each for each in Reachability(cluster).endpoints if each.external]
    found = []
    for number, each in enumerate(groups, start=1):
        if addresses := representatives(each.addresses, taken, families):
            name = "external" if len(groups) == 1 else f"external-{number}"
            found.append(Outside(name=name, addresses=addresses, endpoint=each.id))
    return tuple(found)


def endpoint_of(reachability: Reachability, world: World) -> Mapping[str, Endpoint]:
    """Return the endpoint of each pod and outside host of a world, by its name in the lab."""
    by_id = {each.id: each for each in reachability.endpoints}
    pods = {name: by_id[str(pod.workload)] for name, pod in world.pods()}
    return {**pods, **{each.name: by_id[each.endpoint] for each in world.outside}}
