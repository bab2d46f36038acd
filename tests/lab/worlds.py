"""Small labs that tests begin with, and short ways to ask them."""

from __future__ import annotations

from collections.abc import Sequence

from lab.probes import Attempt, Probe, ProbeResult, Protocol
from lab.providers.netns.network import Network
from lab.providers.netns.topology import LabNode, LabPod, OutsideHost, Topology

TCP, UDP, SCTP = Protocol.TCP, Protocol.UDP, Protocol.SCTP


def nodes(count: int = 2) -> tuple[LabNode, ...]:
    """Nodes n1, n2, ... with an address of each family."""
    return tuple(
        LabNode(name=f"n{number}", addresses=(f"172.18.0.{number + 1}", f"fc00:18::{number + 1}"))
        for number in range(1, count + 1)
    )


def pods(count: int, on: int = 2) -> tuple[LabPod, ...]:
    """Pods ns/p1, ns/p2, ... with an address of each family, dealt out to the nodes."""
    return tuple(
        LabPod(
            name=f"ns/p{number}",
            node=f"n{(number - 1) % on + 1}",
            addresses=(f"10.244.{number >> 8}.{number & 255}", f"fd00:10:244::{number:x}"),
        )
        for number in range(1, count + 1)
    )


def topology(count: int = 4, on: int = 2) -> Topology:
    """Return pods on nodes, and one host outside with three addresses."""
    outside = OutsideHost(name="outside", addresses=("203.0.113.1", "198.51.100.7", "2001:db8::1"))
    return Topology(nodes=nodes(on), pods=pods(count, on), hosts=(outside,))


def listening(count: int = 4, ports: Sequence[int] = (80,), on: int = 2) -> Network:
    """Return a network in which pods and hosts listen on ports, by all protocols."""
    network = Network.create(topology(count, on))
    names = [pod.name for pod in network.topology.pods] + ["outside"]
    network.listen((name, protocol, port) for name in names for protocol in Protocol for port in ports)
    return network


def every_pair(network: Network, protocol: Protocol, port: int = 80, family: int = 0) -> list[Probe]:
    """Return a probe from every pod to every pod, itself included."""
    return [
        Probe(
            source=source.name,
            address=target.addresses[family],
            protocol=protocol,
            port=port,
            expect=target.name,
        )
        for source in network.topology.pods
        for target in network.topology.pods
    ]


def ask(
    network: Network,
    source: str,
    address: str,
    protocol: Protocol = TCP,
    port: int = 80,
    expect: str | None = None,
) -> ProbeResult:
    """Probe once."""
    probe = Probe(source=source, address=address, protocol=protocol, port=port, expect=expect)
    return network.probe([probe], timeout=0.2)[0]


def last(result: ProbeResult) -> Attempt:
    """Return the attempt that decided."""
    return result.attempts[-1]


def hooked(*rules: str, hook: str = "forward", kind: str = "filter") -> str:
    """Return a ruleset with rules in one chain."""
    head = f"type {kind} hook {hook} priority 0"
    return "\n".join(["table inet t {", "chain c {", head, *rules, "}", "}", ""])
