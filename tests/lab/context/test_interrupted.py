"""A probe that is stopped, by Ctrl-C or without notice, goes on where it was."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.context.cluster import Cluster
from tests.lab.context.shop import pod, policy, shop
from tests.lab.labs import ROOT, Ended, command

pytestmark = [pytest.mark.lab]

# Of one pod, sixteen at a time: some are decided early, and some late.
PORTS = [word for number in range(8000, 8192, 2) for word in ("--port", f"{number}/TCP")]
PROBE = ("probe", "--name", "long", "--source", "web", "--source", "other", "--format", "json", *PORTS)


def invoke(*words: str) -> Ended:
    return command("invoke", *words)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    pods = [pod(name, "bash") for name in ("web", "other", "db")]
    with shop(tmp_path_factory.mktemp("long"), *pods) as made:
        assert invoke("up", "--provider", "context", "--context", "prod", "--name", "long").code == 0
        yield made


def rows(path: Path) -> dict[str, Any]:
    """Return what was seen, by the probe."""
    return {json.dumps(row[0]): row[1] for row in json.loads(path.read_text())["observations"]}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_what_was_seen_until_a_probe_is_stopped_is_not_asked_again(
    cluster: Cluster, tmp_path: Path, how: signal.Signals
) -> None:
    path = tmp_path / "seen.json"
    words = [sys.executable, "-m", "invoke", *PROBE, "--resume", str(path)]
    with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        ends = time.monotonic() + 60
        while not path.exists():
            assert time.monotonic() < ends, "it is written as it goes"
            assert running.poll() is None, "it goes on for longer"
            time.sleep(0.1)
        running.send_signal(how)
        _, err = running.communicate(timeout=30)
    before = rows(path)
    assert before
    if how is signal.SIGINT:
        assert running.returncode == 130
        assert f"`{path}` has what was seen until now: `--resume {path}` goes on" in err.decode()
    done = invoke(*PROBE, "--resume", str(path))
    assert done.code == 0, done.err
    after = rows(path)
    assert len(after) > len(before), "not all was seen before"
    assert before.items() <= after.items(), "with the same attempts at the same times"
    assert len(after) == len(json.loads(done.out)["observations"])


def test_a_resumed_probe_is_refused_when_policies_have_changed(cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    few = ("probe", "--name", "long", "--source", "web", "--port", "80/TCP", "--resume", str(path))
    assert invoke(*few).code == 0
    cluster.have(policy("other"))
    done = invoke(*few)
    assert done.code == 2
    assert "cannot be resumed: policies, or labels of namespaces, have changed" in done.err
