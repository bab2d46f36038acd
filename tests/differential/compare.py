"""Two answers about the same manifests, held against each other: pair by pair, port by port.

Comes in: KubeReach's prediction, NCA's map and NCA's names for the pods. Goes out: how many verdicts
agree, are unsupported and differ. A verdict is about one source, one destination and one protocol, and
covers all 65,535 ports; outside addresses are cut into the ranges in which neither answer changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from tests.differential.kubereach_map import EXTERNAL, Endpoint, Prediction
from tests.differential.nca_names import Names
from tests.differential.reach import (
    EVERY_ADDRESS,
    NOTHING,
    PROTOCOLS,
    Interval,
    Ports,
    Reach,
    address_text,
    minus,
    together,
    union,
)

SAME_POD = "a pod and itself"
NOT_SHOWN = "pods that NCA does not show"
NO_ENDPOINT = "addresses that are not outside the cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A verdict that the two do not share."""

    source: str
    destination: str
    protocol: str
    ours: str
    theirs: str

    def __str__(self) -> str:
        return (
            f"{self.source} -> {self.destination} {self.protocol}: KubeReach {self.ours}, NCA {self.theirs}"
        )


@dataclass(slots=True)
class Tally:
    """Verdicts that agree, those that NCA does not give by reason, and those that differ."""

    agreed: int = 0
    undecided: int = 0
    unsupported: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add the numbers of another tally."""
        self.agreed += other.agreed
        self.undecided += other.undecided
        self.unsupported += other.unsupported
        self.differences += other.differences

    def judge(self, source: str, destination: str, ours: tuple[Ports, Ports], theirs: Ports) -> None:
        """Count one pair's verdicts; an undecided one agrees when NCA's lies between its bounds."""
        for protocol in PROTOCOLS:
            certain, open_ports = (ports.get(protocol, ()) for ports in ours)
            answer = theirs.get(protocol, ())
            if answer == certain and not open_ports:
                self.agreed += 1
            elif (
                open_ports
                and not minus(certain, answer)
                and not minus(answer, union((*certain, *open_ports)))
            ):
                self.undecided += 1
            else:
                ours_text = ports_text(certain) + (f" or {ports_text(open_ports)}" if open_ports else "")
                self.differences.append(
                    Difference(
                        source=source,
                        destination=destination,
                        protocol=protocol,
                        ours=ours_text,
                        theirs=ports_text(answer),
                    )
                )


def compare(prediction: Prediction, reach: Reach, names: Names) -> Tally:
    """Return how the two answers to one folder compare."""
    return Comparison(prediction, reach, names).tally


class Comparison:
    """Both answers to one folder, compared when it is made."""

    def __init__(self, prediction: Prediction, reach: Reach, names: Names) -> None:
        self.prediction = prediction
        self.reach = reach
        self.tally = Tally()
        self.inside = [endpoint for endpoint in prediction.endpoints if endpoint.kind != EXTERNAL]
        self.outside = [endpoint for endpoint in prediction.endpoints if endpoint.kind == EXTERNAL]
        seen = reach.names()
        self.shown = {endpoint.identity: pods_shown(endpoint, names, seen) for endpoint in self.inside}
        for stranger in sorted(missing(self.inside, names) | names.strangers(seen)):
            self.tally.differences.append(
                Difference(source=stranger, destination="*", protocol="*", ours="no such pod", theirs="a pod")
            )
        for source in self.inside:
            for destination in self.inside:
                self.pods(source, destination)
        for piece, there in pieces(self.outside, reach):
            for here in self.inside:
                self.addresses(here, there, piece)

    def pods(self, source: Endpoint, destination: Endpoint) -> None:
        """Compare one endpoint with another, or the replicas of one with each other."""
        here, there = self.shown[source.identity], self.shown[destination.identity]
        pairs = [(a, b) for a in here for b in there if a != b]
        if not pairs:
            self.tally.unsupported[SAME_POD if source is destination else NOT_SHOWN] += len(PROTOCOLS)
        for a, b in pairs:
            self.tally.judge(a, b, self.prediction.between(source, destination), self.reach.between(a, b))

    def addresses(self, here: Endpoint, there: Endpoint | None, piece: Interval) -> None:
        """Compare both directions between an endpoint's pods and a range of outside addresses."""
        pods = self.shown[here.identity]
        if there is None or not pods:
            self.tally.unsupported[NOT_SHOWN if there else NO_ENDPOINT] += 2 * len(PROTOCOLS)
            return
        text = f"{address_text(piece[0])}-{address_text(piece[1])}"
        out, back = self.prediction.between(here, there), self.prediction.between(there, here)
        for pod in pods:
            self.tally.judge(pod, text, out, ports_at(self.reach.outward, pod, piece))
            self.tally.judge(text, pod, back, ports_at(self.reach.inward, pod, piece))


def pods_shown(endpoint: Endpoint, names: Names, seen: set[str]) -> list[str]:
    """Return NCA's pods for an endpoint; of many that share a controller NCA shows two.

    A pod that NCA's map does not mention has no connection, so one is kept where it mentions none. An
    endpoint for some of the pods of a workload (`name#pod`) has no counterpart.
    """
    pods = names.pods.get((endpoint.kind, endpoint.namespace, endpoint.name), [])
    mentioned = [pod for pod in pods if pod in seen]
    return mentioned or pods[:1]


def missing(inside: list[Endpoint], names: Names) -> set[str]:
    """Return the pods of workloads that have no endpoint."""
    known = {(endpoint.kind, endpoint.namespace, endpoint.name.partition("#")[0]) for endpoint in inside}
    return {pod for workload, pods in names.pods.items() if workload not in known for pod in pods}


def pieces(outside: list[Endpoint], reach: Reach) -> Iterator[tuple[Interval, Endpoint | None]]:
    """Yield the ranges in which no answer changes, each with the endpoint that it belongs to."""
    ranges = [part for endpoint in outside for part in endpoint.ranges]
    for table in (reach.inward, reach.outward):
        ranges += [part for entries in table.values() for part, _ in entries]
    [(start, end)] = EVERY_ADDRESS
    cuts = sorted({start, end + 1} | {first for first, _ in ranges} | {last + 1 for _, last in ranges})
    for first, following in pairwise(cuts):
        owner = next((each for each in outside if covers(each.ranges, first)), None)
        yield (first, following - 1), owner


def covers(ranges: tuple[Interval, ...], place: int) -> bool:
    """Tell whether a place lies in one of the ranges."""
    return any(first <= place <= last for first, last in ranges)


def ports_at(table: dict[str, list[tuple[Interval, Ports]]], pod: str, piece: Interval) -> Ports:
    """Return the ports that hold for a range of addresses in which nothing changes."""
    ports = NOTHING
    for (first, last), allowed in table.get(pod, []):
        if first <= piece[0] <= last:
            ports = together(ports, allowed)
    return ports


def ports_text(ports: tuple[Interval, ...]) -> str:
    """Return ports as `80, 8000-8080`, or `none`."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ports) or "none"
