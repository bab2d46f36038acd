"""The NetworkPolicy API read off plain objects, packet by packet: shares nothing with the analyzer.

Comes in: objects as YAML gives them, with fields absent, null or empty as users write them, and pods with the
addresses of their status. Goes out: whether one packet is let through. Slow and short on purpose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

Object = Mapping[str, Any]
Address = IPv4Address | IPv6Address
NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class Packet:
    """From one address to a port of another."""

    source: Address
    destination: Address
    protocol: str
    port: int


class Api:
    """What the objects of a cluster say."""

    def __init__(self, objects: Sequence[Object], default: str = "default") -> None:
        self._default = default
        self._policies = [each for each in objects if each["kind"] == "NetworkPolicy"]
        self._labels = {
            each["metadata"]["name"]: each["metadata"].get("labels") or {}
            for each in objects
            if each["kind"] == "Namespace"
        }
        self._pods = {
            ip_address(address["ip"]): each
            for each in objects
            if each["kind"] == "Pod" and (each["status"].get("phase") not in {"Succeeded", "Failed"})
            for address in each["status"]["podIPs"]
        }

    def passes(self, packet: Packet) -> bool:
        """Tell whether a packet passes: the source's egress and the destination's ingress must both allow."""
        here, there = self._pods.get(packet.source), self._pods.get(packet.destination)
        if here is not None and here is there:
            return True
        return self._lets(here, "Egress", packet) and self._lets(there, "Ingress", packet)

    def _lets(self, subject: Object | None, direction: str, packet: Packet) -> bool:
        if subject is None:
            return True
        isolating = [
            policy
            for policy in self._policies
            if self._namespace(policy) == self._namespace(subject)
            and selects(policy["spec"].get("podSelector"), labels(subject))
            and direction in types(policy["spec"])
        ]
        side, field = ("to", "egress") if direction == "Egress" else ("from", "ingress")
        return not isolating or any(
            self._peers(policy, (rule or {}).get(side), packet, direction)
            and self._ports((rule or {}).get("ports"), packet)
            for policy in isolating
            for rule in policy["spec"].get(field) or ()
        )

    def _peers(self, policy: Object, peers: Any, packet: Packet, direction: str) -> bool:
        other = packet.destination if direction == "Egress" else packet.source
        return not peers or any(self._peer(policy, peer, other) for peer in peers)

    def _peer(self, policy: Object, peer: Object, address: Address) -> bool:
        block = peer.get("ipBlock")
        if block is not None:
            return inside(address, block["cidr"]) and not any(
                inside(address, each) for each in block.get("except") or ()
            )
        pod = self._pods.get(address)
        if pod is None:
            return False
        namespaces, pods = peer.get("namespaceSelector"), peer.get("podSelector")
        if namespaces is None:
            near = self._namespace(pod) == self._namespace(policy)
        else:
            name = self._namespace(pod)
            near = selects(namespaces, {**self._labels.get(name, {}), NAME: name})
        return near and (pods is None or selects(pods, labels(pod)))

    def _ports(self, ports: Any, packet: Packet) -> bool:
        return not ports or any(self._port(port, packet) for port in ports)

    def _port(self, port: Object, packet: Packet) -> bool:
        if (port.get("protocol") or "TCP") != packet.protocol:
            return False
        match port.get("port"):
            case None:
                return True
            case int(first):
                return first <= packet.port <= (port.get("endPort") or first)
            case name:
                pod = self._pods.get(packet.destination)
                return pod is not None and (name, packet.protocol, packet.port) in set(container_ports(pod))

    def _namespace(self, each: Object) -> str:
        return each["metadata"].get("namespace") or self._default


def types(spec: Object) -> Sequence[str]:
    """`policyTypes`: "default to Ingress; Egress too if the policy has any egress rules"."""
    return spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])


def labels(pod: Object) -> Mapping[str, str]:
    """The labels of a pod."""
    return pod["metadata"].get("labels") or {}


def selects(selector: Any, found: Mapping[str, str]) -> bool:
    """An empty or absent podSelector selects everything; all requirements must hold."""
    selector = selector or {}
    return all(found.get(key) == value for key, value in (selector.get("matchLabels") or {}).items()) and all(
        holds(each, found) for each in selector.get("matchExpressions") or ()
    )


def holds(requirement: Object, found: Mapping[str, str]) -> bool:
    """NotIn and DoesNotExist match where the key is missing."""
    value = found.get(requirement["key"])
    match requirement["operator"]:
        case "In":
            return value in requirement["values"]
        case "NotIn":
            return value not in requirement["values"]
        case "Exists":
            return value is not None
        case _:
            return value is None


def inside(address: Address, block: str) -> bool:
    """Blocks of the other family hold nothing."""
    return address in ip_network(block)


def container_ports(pod: Object) -> Iterable[tuple[str, str, int]]:
    """Containers, and init containers that keep running."""
    spec = pod["spec"]
    sidecars = [each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"]
    for container in (*spec["containers"], *sidecars):
        for port in container.get("ports") or ():
            yield port.get("name", ""), port.get("protocol") or "TCP", port["containerPort"]
