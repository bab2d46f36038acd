"""What the tests of kind clusters share: programs on the PATH that are ours, a cluster that they lead to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.engines import installed
from tests.fakes.programs.state import State
from tests.lab.kind.cluster import Cluster


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> State:
    """Let kind and both engines be ours; what is kept about labs is in folders of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return installed(monkeypatch, tmp_path, "kind", "docker", "podman")


@pytest.fixture
def api(fakes: State) -> Iterator[Cluster]:
    """A cluster as kind leaves it, without a network; the kubeconfig that kind writes leads to it."""
    with Cluster() as made:
        (fakes.folder / "kubeconfig").write_text(made.kubeconfig())
        yield made
