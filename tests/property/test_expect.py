"""Expectations are what asking pair by pair finds; what is proposed holds, and is all there is to say."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import given, strategies as st

from analyzer.bounds import Bounds
from analyzer.expect.checking import check
from analyzer.expect.expectation import (
    Chosen,
    End,
    Exempt,
    Expectation,
    Named,
    Outcome,
    Outside,
    Question,
    Verdict,
)
from analyzer.expect.proposal import propose
from analyzer.expect.reading import read_expectations
from analyzer.expect.result import Result
from analyzer.expect.writing import render
from analyzer.load import load
from analyzer.model import Cluster
from analyzer.reachability import Reachability
from analyzer.sets import AddressSet, PortSet
from tests.property.strategies import (
    CIDRS,
    NAMESPACES,
    SPAN,
    clusters,
    namespace_selectors,
    port_sets,
    selectors,
)

if TYPE_CHECKING:
    from analyzer.endpoints import Endpoint

TRANSPORTS = PortSet.transports()
PODS = tuple(f"pod-{number}" for number in range(5))
ends: st.SearchStrategy[End] = st.one_of(
    st.builds(
        Named,
        namespace=st.sampled_from((*NAMESPACES, "*", "*a")),
        kind=st.sampled_from(("", "", "Pod", "po", "Job")),
        name=st.sampled_from((*PODS, "*", "pod-[12]")),
        span=st.just(SPAN),
    ),
    st.builds(
        Chosen,
        namespace=st.sampled_from((*NAMESPACES, "*", "*")),
        namespaces=namespace_selectors,
        pods=selectors,
        span=st.just(SPAN),
    ),
    st.builds(Outside, addresses=st.sampled_from(CIDRS).map(AddressSet.of), span=st.just(SPAN)),
    st.just(Outside(addresses=AddressSet.all(), span=SPAN)),
)
sides = st.lists(ends, min_size=1, max_size=2).map(tuple)
transports = port_sets().map(lambda found: found & TRANSPORTS or TRANSPORTS)
exempts = st.builds(
    Exempt,
    sources=st.one_of(st.just(()), sides),
    destinations=st.one_of(st.just(()), sides),
    ports=st.one_of(st.just(TRANSPORTS), transports),
    span=st.just(SPAN),
)
expectations = st.builds(
    Expectation,
    name=st.just("something"),
    sources=sides,
    destinations=sides,
    ports=transports,
    verdict=st.sampled_from(Verdict),
    unless=st.lists(exempts, max_size=2).map(tuple),
    span=st.just(SPAN),
)


class Party(NamedTuple):
    """A pod or a workload, or addresses that no end of an expectation tells apart."""

    endpoint: Endpoint
    addresses: AddressSet


def parties(reachability: Reachability) -> list[Party]:
    found = []
    for each in reachability.endpoints:
        atoms = [each.addresses & ~reachability.cluster.pod_addresses]
        for cidr in CIDRS:
            block = AddressSet.of(cidr)
            atoms = [part for atom in atoms for part in (atom & block, atom - block) if part]
        found += [Party(each, atom) for atom in atoms] if each.external else [Party(each, AddressSet.none())]
    return found


def is_meant(end: End, party: Party, cluster: Cluster) -> bool:
    each = party.endpoint
    match end:
        case Named():
            kinds = {"": each.kind, "po": "Pod"}
            return (
                not each.external
                and glob(end.namespace, each.namespace)
                and kinds.get(end.kind, end.kind) == each.kind
                and glob(end.name, each.name)
            )
        case Chosen():
            return (
                not each.external
                and end.namespace in {"*", each.namespace}
                and end.namespaces.matches(cluster.namespaces[each.namespace].labels)
                and end.pods.matches(each.labels)
            )
        case Outside():
            return bool(party.addresses & end.addresses)
        case _:
            raise AssertionError("no Services here")


def glob(pattern: str, name: str) -> bool:
    if pattern == "*a":
        return name.endswith("a")
    return pattern in {"*", name} or (pattern == "pod-[12]" and name in {"pod-1", "pod-2"})


def on(side: tuple[End, ...], party: Party, cluster: Cluster) -> bool:
    if party.endpoint.external:
        return party.addresses <= AddressSet.union(
            each.addresses for each in side if isinstance(each, Outside)
        )
    return any(is_meant(end, party, cluster) for end in side)


def questions(
    reachability: Reachability, expectation: Expectation
) -> list[tuple[Party, Party, Question, Bounds]]:
    """Return every pair that is asked, one by one."""
    cluster, known = reachability.cluster, parties(reachability)
    sources = [each for each in known if on(expectation.sources, each, cluster)]
    destinations = [each for each in known if on(expectation.destinations, each, cluster)]
    itself = sources == destinations and len(sources) == 1
    found = []
    for a in sources:
        for b in destinations:
            mask = TRANSPORTS
            for each in expectation.unless:
                here = not each.sources or on(each.sources, a, cluster)
                if here and (not each.destinations or on(each.destinations, b, cluster)):
                    mask -= each.ports
            question = Question(verdict=expectation.verdict, ports=expectation.ports, mask=mask)
            alone = a.endpoint is b.endpoint and a.endpoint.replicas < 2 and not itself
            if not question.empty and not alone and not (a.endpoint.external and b.endpoint.external):
                found.append((a, b, question, reachability.connection(a.endpoint, b.endpoint)))
    return found


def counted(found: list[tuple[Party, Party, Question, Bounds]], outcome: Outcome) -> int:
    return sum(question.outcome(bounds) is outcome for _, _, question, bounds in found)


def nobody(expectation: Expectation, reachability: Reachability) -> bool:
    known = parties(reachability)
    return any(
        not any(is_meant(end, each, reachability.cluster) for each in known)
        for end in (*expectation.sources, *expectation.destinations)
    )


@given(clusters(), st.lists(expectations, min_size=1, max_size=4))
def test_an_outcome_is_that_of_its_worst_pair(cluster: Cluster, written: list[Expectation]) -> None:
    reachability = Reachability(cluster)
    for expectation, result in zip(written, check(reachability, written), strict=True):
        found = questions(reachability, expectation)
        if nobody(expectation, reachability) or not found:
            assert result.problem
            assert result.outcome is Outcome.FAILS
            continue
        assert result.problem is None
        failing, doubtful = counted(found, Outcome.FAILS), counted(found, Outcome.UNKNOWN)
        worst = Outcome.FAILS if failing else Outcome.UNKNOWN if doubtful else Outcome.HOLDS
        assert result.outcome is worst
        told = (result.pairs, result.failing, result.doubtful)
        if not any(a.endpoint.external or b.endpoint.external for a, b, _, _ in found):
            assert told == (len(found), failing, doubtful)
        assert (bool(result.failing), bool(result.doubtful)) == (bool(failing), bool(doubtful))
        agree(reachability, result, found)


def agree(
    reachability: Reachability, result: Result, found: list[tuple[Party, Party, Question, Bounds]]
) -> None:
    """A witness is one of the pairs, the source the first in order; its ports are those that are wrong."""
    wrong = [
        (a.endpoint, b.endpoint, question.against(bounds, result.outcome), bounds)
        for a, b, question, bounds in found
        if question.outcome(bounds) is result.outcome
    ]
    if result.outcome is Outcome.HOLDS:
        assert result.witness is None
        return
    assert result.witness
    witness = result.witness
    assert (witness.source, witness.destination, witness.ports, witness.bounds) in wrong
    order = list(reachability.endpoints)
    assert witness.source is min((each[0] for each in wrong), key=order.index)
    assert witness.ports.has(*witness.port)


@given(clusters())
def test_what_is_proposed_is_read_back_and_holds(cluster: Cluster) -> None:
    reachability = Reachability(cluster)
    proposed = propose(reachability)
    text = "".join(render(proposed))
    found, warnings = read_expectations(load(["-"], stdin=BytesIO(text.encode())).documents)
    assert not warnings
    assert found == proposed
    results = check(reachability, found)
    assert [each for each in results if each.outcome is not Outcome.HOLDS or each.idle] == []
    assert len({each.name for each in found}) == len(found)


@given(clusters())
def test_what_is_proposed_speaks_of_every_port_of_every_pair(cluster: Cluster) -> None:
    reachability = Reachability(cluster)
    spoken: dict[tuple[str, str], PortSet] = {}
    for expectation in propose(reachability):
        for a, b, question, _ in questions(reachability, expectation):
            key = (f"{a.endpoint.id} {a.addresses}", f"{b.endpoint.id} {b.addresses}")
            ports = question.mask if question.verdict is Verdict.ONLY else question.asked
            assert not spoken.get(key, PortSet.none()) & ports
            spoken[key] = spoken.get(key, PortSet.none()) | ports
    known = parties(reachability)
    pairs = {
        (f"{a.endpoint.id} {a.addresses}", f"{b.endpoint.id} {b.addresses}")
        for a in known
        for b in known
        if not (a.endpoint.external and b.endpoint.external)
        and not (a.endpoint is b.endpoint and a.endpoint.replicas < 2)
    }
    assert spoken == dict.fromkeys(pairs, TRANSPORTS)
