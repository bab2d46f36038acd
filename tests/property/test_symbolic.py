"""What is said of pods that need not exist holds for any such pod, once it is there."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings, strategies as st

from analyzer.bounds import Bounds
from analyzer.engine import at
from analyzer.labelsets import Values, example, label_sets
from analyzer.model import Cluster, Direction, Namespace, Pod, TierKind, Workload
from analyzer.reachability import Reachability
from analyzer.selectors import NAMESPACE_NAME, Selector
from analyzer.symbolic import ANY_POD, PodGroup, Symbolic
from tests.property.strategies import SPAN, VALUES, clusters, labels, selectors

values = st.builds(Values, st.booleans(), st.booleans(), st.frozensets(st.sampled_from(VALUES), max_size=3))
# Absent, every value that can be named, and one that cannot.
HELD = (None, *VALUES, "another")


def holds(allowed: Values, held: str | None) -> bool:
    if held is None:
        return allowed.absent
    return (held in allowed.values) is not allowed.others


@given(values, values)
def test_values_are_sets(one: Values, other: Values) -> None:
    for held in HELD:
        assert holds(one & other, held) is (holds(one, held) and holds(other, held))
    assert (one <= other) is all(holds(other, held) for held in HELD if holds(one, held))
    assert bool(one) is any(holds(one, held) for held in HELD)


@given(selectors, labels)
def test_a_selector_means_its_label_sets(selector: Selector, held: dict[str, str]) -> None:
    sets = label_sets(selector)
    assert selector.matches(held) is all(holds(allowed, held.get(key)) for key, allowed in sets.items())


@given(selectors)
def test_an_example_is_selected(selector: Selector) -> None:
    found = example(label_sets(selector))
    assert found is None or selector.matches(found)
    if found is None:
        assert not all(label_sets(selector).values())


def fresh(cluster: Cluster, namespace: Namespace, pod_labels: dict[str, str]) -> Cluster:
    """The cluster with one more pod, called `fresh`, of which neither address nor ports are known."""
    pod = Pod(
        name="fresh",
        workload=Workload(kind="Pod", namespace=namespace.name, name="fresh"),
        labels=pod_labels,
        ports=(),
        addresses=(),
        host_network=False,
        node="",
        replicas=1,
        span=SPAN,
    )
    return replace(
        cluster,
        pods=(*cluster.pods, pod),
        namespaces={**cluster.namespaces, namespace.name: namespace},
    )


def own_side(cluster: Cluster, subject: str, direction: Direction) -> Bounds:
    """What the policies of one endpoint let pass to or from the fresh pod."""
    reachability = Reachability(cluster)
    found = {pod.name: each.number for each in reachability.endpoints for pod in each.pods}
    engine = reachability.engine
    return engine.algebra.cells[at(engine.row(direction, found[subject]), found["fresh"])]


def within(inner: Bounds, outer: Bounds) -> bool:
    return outer.certain <= inner.certain and inner.possible <= outer.possible


namespaces = st.one_of(
    st.sampled_from(("alpha", "beta")).map(lambda name: (name, None)),
    labels.map(lambda found: ("new", found)),
)


def chosen(cluster: Cluster, picked: tuple[str, dict[str, str] | None]) -> Namespace:
    name, found = picked
    if found is None:
        return cluster.namespaces[name]
    return Namespace(name=name, labels={**found, NAMESPACE_NAME: name})


def matches(group: PodGroup, namespace: Namespace, pod_labels: dict[str, str]) -> bool:
    return group.namespaces.matches(namespace.labels) and group.pods.matches(pod_labels)


@settings(max_examples=150)
@given(clusters(), namespaces, labels)
def test_whatever_pod_comes_gets_what_its_groups_were_promised(
    cluster: Cluster, picked: tuple[str, dict[str, str] | None], pod_labels: dict[str, str]
) -> None:
    namespace = chosen(cluster, picked)
    reachability = Reachability(cluster)
    symbolic = Symbolic(reachability.engine)
    later = fresh(cluster, namespace, pod_labels)
    for endpoint in reachability.endpoints:
        if endpoint.external:
            continue
        for direction in Direction:
            actual = own_side(later, endpoint.pods[0].name, direction)
            row = symbolic.row(direction, endpoint.number)
            policies = reachability.engine.policies(direction, endpoint.number)
            groups = symbolic.groups(policies, direction)
            assert within(actual, symbolic.verdict(row, ANY_POD).every)
            mine = [group for group in groups if matches(group, namespace, pod_labels)]
            for group in mine:
                assert within(actual, symbolic.verdict(row, group).every)
            if not mine:
                assert within(actual, symbolic.verdict(row, ANY_POD).alone)
            if all(tier.kind is TierKind.UNION for tier in cluster.tiers[:1]) and len(cluster.tiers) == 1:
                promised = symbolic.verdict(row, ANY_POD).alone
                for group in mine:
                    alone = symbolic.verdict(row, group).alone
                    promised = Bounds(promised.certain | alone.certain, promised.possible | alone.possible)
                assert within(actual, promised)


@given(clusters())
def test_a_pod_with_just_these_labels_gets_what_the_group_alone_was_promised(cluster: Cluster) -> None:
    reachability = Reachability(cluster)
    symbolic = Symbolic(reachability.engine)
    endpoint = reachability.endpoints[0]
    for direction in Direction:
        policies = reachability.engine.policies(direction, endpoint.number)
        row = symbolic.row(direction, endpoint.number)
        groups = symbolic.groups(policies, direction)
        for group in groups:
            pod_labels = example(label_sets(group.pods)) or {}
            named = example(label_sets(group.namespaces)) or {}
            name = named.get(NAMESPACE_NAME, "new")
            known = Namespace(name=name, labels={**named, NAMESPACE_NAME: name})
            namespace = cluster.namespaces.get(name, known)
            others = [each for each in groups if matches(each, namespace, pod_labels)]
            if not all(inside(group, each, namespace) for each in others):
                continue
            actual = own_side(fresh(cluster, namespace, pod_labels), endpoint.pods[0].name, direction)
            promised = symbolic.verdict(row, group).alone
            assert within(actual, promised)
            if not any(rule.ports.named for each in policies for rule in each.rules(direction)):
                # Nobody knows the ports of a pod that is not there; all else is known.
                assert actual == promised


def inside(group: PodGroup, other: PodGroup, namespace: Namespace) -> bool:
    """Whether every pod of a group, if it is in this namespace, is one of another group."""
    pods, wanted = label_sets(group.pods), label_sets(other.pods)
    if any(not pods.get(key, Values(absent=True, others=True)) <= each for key, each in wanted.items()):
        return False
    if group.namespaces == other.namespaces:
        return True
    pinned = NAMESPACE_NAME in label_sets(group.namespaces) and namespace.name != "new"
    return pinned or not other.namespaces.requirements


def test_the_first_group_is_any_pod() -> None:
    assert not ANY_POD.namespaces.requirements
    assert not ANY_POD.pods.requirements
