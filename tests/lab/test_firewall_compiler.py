"""The compiled firewall lets through what the executable specification says, proved with packets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer import Cluster, Match, Pod, Protocol as Transport, analyze
from analyzer.reference import End, connects
from lab.probes import Outcome, Probe, ProbeResult, Protocol
from lab.providers.netns.firewall import Ruleset, compile_world
from lab.providers.netns.network import Network
from lab.providers.netns.topology import LabNode, LabPod, OutsideHost, Topology
from lab.world import Placing, World, realize
from tests.lab.sandbox import Inside

pytestmark = pytest.mark.lab

EXAMPLES = sorted(path for path in (Path(__file__).parents[2] / "examples").iterdir() if path.is_dir())
PLACING = Placing(nodes=("n1", "n2"), most_replicas=2)


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


def ends(world: World) -> Iterator[tuple[str, str, End]]:
    """Yield everybody's addresses with the name in the lab and what the specification knows them by."""
    for name, pod in world.pods():
        for address in pod.addresses:
            yield name, address, pod
    for host in world.outside:
        for address in host.addresses:
            yield host.name, address, address


def questions(world: World) -> Iterator[tuple[Probe, Match]]:
    """Yield probes between all addresses, with what the specification says of them."""
    for source, here, sender in ends(world):
        for target, there, receiver in ends(world):
            if (":" in here) != (":" in there) or (isinstance(sender, str) and isinstance(receiver, str)):
                continue
            shared = isinstance(receiver, Pod) and receiver.host_network
            expect = None if shared else target
            for protocol, port in ports(world.cluster):
                verdict = connects(world.cluster, sender, receiver, protocol, port)
                probe = Probe(
                    source=source,
                    source_address=here,
                    address=there,
                    protocol=Protocol[protocol.value],
                    port=port,
                    expect=expect,
                )
                yield probe, verdict


def listening(world: World) -> Network:
    network = Network.create(topology(world))
    listeners = {
        (network.place(name).name, Protocol[protocol.value], port)
        for name, _, _ in ends(world)
        for protocol, port in ports(world.cluster)
    }
    network.listen(sorted(listeners, key=lambda each: (each[0], each[1].value, each[2])))
    return network


def differences(world: World, network: Network, ruleset: Ruleset) -> list[tuple[ProbeResult, Match]]:
    asked = [(probe, verdict) for probe, verdict in questions(world) if verdict is not Match.MAYBE]
    results = network.probe([probe for probe, _ in asked], timeout=2)
    return [
        (result, verdict)
        for result, (_, verdict) in zip(results, asked, strict=True)
        if (result.outcome is Outcome.OPEN) != (verdict is Match.YES)
        or (verdict is Match.NO and result.rule not in ruleset.legend)
    ]


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_every_pair_of_an_example_connects_as_the_specification_says(
    inside_once: Inside, folder: Path
) -> None:
    world = realize(analyze([str(folder)]).cluster, PLACING)
    ruleset = compile_world(world, 1)

    def story() -> None:
        with listening(world) as network:
            enforce(network, ruleset)
            assert differences(world, network, ruleset)[:3] == []

    inside_once(story)
