"""Which probes decide a prediction.

Comes in: a world, and what the user wants to see. Goes out: a Plan: for each pair of endpoints that policies
tell apart, a probe on both sides of every boundary between ports that a rule which concerns the pair draws,
on every port that the destination declares, and on one that nobody speaks of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, pairwise
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
from lab.errors import LabError
from lab.probes import Probe, Protocol as Transport
from lab.services import services
from lab.world import World, endpoint_of

_TRANSPORTS = {Protocol.TCP: Transport.TCP, Protocol.UDP: Transport.UDP, Protocol.SCTP: Transport.SCTP}
_ODD = 9
"""A port (discard) that no manifest speaks of: what policies leave open is open there too."""
_USUAL = 80


class TooManyProbesError(LabError):
    """More probes would be needed than are wanted: `count`."""

    def __init__(self, count: int, most: int) -> None:
        self.count = count
        super().__init__(f"these are {count:,} probes, more than {most:,}")


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

    With a `focus`, nothing else is asked. `most`: so many probes at most; None: as many as it takes.
    """

    filters: Filters = field(default_factory=Filters)
    ports: PortSet | None = None
    every_pair: bool = False
    focus: Focus | None = None
    most: int | None = None


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


_Path = tuple[str, str, str, str | None]
"""From whom to whom, the address there, and the address to start from, where one must be chosen."""
_Prediction = tuple[Transport, int, PortSet, Match]
"""A port to ask, those that it speaks for, and what is predicted of it."""


class _Concern(NamedTuple):
    """The ports that the rules of a class of endpoints speak of: by number, and by name."""

    numbers: frozenset[PortSet]
    named: frozenset[NamedPort]


def plan(world: World, wanted: Wanted | None = None) -> Plan:
    """Plan the probes of a world. Raises AnalyzerError when the filters name what does not exist.

    Raises TooManyProbesError when they are more than wanted; then none was kept.
    """
    chosen = wanted or Wanted()
    questions = (planner := _Planner(world, chosen)).questions()
    found = tuple(islice(questions, chosen.most))
    if next(questions, None) is not None:
        assert chosen.most is not None, "only a limit leaves questions out"
        raise TooManyProbesError(_Planner(world, chosen).count(), chosen.most)
    return Plan(world=world, view=planner.view, questions=found, impossible=planner.impossible)


class _Planner:
    def __init__(self, world: World, wanted: Wanted) -> None:
        self._world, self._wanted = world, wanted
        self._every = wanted.every_pair or wanted.focus is not None
        self._reachability = Reachability(world.cluster)
        self.view = View(self._reachability, wanted.filters)
        endpoints = endpoint_of(self._reachability, world)
        self._names = {each.id: name for name, each in endpoints.items()}
        addresses = {name: pod.addresses for name, pod in world.pods()}
        addresses.update((each.name, each.addresses) for each in world.outside)
        self._addresses = addresses
        self._outside = {each.name for each in world.outside}
        self._identity_of = world.identity_of()
        self._identities = {name: frozenset((each,)) for name, each in self._identity_of.items()}
        self._concerning: dict[int, _Concern] = {}
        self._boundaries: dict[Key, list[tuple[Protocol, int, PortSet]]] = {}
        self._predictions: dict[tuple[int, Bounds], list[_Prediction]] = {}
        self._declared: dict[str, _Ports] = {
            each.id: frozenset(
                (port.name, port.protocol, port.number) for pod in each.pods for port in pod.ports
            )
            for each in endpoints.values()
        }
        self.impossible: dict[str, int] = {}
        self._starts: dict[str, Mapping[bool, Sequence[str | None]]] = {}

    def questions(self) -> Iterator[Question]:
        """Yield what is to be asked."""
        return chain(self._of_pairs(), self._of_services())

    def count(self) -> int:
        """Return how many questions there are, without making those of pairs."""
        pairs = (
            len(self._ports(source, destination)) * len(paths)
            for source, destination, _, paths in self._pairs()
        )
        return sum(pairs) + sum(1 for _ in self._of_services())

    def _of_pairs(self) -> Iterator[Question]:
        for source, destination, bounds, paths in self._pairs():
            answering = self._identities[paths[0][1]]
            for protocol, port, ports, predicted in self._predicted(source, destination, bounds):
                for start, name, target, bind in paths:
                    probe = Probe(start, target, protocol, port, name, bind)
                    yield Question(probe, source, destination, ports, predicted, answering)

    def _pairs(self) -> Iterator[tuple[Endpoint, Endpoint, Bounds, list[_Path]]]:
        """Yield the pairs of endpoints that are to be asked, and the ways between them."""
        seen: set[Key] = set()
        silent: dict[Key, str] = {}
        focus = self._wanted.focus
        for source, destination, bounds in self.view.connections():
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
                yield source, destination, bounds, paths
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
        self.impossible[why] = self.impossible.get(why, 0) + 1

    def _paths(self, source: str, destination: str) -> list[_Path]:
        """Return from where to where one can go: names, and addresses of the same family."""
        if (starts := self._starts.get(source)) is None:
            starts = self._starts[source] = self._starts_of(source)
        return [
            (source, destination, target, bind)
            for target in self._addresses[destination]
            for bind in starts[":" in target]
        ]

    def _starts_of(self, source: str) -> Mapping[bool, Sequence[str | None]]:
        """Return where probes start, by whether that is IPv6: outside from each address, in pods from any."""
        found: dict[bool, list[str | None]] = {False: [], True: []}
        for address in self._addresses[source]:
            found[":" in address].append(address)
        if source in self._outside:
            return found
        return {six: [None] if some else [] for six, some in found.items()}

    def _predicted(self, source: Endpoint, destination: Endpoint, bounds: Bounds) -> list[_Prediction]:
        """Return what to ask of a pair, with the prediction for each; equal lists are one object."""
        asked = self._ports(source, destination)
        key = (id(asked), bounds)  # which is kept for as long as this is
        if (found := self._predictions.get(key)) is None:
            found = self._predictions[key] = [
                (_TRANSPORTS[protocol], port, ports, _predicted(bounds, protocol, port))
                for protocol, port, ports in asked
            ]
        return found

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
        mask = self.view.ports
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
        for each in services(self._world).asked(self._reachability, self.view):
            key = (each.name, each.port, each.address, each.source.number, each.own, self._own(each.source))
            names = self._names.get(each.source.id)
            focus = self._wanted.focus
            if focus and (each.name, each.source.id) not in focus.services:
                continue
            if key in seen or names is None or self._silent(names):
                continue
            seen.add(key)
            protocol = each.protocol
            if not self.view.ports.has(protocol, each.port):
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
                        source_address=same[0] if names in self._outside else None,
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
