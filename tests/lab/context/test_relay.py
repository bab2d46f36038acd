"""Another pod of its kind takes over where one cannot ask: never to please, always told."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.kube_api import removal, status
from tests.fakes.kube_api.kinds import Place
from tests.fakes.kube_api.kubelet import PODS
from tests.lab.context.cluster import Cluster
from tests.lab.context.shop import pod, shop
from tests.lab.labs import Ended, command

pytestmark = [pytest.mark.lab]


def invoke(task: str, *words: str) -> Ended:
    return command("invoke", task, "--name", "many", *words)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two web servers that policies see alike, the first without any program, and a database."""
    pods = pod("web-1", "distroless", app="web"), pod("web-2", "nginx", app="web"), pod("db", "bash")
    with shop(tmp_path_factory.mktemp("many"), *pods) as made:
        assert invoke("up", "--provider", "context", "--context", "prod").code == 0
        yield made


@pytest.fixture
def cluster(shared: Cluster) -> Iterator[Cluster]:
    """The same, with nothing amiss."""
    shared.requests.clear()
    before = set(shared.objects("pods"))
    yield shared
    shared.trouble.clear()
    for namespace, name in set(shared.objects("pods")) - before:
        removal.delete(shared, Place(kind=PODS, namespace=namespace, name=name))
    shared.happened()


def probe(*words: str) -> tuple[Ended, set[tuple[str, str, str]]]:
    done = invoke("probe", "--format", "json", "--port", "80/TCP", *words)
    found: list[dict[str, Any]] = json.loads(done.out)["observations"] if done.out else []
    return done, {
        (each["source"].removeprefix("shop/"), each["destination"].removeprefix("shop/"), each["observed"])
        for each in found
    }


def execs(cluster: Cluster, name: str) -> int:
    return sum(each.path.endswith(f"/{name}/exec") for each in cluster.requests)


def test_a_pod_that_has_no_program_is_replaced_by_one_like_it_which_is_named(cluster: Cluster) -> None:
    done, seen = probe()
    assert done.code == 0, done.err
    assert {each for each in seen if each[2] == "undecidable"} == set()
    assert ("web-2", "db", "open") in seen
    assert {source for source, _, _ in seen} == {"web-2", "db"}
    lines = done.err.splitlines()
    assert "1 pod asked by curl in its own container" in lines
    assert "1 pod asked by bash in its own container" in lines
    assert "1 pod could not ask" in lines
    (told,) = [line for line in lines if line.startswith("taken instead")]
    assert "shop/web-2 for shop/web-1 (no program in the pod's containers can connect" in told


def test_the_table_shows_what_was_seen_between_pods_that_are_alike(cluster: Cluster) -> None:
    done = invoke("probe", "--port", "80/TCP", "--source", "web-1", "--source", "web-2")
    rows = {line.split()[0]: line.split()[1:] for line in done.out.splitlines() if line.startswith("web")}
    assert rows["web-1"][0] == rows["web-2"][0] == "yes"


@pytest.mark.parametrize(
    "reply",
    [
        status(403, "Forbidden", 'pods "web-2" is forbidden: User "jane" cannot create resource "pods/exec"'),
        status(404, "NotFound", 'pods "web-2" not found'),
        status(
            500,
            "InternalError",
            'Internal error occurred: unable to upgrade connection: container not found ("main")',
        ),
    ],
    ids=["forbidden", "gone", "ended"],
)
def test_a_pod_that_nobody_may_enter_or_that_is_gone_is_replaced(cluster: Cluster, reply: Any) -> None:
    cluster.have(pod("web-3", "nginx", app="web"))
    cluster.next("/api/v1/namespaces/shop/pods/web-2/exec", reply)
    done, seen = probe()
    assert done.code == 0, done.err
    assert ("web-3", "db", "open") in seen
    assert {outcome for _, _, outcome in seen} <= {"open", "dropped", "refused"}
    assert "shop/web-3 for shop/web-2" in done.err


def test_a_pod_whose_container_ends_on_the_way_goes_on_in_another_one(cluster: Cluster) -> None:
    cluster.have(pod("other", "bash"))
    words = 'Internal error occurred: unable to upgrade connection: container not found ("main")'
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(probe, "--source", "other", "--destination", "db", "--timeout", "3")
        ends = time.monotonic() + 60
        while not execs(cluster, "other"):
            assert time.monotonic() < ends, "the probe starts"
            time.sleep(0.05)
        cluster.next("/api/v1/namespaces/shop/pods/other/exec", status(500, "InternalError", words))
        done, seen = running.result()
    assert (done.code, seen) == (0, {("other", "db", "dropped")}), done.err
    assert "taken instead" not in done.err
    assert execs(cluster, "other") >= 3


@pytest.mark.parametrize("trouble", ["lost", "dropped", "container is being restarted"])
def test_an_error_stays_an_error_whoever_else_could_ask(cluster: Cluster, trouble: str) -> None:
    cluster.have(pod("web-3", "nginx", app="web"))
    cluster.trouble["shop/web-1"] = trouble
    done, seen = probe("--source", "web*")
    assert done.code == 1
    assert {outcome for source, _, outcome in seen if source == "web-1"} == {"error"}
    assert "taken instead" not in done.err


def test_where_nobody_of_a_kind_can_ask_a_few_are_tried_and_the_reason_stays(cluster: Cluster) -> None:
    cluster.have(*(pod(f"mute-{number}", "distroless", app="mute") for number in range(9)))
    done, seen = probe("--source", "mute*", "--destination", "db")
    assert {outcome for _, _, outcome in seen} == {"undecidable"}
    tried = [number for number in range(9) if execs(cluster, f"mute-{number}")]
    assert len(tried) == 4
    assert done.code == 1, "nothing was decided"
    table = invoke("probe", "--port", "80/TCP", "--source", "mute*", "--destination", "db")
    assert re.search(r"undecidable here: 1 \(no program in the pod's containers can connect", table.out)


def test_a_pod_that_goes_away_while_it_is_asked_is_replaced_and_its_silence_is_no_denial(
    cluster: Cluster,
) -> None:
    cluster.have(pod("db-2", "bash", app="db"), pod("other", "bash"))
    words = ("--source", "other", "--destination", "db*")
    ((_, first, _),) = probe(*words)[1]
    (second,) = {"db", "db-2"} - {first}
    cluster.requests.clear()
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(probe, *words, "--timeout", "3")
        ends = time.monotonic() + 60
        while not execs(cluster, "other"):
            assert time.monotonic() < ends, "the probe starts"
            time.sleep(0.05)
        removal.delete(cluster, Place(kind=PODS, namespace="shop", name=first))
        done, seen = running.result()
    if first == "db":  # which the other tests have
        cluster.have(pod("db", "bash"))
    assert seen == {("other", second, "dropped")}
    assert done.code == 0, done.err
    assert f"shop/{second} for shop/{first} (it is not there any more)" in done.err


def test_what_another_pod_has_seen_counts_when_it_goes_on(cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    first, seen = probe("--resume", str(path))
    assert ("web-2", "db", "open") in seen
    assert first.code == 0, first.err
    cluster.requests.clear()
    again, same = probe("--resume", str(path))
    assert (again.code, same) == (0, seen)
    assert not [each for each in cluster.requests if each.path.endswith("/exec")]


def test_who_asked_is_compared_with_the_prediction_elsewhere(cluster: Cluster, tmp_path: Path) -> None:
    path, dump = tmp_path / "seen.json", tmp_path / "dump.yaml"
    probe("--output", str(path))
    objects = [each for kind in ("namespaces", "pods") for each in cluster.objects(kind).values()]
    objects += cluster.objects("networkpolicies", "networking.k8s.io").values()
    kinds = {"apiVersion": "v1", "kind": "List", "items": objects}
    dump.write_text(json.dumps(kinds))
    done = command("lab.verify", "--recording", str(path), "--port", "80/TCP", str(dump))
    assert done.out.endswith("verified\n"), done.out + done.err
    assert done.code == 0
