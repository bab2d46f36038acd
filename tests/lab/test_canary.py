"""Canaries: nothing is believed of a lab in which they do not behave."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analyzer import AddressSet, Protocol, Reachability, View
from lab import canary
from lab.errors import LabError
from lab.probes import Outcome, ProbeResult
from lab.world import World
from tests.lab.labs import EXAMPLES
from tests.lab.seen import of_paths


@pytest.fixture(scope="module")
def world() -> World:
    return of_paths(("manifests/",)).world


def results(world: World, opened: Outcome, closed: Outcome) -> list[ProbeResult]:
    probes = canary.questions(canary.cluster(world))
    return [
        ProbeResult(probe=probe, outcome=outcome, attempts=())
        for probe, outcome in zip(probes, (opened, closed), strict=True)
    ]


@pytest.mark.parametrize("opened", list(Outcome))
@pytest.mark.parametrize("closed", list(Outcome))
def test_only_an_open_and_a_stopped_connection_are_believed(
    world: World, opened: Outcome, closed: Outcome
) -> None:
    answers = results(world, opened, closed)
    if opened is Outcome.OPEN and closed in (Outcome.DROPPED, Outcome.REJECTED):
        canary.check(answers)
    else:
        with pytest.raises(LabError, match="nothing that it shows would mean anything"):
            canary.check(answers)


def test_the_analyzer_predicts_what_is_asked_of_the_canaries(world: World) -> None:
    view = View(Reachability(canary.cluster(world)))
    by_name = {each.name: each for each in view.reachability.endpoints if each.pods}
    source, opened, closed = (by_name[name] for name in ("source", "open", "closed"))
    assert view.verdict(source, opened).certain.has(Protocol.TCP, 80)
    assert not view.verdict(source, closed).possible.has(Protocol.TCP, 80)


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda path: path.name)
def test_canaries_take_no_pods_address(folder: object) -> None:
    world = of_paths((str(folder),)).world
    taken = {address for each in world.cluster.pods for address in each.addresses}
    own = [address for each in canary.cluster(world).pods for address in each.addresses]
    assert len({*own}) == 3
    assert not taken & {*own}


def test_a_network_without_room_for_canaries_is_an_error(world: World) -> None:
    small = replace(world, cluster=replace(world.cluster, pod_addresses=AddressSet.of("10.244.0.0/30")))
    with pytest.raises(LabError, match="no address left for the lab's canaries"):
        canary.cluster(small)
