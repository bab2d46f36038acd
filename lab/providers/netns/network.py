"""The lab's network as one object: built, listened on, probed, restricted, changed and removed.

Comes in: a Topology, then what to listen on, what to probe, which rulesets to load. Goes out: probe results.
Whoever makes a Network has left the host's network for good: see namespaces.isolate.
"""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Self, TypeVar

from lab.errors import LabError
from lab.probes import Patience, Probe, ProbeResult, Protocol
from lab.providers.netns import conntrack, kernel, namespaces, nft
from lab.providers.netns.command import Command
from lab.providers.netns.crew import Crew, Progress
from lab.providers.netns.listeners import Listeners
from lab.providers.netns.loop import READ, Loop
from lab.providers.netns.nflog import PacketLog
from lab.providers.netns.prober import Ground
from lab.providers.netns.topology import LabNode, LabPod, OutsideHost, Topology, address_text
from lab.providers.netns.wiring import Place, Wiring, refuse_without_limit
from lab.providers.netns.worker import Share

Result = TypeVar("Result")
_WINDOW = 16_000
_SPARE = 256
"""Descriptors that are kept free of probes."""


class Network:
    """A lab that stands. Use it in a `with`, or call `close`; when the process ends, it is gone anyhow."""

    def __init__(self, topology: Topology, loop: Loop | None = None) -> None:
        """Build it; raises LabError when the topology is wrong or the machine cannot."""
        topology.check()
        namespaces.isolate()
        _raise_descriptor_limit()
        self.loop = Loop() if loop is None else loop
        self.places: dict[str, Place] = {}
        """Where everybody lives, by name; pods in their node's network live where the node does."""
        self._topology = Topology(nodes=())
        self._logs: dict[str, PacketLog] = {}
        self._runs: list[Crew] = []
        self._refusing: set[str] = set()
        self._sctp_sockets = kernel.has_sctp_sockets()
        self._listeners = Listeners(self.loop, sctp_sockets=self._sctp_sockets)
        with _room():
            self._wiring = Wiring()
        self.add(nodes=topology.nodes, pods=topology.pods, hosts=topology.hosts)

    @classmethod
    def create(cls, topology: Topology, loop: Loop | None = None) -> Self:
        """Build a network, ready to carry packets."""
        return cls(topology, loop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove everything."""
        for run in self._runs:
            run.close()
        self._runs.clear()
        self._listeners.close()
        for log in self._logs.values():
            log.close()
        self._logs.clear()
        nodes = {node.name for node in self._topology.nodes}
        for name, place in self.places.items():
            if name == place.name and name not in nodes:
                place.namespace.close()
        self.places.clear()
        self._wiring.close()
        self.loop.close()

    @property
    def topology(self) -> Topology:
        """Who is in the lab now."""
        return self._topology

    def add(
        self,
        *,
        nodes: Sequence[LabNode] = (),
        pods: Sequence[LabPod] = (),
        hosts: Sequence[OutsideHost] = (),
    ) -> None:
        """Bring up nodes, pods and outside hosts, and return when they can be reached. Raises LabError."""
        now = self._topology
        after = replace(now, nodes=(*now.nodes, *nodes), pods=(*now.pods, *pods), hosts=(*now.hosts, *hosts))
        after.check()
        with _room():
            for node in nodes:
                self.places[node.name] = self._wiring.add_node(node.name, node.addresses)
                self._topology = replace(self._topology, nodes=(*self._topology.nodes, node))
            self._add_hosts(hosts)
            for node in after.nodes:
                self._add_pods(node, [pod for pod in pods if pod.node == node.name])
        self._topology = after
        self._wiring.wait()

    def _add_hosts(self, hosts: Sequence[OutsideHost]) -> None:
        for place in self._wiring.add_hosts([(host.name, host.addresses) for host in hosts]):
            self.places[place.name] = place
        self._topology = replace(self._topology, hosts=(*self._topology.hosts, *hosts))

    def _add_pods(self, node: LabNode, pods: Sequence[LabPod]) -> None:
        own = [(pod.name, pod.addresses) for pod in pods if not pod.host_network]
        for place in self._wiring.add_pods(node.name, own):
            self.places[place.name] = place
        for pod in pods:
            self.places.setdefault(pod.name, self.places[node.name])
        self._topology = replace(self._topology, pods=(*self._topology.pods, *pods))

    def add_pods(self, pods: Sequence[LabPod]) -> None:
        """Bring up pods."""
        self.add(pods=pods)

    def remove(self, names: Iterable[str]) -> None:
        """Remove pods and outside hosts with their listeners. Raises LabError for a name that is neither."""
        gone = set(names)
        self._refusing -= gone
        pods = [pod for pod in self._topology.pods if pod.name in gone]
        hosts = [host for host in self._topology.hosts if host.name in gone]
        unknown = gone - {pod.name for pod in pods} - {host.name for host in hosts}
        if unknown:
            raise LabError("not in this lab: " + ", ".join(f"`{name}`" for name in sorted(unknown)))
        for pod in pods:
            place = self.places.pop(pod.name)
            if not pod.host_network:
                self._listeners.close(pod.name)
                self._wiring.remove_pod(pod.node, place)
        for host in hosts:
            self._listeners.close(host.name)
            self._wiring.remove_host(self.places.pop(host.name))
        now = self._topology
        self._topology = replace(
            now,
            pods=tuple(pod for pod in now.pods if pod.name not in gone),
            hosts=tuple(host for host in now.hosts if host.name not in gone),
        )

    def remove_pods(self, names: Iterable[str]) -> None:
        """Remove pods."""
        self.remove(names)

    def place(self, name: str) -> Place:
        """Return where a pod, node or host lives. Raises LabError when there is none of that name."""
        place = self.places.get(name)
        if place is None:
            raise LabError(f"there is no `{name}` in this lab")
        return place

    @property
    def listening(self) -> list[tuple[str, Protocol, int]]:
        """Who answers at which ports."""
        return self._listeners.keys()

    def listen(self, listeners: Iterable[tuple[str, Protocol, int]]) -> None:
        """Have endpoints answer on ports, with their own names; those that do already go on doing it.

        A pod in its node's network answers with the node's name. Raises LabError when a port is taken.
        """
        with _room():
            for name, protocol, port in listeners:
                place = self.place(name)
                self._listeners.open(place.namespace, place.name, protocol, port)

    def start(
        self, probes: Sequence[Probe], patience: Patience | None = None, on_progress: Progress | None = None
    ) -> Crew:
        """Begin to probe and return at once; the loop carries it out. Raises LabError for unknown names."""
        self._prepare_refusals(probes)
        for log in self._logs.values():
            self._tell(log)  # what was logged before is about others
        share = Share(
            probes=probes, ground=self._ground(), patience=patience or Patience(), listeners=self._listeners
        )
        run = Crew(self.loop, share, on_progress)
        self._runs = [other for other in self._runs if not other.done]
        self._runs.append(run)
        return run

    def probe(
        self, probes: Sequence[Probe], *, timeout: float = 1.0, on_progress: Progress | None = None
    ) -> list[ProbeResult]:
        """Probe, and return a result for each, in order. `timeout` is in seconds, for one attempt."""
        run = self.start(probes, Patience(timeout=timeout), on_progress)
        try:
            self.loop.run(lambda: run.done)
            return run.results()
        finally:
            run.close()
            self._runs.remove(run)

    def load_ruleset(self, node: str, ruleset: str) -> None:
        """Replace or extend what nftables does on a node: one transaction, taken whole or not at all."""
        self.load_rulesets({node: ruleset})

    def load_rulesets(self, rulesets: Mapping[str, str]) -> None:
        """Load a ruleset on each of several nodes at the same time, from now on hearing what they log.

        It counts for connections that are open already too.

        Raises LabError with nft's words; TransactionTooLongError asks for smaller pieces.
        """
        for node in rulesets:
            self._hear(node)
        nft.apply({node: (self.place(node).namespace, text) for node, text in rulesets.items()})
        conntrack.forget(self.place(node).namespace for node in rulesets)

    def build_ruleset(self, node: str, commands: Sequence[str]) -> None:
        """Carry out nft commands on a node in as many transactions as needed; for what no hook calls yet."""
        self._hear(node)
        nft.build(node, self.place(node).namespace, commands)

    def list_table(self, node: str, table: str) -> str:
        """Return a table of a node's nftables as JSON."""
        return nft.listing(self.place(node).namespace, table)

    def run_in(self, name: str, call: Callable[[], Result]) -> Result:
        """Call a function in somebody's network; the sockets it opens stay there."""
        with self.place(name).namespace:
            return call()

    def exec(
        self, name: str, command: Sequence[str], *, timeout: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in somebody's network while the lab goes on, and return what it printed."""
        with self.place(name).namespace:
            running = Command(self.loop, command, timeout)
        self.loop.run(lambda: running.done)
        return running.result()

    def _prepare_refusals(self, probes: Iterable[Probe]) -> None:
        """Where datagrams may find nobody, have the kernel say so each time."""
        if len(self._refusing) == len(self.places):
            return
        answered = {
            (address, protocol, port)
            for name, protocol, port in self.listening
            for address in map(address_text, self.places[name].addresses)
        }
        if any(
            probe.protocol is not Protocol.TCP and (probe.address, probe.protocol, probe.port) not in answered
            for probe in probes
        ):
            for name in self.places.keys() - self._refusing:
                refuse_without_limit(self.places[name].namespace)
            self._refusing = set(self.places)

    def _hear(self, node: str) -> None:
        if node not in self._logs:
            log = self._logs[node] = PacketLog(self.place(node).namespace)
            self.loop.watch(log.fileno(), READ, lambda _: self._tell(log))

    def _tell(self, log: PacketLog) -> None:
        events = log.read()
        for run in self._runs:
            run.logged(events)

    def _ground(self) -> Ground:
        nodes = {node.name for node in self._topology.nodes}
        direct = (place for place in self.places.values() if place.name not in nodes)
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        free = limit - len(namespaces.descriptors()) - _SPARE
        return Ground(
            places=self.places,
            direct=frozenset(address for place in direct for address in place.addresses),
            window=max(64, min(_WINDOW, free)),
            sctp_sockets=self._sctp_sockets,
            logged=bool(self._logs),
        )


def _raise_descriptor_limit() -> None:
    """Take all the descriptors that an ordinary process may have: probes and pods need one each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def _room() -> Iterator[None]:
    """Say it in the user's words when the machine has no room for more."""
    try:
        yield
    except OSError as error:
        raise LabError(
            f"the machine has no room for this lab: {error.strerror}",
            "raise the limits (`ulimit -Hn`, `sysctl user.max_net_namespaces`), or use fewer pods and ports",
        ) from error
