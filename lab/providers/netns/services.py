"""Services as nftables: cluster addresses and node ports, rewritten to a backend on the client's node.

Comes in: a table to add to, the node it is for, all nodes, the clusters with their Services, and a legend to
name those who refuse. Goes out: the chains `kr_services` (which rewrites) and `kr_refused` (which answers for
Services without a backend), and what is needed where packets leave.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer import AddressSet, Cluster, Direction, Pod, SelfService, Service, ServicePort, ServiceType
from lab.providers.netns import nflog
from lab.providers.netns.legend import Legend
from lab.providers.netns.peers import addresses_of
from lab.providers.netns.table import Table
from lab.world import Node

_FROM_OUTSIDE, _OWN, _ASK_INGRESS = 1, 2, 3
INGRESS_DECIDES = f"meta mark {_OWN} meta mark set {_ASK_INGRESS} accept"
"""Of a packet to its own sender, where either direction may allow: egress does not, so ingress is asked."""
_KEYWORDS = {4: "ip", 6: "ip6"}
_EXPOSED = (ServiceType.NODE_PORT, ServiceType.LOAD_BALANCER)
_KEY = "inet_proto . inet_service"


class Services:
    """The Services of all clusters, as one node carries them out."""

    def __init__(
        self,
        table: Table,
        node: Node,
        nodes: Sequence[Node],
        clusters: Sequence[Cluster],
        legend: Legend,
    ) -> None:
        self._table, self._node, self._legend = table, node, legend
        self.present = False
        self.after: tuple[str, ...] = ()
        """Rules for packets that leave: whose reply must come back by this node gets its address."""
        self._addressed: dict[int, dict[str, str]] = {4: {}, 6: {}}
        self._by_node_port: dict[int, dict[str, str]] = {4: {}, 6: {}}
        self._refused: dict[int, dict[str, str]] = {4: {}, 6: {}}
        self._selves: dict[SelfService, dict[str, None]] = {}
        self._nodes = AddressSet.union(AddressSet.of(a) for each in nodes for a in each.addresses)
        pods = AddressSet.union(
            addresses_of(pod for pod in cluster.pods if not pod.host_network) for cluster in clusters
        )
        self._pods = {4: pods & AddressSet.family(4), 6: pods & AddressSet.family(6)}
        for cluster in clusters:
            for service in cluster.services:
                self._add(cluster, service)
        self._own = {kind: [*self._own_sets(kind)] for kind in self._selves}
        if self.present:
            self._finish()

    def own(self, direction: Direction) -> Iterator[str]:
        """Yield rules that come before the policies of a direction: of pods that reach themselves."""
        for match in self._own.get(SelfService.BYPASSED, ()):
            yield f"{match} accept"
        for match in self._own.get(SelfService.EITHER_DIRECTION, ()):
            sending = direction is Direction.EGRESS
            yield f"{match} meta mark set {_OWN}" if sending else f"{match} meta mark {_OWN} accept"

    def _add(self, cluster: Cluster, service: Service) -> None:
        if service.headless or service.type is ServiceType.EXTERNAL_NAME:
            return
        members = [
            pod
            for pod in cluster.pods
            if pod.namespace == service.namespace
            and service.selector is not None
            and service.selector.requirements
            and service.selector.matches(pod.labels)
        ]
        for port in service.ports:
            for version in (4, 6):
                self._add_port(service, port, version, [*_backends(port, members, version)])
        kinds = self._selves.setdefault(cluster.self_service, {})
        kinds.update(
            dict.fromkeys(
                address
                for pod in members
                if not pod.host_network and pod.node == self._node.name
                for address in pod.addresses
            )
        )

    def _add_port(
        self, service: Service, port: ServicePort, version: int, backends: list[tuple[Pod, str, int]]
    ) -> None:
        """Make the chains of one port; a Service that has no backend refuses."""
        self.present = True
        protocol = port.protocol.value.lower()
        chain = self._balance(port, version, backends) if backends else None
        for address in service.cluster_ips:
            if (6 if ":" in address else 4) == version:
                key = f"{address} . {protocol} . {port.port}"
                if chain:
                    self._addressed[version][key] = f"goto {chain}"
                else:
                    self._refused[version][key] = self._refusal(service)
        nodes = self._nodes & AddressSet.family(version)
        if service.type not in _EXPOSED or port.node_port is None or not nodes:
            return
        key = f"{protocol} . {port.node_port}"
        if chain is None:
            refusal = self._refusal(service)
            self._refused[version].update((f"{each} . {key}", refusal) for each in nodes.addresses())
            return
        local = [each for each in backends if each[0].node == self._node.name]
        entry = self._entry(service, chain, self._balance(port, version, local) if local else None, version)
        self._by_node_port[version][key] = f"goto {entry}"

    def _refusal(self, service: Service) -> str:
        """Make the chain that refuses for a Service, and return what sends a packet there."""
        name = f'log prefix "{self._legend.of_service(service)}" group {nflog.REJECTS}'
        return f"goto {self._table.chain((f'{name} reject with icmpx port-unreachable',))}"

    def _entry(self, service: Service, chain: str, local: str | None, version: int) -> str:
        """Make the chain of a node port: who comes from outside is told from those in the cluster.

        externalTrafficPolicy: Local "preserves the client source IP" and "drops" on nodes without endpoints.
        """
        inside = self._pods[version] | self._nodes & AddressSet.family(version)
        (part,) = self._table.from_or_to("saddr", inside)
        outside = f"meta mark set {_FROM_OUTSIDE} goto {chain}"
        if service.preserves_source:
            nobody = self._legend.of_service(service, " on this node")
            outside = f"goto {local}" if local else f'log prefix "{nobody}" group {nflog.DROPS} drop'
        return self._table.chain((f"{part.text} goto {chain}", outside))

    def _balance(self, port: ServicePort, version: int, backends: list[tuple[Pod, str, int]]) -> str:
        protocol = port.protocol.value.lower()
        ends = [
            self._table.chain(
                (f"meta l4proto {protocol} dnat {_KEYWORDS[version]} to {_target(address, number)}",)
            )
            for _, address, number in backends
        ]
        if len(ends) == 1:
            return ends[0]
        choices = ", ".join(f"{number} : goto {end}" for number, end in enumerate(ends))
        return self._table.chain((f"numgen random mod {len(ends)} vmap {{ {choices} }}",))

    def _own_sets(self, kind: SelfService) -> Iterator[str]:
        """Yield the conditions for a packet that a Service sends back to its own sender."""
        for version, keyword in _KEYWORDS.items():
            pairs = [f"{a} . {a}" for a in self._selves[kind] if (6 if ":" in a else 4) == version]
            if pairs:
                name = f"kr_{kind.name.lower()}{version}"
                self._table.named_set(name, f"ipv{version}_addr . ipv{version}_addr", pairs)
                yield f"ct status dnat {keyword} saddr . {keyword} daddr @{name}"

    def _finish(self) -> None:
        rewriting, refusing = [], []
        for version, keyword in _KEYWORDS.items():
            kind = f"ipv{version}_addr . {_KEY}"
            where = f"{keyword} daddr . meta l4proto . th dport"
            if self._addressed[version]:
                self._table.named_map(f"kr_services{version}", kind, self._addressed[version])
                rewriting.append(f"{where} vmap @kr_services{version}")
            if self._by_node_port[version]:
                self._table.named_map(f"kr_node_ports{version}", _KEY, self._by_node_port[version])
                (part,) = self._table.from_or_to("daddr", self._nodes & AddressSet.family(version))
                rewriting.append(f"{part.text} meta l4proto . th dport vmap @kr_node_ports{version}")
            if self._refused[version]:
                self._table.named_map(f"kr_refused{version}", kind, self._refused[version])
                refusing.append(f"{where} vmap @kr_refused{version}")
        self._table.named_chain("kr_services", rewriting)
        self._table.named_chain("kr_refused", refusing)
        self.after = tuple(
            f"{condition} {_as_node(version, self._node)}"
            for version, keyword in _KEYWORDS.items()
            for condition in (
                f"meta nfproto ipv{version} meta mark {_FROM_OUTSIDE}",
                *self._own_matches(keyword),
            )
        )

    def _own_matches(self, keyword: str) -> Iterator[str]:
        return (each for some in self._own.values() for each in some if f" {keyword} saddr " in each)


def _as_node(version: int, node: Node) -> str:
    """Return what gives a packet the node's address."""
    for address in node.addresses:
        if (6 if ":" in address else 4) == version:
            return f"snat {_KEYWORDS[version]} to {address}"
    return "masquerade"


def _target(address: str, number: int) -> str:
    return f"[{address}]:{number}" if ":" in address else f"{address}:{number}"


def _backends(port: ServicePort, pods: Sequence[Pod], version: int) -> Iterator[tuple[Pod, str, int]]:
    """Yield the pods behind a Service port that have an address of an IP version, with address and port.

    ServicePort.targetPort: "If this is a string, it will be looked up as a named port in the target Pod's
    container ports"; the first one of that name is taken.
    """
    for pod in pods:
        if isinstance(port.target, int):
            number: int | None = port.target
        else:
            named = (p.number for p in pod.ports if (p.name, p.protocol) == (port.target, port.protocol))
            number = next(named, None)
        for address in pod.addresses:
            if number is not None and (6 if ":" in address else 4) == version:
                yield pod, address, number
