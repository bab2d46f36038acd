from __future__ import annotations

import pytest
from hypothesis import given

from analyzer.counting import Status, counts, status
from analyzer.model import Cluster, Direction
from analyzer.reachability import Reachability
from analyzer.sets import PortSet, Protocol
from analyzer.summary import MOST_GROUPS, OUTSIDE, Summary, Tally, summarize
from tests.property.strategies import clusters
from tests.unit.manifests import ALLOW_TCP_80, DENY, analysis, pod, policy

ASKED = PortSet.of(Protocol.TCP)


def summary(*documents: str) -> Summary:
    return summarize(analysis(*documents).reachability)


@given(clusters())
def test_the_counts_are_those_of_all_pairs_one_by_one(cluster: Cluster) -> None:
    reachability = Reachability(cluster)
    expected: dict[tuple[str, str], list[int]] = {}
    for source in reachability.endpoints:
        for destination in reachability.endpoints:
            if source is not destination and not (source.external and destination.external):
                pair = source.namespace, destination.namespace
                verdict = status(reachability.connection(source, destination), ASKED)
                expected.setdefault(pair, [0] * len(Status))[verdict] += 1
    found = summarize(reachability, ASKED)
    totals = [sum(numbers[each] for numbers in expected.values()) for each in Status]
    assert found.total == _tally(totals)
    for pair, tally in found.groups.items():
        assert tally == _tally(expected.get(pair, [0] * len(Status)))


def _tally(numbers: list[int]) -> Tally:
    return Tally(
        allowed=numbers[Status.ALLOWED],
        partial=numbers[Status.PARTIAL],
        denied=numbers[Status.DENIED],
        unknown=numbers[Status.UNKNOWN],
    )


@given(clusters())
def test_arrays_count_what_bitmaps_count(cluster: Cluster) -> None:
    pytest.importorskip("numpy", reason="counting by arrays needs NumPy")
    engine = Reachability(cluster).engine
    weights = [[number % 3 for number, _ in enumerate(engine.classes)], [1] * len(engine.classes)]
    by_bitmaps = list(counts(engine, weights, ASKED, large=1 << 30))
    assert list(counts(engine, weights, ASKED, large=0)) == by_bitmaps


def test_arrays_count_what_bitmaps_count_over_several_blocks_of_classes() -> None:
    pytest.importorskip("numpy", reason="counting by arrays needs NumPy")
    peer = "{{podSelector: {{matchLabels: {{app: x{1}}}}}}}"
    admit = (
        f"spec: {{{{podSelector: {{0}}, ingress: [{{{{from: [{peer}], ports: [{{{{port: {{2}}}}}}]}}}}]}}}}"
    )
    own = [
        policy(admit.format(f"{{matchLabels: {{app: x{n}}}}}", n // 2, 80 + n % 3), f"own-{n}")
        for n in range(1, 600)
    ]
    everybody = policy(admit.format("{}", 0, 80))
    pods = [pod(f"p{n}", labels=f"{{app: x{n}}}") for n in range(600)]
    engine = analysis(*pods, *own, everybody).reachability.engine
    assert len(engine.classes) > 600
    weights = [[number % 3 for number, _ in enumerate(engine.classes)], [1] * len(engine.classes)]
    by_bitmaps = list(counts(engine, weights, ASKED, large=1 << 30))
    assert list(counts(engine, weights, ASKED, large=0)) == by_bitmaps


def test_without_numpy_bitmaps_count(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "analyzer.matrix", None)
    engine = analysis(pod("a"), pod("b")).reachability.engine
    weights = [[1] * len(engine.classes)]
    assert list(counts(engine, weights, ASKED, large=0)) == list(counts(engine, weights, ASKED))


def test_pods_policies_and_addresses_are_counted() -> None:
    found = summary(pod("a"), pod("b", "office"), policy(DENY))
    assert (found.endpoints, found.pods, found.external, found.policies) == (2, 2, 1, 1)


def test_pairs_are_ordered_pairs_of_different_endpoints_not_both_outside() -> None:
    assert summary(pod("a"), pod("b")).total.pairs == 3 * 2


def test_namespaces_are_told_apart_and_addresses_outside_are_one_of_them() -> None:
    found = summary(pod("a"), pod("b", "office"), policy(ALLOW_TCP_80))
    assert found.groups["office", "shop"] == Tally(partial=1)
    assert found.groups["shop", "office"] == Tally(allowed=1)
    assert found.groups[OUTSIDE, "shop"] == Tally(partial=1)
    assert found.groups[OUTSIDE, OUTSIDE] == Tally()


def test_a_namespace_called_external_is_a_namespace() -> None:
    found = summary(pod("a", "external"), pod("b", "office"))
    assert found.groups["external", "office"] == Tally(allowed=1)


@pytest.mark.parametrize("count", [1, MOST_GROUPS + 1])
def test_one_namespace_and_very_many_are_not_grouped(count: int) -> None:
    found = summary(*(pod("a", f"team-{number}") for number in range(count)))
    assert found.groups == {}
    assert found.total.pairs == (count + 1) * count


def test_who_is_unprotected_and_who_is_isolated() -> None:
    found = summary(
        pod("a"), pod("b", "office"), pod("c", "bank"), policy(DENY), policy(ALLOW_TCP_80, "x", "bank")
    )
    names = {
        direction: (
            [each.name for each in found.unprotected[direction]],
            [each.name for each in found.isolated[direction]],
        )
        for direction in Direction
    }
    assert names == {Direction.INGRESS: (["b"], ["a"]), Direction.EGRESS: (["c", "b", "a"], [])}


@pytest.mark.parametrize(
    ("node", "tally"),
    [
        ("nodeName: one, hostNetwork: true", Tally(allowed=1)),
        ("nodeName: two, hostNetwork: true", Tally(denied=1)),
        ("hostNetwork: true", Tally(unknown=1)),
    ],
)
def test_a_node_reaches_the_pods_that_it_runs(node: str, tally: Tally) -> None:
    found = summary(pod("a", more="nodeName: one"), pod("agent", "ops", more=node), policy(DENY))
    assert found.groups["ops", "shop"] == tally
