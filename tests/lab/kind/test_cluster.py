"""The program kind under our hands: what it is told, what it leaves, and what its failures mean."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.programs import Ended
from lab.providers.kind.cluster import KindCluster
from lab.providers.kind.config import Options, read, shaped
from lab.providers.kind.engines import Engine
from lab.providers.kind.troubles import of_kind
from tests.fakes.engines import installed
from tests.fakes.programs.state import State


def cluster(tmp_path: Path, name: str = "kubereach", engine: str = "docker") -> KindCluster:
    return KindCluster(
        name=name, engine=Engine(name=engine), kubeconfig=tmp_path / "labs" / f"{name}.kubeconfig"
    )


def test_a_cluster_is_made_with_a_kubeconfig_of_its_own(fakes: State, tmp_path: Path) -> None:
    theirs = tmp_path / "home"
    made = cluster(tmp_path)
    made.create(read())
    (call,) = fakes.calls("kind")
    assert call["words"][:4] == ["create", "cluster", "--name", "kubereach"]
    assert call["words"][call["words"].index("--kubeconfig") + 1] == str(made.kubeconfig)
    assert stat.S_IMODE(made.kubeconfig.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.kubeconfig.parent.stat().st_mode) == 0o700
    assert not theirs.exists()


def test_kind_is_given_the_shaped_configuration_and_nothing_waits(fakes: State, tmp_path: Path) -> None:
    configuration = shaped(read(), Options(nodes=2, cni="kindnet"))
    cluster(tmp_path).create(configuration)
    (call,) = fakes.calls("kind")
    assert json.loads(call["stdin"]) == configuration.document
    assert "--wait" not in call["words"]
    assert "--retain" not in call["words"]


def test_progress_is_told_line_by_line(fakes: State, tmp_path: Path) -> None:
    told: list[str] = []
    cluster(tmp_path).create(read(), told=told.append)
    assert told[0] == 'Creating cluster "kubereach" ...'
    assert " ✓ Joining worker nodes 🚜" in told


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_kind_is_told_the_engine(fakes: State, tmp_path: Path, engine: str) -> None:
    cluster(tmp_path, engine=engine).create(read())
    assert fakes.calls("kind")[0]["engine"] == engine


def test_a_cluster_is_found_by_name_and_removed_twice(fakes: State, tmp_path: Path) -> None:
    made = cluster(tmp_path)
    assert not made.exists()
    made.create(read())
    assert made.exists()
    assert made.nodes() == tuple(
        f"kubereach-{role}" for role in ("control-plane", "worker", "worker2", "worker3")
    )
    assert not cluster(tmp_path, "kube").exists()
    assert made.delete()
    assert not made.delete()
    assert not made.kubeconfig.exists()
    assert fakes.clusters == {}


@pytest.mark.parametrize(
    ("trouble", "message", "help_"),
    [
        ("no-daemon", "the daemon of docker does not answer", "systemctl start docker"),
        ("permission", "you may not use the socket of docker", "sudo"),
        ("exists", "there is a kind cluster `kubereach` already", "--name"),
        ("port-taken", "a port that kind-config.yaml asks for is taken: 127.0.0.1:6443", "apiServerPort"),
        ("pull-fails", "the node image kindest/node:v1.37.0 cannot be pulled: Error response",
         "images.load FILE"),
        ("node-does-not-start", "a node's container did not start up", "kind export logs --name kubereach"),
        ("kubeadm-fails", "the control plane: error execution phase wait-control-plane: cannot obtain",
         "--retain"),
        ("cgroup-v1", "needs cgroup v2", "rootless"),
        ("not-delegated", "may not limit memory", "rootless"),
    ],
)  # fmt: skip
def test_what_kind_says_when_it_fails_is_told_in_the_users_words(
    fakes: State, tmp_path: Path, trouble: str, message: str, help_: str
) -> None:
    fakes.trouble(trouble)
    with pytest.raises(LabError) as raised:
        cluster(tmp_path).create(read())
    assert message in raised.value.message
    assert help_ in (raised.value.help or "")
    assert "\n" not in raised.value.message
    assert fakes.clusters == {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("ERROR: x\n\nCommand Output: too many open files", "inotify limits"),
        ('ERROR: "kubeadm join" failed with error: exit status 137', "not enough memory"),
        (
            "ERROR: unable to decode config: yaml: unmarshal errors:\n  line 3: field a not found",
            "not accept",
        ),
        (
            "write /var: no space left on device",
            "no space left on a disk: write /var: no",
        ),
        ('ERROR: no nodes found for cluster "x"', "there is no kind cluster `x`"),
        ("Error: unable to connect to Podman socket", "docker does not answer"),
        (
            "something {odd} happened",
            "`kind create cluster` failed with exit code 3: something {odd} happened",
        ),
        ("", "it said nothing"),
        (
            "docker: Error response from daemon: unknown\n\nRun 'docker run --help' for more information",
            "failed with exit code 3: docker: Error response from daemon: unknown",
        ),
        (
            "docker: Error response from daemon: no.\nSee 'docker run --help'.",
            "failed with exit code 3: docker: Error response from daemon: no.",
        ),
    ],
)
def test_other_words_are_understood_or_passed_on(words: str, message: str) -> None:
    ended = Ended(words=("kind", "create", "cluster", "--name"), code=3, out="", err=words)
    assert message in of_kind(ended, "k", "docker").message


def test_a_cluster_that_fails_is_kept_when_it_is_to_be_retained(fakes: State, tmp_path: Path) -> None:
    fakes.trouble("kubeadm-fails")
    with pytest.raises(LabError):
        cluster(tmp_path).create(read(), retain=True)
    assert "--retain" in fakes.calls("kind")[0]["words"]
    assert list(fakes.clusters) == ["kubereach"]


def test_images_that_list_more_than_they_have_are_told(fakes: State, tmp_path: Path) -> None:
    made = cluster(tmp_path)
    made.create(read())
    archive = tmp_path / "a.tar"
    archive.write_text("multi-platform")
    with pytest.raises(LabError, match="lacks the content of platforms") as raised:
        made.load(archive)
    assert "images.save" in (raised.value.help or "")
    archive.write_text('{"images": [], "platforms": "one"}')
    made.load(archive)


def test_what_kind_is_at_is_told_without_our_own_choice_of_an_engine(fakes: State, tmp_path: Path) -> None:
    lines: list[str] = []
    cluster(tmp_path).create(read(), told=lines.append)
    assert any("Preparing nodes" in line for line in lines)
    assert not any("KIND_EXPERIMENTAL_PROVIDER" in line for line in lines)


def test_without_kind_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed(monkeypatch, tmp_path, "docker")
    with pytest.raises(LabError, match="`kind` is not installed") as raised:
        cluster(tmp_path).create(read())
    assert "--provider netns" in (raised.value.help or "")


def test_kind_ends_with_us(fakes: State, tmp_path: Path) -> None:
    fakes.trouble("creation-hangs")
    code = (
        "import sys; from pathlib import Path; from lab.providers.kind.engines import Engine\n"
        "from lab.providers.kind.cluster import KindCluster; from lab.providers.kind.config import read\n"
        "made = KindCluster(name='kubereach', engine=Engine(name='docker'), kubeconfig=Path(sys.argv[1]))\n"
        "try: made.create(read(), told=print)\n"
        "except KeyboardInterrupt: print(made.delete())\n"
    )
    path = str(tmp_path / "labs" / "k")
    with subprocess.Popen([sys.executable, "-uc", code, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if "Writing configuration" in line:
                break
        began = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        rest = process.stdout.read()
    assert rest.splitlines()[-1] == "True", "what kind left behind is removed"
    assert time.monotonic() - began < 30, "the program that hung was ended"
    assert fakes.clusters == {}
