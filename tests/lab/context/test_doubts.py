"""Silence is believed only of pods that are where they were, and of listeners that still answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from lab.probes import Outcome, Patience, Probe, Protocol
from lab.providers.context.client import Client
from lab.providers.context.execution import Executed
from lab.providers.context.probing.doubts import Doubts
from lab.providers.context.probing.listening import Listening
from lab.providers.context.probing.rounds import Rounds
from lab.providers.context.probing.sources import Seat
from lab.providers.context.probing.verdicts import Place
from tests.fakes.kube_api import KubeApi, Object

TCP, UDP = Protocol.TCP, Protocol.UDP
SEAT = Seat(namespace="shop", pod="web", containers=("probe",), ephemeral=True, ours=True)


class Pod:
    """Says what commands in a pod would say: all that is asked is silent, and who listens has died."""

    def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        command: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float = 60.0,
        on_line: Callable[[str], object] | None = None,
    ) -> Executed:
        numbers = [int(line.split()[0]) for line in stdin.decode().splitlines() if line[0].isdecimal()]
        told = [f"kubereach1 end {each} {'TIMEOUT' if each else 'REFUSED'}" for each in numbers]
        for line in ("kubereach1 tool agnhost", *told) if on_line else ():
            assert on_line
            on_line(line)
        return Executed(lines=(), stderr="", status=0)


@pytest.fixture
def api() -> Iterator[KubeApi]:
    with KubeApi() as made:
        made.users = {"secret": "jane"}
        made.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        yield made


@pytest.fixture
def client(api: KubeApi, tmp_path: Path) -> Iterator[Client]:
    path = tmp_path / "kubeconfig"
    path.write_text(api.kubeconfig())
    made = Client(str(path), "")
    yield made
    made.access.client.rest_client.pool_manager.clear()


def pod(name: str, *addresses: str, phase: str = "Running", **metadata: str) -> Object:
    status = {"phase": phase, "podIP": addresses[0], "podIPs": [{"ip": each} for each in addresses]}
    spec = {"containers": [{"name": "main", "image": "nginx:1"}]}
    named = {"name": name, "namespace": "shop", **metadata}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": named, "spec": spec, "status": status}


def silent(name: str, address: str, protocol: Protocol = TCP) -> Probe:
    return Probe("shop/web", address, protocol, 80, f"shop/{name}")


def test_a_pod_that_is_not_where_it_was_has_dropped_nothing(api: KubeApi, client: Client) -> None:
    api.add(
        pod("there", "10.0.0.1", "fd00::1"),
        pod("moved", "10.0.0.22"),
        pod("failed", "10.0.0.3", phase="Failed"),
        pod("going", "10.0.0.4", deletionTimestamp="2026-01-01T00:00:00Z"),
    )
    names = ("there", "moved", "failed", "going", "gone")
    homes = {f"shop/{name}": ("shop", name) for name in names}
    doubts = Doubts(client, homes, Listening(Pod(), {}, {}, 1))
    probes = [silent(name, f"10.0.0.{number}") for number, name in enumerate(names, start=1)]
    found = doubts([*probes, silent("there", "fd00:0::1"), Probe("shop/web", "10.96.0.1", TCP, 80)])
    assert set(found) == set(probes[1:])
    assert set(found.values()) == {(Outcome.UNREACHABLE, "its destination is not there any more")}


def test_who_listened_and_does_so_no_more_decides_nothing(api: KubeApi, client: Client) -> None:
    api.add(pod("there", "10.0.0.1"))
    listening = Listening(Pod(), {"shop/there": SEAT}, {}, 1)
    listening.spots["10.0.0.1", UDP, 80] = ""
    doubts = Doubts(client, {"shop/there": ("shop", "there")}, listening)
    (found,) = doubts([silent("there", "10.0.0.1"), silent("there", "10.0.0.1", UDP)]).items()
    assert found == (
        silent("there", "10.0.0.1", UDP),
        (Outcome.UNDECIDABLE, "who answered UDP there does so no more"),
    )


def test_only_what_would_be_called_dropped_is_doubted_and_one_doubt_is_enough() -> None:
    asked: list[Collection[Probe]] = []

    def doubts(found: Collection[Probe]) -> Mapping[Probe, tuple[Outcome, str]]:
        asked.append(found)
        return {silent("gone", "10.0.0.2"): (Outcome.UNREACHABLE, "it is not there")}

    place = Place(profile="calico", answering={("10.0.0.1", UDP, 80): ""}, began=0.0)
    rounds = Rounds(Pod(), {"shop/web": SEAT}, place, 1, doubts=doubts)
    probes = [
        silent("there", "10.0.0.1"),
        silent("gone", "10.0.0.2"),
        silent("there", "10.0.0.1", UDP),
        silent("there", "10.0.0.3", UDP),
    ]
    results = rounds.run(probes, Patience(timeout=0.1))
    assert asked == [{probes[0], probes[1], probes[2]}]
    assert [each.outcome for each in results] == [
        Outcome.DROPPED,
        Outcome.UNREACHABLE,
        Outcome.DROPPED,
        Outcome.UNDECIDABLE,
    ]
    assert [each.outcome for each in results[1].attempts] == [Outcome.DROPPED, Outcome.UNREACHABLE]
    assert results[1].attempts[-1].reason == "it is not there"
