"""Expectations decided by packets.

Comes in: a world and expectations. Goes out: which pairs, Services and ports must be asked; and, from what
was seen of them, an answer to each expectation. The evaluation has no say in it: only where the prediction is
that the API leaves something open, what was seen decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from analyzer import Endpoint, Match, PortSet, Reachability, Service
from analyzer.bitmaps import Bitmap, members
from analyzer.expect.blocks import blocks, service_blocks
from analyzer.expect.checking import check
from analyzer.expect.ends import Population
from analyzer.expect.expectation import Expectation, Question, Verdict
from analyzer.expect.result import Result
from analyzer.services import services
from lab.compare import Comparison, Finding, Status, arrived
from lab.kinds import kind_of_pair
from lab.plan import Aim, Focus
from lab.probes import Outcome
from lab.world import World, endpoint_of


class Decision(Enum):
    """What packets say of an expectation. OPEN: it is that the manifests leave it open; none refutes that."""

    HOLDS = "holds"
    OPEN = "open"
    UNDECIDED = "undecided"
    FAILS = "fails"


class Call(NamedTuple):
    """One connection that an expectation speaks of; `service`: to that Service instead of an endpoint."""

    question: Question
    source: Endpoint
    destination: Endpoint | None
    service: str = ""

    @property
    def ports(self) -> PortSet:
        """The ports that decide."""
        question = self.question
        return question.mask if question.verdict is Verdict.ONLY else question.asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of an expectation: of its `calls` some are `wrong`, others `open`: not decided.

    `shown` is the first that is not as expected, `finding` what was seen of it, where something was. `result`
    is what the manifests say of the same cluster.
    """

    result: Result
    decision: Decision
    calls: int
    wrong: int
    open: int
    probes: int
    shown: Call | None = None
    finding: Finding | None = None

    @property
    def expectation(self) -> Expectation:
        """The expectation."""
        return self.result.expectation


class Expected:
    """Expectations of a world."""

    def __init__(
        self, world: World, expectations: Sequence[Expectation], *, every_pair: bool = False
    ) -> None:
        """Work out what they speak of; with `every_pair`, of all pods that policies see alike, too."""
        self._world, self._every = world, every_pair
        # An expectation knows workloads as the manifests call them.
        pods = zip(world.cluster.pods, world.origins, strict=True)
        cluster = replace(world.cluster, pods=tuple(replace(pod, workload=origin) for pod, origin in pods))
        names = {id(pod): name for pod, name in zip(cluster.pods, world.names, strict=True)}
        reachability = Reachability(cluster)
        self._population = Population(reachability)
        own = endpoint_of(probed := Reachability(world.cluster), world)
        mute = self._world.limits.mute
        self._mute = frozenset(each.id for name, each in own.items() if name in mute)
        outside = {each.id: each for each in probed.endpoints if each.external}
        self._residents = [
            [outside[each.id]] if each.external else [own[names[id(pod)]] for pod in each.pods]
            for each in self._population.endpoints
        ]
        self._node_ports = {
            (_title(each), port.protocol.name, port.node_port): port
            for each in world.cluster.services
            for port in each.ports
        }
        self._served = {
            _title(each.service): PortSet(
                interval
                for port in each.ports
                if port.backends
                for interval in PortSet.of(port.port.protocol, port.port.port).intervals
            )
            for each in services(reachability)
        }
        self._results = check(reachability, expectations)
        self._calls = [() if each.problem else tuple(self._of(each.expectation)) for each in self._results]

    @property
    def focus(self) -> Focus:
        """What must be asked."""
        pairs: dict[tuple[str, str], Aim] = {}
        for call in self._all():
            if call.destination:
                key = call.source.id, call.destination.id
                ports, cuts = pairs.get(key, (PortSet.none(), frozenset()))
                pairs[key] = Aim(ports | call.ports, cuts | {call.question.ports, call.question.mask})
        return Focus(
            pairs=pairs,
            services=frozenset((call.service, call.source.id) for call in self._all() if call.service),
        )

    def answers(self, comparison: Comparison) -> tuple[Answer, ...]:
        """Return what became of each, in their order."""
        seen: dict[tuple[str, str], list[_Saw]] = {}
        for each in comparison.findings:
            question = each.question
            there = f"service {question.service}" if question.service else question.destination.id
            seen.setdefault((question.source.id, there), []).append(_Saw(each, self._spoken_of(each)))
        told = zip(self._results, self._calls, strict=True)
        return tuple(_answer(result, calls, seen) for result, calls in told)

    def _spoken_of(self, finding: Finding) -> PortSet:
        """Return the ports that a probe speaks of; of a node port, the port of the Service."""
        question = finding.question
        if question.service and question.source.external:
            port = self._node_ports[question.service, question.probe.protocol.name, question.probe.port]
            return PortSet.of(port.protocol, port.port)
        return question.ports

    def _all(self) -> Iterator[Call]:
        return (call for calls in self._calls for call in calls)

    def _of(self, expectation: Expectation) -> Iterator[Call]:
        if expectation.verdict is Verdict.UNKNOWN:
            return
        for block in blocks(expectation, self._population):
            sources, destinations = self._meant(block.sources), self._meant(block.destinations)
            itself = block.itself and len(sources) == 1
            for source, destination in self._pairs(sources, destinations, itself=itself):
                yield Call(block.question, source, destination)
        for each in service_blocks(expectation, self._population):
            name = f"{each.service.namespace}/{each.service.name}"
            # Nobody answers on other ports of its address, whatever the policies say.
            question = replace(each.question, mask=each.question.mask & self._served[name])
            for source in self._meant(each.sources) if not question.empty else ():
                yield Call(question, source, None, name)

    def _meant(self, numbers: Bitmap) -> list[Endpoint]:
        """Return the pods and addresses that are meant: first those that can ask and be asked."""
        found = (each for number in members(numbers) for each in self._residents[number])
        return sorted(found, key=lambda each: each.id in self._mute)

    def _pairs(
        self, sources: Sequence[Endpoint], destinations: Sequence[Endpoint], *, itself: bool
    ) -> Iterator[tuple[Endpoint, Endpoint]]:
        """Yield a pair of each kind that policies tell apart."""
        seen: set[object] = set()
        few = destinations if self._every else _two_of_each(destinations)
        for source in sources if self._every else _two_of_each(sources):
            # A node reaches the pods that it runs, whatever their class.
            for destination in destinations if source.host_network else few:
                if (source is destination) > itself or (source.external and destination.external):
                    continue
                key = kind_of_pair(source, destination, every=self._every)
                if key not in seen:
                    seen.add(key)
                    yield source, destination


def _two_of_each(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """Return two of each class, so that there is one other than the one that it is paired with."""
    counts: dict[int, int] = {}
    found = []
    for each in endpoints:
        counts[each.number] = counts.get(each.number, 0) + 1
        if counts[each.number] <= 2 or each.host_network:
            found.append(each)
    return found


class _Saw(NamedTuple):
    """A finding, and the ports that it speaks of."""

    finding: Finding
    ports: PortSet


class _Seen(NamedTuple):
    """Ports of a call that are not as expected, and those that nothing decided."""

    wrong: PortSet
    open: PortSet


def _answer(result: Result, calls: Sequence[Call], seen: dict[tuple[str, str], list[_Saw]]) -> Answer:
    told = []
    for call in calls:
        key = call.source.id, call.destination.id if call.destination else f"service {call.service}"
        findings = seen.get(key, [])
        told.append((call, findings, _judge(call, findings)))
    wrong = [each for each in told if each[2].wrong]
    open_ = [each for each in told if each[2].open and not each[2].wrong]
    shown, findings, ports = next(iter((*wrong, *open_)), (None, [], None))
    return Answer(
        result=result,
        decision=_decision(result, bool(wrong), bool(open_)),
        calls=len(calls),
        wrong=len(wrong),
        open=len(open_),
        probes=sum(len(found) for _, found, _ in told),
        shown=shown,
        finding=_first(findings, ports.wrong or ports.open) if ports else None,
    )


def _decision(result: Result, wrong: bool, open_: bool) -> Decision:  # noqa: FBT001 - named above
    if result.problem or wrong:
        return Decision.FAILS
    if result.expectation.verdict is Verdict.UNKNOWN:
        return Decision.OPEN
    return Decision.UNDECIDED if open_ else Decision.HOLDS


def _first(findings: Sequence[_Saw], ports: PortSet) -> Finding | None:
    return next((each.finding for each in findings if each.ports & ports), None)


def _judge(call: Call, findings: Iterable[_Saw]) -> _Seen:
    passed = stopped = PortSet.none()
    for each in findings:
        if _decides(each.finding):
            if arrived(each.finding.result):
                passed |= each.ports
            else:
                stopped |= each.ports
    question, ports = call.question, call.ports
    if question.verdict is Verdict.DENY:
        wrong = ports & passed
    else:
        wrong = (question.asked & stopped) | ((ports - question.asked) & passed)
    return _Seen(wrong, ports - passed - stopped)


def _decides(finding: Finding) -> bool:
    """Tell whether a probe showed what is so: it got an answer, from the right one, that is not left open.

    A node that leads to none of a Service's pods says nothing of those: clients are sent to others.
    """
    question, result = finding.question, finding.result
    if not question.answering:
        return False
    if question.predicted is Match.MAYBE or finding.status not in {Status.AGREES, Status.DIFFERS}:
        return False
    identity = result.attempts[-1].identity if result.attempts else None
    stranger = identity is not None and identity not in question.answering
    return result.outcome is not Outcome.WRONG_IDENTITY and not stranger


def _title(service: Service) -> str:
    return f"{service.namespace}/{service.name}"
