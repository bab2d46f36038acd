"""Others at the same time, and signals of all sorts: nothing of ours is left, nothing of theirs is lost."""

from __future__ import annotations

import os
import signal
import time

import pytest

from lab import records
from lab.commands import carried_out, cluster
from tests.fakes.programs.state import State
from tests.lab.kind.cluster import Cluster
from tests.lab.kind.ups import WANTED, bring_down, kept, nothing_left, starting, up


@pytest.mark.parametrize(
    "signals",
    [
        (signal.SIGTERM,),
        (signal.SIGHUP,),
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGTERM, signal.SIGINT, signal.SIGHUP),
    ],
)
@pytest.mark.parametrize("step", ["creating the kind", "waiting for Calico"])
def test_whatever_ends_it_nothing_is_left(
    api: Cluster, fakes: State, step: str, signals: tuple[signal.Signals, ...]
) -> None:
    if step.startswith("creating"):
        fakes.trouble("creation-hangs")
    api.stuck = step.startswith("waiting")
    with starting() as process:
        assert process.stderr
        for line in process.stderr:
            if line.startswith(step):
                break
        while not fakes.clusters:
            assert process.poll() is None
            time.sleep(0.02)
        for number in signals:
            time.sleep(0.2)
            os.kill(process.pid, number)
        error = process.stderr.read()
    # One that is not the first may come when all is done already.
    assert process.returncode in (130, *(-each for each in signals)), error
    assert "the kind cluster `kubereach` was removed again" in error
    assert "Traceback" not in error
    assert nothing_left(fakes)


def test_a_terminal_that_is_gone_does_not_keep_it_from_removing(api: Cluster, fakes: State) -> None:
    api.stuck = True
    with starting() as process:
        assert process.stderr
        for line in process.stderr:
            if line.startswith("waiting for Calico"):
                break
        process.stderr.close()
        os.kill(process.pid, signal.SIGHUP)
        process.wait(60)
    assert nothing_left(fakes)


def test_of_two_at_the_same_time_one_makes_it_and_the_other_leaves_it_alone(
    api: Cluster, fakes: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looked = records.load

    def quicker(name: str) -> records.Record | None:
        """Let another process be quicker between our look and what we do."""
        monkeypatch.setattr(records, "load", looked)
        found = looked(name)
        record = records.Record(name=name, provider="kind", context="theirs", kubeconfig="theirs")
        records.save(record, new=True)
        return found

    monkeypatch.setattr(records, "load", quicker)
    assert carried_out(lambda console: cluster.create(console, WANTED)) == 2
    assert "the lab `kubereach` is up already" in capsys.readouterr().err
    assert kept(fakes) == ["kubereach.json"]
    theirs = records.load("kubereach")
    assert theirs
    assert theirs.context == "theirs"
    assert fakes.clusters == {}


def test_who_is_brought_down_while_it_comes_up_does_not_stay(
    fakes: State, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lab.providers.kind.cluster import KindCluster

    create = KindCluster.create

    def slow(self: KindCluster, *arguments: object, **options: object) -> None:
        create(self, *arguments, **options)  # type: ignore[arg-type]
        records.forget("kubereach")  # as `down` does where kind knows no cluster yet

    monkeypatch.setattr(KindCluster, "create", slow)
    assert up() == 2
    told = capsys.readouterr().err
    assert "error: the lab `kubereach` was brought down while it came up" in told
    assert nothing_left(fakes)


def test_a_lab_of_another_kind_keeps_its_name(fakes: State, capsys: pytest.CaptureFixture[str]) -> None:
    records.save(records.Record(name="kubereach", provider="context", context="prod"))
    assert carried_out(lambda console: cluster.create(console, WANTED)) == 2
    assert "the lab `kubereach` is up already" in capsys.readouterr().err
    record = records.load("kubereach")
    assert record
    assert (record.provider, fakes.clusters) == ("context", {})


def test_a_cluster_that_was_deleted_by_hand_can_be_made_anew(api: Cluster, fakes: State) -> None:
    assert carried_out(lambda console: cluster.create(console, WANTED)) == 0
    fakes.keep("clusters", {})
    assert carried_out(lambda console: cluster.create(console, WANTED)) == 0
    assert list(fakes.clusters) == ["kubereach"]
    assert bring_down() == 0
    assert nothing_left(fakes)
