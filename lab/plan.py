"""Which probes decide a prediction.

Comes in: a world, and what the user wants to see. Goes out: a Plan: for each kind of pairs of endpoints, a
probe on both sides of every boundary between ports that a rule which concerns the pair draws, on every port
that the destination declares, and on one that nobody speaks of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
from lab.errors import LabError
from lab.kinds import Key, Kinds
from lab.places import Path, Places
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
    """What the user wants to see: `ports` None leaves the choice to the plan.

    `every_pair`: all pods with all pods; `every_pod`: one pair of each kind, but all pods ask in turn. With a
    `focus`, nothing else is asked. `known`: pairs of names that were asked before, which stand for their
    kinds again. `most`: so many probes at most; None: as many as it takes.
    """

    filters: Filters = field(default_factory=Filters)
    ports: PortSet | None = None
    every_pair: bool = False
    every_pod: bool = False
    known: Collection[tuple[str, str]] = ()
    focus: Focus | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Questions, and how many pairs of endpoints cannot be asked, by the reason why.

    `kinds` knows who stands for whom; None where each pair is asked.
    """

    world: World
    view: View
    questions: tuple[Question, ...]
    impossible: Mapping[str, int]
    places: Places
    kinds: Kinds | None

    def instead(
        self, question: Question, mute: Collection[str], gone: Collection[str] = ()
    ) -> Question | None:
        """Return the same question between other pods that policies see alike.

        By name, pods that are `mute` cannot ask, those that are `gone` cannot be asked either. None where no
        others are left, or each pair is asked for itself.
        """
        if self.kinds is None or question.source.external or question.destination.external:
            return None
        if question.service:
            return self._of_service(question, {*mute, *gone})
        pair = self.kinds.instead((question.source, question.destination), mute, gone)
        if pair is None:
            return None
        here, there = (self.places.names[each.id] for each in pair)
        six = ":" in question.probe.address
        address = next(way.address for way in self.places.paths(here, there) if (":" in way.address) is six)
        return self.asked_as(question, question.probe._replace(source=here, expect=there, address=address))

    def _of_service(self, question: Question, out: Collection[str]) -> Question | None:
        """Return a question of a Service from another pod, which is a backend if the first one is."""
        assert self.kinds, "pods that are alike stand for each other"
        names, answering = self.places.names, question.answering
        own = self.places.answering[question.probe.source] <= answering
        for each in self.kinds.peers(question.source):
            name = names[each.id]
            if name not in out and (self.places.answering[name] <= answering) is own:
                return self.asked_as(question, question.probe._replace(source=name))
        return None

    def asked_as(self, question: Question, probe: Probe) -> Question:
        """Return a question of this plan as it was asked: maybe between others than it was planned."""
        if question.probe == probe:
            return question
        ends = self.places.endpoints
        source = ends[probe.source]
        if question.service:
            return question._replace(probe=probe, source=source, destination=source)
        there = probe.expect or ""
        return question._replace(
            probe=probe, source=source, destination=ends[there], answering=self.places.answering[there]
        )

    def listeners(self, probes: Iterable[Probe] | None = None) -> list[tuple[str, Transport, int]]:
        """Return who must answer at which ports, to these probes or to all of the plan."""
        asked = (each.probe for each in self.questions) if probes is None else probes
        found: dict[tuple[str, Transport, int], None] = {}
        for each in asked:
            if each.expect is not None:
                found[each.expect, each.protocol, each.port] = None
        for name, protocol, port in services(self.world).targets():
            found[name, _TRANSPORTS[protocol], port] = None
        return list(found)


_Ports = frozenset[tuple[str, Protocol, int]]
"""What an endpoint declares: names ("": none), protocols and numbers."""


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
    return Plan(
        world=world,
        view=planner.view,
        questions=found,
        impossible=planner.impossible,
        places=planner.places,
        kinds=planner.kinds,
    )


class _Planner:
    def __init__(self, world: World, wanted: Wanted) -> None:
        self._world, self._wanted = world, wanted
        self._every = wanted.every_pair or wanted.focus is not None
        self._reachability = Reachability(world.cluster)
        self.view = View(self._reachability, wanted.filters)
        endpoints = endpoint_of(self._reachability, world)
        self.places = Places(world, endpoints, wanted.filters)
        self.kinds = None if self._every else self._kinds()
        self._concerning: dict[int, _Concern] = {}
        self._boundaries: dict[Key, list[tuple[Protocol, int, PortSet]]] = {}
        self._predictions: dict[tuple[int, Bounds], list[_Prediction]] = {}
        self._declared: dict[str, _Ports] = {
            each.id: frozenset(
                (port.name, port.protocol, port.number) for pod in each.pods for port in pod.ports
            )
            for each in endpoints.values()
        }
        self.impossible: Counter[str] = Counter()

    def _kinds(self) -> Kinds:
        wanted = self._wanted
        members = self.places.members()
        return Kinds(self.view, members, every_pod=wanted.every_pod, known=wanted.known)

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
            answering = self.places.answering[paths[0].destination]
            for protocol, port, ports, predicted in self._predicted(source, destination, bounds):
                for start, name, target, bind in paths:
                    probe = Probe(start, target, protocol, port, name, bind)
                    yield Question(probe, source, destination, ports, predicted, answering)

    def _pairs(self) -> Iterator[tuple[Endpoint, Endpoint, Bounds, list[Path]]]:
        """Yield the pairs of endpoints that are to be asked, and the ways between them."""
        names = self.places.names
        if self.kinds:
            for source, destination in self.kinds.pairs():
                (bounds,) = self.view.row(source, (destination,))
                yield source, destination, bounds, self.places.paths(names[source.id], names[destination.id])
            self.impossible += self.kinds.impossible
            if self.kinds.homeless:
                self.impossible[self._world.limits.external] += self.kinds.homeless
            return
        for source, destination, bounds in self._each():
            here, there = names.get(source.id), names.get(destination.id)
            if here is None or there is None:
                self.impossible[self._world.limits.external] += 1
            elif why := self.places.silent(here):
                self.impossible[why] += 1
            elif paths := self.places.paths(here, there):
                yield source, destination, bounds, paths
            else:
                self.impossible["no common IP family"] += 1

    def _each(self) -> Iterator[tuple[Endpoint, Endpoint, Bounds]]:
        """Yield every pair, or those that the focus is on."""
        if (focus := self._wanted.focus) is None:
            yield from self.view.connections()
            return
        order = {each.id: number for number, each in enumerate(self._reachability.endpoints)}
        ends = self._reachability.endpoints
        for one, other in sorted((order[one], order[other]) for one, other in focus.pairs):
            (bounds,) = self.view.row(ends[one], (ends[other],))
            yield ends[one], ends[other], bounds

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
        focus = self._wanted.focus
        for each in services(self._world).asked(self._reachability, self._asking):
            key = (each.name, each.port, each.address, each.source.number, each.own, self._own(each.source))
            name = self.places.names.get(each.source.id)
            if focus and (each.name, each.source.id) not in focus.services:
                continue
            if key in seen or name is None or self.places.silent(name):
                continue
            seen.add(key)
            if not self.view.ports.has(each.protocol, each.port):
                continue
            here = self.places.addresses[name]
            same = [address for address in here if (":" in address) == (":" in each.address)]
            if same:
                yield Question(
                    probe=Probe(
                        source=name,
                        address=each.address,
                        protocol=_TRANSPORTS[each.protocol],
                        port=each.port,
                        source_address=same[0] if name in self.places.outside else None,
                    ),
                    source=each.source,
                    destination=each.source,
                    ports=PortSet.of(each.protocol, each.port),
                    predicted=each.match,
                    answering=frozenset(map(self.places.identity_of.__getitem__, each.backends)),
                    service=each.name,
                )

    def _asking(self, backends: Collection[str]) -> Sequence[Endpoint]:
        """Return who asks a Service with some backends: each, or one of those that are alike."""
        if self.kinds:
            return self.kinds.sources(backends)
        return self.view.sources

    def _own(self, source: Endpoint) -> str:
        return source.id if self._every or source.host_network else ""


def _predicted(bounds: Bounds, protocol: Protocol, port: int) -> Match:
    if bounds.certain.has(protocol, port):
        return Match.YES
    return Match.MAYBE if bounds.possible.has(protocol, port) else Match.NO


def _atoms(protocol: Protocol, sets: Iterable[PortSet]) -> list[tuple[int, int]]:
    """Cut the ports of a protocol at every end of a range; no rule tells ports of one piece apart."""
    cuts = {1, 65536}
    for each in sets:
        for first, last in each.ranges(protocol):
            cuts.update((first, last + 1))
    ordered = sorted(cuts)
    return [(first, after - 1) for first, after in pairwise(ordered)]
