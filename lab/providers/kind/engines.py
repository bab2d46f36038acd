"""The container engine on which kind's nodes run: Docker or Podman, and what is known not to work on it.

Comes in: what `docker info` or `podman info` says, limits of the kernel. Goes out: an `Engine`, or a LabError
before anything was tried. The conditions are kind's own, which it would only find out by failing:
https://kind.sigs.k8s.io/docs/user/rootless/ and https://kind.sigs.k8s.io/docs/user/known-issues/.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.programs import Ended, found, run
from lab.providers.kind.troubles import of_engine

CHOICE = "KIND_EXPERIMENTAL_PROVIDER"
"""The variable by which kind is told another engine than Docker."""

_SECONDS = 20.0
_PROC = Path("/proc/sys/fs/inotify")
_IPV6 = Path("/proc/sys/net/ipv6")
# What kind's documentation asks for; the usual 128 instances hold about two nodes.
_WATCHES, _INSTANCES = 524288, 512
_FEW_NODES = 2
_NODE_MEMORY = 700 * 2**20
"""Bytes that a node with kubelet, kube-proxy and calico-node needs, in round numbers."""
_NO_CGROUP_V1 = (1, 35)
_CONTROLLERS = ("memory", "pids", "cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A container engine that answers. `memory` in bytes, 0 when it does not tell.

    `delegated`: its containers' memory, processes and CPU can be limited, which kubelet needs.
    """

    name: str
    version: tuple[int, ...] = ()
    rootless: bool = False
    cgroup_v2: bool = True
    delegated: bool = True
    memory: int = 0

    @property
    def variables(self) -> Mapping[str, str]:
        """What kind must find in its environment to use this engine."""
        return {CHOICE: self.name}

    def __str__(self) -> str:
        kind = "rootless " if self.rootless else ""
        return f"{kind}{self.name} {'.'.join(map(str, self.version))}".strip()


def find(choice: str = "") -> Engine:
    """Return the engine that is chosen, by name or by kind's variable, else Docker or Podman.

    Raises LabError that says of each one why it is none.
    """
    chosen = choice or os.environ.get(CHOICE, "")
    if chosen and chosen not in _ENGINES:
        where = "" if choice else f", which {CHOICE} names"
        raise LabError(f"there is no engine `{chosen}` here{where}", f"write one of {', '.join(_ENGINES)}")
    if chosen:
        return _ENGINES[chosen]()
    present = [name for name in _ENGINES if found(name)]
    if not present:
        raise LabError(
            "there is neither Docker nor Podman on this machine, and kind's nodes are their containers",
            "install one of them, or bring the lab up without: `--provider netns`",
        )
    problems = []
    for name in present:
        try:
            return _ENGINES[name]()
        except LabError as error:
            problems.append(error)
    raise problems[0]


def usable() -> bool:
    """Return whether a kind cluster can be had: kind, what speaks with clusters, an engine that answers."""
    if not found("kind") or find_spec("kubernetes") is None:
        return False
    try:
        check(find())
    except LabError:
        return False
    return True


def check(engine: Engine) -> None:
    """Raise LabError for an engine on which kind is known not to work."""
    if engine.rootless and not engine.cgroup_v2:
        raise LabError(
            f"kind on rootless {engine.name} needs cgroup v2, and this machine has v1",
            "start the kernel with `systemd.unified_cgroup_hierarchy=1`, or use the engine as root",
        )
    if engine.rootless and not engine.delegated:
        raise LabError(
            f"rootless {engine.name} may not limit memory, processes and CPU of containers, as kubelet must",
            "let systemd delegate them: `Delegate=yes` for user@.service, see "
            "https://kind.sigs.k8s.io/docs/user/rootless/",
        )
    if engine.name == "podman" and engine.version and engine.version < (3,):
        raise LabError(
            f"kind needs Podman 3.0 or later, and this is {engine}", "update Podman, or use Docker"
        )


def check_cgroups(engine: Engine, kubernetes: tuple[int, int] | None) -> None:
    """Raise LabError where kubelet would not start: on cgroup v1, unless its configuration allows that.

    kubelet's `failCgroupV1` is true from Kubernetes 1.35 on (https://kep.k8s.io/5573).
    """
    if kubernetes and kubernetes >= _NO_CGROUP_V1 and not engine.cgroup_v2:
        raise LabError(
            f"Kubernetes {kubernetes[0]}.{kubernetes[1]} does not start on cgroup v1, which this machine has",
            "start the kernel with `systemd.unified_cgroup_hierarchy=1`, or give kind-config.yaml a "
            "`kubeadmConfigPatches` with `failCgroupV1: false` for `kind: KubeletConfiguration`, or take an "
            "older one: `--kubernetes-version v1.34.11`",
        )


def doubts(engine: Engine, nodes: int, limits: Path = _PROC) -> Iterator[str]:
    """Yield what may go wrong with so many nodes on this machine, with what to do about it."""
    for name, needed in (("max_user_instances", _INSTANCES), ("max_user_watches", _WATCHES)):
        limit = _number(limits / name)
        if limit is not None and limit < needed and nodes > _FEW_NODES:
            yield (
                f"fs.inotify.{name} is {limit:,}, which may be too little for {nodes} nodes "
                f'("too many open files"): sudo sysctl fs.inotify.{name}={needed}'
            )
    wanted = nodes * _NODE_MEMORY
    if engine.memory and engine.memory < wanted:
        yield (
            f"{engine.name} has {_gib(engine.memory)} of memory, and {nodes} nodes need about "
            f"{_gib(wanted)}: give it more, or bring up fewer with `--nodes`"
        )


def has_no_ipv6(settings: Path = _IPV6) -> bool:
    """Tell whether IPv6 is turned off on this machine, as far as its kernel tells."""
    return settings.parent.is_dir() and _number(settings / "conf" / "all" / "disable_ipv6") != 0


def _docker() -> Engine:
    told = _told("docker", "{{json .}}")
    options = {part for text in told.get("SecurityOptions") or () for part in str(text).split(",")}
    # With the driver `none` what Docker says about limits means nothing (moby/moby#42151).
    limits = told.get("CgroupDriver") != "none" and all(
        told.get(name) for name in ("MemoryLimit", "PidsLimit", "CPUShares")
    )
    return Engine(
        name="docker",
        version=_version(told.get("ServerVersion")),
        rootless="name=rootless" in options,
        cgroup_v2=str(told.get("CgroupVersion")) == "2",
        delegated=limits,
        memory=_bytes(told.get("MemTotal")),
    )


def _podman() -> Engine:
    told = _told("podman", "json")
    host = told.get("host") or {}
    version = _version((told.get("version") or {}).get("Version"))
    # Podman tells its controllers from version 4 on; before, they may be there.
    controllers = host.get("cgroupControllers") or ()
    return Engine(
        name="podman",
        version=version,
        rootless=bool((host.get("security") or {}).get("rootless")),
        cgroup_v2=host.get("cgroupVersion") == "v2",
        delegated=version < (4,) or all(name in controllers for name in _CONTROLLERS),
        memory=_bytes(host.get("memTotal")),
    )


_ENGINES: Mapping[str, Callable[[], Engine]] = {"docker": _docker, "podman": _podman}


def _told(name: str, form: str) -> dict[str, Any]:
    """Return what an engine says about itself. Raises LabError when it does not answer."""
    if not found(name):
        raise LabError(f"`{name}` is not installed", f"install {name}, or use another engine")
    ended = run((name, "info", "--format", form), seconds=_SECONDS)
    told = _json(ended)
    # `docker info` prints what the client knows, and fails, when the daemon does not answer.
    if ended.code or told is None:
        raise of_engine(name, ended)
    return told


def _json(ended: Ended) -> dict[str, Any] | None:
    try:
        value = json.loads(ended.out)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _version(text: object) -> tuple[int, ...]:
    match = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", str(text))
    return tuple(int(part) for part in match.groups(default="0")) if match else ()


def _bytes(value: object) -> int:
    return value if isinstance(value, int) else 0


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
