"""Policies as nftables: what the kernel of each node enforces, compiled without the analyzer's engine.

Comes in: a world, and canaries to compile beside it. Goes out: a Ruleset, one table a node and generation,
made unhooked and then hooked at once, and the legend that tells what its rules' ids mean.

A packet meets two dispatches in the `forward` hook: by source the egress policies of a pod of the node, by
destination the ingress policies of one. Each pod leads to a chain, which pods share that the same policies
select. Traffic of a pod to its own node meets its egress policies in the `input` hook; what a node sends to
its own pods meets none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from analyzer import Cluster, Direction
from lab.providers.netns.legend import Legend, Verdict
from lab.providers.netns.peers import Peers
from lab.providers.netns.policing import Side
from lab.providers.netns.services import Services
from lab.providers.netns.table import Table
from lab.world import Node, World

__all__ = ["Ruleset", "Verdict", "compile_world", "counts", "table_name"]

_DISCOVERY = "nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert"
_KNOWN = "ct state established,related accept"
_POLICING = ("kr_sent", "kr_received", "kr_to_node")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruleset:
    """A generation of the firewall, by node.

    `build` are the commands that make it, in as many transactions as needed, without any effect yet; `swap`
    is one small transaction that puts it in force instead of the generation before. `legend` says what the
    ids mean that are the prefixes of log lines and the comments of counters.
    """

    build: Mapping[str, tuple[str, ...]]
    swap: Mapping[str, str]
    legend: Mapping[str, Verdict]


def compile_world(world: World, generation: int, canaries: Sequence[Cluster] = ()) -> Ruleset:
    """Compile a world's policies and Services as one generation, with canaries that do not influence it.

    Where the API leaves open whether an address is meant, or a rule is there at all, it is; but a selector
    means no hostNetwork pod then.
    """
    clusters = (world.cluster, *canaries)
    nodes = [address for node in world.nodes for address in node.addresses]
    legend = Legend(generation)
    known = [(cluster, Peers(cluster, nodes)) for cluster in clusters]
    sides = {
        direction: [Side(cluster, direction, peers, legend) for cluster, peers in known]
        for direction in Direction
    }
    build, swap = {}, {}
    for node in world.nodes:
        table = Table(table_name(generation))
        services = Services(table, node, world.nodes, clusters, legend)
        for direction, some in sides.items():
            _dispatch(table, node, some, services.own(direction))
        build[node.name] = table.commands()
        swap[node.name] = _swap(generation, services)
    return Ruleset(build=build, swap=swap, legend=legend.meanings())


def table_name(generation: int) -> str:
    """Return the name of a generation's table, of the family inet."""
    return f"kr_g{generation}"


def counts(listing: str) -> dict[str, int]:
    """Read what `nft -j list table` prints: how many packets each id's rules have let through."""
    found: dict[str, int] = {}
    for item in json.loads(listing)["nftables"]:
        rule = item.get("rule", {})
        for expression in rule.get("expr", ()):
            if "counter" in expression and "comment" in rule:
                packets = expression["counter"]["packets"]
                found[rule["comment"]] = found.get(rule["comment"], 0) + packets
    return found


def _dispatch(table: Table, node: Node, sides: Sequence[Side], first: Iterable[str]) -> None:
    """Make the chain that sends packets from, or to, the pods of a node to what their policies say."""
    direction = sides[0].direction
    where = "saddr" if direction is Direction.EGRESS else "daddr"
    targets: dict[int, dict[str, str]] = {4: {}, 6: {}}
    for side in sides:
        for pod, chain in side.chains(table, node.name):
            for address in pod.addresses:
                targets[6 if ":" in address else 4][address] = f"goto {chain}"
    rules = [*first]
    for version, keyword in ((4, "ip"), (6, "ip6")):
        if targets[version]:
            name = f"kr_{direction.value}{version}"
            table.named_map(name, f"ipv{version}_addr", targets[version])
            rules.append(f"{keyword} {where} vmap @{name}")
    table.named_chain(f"kr_{direction.value}", rules)


def _swap(generation: int, services: Services) -> str:
    """Return the transaction that hooks a generation and removes the one before.

    The directions have a hook each: `accept` ends one, and the packet goes on to the next.
    """
    before = table_name(generation - 1)
    removal = (f"add table inet {before}", f"delete table inet {before}") if generation else ()
    refused = ("goto kr_refused",)
    # Neighbour discovery is how a node and its pods find each other.
    local = (_KNOWN, f"icmpv6 type {{ {_DISCOVERY} }} accept")
    hooks = {
        "kr_on_forward": ("filter hook forward priority -1", (_KNOWN, *refused)),
        "kr_on_input": ("filter hook input priority -1", (_KNOWN, *refused)),
        "kr_on_output": ("filter hook output priority -1", (_KNOWN, *refused)),
        "kr_sent": ("filter hook forward priority 0", (_KNOWN, "goto kr_egress")),
        "kr_received": ("filter hook forward priority 1", (_KNOWN, "goto kr_ingress")),
        "kr_to_node": ("filter hook input priority 0", (*local, "goto kr_egress")),
        "kr_before": ("nat hook prerouting priority -100", ("goto kr_services",)),
        "kr_own": ("nat hook output priority -100", ("goto kr_services",)),
        "kr_after": ("nat hook postrouting priority 100", services.after),
    }
    used = {name: hook for name, hook in hooks.items() if services.present or name in _POLICING}
    chains = (
        "\n".join((f"chain {name} {{", f"type {kind}; policy accept;", *rules, "}"))
        for name, (kind, rules) in used.items()
    )
    return "\n".join((*removal, f"table inet {table_name(generation)} {{", *chains, "}", ""))
