"""The whole way on Podman, rootful and rootless: images saved and loaded, packets, and nothing left."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import records
from tests.fakes.engines import installed
from tests.fakes.programs.state import State
from tests.lab import labs, sandbox
from tests.lab.kind.ups import CALICO
from tests.lab.kind.walking import Cluster, invoke
from tests.lab.labs import ROOT, command

pytestmark = [pytest.mark.lab]


@pytest.fixture(params=["rootful", "rootless"])
def fakes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    """Let kind and Podman be ours, and no Docker be there."""
    sandbox.inside(rootless=os.geteuid() != 0)
    with labs.runtime_folder(), pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        environment.setenv("PYTHONPATH", str(ROOT))
        made = installed(environment, tmp_path, "kind", "podman")
        made.trouble(*(["rootless"] if request.param == "rootless" else []))
        yield made


def test_the_whole_way_without_a_network(fakes: State, tmp_path: Path) -> None:
    rootless = fakes.troubles
    bundle = str(tmp_path / "lab.tar")
    saved = invoke("images.save", bundle, "--calico-manifest", CALICO)
    assert saved.code == 0, saved.err
    fakes.keep("images", [])
    fakes.trouble(*rootless, "pull-fails")
    with Cluster(tmp_path / "cluster") as api:
        (tmp_path / "kubeconfig").write_text(api.kubeconfig())
        programs = tmp_path / "node"
        programs.mkdir()
        for name in ("sh", "bash", "curl", "sleep", "timeout"):
            found = shutil.which(name)
            assert found, f"{name} is on this machine"
            (programs / name).symlink_to(found)
        words = [sys.executable, "-m", "tests.lab.context.inside", "behind"]
        fakes.keep("inside", {"words": words, "path": str(programs)})
        up = invoke("up", "--name", "walk", "--provider", "kind", "--images", bundle)
        assert up.code == 0, up.err
        assert (
            f"({len(fakes.clusters['walk'])} nodes, {'rootless ' if rootless else ''}podman 5.4.0)" in up.err
        )
        assert "docker.io/library/nginx:latest" in fakes.read("loaded")
        address = api.objects("pods")["test-c", "test-pod-c"]["status"]["podIP"]
        shell = invoke("shell", "test-pod-a", "--name", "walk", behind=("curl", "-sm", "2", f"{address}:80"))
        assert (shell.code, shell.out.strip()) == (0, "test-c/test-pod-c"), shell.err
        api.denied.add("pods/ephemeralcontainers")  # so Podman enters the nodes
        probed = invoke("probe", "--name", "walk", "--port", "80/TCP", "--format", "json")
        assert probed.code == 0, probed.err
        seen = {
            (each["source"], each["destination"]): each["observed"]
            for each in json.loads(probed.out)["observations"]
        }
        assert seen["test-a/test-pod-a", "test-b/test-pod-b"] == "dropped"
        assert seen["test-c/test-pod-c", "test-b/test-pod-b"] == "open"
        verified = command("lab.verify", "--lab", "walk", "--port", "80/TCP")
        assert (verified.code, verified.out.splitlines()[-1]) == (0, "verified"), verified.err
        assert "3 pods asked by nsenter on their node" in verified.out + verified.err
        again = invoke("images.load", bundle, "--name", "walk")
        assert again.code == 0, again.err
        for told in ("lab `walk` is down\n", "no lab `walk` is running\n"):
            done = invoke("down", "--name", "walk")
            assert (done.code, done.err) == (0, told)
    assert fakes.clusters == {}
    assert records.names() == []
    assert {call["engine"] for call in fakes.calls("kind")} <= {"podman", ""}
    assert not fakes.calls("docker")
