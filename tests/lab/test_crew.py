from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from lab.probes import Outcome, Patience, Protocol
from lab.providers.netns import crew
from tests.lab.sandbox import Inside
from tests.lab.worlds import TCP, UDP, every_pair, hooked, listening

pytestmark = pytest.mark.lab


@pytest.fixture(autouse=True)
def three_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have even a few probes carried out by three processes."""
    monkeypatch.setattr(crew, "_WORTH_A_PROCESS", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})


@pytest.mark.parametrize("protocol", Protocol)
def test_several_processes_see_what_one_would(inside: Inside, protocol: Protocol) -> None:
    def story() -> None:
        told: list[tuple[int, int]] = []
        with listening(12) as network:
            closed = [pod.addresses[0] for pod in network.topology.pods[::3]]
            rule = f'ip daddr {{ {", ".join(closed)} }} log prefix "closed" group 1 drop'
            for node in ("n1", "n2"):
                network.load_ruleset(node, hooked("ct state established,related accept", rule))
            probes = every_pair(network, protocol)
            results = network.probe(probes, timeout=5, on_progress=lambda *counts: told.append(counts))
            assert [result.probe for result in results] == probes
            for result in results:
                shut = result.probe.address in closed and result.probe.source != result.probe.expect
                assert result.outcome is (Outcome.DROPPED if shut else Outcome.OPEN)
                assert result.rule == ("closed" if shut else None)
                assert result.attempts[0].source_port > 0
            assert told[-1] == (144, 144)

    inside(story)


def test_a_process_that_is_killed_gives_errors_and_never_verdicts(inside_once: Inside) -> None:
    def story() -> None:
        with listening(12) as network:
            network.load_ruleset("n1", hooked("drop"))  # nothing ends soon
            run = network.start(every_pair(network, UDP), Patience(timeout=0.3))
            children = Children()
            os.kill(children.one(), signal.SIGKILL)
            network.loop.run(lambda: run.done)
            lost = [result for result in run.results() if result.outcome is Outcome.ERROR]
            assert len(lost) == 48
            assert {result.attempts[0].reason for result in lost} == {"the probing process ended early"}

    inside_once(story)


def test_where_no_process_can_be_forked_one_does_it_all(
    inside_once: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    def story() -> None:
        with listening(12) as network:
            monkeypatch.setattr(os, "fork", full)
            results = network.probe(every_pair(network, TCP))
            assert [result.probe for result in results] == every_pair(network, TCP)
            assert {result.outcome for result in results} == {Outcome.OPEN}

    inside_once(story)


def test_a_run_that_is_given_up_leaves_no_process(inside_once: Inside) -> None:
    def story() -> None:
        with listening(12) as network:
            network.load_ruleset("n1", hooked("drop"))
            network.start(every_pair(network, TCP), Patience(timeout=30))
            network.loop.turn(0)
            assert Children().pids
        with suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
            raise AssertionError("a process is left")

    inside_once(story)


class Children:
    """The processes that this process has forked."""

    def __init__(self) -> None:
        listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
        self.pids = [int(word) for word in listed.split()]

    def one(self) -> int:
        """Return the last of them."""
        return self.pids[-1]
