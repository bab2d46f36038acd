"""What the policies of pods say about one direction, as chains of nftables.

Comes in: a cluster and a direction. Goes out: for each pod of a node that policies select the chain that its
packets go to. Pods that the same policies select alike share a chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from analyzer import (
    Action,
    AddressSet,
    Cluster,
    Denial,
    Direction,
    Match,
    NamedPort,
    Pod,
    Policy,
    PortSet,
    Rule,
    SelfService,
    Tier,
)
from lab.providers.netns import nflog
from lab.providers.netns.legend import Legend
from lab.providers.netns.peers import Peers, resolve
from lab.providers.netns.services import INGRESS_DECIDES
from lab.providers.netns.table import Table, both

Names = Mapping[NamedPort, PortSet]
"""What port names stand for on the subject of ingress rules."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The policies that select a pod, tier by tier, and what their port names stand for on it."""

    tiers: tuple[tuple[int, tuple[int, ...]], ...]
    names: tuple[tuple[NamedPort, PortSet], ...]


class Side:
    """The policies of a cluster in one direction."""

    def __init__(self, cluster: Cluster, direction: Direction, peers: Peers, legend: Legend) -> None:
        self.direction = direction
        self._cluster, self._peers, self._legend = cluster, peers, legend
        self._groups: dict[str, dict[Selection, list[Pod]]] = {}
        for pod, tiers in self._selected().items():
            selection = Selection(tiers, self._resolved(tiers, cluster.pods[pod]))
            node = cluster.pods[pod].node
            self._groups.setdefault(node, {}).setdefault(selection, []).append(cluster.pods[pod])

    def _selected(self) -> dict[int, tuple[tuple[int, tuple[int, ...]], ...]]:
        """Return for each selected pod, by its number, the tiers and policies that select it, by theirs."""
        numbers = {id(pod): number for number, pod in enumerate(self._cluster.pods)}
        found: dict[int, dict[int, list[int]]] = {}
        for level, tier in enumerate(self._cluster.tiers):
            for number, policy in enumerate(tier.policies):
                if self.direction in policy.directions:
                    for pod in self._peers.subjects(policy):
                        found.setdefault(numbers[id(pod)], {}).setdefault(level, []).append(number)
        return {
            pod: tuple((level, tuple(policies)) for level, policies in tiers.items())
            for pod, tiers in sorted(found.items())
        }

    def _resolved(
        self, tiers: tuple[tuple[int, tuple[int, ...]], ...], pod: Pod
    ) -> tuple[tuple[NamedPort, PortSet], ...]:
        if self.direction is Direction.EGRESS:
            return ()
        names = (
            name
            for level, policies in tiers
            for number in policies
            for rule in self._cluster.tiers[level].policies[number].ingress
            for name in rule.ports.named
        )
        return tuple((name, resolve(name, pod)) for name in dict.fromkeys(names))

    def chains(self, table: Table, node: str) -> Iterator[tuple[Pod, str]]:
        """Yield the pods of a node that policies select, each with the chain that decides for it."""
        for selection, pods in self._groups.get(node, {}).items():
            chain = self._chain(table, selection)
            yield from ((pod, chain) for pod in pods)

    def _chain(self, table: Table, selection: Selection) -> str:
        """Make the chains of a selection, the last tier's first, and return the first tier's."""
        further = "accept"  # after all tiers everything is allowed
        chain = ""
        for level, numbers in reversed(selection.tiers):
            tier = self._cluster.tiers[level]
            policies = [tier.policies[number] for number in numbers]
            rules = [*self._tier(table, tier, policies, dict(selection.names), further)]
            if level == selection.tiers[0][0]:
                rules = [*self._from_nodes(table), *rules]
            chain = table.chain(rules)
            further = f"goto {chain}"
        return chain

    def _from_nodes(self, table: Table) -> Iterator[str]:
        """Yield rules for what other nodes send, where the CNI always admits it."""
        if self.direction is Direction.INGRESS and self._cluster.other_nodes is Match.YES:
            for part in table.from_or_to("saddr", self._peers.nodes):
                yield f"{part.text} accept"

    def _tier(
        self, table: Table, tier: Tier, policies: Sequence[Policy], names: Names, further: str
    ) -> Iterator[str]:
        """Yield the rules of one tier: the first that matches decides, the last is for what none matches."""
        for policy in policies:
            for rule in policy.rules(self.direction):
                conditions = list(dict.fromkeys(self._conditions(table, rule, names)))
                if conditions:
                    id_ = self._legend.of_rule(self.direction, policy, rule)
                    for condition in conditions:
                        yield from self._act(condition, rule.action, id_, further)
        if tier.unmatched is Action.DENY:
            yield from self._deny("", self._legend.of_isolation(self.direction, policies))
        else:
            yield further if tier.unmatched is Action.PASS else "accept"

    def _act(self, condition: str, action: Action, id_: str, further: str) -> Iterator[str]:
        match action:
            case Action.ALLOW:
                yield f'{condition} counter accept comment "{id_}"'
            case Action.PASS:
                yield f'{condition} counter {further} comment "{id_}"'
            case Action.DENY:
                yield from self._deny(condition, id_)
            case never:
                assert_never(never)

    def _deny(self, condition: str, id_: str) -> Iterator[str]:
        if self.direction is Direction.EGRESS and self._cluster.self_service is SelfService.EITHER_DIRECTION:
            yield f"{condition} {INGRESS_DECIDES}"
        match self._cluster.denial:
            case Denial.TIMEOUT:
                yield f'{condition} log prefix "{id_}" group {nflog.DROPS} drop'
            case Denial.REFUSED:
                how = "reject with icmpx port-unreachable"
                yield f'{condition} log prefix "{id_}" group {nflog.REJECTS} {how}'
            case never:
                assert_never(never)

    def _conditions(self, table: Table, rule: Rule, names: Names) -> Iterator[str]:
        """Yield the conditions, any of which makes a rule match."""
        side = "saddr" if self.direction is Direction.INGRESS else "daddr"
        for addresses, ports in self._matches(rule, names):
            for there in table.from_or_to(side, addresses):
                for port in table.to_ports(ports):
                    if (condition := both(there, port)) is not None:
                        yield condition.text

    def _matches(self, rule: Rule, names: Names) -> Iterator[tuple[AddressSet, PortSet]]:
        """Yield what a rule matches: peers by their addresses, and the ports it means with them.

        A port name means what it stands for on the destination: the subject of ingress rules, in egress
        rules each peer for itself.
        """
        peers = self._peers.addresses(rule.peers)
        numbers = rule.ports.numbers
        if self.direction is Direction.INGRESS:
            numbers = PortSet(
                interval
                for ports in (numbers, *(names[name] for name in rule.ports.named))
                for interval in ports.intervals
            )
            yield peers, numbers
            return
        yield peers, numbers
        for name in rule.ports.named:
            for ports, pods in self._peers.named(name):
                yield peers & pods, ports - numbers
