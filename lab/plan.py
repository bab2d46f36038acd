"""Which probes decide a prediction.

Comes in: a world, and what the user wants to see. Goes out: a Plan: for each pair of endpoints that policies
tell apart, a probe on both sides of every boundary between ports that a rule which concerns the pair draws,
on every port that the destination declares, and on one that nobody speaks of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from analyzer import (
    Bounds,
    Direction,
    Endpoint,
    Filters,
    Match,
    NamedPort,
    PortSet,
    Protocol,
    Reachability,
    View,
)
from analyzer.reachability import exemption
from lab.probes import Probe, Protocol as Transport
from lab.services import services
from lab.world import World, endpoint_of

_TRANSPORTS = {Protocol.TCP: Transport.TCP, Protocol.UDP: Transport.UDP, Protocol.SCTP: Transport.SCTP}
_ODD = 9
"""A port (discard) that no manifest speaks of: what policies leave open is open there too."""
_USUAL = 80


class Question(NamedTuple):
    """A probe, and what is predicted of it; a tuple, since there are hundreds of thousands of them.

    `ports` are those that the answer speaks of: policies tell none of them apart. `answering` are the names
    of those who may answer. `service` is the Service that is asked, "" when it is the destination itself.
    """

    probe: Probe
    source: Endpoint
    destination: Endpoint
    ports: PortSet
    predicted: Match
    answering: frozenset[str]
    service: str = ""


class Aim(NamedTuple):
    """What is asked of one pair: these ports, apart from each other where one of `cuts` ends."""

    ports: PortSet
    cuts: frozenset[PortSet]


@dataclass(frozen=True, slots=True, kw_only=True)
class Focus:
    """Pairs that are asked, and no others, by the ids of their ends; Services by name and the source's id."""

    pairs: Mapping[tuple[str, str], Aim]
    services: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the user wants to see: `ports` None leaves the choice to the plan; `every_pair`: all pods.

    With a `focus`, nothing else is asked.
    """

    filters: Filters = field(default_factory=Filters)
    ports: PortSet | None = None
    every_pair: bool = False
    focus: Focus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Questions, and how many pairs of endpoints cannot be asked, by the reason why."""

    world: World
    view: View
    questions: tuple[Question, ...]
    impossible: dict[str, int]

    def listeners(self) -> list[tuple[str, Transport, int]]:
        """Return who must answer at which ports."""
        found: dict[tuple[str, Transport, int], None] = {}
        for each in self.questions:
            if not each.service:
                found[each.probe.expect or "", each.probe.protocol, each.probe.port] = None
        for name, protocol, port in services(self.world).targets():
            found[name, _TRANSPORTS[protocol], port] = None
        return list(found)


Key = tuple[object, ...]
_Ports = frozenset[tuple[str, Protocol, int]]
"""What an endpoint declares: names ("": none), protocols and numbers."""


class _Concern(NamedTuple):
    """The ports that the rules of a class of endpoints speak of: by number, and by name."""

    numbers: frozenset[PortSet]
    named: frozenset[NamedPort]


def plan(world: World, wanted: Wanted | None = None) -> Plan:
    """Plan the probes of a world. Raises AnalyzerError when the filters name what does not exist."""
    return _Planner(world, wanted or Wanted()).plan()


class _Planner:
    def __init__(self, world: World, wanted: Wanted) -> None:
        self._world, self._wanted = world, wanted
        self._every = wanted.every_pair or wanted.focus is not None
        self._reachability = Reachability(world.cluster)
        self._view = View(self._reachability, wanted.filters)
        endpoints = endpoint_of(self._reachability, world)
        self._names = {each.id: name for name, each in endpoints.items()}
        addresses = {name: pod.addresses for name, pod in world.pods()}
        addresses.update((each.name, each.addresses) for each in world.outside)
        self._addresses = addresses
        self._identity_of = world.identity_of()
        self._identities = {name: frozenset((each,)) for name, each in self._identity_of.items()}
        self._concerning: dict[int, _Concern] = {}
        self._boundaries: dict[Key, list[tuple[Protocol, int, PortSet]]] = {}
        self._declared: dict[str, _Ports] = {
            each.id: frozenset(
                (port.name, port.protocol, port.number) for pod in each.pods for port in pod.ports
            )
            for each in endpoints.values()
        }
        self._impossible: dict[str, int] = {}

    def plan(self) -> Plan:
        questions = [*self._of_pairs(), *self._of_services()]
        return Plan(
            world=self._world,
            view=self._view,
            questions=tuple(questions),
            impossible=self._impossible,
        )

    def _of_pairs(self) -> Iterator[Question]:
        seen: set[Key] = set()
        silent: dict[Key, str] = {}
        focus = self._wanted.focus
        for source, destination, bounds in self._view.connections():
            if focus and (source.id, destination.id) not in focus.pairs:
                continue
            key = kind_of_pair(source, destination, every=self._every)
            if key in seen:
                continue
            names = self._names.get(source.id), self._names.get(destination.id)
            if names[0] is None or names[1] is None:
                self._cannot(self._world.limits.external)
                continue
            if why := self._silent(names[0]):
                silent[key] = why
                continue
            if paths := self._paths(names[0], names[1]):
                seen.add(key)
                yield from self._questions(source, destination, bounds, paths)
            else:
                self._cannot("no common IP family")
        for key, why in silent.items():
            if key not in seen:
                self._cannot(why)

    def _silent(self, name: str) -> str:
        """Return why no probe starts in a pod; "" when one can."""
        limits = self._world.limits
        if why := limits.mute.get(name):
            return why
        filters = self._wanted.filters
        if filters.sources or name.partition("/")[0] in filters.namespaces:
            return ""
        return limits.quiet.get(name, "")

    def _cannot(self, why: str) -> None:
        self._impossible[why] = self._impossible.get(why, 0) + 1

    def _paths(self, source: str, destination: str) -> list[tuple[str, str, str, str | None]]:
        """Return from where to where one can go: names, and addresses of the same family."""
        found: list[tuple[str, str, str, str | None]] = []
        here, there = self._addresses[source], self._addresses[destination]
        outside = source.startswith("external")
        for target in there:
            starts = [each for each in here if (":" in each) == (":" in target)]
            chosen = starts if outside else starts[:1]
            found += [(source, destination, target, each if outside else None) for each in chosen]
        return found

    def _questions(
        self,
        source: Endpoint,
        destination: Endpoint,
        bounds: Bounds,
        paths: Sequence[tuple[str, str, str, str | None]],
    ) -> Iterator[Question]:
        asked = self._ports(source, destination)
        predictions = [_predicted(bounds, protocol, port) for protocol, port, _ in asked]
        for (protocol, port, ports), predicted in zip(asked, predictions, strict=True):
            transport = _TRANSPORTS[protocol]
            for start, name, target, bind in paths:
                probe = Probe(start, target, transport, port, name, bind)
                answering = self._identities[name]
                yield Question(probe, source, destination, ports, predicted, answering)

    def _ports(self, source: Endpoint, destination: Endpoint) -> list[tuple[Protocol, int, PortSet]]:
        """Return the ports to ask for a pair, each with those that it speaks for."""
        declared = self._declared[destination.id]
        focus = self._wanted.focus
        aim = focus.pairs[source.id, destination.id] if focus else None
        key = (self._concern(source.number), self._concern(destination.number), declared, aim)
        if (found := self._boundaries.get(key)) is None:
            found = self._boundaries[key] = [*self._asked(*key)]
        return found

    def _asked(
        self, first: _Concern, second: _Concern, ports: _Ports, aim: Aim | None
    ) -> Iterator[tuple[Protocol, int, PortSet]]:
        declared: dict[Protocol, set[int]] = {protocol: set() for protocol in _TRANSPORTS}
        for _, transport, number in ports:
            declared.get(transport, set()).add(number)
        names = {(each.name, each.protocol) for each in first.named | second.named}
        named = (PortSet.of(each[1], each[2]) for each in ports if each[:2] in names)
        sets = first.numbers.union(second.numbers, named, aim.cuts if aim else ())
        for protocol, numbers in declared.items():
            atoms = _atoms(protocol, sets)
            for port in sorted(self._chosen(protocol, atoms, numbers)):
                if aim and not aim.ports.has(protocol, port):
                    continue
                atom = next(each for each in atoms if each[0] <= port <= each[1])
                yield protocol, port, PortSet.of(protocol, *atom)

    def _chosen(self, protocol: Protocol, atoms: Sequence[tuple[int, int]], declared: set[int]) -> set[int]:
        if self._wanted.ports is not None:
            return {end for span in self._wanted.ports.ranges(protocol) for end in span}
        ends = {end for first, last in atoms for end in (first, last)} - {1, 65535}
        # A port of its own at an end of the line is a boundary too.
        ends |= {first for first, last in atoms if first == last}
        mask = self._view.ports
        found = ends | declared | ({_USUAL} if len(atoms) == 1 and not declared else set()) | {_ODD}
        return {port for port in found if mask.has(protocol, port)}

    def _concern(self, number: int) -> _Concern:
        """Return the ports of all rules that select a class of endpoints, in whichever direction."""
        if (found := self._concerning.get(number)) is None:
            engine = self._reachability.engine
            ports = [
                rule.ports
                for direction in Direction
                for policy in engine.policies(direction, number)
                for rule in policy.rules(direction)
            ]
            found = self._concerning[number] = _Concern(
                frozenset(each.numbers for each in ports),
                frozenset(name for each in ports for name in each.named),
            )
        return found

    def _of_services(self) -> Iterator[Question]:
        if self._wanted.filters.destinations:
            return
        seen: set[Key] = set()
        for each in services(self._world).asked(self._reachability, self._view):
            key = (each.name, each.port, each.address, each.source.number, each.own, self._own(each.source))
            names = self._names.get(each.source.id)
            focus = self._wanted.focus
            if focus and (each.name, each.source.id) not in focus.services:
                continue
            if key in seen or names is None or self._silent(names):
                continue
            seen.add(key)
            protocol = each.protocol
            if not self._view.ports.has(protocol, each.port):
                continue
            here = self._addresses[names]
            same = [address for address in here if (":" in address) == (":" in each.address)]
            if same:
                yield Question(
                    probe=Probe(
                        source=names,
                        address=each.address,
                        protocol=_TRANSPORTS[protocol],
                        port=each.port,
                        source_address=same[0] if names.startswith("external") else None,
                    ),
                    source=each.source,
                    destination=each.source,
                    ports=PortSet.of(protocol, each.port),
                    predicted=each.match,
                    answering=frozenset(map(self._identity_of.__getitem__, each.backends)),
                    service=each.name,
                )

    def _own(self, source: Endpoint) -> str:
        return source.id if self._every or source.host_network else ""


def _predicted(bounds: Bounds, protocol: Protocol, port: int) -> Match:
    if bounds.certain.has(protocol, port):
        return Match.YES
    return Match.MAYBE if bounds.possible.has(protocol, port) else Match.NO


def kind_of_pair(source: Endpoint, destination: Endpoint, *, every: bool = False) -> Key:
    """Return what is the same for all pairs of endpoints between which the verdict must be the same."""
    if every or source.external or destination.external:
        return source.id, destination.id
    return source.number, destination.number, source is destination, exemption(source, destination)


def _atoms(protocol: Protocol, sets: Iterable[PortSet]) -> list[tuple[int, int]]:
    """Cut the ports of a protocol at every end of a range; no rule tells ports of one piece apart."""
    cuts = {1, 65536}
    for each in sets:
        for first, last in each.ranges(protocol):
            cuts.update((first, last + 1))
    ordered = sorted(cuts)
    return [(first, after - 1) for first, after in pairwise(ordered)]
