"""Docker or Podman under kind: found, asked, and refused before anything is tried where it cannot work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.providers.kind import engines
from lab.providers.kind.engines import Engine
from tests.fakes.engines import installed
from tests.fakes.programs.state import State

Install = Callable[..., State]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Install:
    return lambda *programs: installed(monkeypatch, tmp_path, *programs)


def test_docker_is_preferred_and_podman_comes_next(install: Install) -> None:
    fakes = install("docker", "podman")
    assert engines.find().name == "docker"
    assert fakes.calls()[0]["words"] == ["info", "--format", "{{json .}}"]


def test_podman_is_found_alone(install: Install) -> None:
    install("podman")
    assert engines.find() == Engine(name="podman", version=(5, 4, 0), memory=16 * 2**30)


def test_podman_stands_in_for_a_docker_that_does_not_answer(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes = install("docker", "podman")
    fakes.trouble("permission")
    assert engines.find().name == "podman"


def test_kinds_own_variable_chooses_the_engine(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("docker", "podman")
    monkeypatch.setenv(engines.CHOICE, "podman")
    assert engines.find().variables == {"KIND_EXPERIMENTAL_PROVIDER": "podman"}


@pytest.mark.parametrize(
    ("programs", "trouble", "message", "help_"),
    [
        ((), "", "neither Docker nor Podman", "--provider netns"),
        (("docker",), "no-daemon", "the daemon of docker does not answer", "systemctl start docker"),
        (("docker",), "permission", "you may not use the socket of docker", "group `docker`"),
        (("podman",), "no-daemon", "podman does not answer", "podman machine start"),
    ],
)
def test_an_engine_that_is_not_to_be_had_is_told_with_its_remedy(
    install: Install, programs: tuple[str, ...], trouble: str, message: str, help_: str
) -> None:
    install(*programs).trouble(trouble)
    with pytest.raises(LabError) as raised:
        engines.find()
    assert message in raised.value.message
    assert help_ in (raised.value.help or "")
    assert not engines.usable()


def test_an_engine_that_there_is_not_is_told(install: Install) -> None:
    install("docker")
    with pytest.raises(LabError, match="there is no engine `nerdctl`"):
        engines.find("nerdctl")
    with pytest.raises(LabError, match="`podman` is not installed"):
        engines.find("podman")


@pytest.mark.parametrize("program", ["docker", "podman"])
@pytest.mark.parametrize(
    ("troubles", "message"),
    [
        (("rootless", "cgroup-v1"), "needs cgroup v2"),
        (("rootless", "not-delegated"), "may not limit memory, processes and CPU"),
    ],
)
def test_what_rootless_kind_needs_is_told_before_it_is_tried(
    install: Install, program: str, troubles: tuple[str, ...], message: str
) -> None:
    fakes = install("kind", program)
    fakes.trouble(*troubles)
    engine = engines.find()
    assert engine.rootless
    with pytest.raises(LabError, match=message):
        engines.check(engine)
    assert not engines.usable()
    assert not fakes.calls("kind")


@pytest.mark.parametrize("program", ["docker", "podman"])
@pytest.mark.parametrize("trouble", ["", "rootless", "cgroup-v1", "not-delegated"])
def test_one_lack_without_the_other_is_no_obstacle(install: Install, program: str, trouble: str) -> None:
    install("kind", program).trouble(trouble)
    engines.check(engines.find())
    assert engines.usable()


def test_a_kubernetes_that_refuses_cgroup_v1_is_told_before_it_is_tried() -> None:
    old = Engine(name="docker", cgroup_v2=False)
    with pytest.raises(LabError, match=r"Kubernetes 1.35 does not start on cgroup v1") as raised:
        engines.check_cgroups(old, (1, 35))
    assert "failCgroupV1: false" in (raised.value.help or "")
    for engine, kubernetes in ((old, (1, 34)), (old, None), (Engine(name="docker"), (1, 36))):
        engines.check_cgroups(engine, kubernetes)


def test_an_old_podman_is_refused(install: Install) -> None:
    install("podman").trouble("old")
    with pytest.raises(LabError, match=r"kind needs Podman 3.0 or later, and this is podman 2.2.1"):
        engines.check(engines.find())


def test_without_kind_no_engine_is_usable(install: Install) -> None:
    install("docker")
    assert not engines.usable()


@pytest.mark.parametrize(
    ("nodes", "instances", "watches", "memory", "told"),
    [
        (4, 128, 8192, 16, ["max_user_instances is 128", "max_user_watches is 8,192"]),
        (4, 512, 524288, 16, []),
        (2, 128, 8192, 16, []),
        (4, 512, 524288, 2, ["docker has 2.0 GiB of memory, and 4 nodes need about 2.7 GiB"]),
    ],
)
def test_limits_that_are_too_low_for_the_nodes_are_doubts(
    tmp_path: Path, nodes: int, instances: int, watches: int, memory: int, told: list[str]
) -> None:
    (tmp_path / "max_user_instances").write_text(f"{instances}\n")
    (tmp_path / "max_user_watches").write_text(f"{watches}\n")
    found = [*engines.doubts(Engine(name="docker", memory=memory * 2**30), nodes, tmp_path)]
    assert len(found) == len(told)
    assert all(part in line for part, line in zip(told, found, strict=True))


def test_where_the_kernel_does_not_tell_its_limits_there_is_no_doubt(tmp_path: Path) -> None:
    assert not [*engines.doubts(Engine(name="docker"), 9, tmp_path)]


def test_an_engine_that_the_lab_does_not_know_is_told_with_the_variable_that_names_it(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("docker")
    monkeypatch.setenv(engines.CHOICE, "nerdctl")
    with pytest.raises(LabError, match="no engine `nerdctl` here, which KIND_EXPERIMENTAL_PROVIDER names"):
        engines.find()


@pytest.mark.parametrize(("value", "off"), [("0", False), ("1", True), ("", True)])
def test_a_kernel_without_ipv6_is_seen(tmp_path: Path, value: str, off: object) -> None:
    assert not engines.has_no_ipv6(tmp_path / "absent" / "ipv6"), "where no kernel tells, nothing is said"
    if value:
        path = tmp_path / "ipv6" / "conf" / "all" / "disable_ipv6"
        path.parent.mkdir(parents=True)
        path.write_text(f"{value}\n")
    assert engines.has_no_ipv6(tmp_path / "ipv6") is off
