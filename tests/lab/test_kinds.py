"""Who stands for whom: one pair of each kind, as few who ask as can be, and no node left out.

What must be is worked out the plain way, from all pairs of endpoints.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import yaml

from analyzer import Match
from lab import manifests
from lab.kinds import Key, kind_of_pair
from lab.plan import Plan, Question, Wanted, plan
from lab.randomly import cluster
from lab.world import NOWHERE, Limits, Placement, Placing, World, realize
from tests.lab.labs import EXAMPLES, ROOT
from tests.lab.seen import of_paths

NODES = tuple(f"node-{number}" for number in range(1, 6))


def workload(name: str, replicas: int, namespace: str = "shop") -> dict[str, object]:
    labels = {"app": name}
    container = {"name": "c", "image": "i", "ports": [{"containerPort": 80}]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def policy(app: str, *admitted: str) -> dict[str, object]:
    peers = [{"podSelector": {"matchLabels": {"app": each}}} for each in admitted]
    spec = {"podSelector": {"matchLabels": {"app": app}}, "ingress": [{"from": peers}]}
    metadata = {"name": app, "namespace": "shop"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


SHOP = (workload("web", 10), workload("db", 7), policy("db", "web"), policy("web", "db"))
"""Two kinds of pods on five nodes."""


def world_of(documents: Iterable[object], folder: Path, before: Placement = NOWHERE) -> World:
    path = folder / "cluster.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    return realize(manifests.read((str(path),)).cluster, Placing(nodes=NODES), before=before)


def between(made: Plan) -> dict[tuple[str, str], Question]:
    """Return a question of each pair of pods."""
    return {
        (each.probe.source, each.probe.expect or ""): each
        for each in made.questions
        if not (each.service or each.source.external or each.destination.external)
    }


def kinds_asked(made: Plan) -> list[Key]:
    pairs = {
        (each.source.id, each.destination.id): each for each in made.questions if each.service == ""
    }.values()
    return [kind_of_pair(each.source, each.destination) for each in pairs]


def kinds_there(made: Plan) -> set[Key]:
    """Return the kinds that can be asked, from all pairs one by one."""
    found = set()
    places = made.places
    for source, destination, _ in made.view.connections():
        names = places.names.get(source.id), places.names.get(destination.id)
        if names[0] and names[1] and not places.silent(names[0]) and places.paths(names[0], names[1]):
            found.add(kind_of_pair(source, destination))
    return found


def nodes_of(world: World, names: Collection[str]) -> set[str]:
    return {pod.node for name, pod in world.pods() if name in names}


@pytest.mark.parametrize("seed", range(60))
def test_one_pair_of_each_kind_is_asked_with_the_verdict_of_that_pair(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    documents = [*cluster(seed, random.choice(((4,), (6,), (4, 6)))), *SHOP]
    world = world_of(documents, tmp_path)
    mute = {name: "a pod that cannot ask" for name in world.names if random.random() < 0.3}
    quiet = {name: "a pod that shall not" for name in world.names if random.random() < 0.1}
    world = replace(world, limits=replace(world.limits, mute=mute, quiet=quiet))
    made = plan(world, Wanted(every_pod=random.random() < 0.5))
    asked = kinds_asked(made)
    assert len(asked) == len(set(asked))
    assert set(asked) == kinds_there(made)
    for each in made.questions:
        if not each.service:
            bounds = made.view.verdict(each.source, each.destination)
            assert bounds.certain >= each.ports or each.predicted is not Match.YES
            assert each.source is made.places.endpoints[each.probe.source]
            assert each.destination is made.places.endpoints[each.probe.expect or ""]
            assert each.probe.address in made.places.addresses[each.probe.expect or ""]


@pytest.mark.parametrize("folder", [ROOT / "manifests", *EXAMPLES], ids=lambda path: path.name)
def test_the_same_world_is_asked_the_same(folder: Path) -> None:
    first, second = of_paths((str(folder),)), of_paths((str(folder),))
    assert [each.probe for each in first.questions] == [each.probe for each in second.questions]


def test_where_all_pods_differ_each_asks_each() -> None:
    made = of_paths((str(ROOT / "manifests"),))
    assert len(made.questions) == 104
    assert len(between(made)) == 9


def test_a_few_pods_ask_one_of_each_kind_and_one_on_each_node(tmp_path: Path) -> None:
    world = world_of(SHOP, tmp_path)
    made = plan(world)
    asking = {source for source, _ in between(made)}
    assert len(between(made)) == 6, "two kinds with each other, among themselves, and a pod with itself"
    assert nodes_of(world, asking) == set(NODES)
    assert len(asking) == len(NODES)
    assert {name.rpartition("-")[0] for name in asking} == {"shop/web", "shop/db"}


def test_as_many_pods_and_nodes_as_possible_are_asked(tmp_path: Path) -> None:
    others = [workload(f"app-{number}", 2) for number in range(12)]
    policies = [policy(f"app-{number}", "web") for number in range(12)]
    world = world_of([*SHOP, *others, *policies], tmp_path)
    asked = {destination for _, destination in between(plan(world))}
    assert asked == set(world.names)


def test_every_pod_asks_when_it_is_wanted_at_no_more_probes(tmp_path: Path) -> None:
    others = [workload(f"app-{number}", 2) for number in range(12)]
    policies = [policy(f"app-{number}", "web") for number in range(12)]
    world = world_of([*SHOP, *others, *policies], tmp_path)
    few, all_ = plan(world), plan(world, Wanted(every_pod=True))
    assert {source for source, _ in between(all_)} == set(world.names)
    assert len({source for source, _ in between(few)}) == 14
    assert len(few.questions) == len(all_.questions)


def test_who_cannot_ask_is_not_chosen_and_who_may_not_be_there_is_asked_last(tmp_path: Path) -> None:
    world = world_of(SHOP, tmp_path)
    mute = {name: "it does not run" for name in world.names if name not in ("shop/web-7", "shop/db-3")}
    made = plan(replace(world, limits=Limits(mute=mute)))
    assert {source for source, _ in between(made)} == {"shop/web-7", "shop/db-3"}
    pairs = set(between(made))
    assert {("shop/web-7", "shop/db-3"), ("shop/web-7", "shop/web-7")} <= pairs
    assert len(pairs) == 6, "another one of its own kind is none of those that run, and is asked all the same"
    assert made.impossible == {"it does not run": len(mute)}, "to the addresses outside, each for itself"


def test_why_a_kind_cannot_be_asked_is_counted(tmp_path: Path) -> None:
    world = world_of(SHOP, tmp_path)
    mute = {name: "it does not run" for name in world.names if name.startswith("shop/db")}
    made = plan(replace(world, limits=Limits(mute=mute)))
    assert {source.rpartition("-")[0] for source, _ in between(made)} == {"shop/web"}
    assert made.impossible["it does not run"] >= 3


def test_pairs_that_were_asked_before_stand_for_their_kind_again(tmp_path: Path) -> None:
    world = world_of(SHOP, tmp_path)
    known = {("shop/web-5", "shop/db-6"), ("shop/gone", "shop/db-1"), ("shop/db-2", "shop/db-2")}
    pairs = set(between(plan(world, Wanted(known=known))))
    assert {("shop/web-5", "shop/db-6"), ("shop/db-2", "shop/db-2")} <= pairs
    assert len(pairs) == 6


def test_with_what_was_asked_before_one_pod_more_changes_nothing(tmp_path: Path) -> None:
    before = set(between(plan(world_of(SHOP, tmp_path))))
    more = world_of([workload("web", 11), *SHOP[1:], workload("aaa", 1)], tmp_path)
    assert before <= set(between(plan(more, Wanted(known=before))))


def test_one_pod_more_changes_only_who_is_asked_of_its_kind(tmp_path: Path) -> None:
    others = [workload(f"app-{number}", 4) for number in range(12)]
    policies = [policy(f"app-{number}", "web") for number in range(12)]
    world = world_of([*SHOP, *others, *policies], tmp_path)
    more = world_of([*SHOP, workload("app-0", 5), *others[1:], *policies], tmp_path, world.placement)
    before, after = set(between(plan(world))), set(between(plan(more)))
    changed = {pair for pair in before - after if not pair[1].startswith("shop/app-0-")}
    assert not changed
    assert len(before & after) > 0.8 * len(before)


def test_another_pod_of_its_kind_takes_the_place_of_one(tmp_path: Path) -> None:
    world = world_of(SHOP, tmp_path)
    made = plan(world)
    for (source, destination), question in between(made).items():
        for mute, gone in (({source}, set()), (set(), {destination}), ({source}, {destination})):
            other = made.instead(question, mute, gone)
            assert other is not None
            assert other.probe.source not in mute | gone
            assert other.probe.expect not in gone
            assert kind_of_pair(other.source, other.destination) == kind_of_pair(
                question.source, question.destination
            )
            assert other.probe.address in made.places.addresses[other.probe.expect or ""]
            assert (other.ports, other.predicted) == (question.ports, question.predicted)
            if source != destination:
                assert mute or other.probe.source == source, "an end that can take part stays"
                assert gone or destination in {other.probe.expect, other.probe.source}
    everybody = set(world.names)
    assert all(made.instead(each, everybody) is None for each in made.questions)
    assert all(made.instead(each, (), everybody) is None for each in made.questions)


def test_who_cannot_ask_can_still_be_asked(tmp_path: Path) -> None:
    made = plan(world_of([workload("web", 2), *SHOP[1:]], tmp_path))
    (question,) = (each for pair, each in between(made).items() if set(pair) == {"shop/web-0", "shop/web-1"})
    other = made.instead(question, {question.probe.source})
    assert other is not None
    assert (other.probe.source, other.probe.expect) == (question.probe.expect, question.probe.source)


def test_with_every_pair_nobody_takes_the_place_of_another(tmp_path: Path) -> None:
    made = plan(world_of(SHOP, tmp_path), Wanted(every_pair=True))
    assert len(between(made)) == 17 * 17
    assert all(made.instead(each, {each.probe.source}) is None for each in made.questions)


def test_a_service_is_asked_by_a_pod_of_each_kind_behind_it_or_not(tmp_path: Path) -> None:
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "shop"}}
    made = plan(world_of([*SHOP, {**service, "spec": spec}], tmp_path))
    asking = [each for each in made.questions if each.service]
    assert sorted(each.source.name.rpartition("-")[0] for each in asking) == ["db", "web"]
    for each in asking:
        other = made.instead(each, {each.probe.source})
        assert other is not None
        assert other.source.name.rpartition("-")[0] == each.source.name.rpartition("-")[0]
        assert other.probe.address == each.probe.address
