"""Pods' networks, entered on their nodes through the engine: what nodes are asked, and what goes wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.probes import Protocol
from lab.providers.context.client import Client
from lab.providers.context.execution import Executed
from lab.providers.context.failures import ApiError
from lab.providers.context.probing.asking import Pod, Report
from lab.providers.context.probing.script import Said, Target
from lab.providers.context.probing.sources import Seat, seat_of
from lab.providers.kind import nodes as node_module
from lab.providers.kind.cluster import KindCluster
from lab.providers.kind.engines import Engine
from lab.providers.kind.nodes import Nodes
from tests.fakes.kube_api import KubeApi
from tests.fakes.programs.state import State

_POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"nodeName": "walk-worker", "containers": [{"name": "main", "image": "distroless"}]},
}


@pytest.fixture(autouse=True)
def running(fakes: State) -> None:
    """Let two clusters be there already."""
    fakes.keep("clusters", {"walk": ["walk-control-plane", "walk-worker"], "other": ["other-worker"]})


@pytest.fixture
def seat(fakes: State) -> Iterator[Seat]:
    """A pod without a container that could ask, on a node that is there."""
    with KubeApi() as api:
        api.add(_POD)
        (fakes.folder / "kubeconfig").write_text(api.kubeconfig())
        client = Client(str(fakes.folder / "kubeconfig"), "")
        yield seat_of(client.get("/api/v1/namespaces/shop/pods/web"), {})


def entering(engine: str = "docker") -> Nodes:
    return Nodes(KindCluster(name="walk", engine=Engine(name=engine), kubeconfig=Path("absent")))


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_a_command_runs_where_the_sandbox_of_the_pod_is(fakes: State, seat: Seat, engine: str) -> None:
    heard: list[str] = []
    done = entering(engine).exec(seat, ["tr", "a-z", "A-Z"], stdin=b"a\nb\n", on_line=heard.append)
    assert done == Executed(lines=("A", "B"), stderr="", status=0)
    assert heard == ["A", "B"]
    pods, inspect, enter = (call["words"] for call in fakes.calls(engine))
    assert pods[:6] == ["exec", "walk-worker", "crictl", "pods", "-q", "--state"]
    assert pods[-1] == f"io.kubernetes.pod.uid={seat.uid}"
    assert inspect[:6] == ["exec", "walk-worker", "crictl", "inspectp", "-o", "json"]
    assert enter[:5] == ["exec", "-i", "walk-worker", "nsenter", "-t"]
    assert enter[6:] == ["-n", "tr", "a-z", "A-Z"]


def test_how_a_command_ended_is_told(seat: Seat) -> None:
    done = entering().exec(seat, ["sh", "-c", "echo no >&2; exit 3"])
    assert (done.status, done.stderr, done.trouble) == (3, "no\n", "")


@pytest.mark.parametrize(
    ("changes", "trouble", "words"),
    [
        ({}, "no-daemon", "the daemon of docker does not answer"),
        ({}, "permission", "you may not use the socket of docker"),
        ({}, "no-crictl", 'exec: "crictl": executable file not found in $PATH'),
        ({}, "no-pid", "does not tell the process of the pod's sandbox"),
        ({"uid": "0-0"}, "", "has no sandbox of the pod that is ready"),
        ({"uid": "x y"}, "", "no UID by which its node knows it"),
        ({"uid": ""}, "", "no UID by which its node knows it"),
        ({"node": "other-worker"}, "", "`other-worker` is no node of the kind cluster `walk`"),
        ({"node": "--privileged"}, "", "`--privileged` is no node of the kind cluster `walk`"),
    ],
)
def test_a_node_that_cannot_be_asked_is_no_answer(
    fakes: State, seat: Seat, changes: dict[str, Any], trouble: str, words: str
) -> None:
    fakes.trouble(trouble)
    done = entering().exec(replace(seat, **changes), ["echo", "kubereach1 tool curl"])
    assert (done.status, done.lines) == (None, ())
    assert words in done.trouble
    assert not [call for call in fakes.calls() if "nsenter" in call["words"]]


def test_without_the_engine_nothing_is_answered(fakes: State, seat: Seat) -> None:
    (fakes.folder / "bin" / "podman").unlink()
    assert "`podman` cannot be run" in entering("podman").exec(seat, ["true"]).trouble


def test_a_command_that_does_not_end_is_ended(fakes: State, seat: Seat) -> None:
    fakes.trouble("nsenter-hangs")
    done = entering().exec(seat, ["true"], timeout=0.5)
    assert done.status is None
    assert "did not end within" in done.trouble


def test_a_node_whose_runtime_does_not_answer_is_given_up(
    seat: Seat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_module, "_SECONDS", 0.0)
    assert "did not end within" in entering().exec(seat, ["true"]).trouble


def test_hanging_up_ends_what_runs_and_begins_nothing(fakes: State, seat: Seat) -> None:
    entered = entering()
    arrived = threading.Event()
    found: list[Executed] = []

    def run() -> None:
        words = ["sh", "-c", "echo here; exec sleep 60"]
        found.append(entered.exec(seat, words, on_line=lambda _: arrived.set()))

    thread = threading.Thread(target=run)
    thread.start()
    assert arrived.wait(30)
    began = time.monotonic()
    entered.hang_up()
    thread.join(30)
    assert time.monotonic() - began < 30
    assert (found[0].status, found[0].trouble) == (None, "it was ended")
    assert entered.exec(seat, ["true"]).status is None


class Api:
    """An API server whose exec is answered as it is told, by container."""

    def __init__(self, **answers: Executed | Exception) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def exec(self, namespace: str, pod: str, container: str, command: Any, **_: Any) -> Executed:
        self.asked.append(container)
        answer = self.answers[container]
        if isinstance(answer, Exception):
            raise answer
        return answer


_LACKS = Executed(lines=(), stderr="", status=None, trouble='exec: "sh": executable file not found in $PATH')


_TARGET = Target(number=1, protocol=Protocol.TCP, address="127.0.0.1", port=1, seconds=1.0)


def asked(api: Api, seat: Seat) -> tuple[Pod, Report]:
    pod = Pod(api, seat, threading.Event(), entering())
    return pod, pod.ask([_TARGET], lambda *_: None)[1]


def test_a_pod_with_nothing_in_it_asks_through_its_node(seat: Seat) -> None:
    pod, report = asked(Api(), seat)
    assert report.said is Said.REFUSED, "nobody listens at port 1 of the loopback"
    assert pod.way == "asked by nsenter on its node"


def test_the_node_comes_after_the_ephemeral_container_and_before_the_pods_own(
    fakes: State, seat: Seat
) -> None:
    forbidden = ApiError(403, "exec shop/web", "pods/exec is forbidden")
    api = Api(ours=forbidden, main=_LACKS)
    seat = replace(seat, ephemeral=True, containers=("ours", "main"), why="")
    pod, _ = asked(api, seat)
    assert (api.asked, pod.way) == (["ours"], "asked by nsenter on its node")
    fakes.trouble("no-nsenter")
    pod, report = asked(api, seat)
    assert api.asked == ["ours", "ours", "main"]
    assert pod.way == "could not ask"
    assert report.said is Said.BROKEN
    assert report.words.startswith("its node: the probe ended with exit status 127: OCI runtime exec failed")


def test_a_node_that_says_nothing_is_an_error_and_never_a_denial(fakes: State, seat: Seat) -> None:
    fakes.trouble("sandbox-gone")
    pod, report = asked(Api(), seat)
    assert report.said is Said.BROKEN
    assert "its node: the probe ended with exit status 1: nsenter: cannot open /proc/" in report.words
    assert pod.way == "could not ask"


def test_what_answered_once_is_asked_again(fakes: State, seat: Seat) -> None:
    api = Api(main=Executed(lines=(), stderr="", status=0))
    pod = Pod(api, replace(seat, containers=("main",)), threading.Event(), entering())
    for _ in range(2):
        assert pod.ask([_TARGET], lambda *_: None)[1].said is Said.REFUSED
    assert api.asked == []
