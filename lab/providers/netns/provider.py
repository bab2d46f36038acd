"""The embedded lab as a provider: worlds become topologies and rulesets, plans become probes.

Comes in: manifests, plans. Goes out: what was seen. The lab's process keeps the world that lives in it, so
that every command sees the same.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from analyzer import Direction
from lab import canary
from lab.errors import LabError
from lab.plan import Plan
from lab.probes import Patience, Probe, ProbeResult, Protocol
from lab.providers import OnResult, Progress
from lab.providers.netns.client import Lab, down
from lab.providers.netns.legend import Verdict
from lab.providers.netns.topology import LabNode, LabPod, OutsideHost, Topology
from lab.world import Placing, World, realize

if TYPE_CHECKING:  # who only probes need not wait for what reads manifests
    from lab.manifests import Manifests


_PACE = 10_000
_AT_A_TIME = 100_000
"""Probes that the lab's process is told of at a time: with what it saw it needs about 1 KB for each."""


class EmbeddedLab:
    """A running embedded lab."""

    def __init__(self, lab: Lab) -> None:
        """Take over a connection to a lab in which a world lives, or soon will."""
        self._lab = lab
        self._state: dict[str, Any] | None = None
        self._world: World | None = None

    @classmethod
    def up(cls, manifests: Manifests, name: str, placing: Placing, *, temporary: bool = False) -> Self:
        """Bring a lab up with what the manifests say. Raises LabError, and leaves nothing then.

        A `temporary` one ends with this process, however that ends.
        """
        world = realize(manifests.cluster, placing, sources=manifests.paths)
        lab = Lab.start(_topology(world), name, temporary=temporary)
        made = cls(lab)
        try:
            made._enforce(world, placing)
        except BaseException:
            lab.down()
            raise
        return made

    @classmethod
    def connect(cls, name: str) -> Self:
        """Connect to a lab that runs. Raises LabError when none does."""
        return cls(Lab.connect(name))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lab.close()

    @property
    def pace(self) -> int:
        """About how many probes it carries out in a second, on two cores."""
        return _PACE

    @property
    def world(self) -> World:
        """What lives in it now."""
        if self._world is None:
            self._world = World.unpack(b64decode(self._remembered["world"]))
        return self._world

    @property
    def legend(self) -> Mapping[str, Verdict]:
        """What the ids of the firewall's rules mean."""
        return {
            name: Verdict(
                direction=Direction(direction) if direction else None,
                policies=tuple(policies),
                rule=rule,
                span=span,
            )
            for name, (direction, policies, rule, span) in self._remembered["legend"].items()
        }

    def deploy(self, manifests: Manifests) -> None:
        """Change what lives in it; pods and addresses that stay are not touched. Raises LabError."""
        nodes, most = self._remembered["placing"]
        placing = Placing(nodes=tuple(nodes), most_replicas=most)
        before, after = (
            self.world,
            realize(manifests.cluster, placing, before=self.world.placement, sources=manifests.paths),
        )
        old, new = _topology(before), _topology(after)
        if old.nodes != new.nodes:
            raise LabError(
                "these manifests need other nodes than the lab has", "bring it `down`, then `up` with them"
            )
        pods, hosts = {*old.pods} & {*new.pods}, {*old.hosts} & {*new.hosts}
        self._lab.change(
            remove=[
                *(each.name for each in old.pods if each not in pods),
                *(each.name for each in old.hosts if each not in hosts),
            ],
            pods=[each for each in new.pods if each not in pods],
            hosts=[each for each in new.hosts if each not in hosts],
        )
        self._enforce(after, placing)

    def observe(
        self,
        plan: Plan,
        patience: Patience,
        progress: Progress | None = None,
        on_result: OnResult | None = None,
    ) -> list[ProbeResult]:
        """Carry out a plan. Raises LabError when the canaries do not behave."""
        canaries = canary.questions(canary.cluster(self.world))
        listeners = plan.listeners()
        listeners += [(probe.expect or "", probe.protocol, probe.port) for probe in canaries]
        self._lab.listen(listeners)
        canary.check(self._lab.probe(canaries, patience))
        rules = {name: str(verdict) for name, verdict in self.legend.items()}
        probes = [question.probe for question in plan.questions]
        results: list[ProbeResult] = []
        for some in _pieces(probes):
            told = progress and partial(_further, progress, len(results), len(probes))
            found = self._lab.probe(some, patience, told, rules)
            if on_result:
                for number, result in enumerate(found, start=len(results)):
                    on_result(number, result)
            results += found
        return results

    def notes(self) -> Sequence[str]:
        """Return nothing: there is one way to probe, and a lab leaves nothing."""
        return ()

    def trace(self, probe: Probe) -> tuple[ProbeResult, Sequence[str] | None]:
        """Make one connection, and return it with what let it pass or stopped it, in order."""
        if probe.expect:
            self._lab.listen([(probe.expect, probe.protocol, probe.port)])
        before = self._counts()
        (result,) = self._lab.probe([probe], Patience())
        after = self._counts()
        met = [name for name, count in after.items() if count > before.get(name, 0)]
        legend = self.legend
        if result.rule and result.rule not in met:
            met.append(result.rule)
        found = [legend[name] for name in met if name in legend]
        found.sort(key=lambda each: each.direction is Direction.INGRESS)
        rules = {name: str(verdict) for name, verdict in legend.items()}
        return result.told(rules), [str(verdict) for verdict in found]

    def shell(self, name: str, command: Sequence[str]) -> int:
        """Run a command (by default a shell) in a pod's network, in which the pods' names are known."""
        hosts = ["127.0.0.1 localhost", "::1 localhost"]
        for pod_name, pod in self.world.pods():
            short = pod_name.rpartition("/")[2]
            hosts += [f"{address} {short}.{pod.namespace} {short}" for address in pod.addresses]
        for service in self.world.cluster.services:
            full = f"{service.name}.{service.namespace}"
            names = f"{full} {full}.svc {full}.svc.cluster.local"
            hosts += [f"{address} {names}" for address in service.cluster_ips]
        self.serve()
        words = list(command) or [os.environ.get("SHELL", "/bin/sh")]
        return self._lab.shell(name, words, "\n".join((*hosts, "")))

    def serve(self) -> None:
        """Have every pod listen on the ports that it declares, and on 80/TCP where it declares none."""
        listeners: list[tuple[str, Protocol, int]] = []
        for name, pod in self.world.pods():
            ports = [(each.protocol.value, each.number) for each in pod.ports] or [("TCP", 80)]
            listeners += [(name, Protocol[protocol], number) for protocol, number in ports]
        listeners += [(each.name, Protocol.TCP, 80) for each in self.world.outside]
        self._lab.listen(listeners)

    def down(self) -> bool:
        """End it, and remove what is left of it; False when it had ended already."""
        try:
            self._lab.down()
        except (LabError, OSError):  # the connection is of no use any more
            self._lab.close()
            return down(self._lab.name)
        return True

    @property
    def _remembered(self) -> dict[str, Any]:
        if self._state is None:
            state = self._lab.recall("state")
            if state is None:
                raise LabError("the lab is not ready yet", "wait until `up` has returned")
            self._state = dict(state)
        return self._state

    def _enforce(self, world: World, placing: Placing) -> None:
        """Put the policies of a world in force, canaries beside it, and remember it."""
        from lab.providers.netns.firewall import compile_world

        state = self._lab.recall("state")
        generation = state["generation"] + 1 if state else 0
        ruleset = compile_world(world, generation, [canary.cluster(world)])
        for node, commands in ruleset.build.items():
            self._lab.build_ruleset(node, commands)
        self._lab.load_rulesets(ruleset.swap)
        self._state = {
            "generation": generation,
            "placing": [list(placing.nodes), placing.most_replicas],
            "world": b64encode(world.pack()).decode(),
            "legend": {
                name: [each.direction and each.direction.value, list(each.policies), each.rule, each.span]
                for name, each in ruleset.legend.items()
            },
        }
        self._lab.remember("state", self._state)
        self._world = world

    def _counts(self) -> dict[str, int]:
        from lab.providers.netns.firewall import counts, table_name

        found: dict[str, int] = {}
        for node in self.world.nodes:
            listing = self._lab.list_table(node.name, table_name(self._remembered["generation"]))
            for name, count in counts(listing).items():
                found[name] = found.get(name, 0) + count
        return found


def _pieces(probes: Sequence[Probe]) -> Iterator[Sequence[Probe]]:
    """Divide probes into pieces, equally long, of which a lab's process has room for one."""
    count = -(-len(probes) // _AT_A_TIME)
    for number in range(count):
        yield probes[len(probes) * number // count : len(probes) * (number + 1) // count]


def _further(progress: Progress, before: int, of: int, done: int, _: int) -> None:
    progress(before + done, of)


def end(name: str) -> bool:
    """End a lab and what is left of it; False when there was none. May be called twice."""
    return down(name)


def _topology(world: World) -> Topology:
    """Return what the substrate is to build, canaries included."""
    pods = [*world.pods()]
    pods += [(f"{pod.namespace}/{pod.name}", pod) for pod in canary.cluster(world).pods]
    return Topology(
        nodes=tuple(LabNode(name=node.name, addresses=node.addresses) for node in world.nodes),
        pods=tuple(
            LabPod(name=name, node=pod.node, addresses=pod.addresses, host_network=pod.host_network)
            for name, pod in pods
        ),
        hosts=tuple(OutsideHost(name=each.name, addresses=each.addresses) for each in world.outside),
    )
