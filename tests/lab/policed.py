"""Labs under compiled policies, and what the executable specification says of each of their pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from analyzer import Cluster, Match, Pod, Protocol as Transport
from analyzer.reference import End, connects
from lab.probes import Outcome, Probe, ProbeResult, Protocol
from lab.providers.netns.firewall import Ruleset
from lab.providers.netns.network import Network
from lab.providers.netns.topology import LabNode, LabPod, OutsideHost, Topology
from lab.world import World


def topology(world: World) -> Topology:
    return Topology(
        nodes=tuple(LabNode(name=node.name, addresses=node.addresses) for node in world.nodes),
        pods=tuple(
            LabPod(name=name, node=pod.node, addresses=pod.addresses, host_network=pod.host_network)
            for name, pod in world.pods()
        ),
        hosts=tuple(OutsideHost(name=host.name, addresses=host.addresses) for host in world.outside),
    )


def enforce(network: Network, ruleset: Ruleset) -> None:
    for node, commands in ruleset.build.items():
        network.build_ruleset(node, commands)
    network.load_rulesets(ruleset.swap)


def ports(cluster: Cluster) -> list[tuple[Transport, int]]:
    """Return the ports that policies and containers name, and a neighbour of each."""
    found = {(Transport.TCP, 80), (Transport.UDP, 53), (Transport.SCTP, 9)}
    for pod in cluster.pods:
        found |= {(port.protocol, port.number) for port in pod.ports}
    for policy in cluster.policies:
        for rule in (*policy.ingress, *policy.egress):
            for protocol in (Transport.TCP, Transport.UDP, Transport.SCTP):
                for first, last in rule.ports.numbers.ranges(protocol):
                    found |= {
                        (protocol, port) for port in (first - 1, first, last, last + 1) if 0 < port < 1 << 16
                    }
    return sorted(found, key=lambda each: (each[0].value, each[1]))


def ends(world: World, version: int) -> Iterator[tuple[str, str, End]]:
    """Yield everybody's address of an IP version, with the name in the lab and what the reference knows."""
    for name, pod in world.pods():
        for address in pod.addresses:
            if _version(address) == version:
                yield name, address, pod
    for host in world.outside:
        for address in host.addresses:
            if _version(address) == version:
                yield host.name, address, address


def questions(world: World) -> Iterator[tuple[Probe, Match]]:
    """Yield probes between all addresses, with what the specification says of them."""
    for version in (4, 6):
        seen = of_one_version(world, version)
        for source, here, sender in ends(seen, version):
            for target, there, receiver in ends(seen, version):
                if isinstance(sender, str) and isinstance(receiver, str):
                    continue
                shared = isinstance(receiver, Pod) and receiver.host_network
                for protocol, port in ports(world.cluster):
                    probe = Probe(
                        source=source,
                        source_address=here,
                        address=there,
                        protocol=Protocol[protocol.value],
                        port=port,
                        expect=None if shared else target,
                    )
                    yield probe, connects(seen.cluster, sender, receiver, protocol, port)


def of_one_version(world: World, version: int) -> World:
    """Return a world as packets of one IP version see it: what the other address is, does not matter."""
    pods = tuple(
        replace(pod, addresses=tuple(each for each in pod.addresses if _version(each) == version))
        for pod in world.cluster.pods
    )
    return replace(world, cluster=replace(world.cluster, pods=pods))


def _version(address: str) -> int:
    return 6 if ":" in address else 4


def listening(world: World) -> Network:
    """Return a network in which everybody listens on every port that matters."""
    network = Network.create(topology(world))
    everybody = [*world.names, *(host.name for host in world.outside)]
    listeners = {
        (network.place(name).name, Protocol[protocol.value], port)
        for name in everybody
        for protocol, port in ports(world.cluster)
    }
    network.listen(sorted(listeners, key=lambda each: (each[0], each[1].value, each[2])))
    return network


def differences(world: World, network: Network, ruleset: Ruleset) -> list[tuple[ProbeResult, Match]]:
    """Return the probes that saw something else than the specification says, where it is certain."""
    asked = [(probe, verdict) for probe, verdict in questions(world) if verdict is not Match.MAYBE]
    results = network.probe([probe for probe, _ in asked], timeout=2)
    return [
        (result, verdict)
        for result, (_, verdict) in zip(results, asked, strict=True)
        if (result.outcome is Outcome.OPEN) != (verdict is Match.YES)
        or (verdict is Match.NO and result.rule not in ruleset.legend)
    ]
