"""Brings a lab up, or changes what lives in one that runs.

Comes in: manifests, and where the lab shall live. Goes out: an exit code, and a line about what there is now.
"""

from __future__ import annotations

import time

from analyzer.commands import Exit
from analyzer.console import Console
from lab.commands import Reading, tell
from lab.errors import LabError
from lab.kindconfig import node_names
from lab.manifests import Manifests, read
from lab.providers.netns.provider import EmbeddedLab
from lab.world import Placing, World

PROVIDERS = ("auto", "netns")


def run(console: Console, reading: Reading, *, name: str, provider: str = "auto") -> int:
    """Bring a lab up."""
    began = time.monotonic()
    check_provider(provider)
    manifests = checked(console, reading)
    with (
        console.stage("up", "bringing the lab up"),
        EmbeddedLab.up(manifests, name, placing(name, reading)) as lab,
    ):
        lab.serve()
        tell(f"lab `{name}` is up: {counted(lab.world)} ({time.monotonic() - began:.2f} s)")
    return Exit.FINE


def deploy(console: Console, reading: Reading, *, name: str) -> int:
    """Change what lives in a running lab."""
    began = time.monotonic()
    with EmbeddedLab.connect(name) as lab:
        manifests = checked(console, reading if reading.paths else Reading(paths=lab.world.sources))
        lab.deploy(manifests)
        lab.serve()
        tell(f"lab `{name}` has changed: {counted(lab.world)} ({time.monotonic() - began:.2f} s)")
    return Exit.FINE


def check_provider(provider: str) -> None:
    """Raise LabError unless labs of this kind can be made."""
    if provider not in PROVIDERS:
        raise LabError(
            f"there is no provider `{provider}` in this version",
            "`netns` brings the manifests to life in network namespaces of this machine",
        )


def checked(console: Console, reading: Reading) -> Manifests:
    """Read manifests, and tell what is to be said about them. Raises AnalyzerError before anything starts."""
    manifests = read(reading.paths, reading.said)
    console.warn(manifests.analysis.diagnostics)
    return manifests


def placing(name: str, reading: Reading) -> Placing:
    """Return how to place pods: on nodes as kind-config.yaml has them. Raises LabError for no replicas."""
    if reading.max_replicas is not None and reading.max_replicas < 1:
        raise LabError("a workload has at least one replica in a lab", "write `--max-replicas 1` or more")
    return Placing(nodes=node_names(name), most_replicas=reading.max_replicas)


def counted(world: World) -> str:
    """Say how much lives in a world."""
    numbers = (
        (len(world.names), "pod"),
        (len(world.nodes), "node"),
        (len(list(world.cluster.policies)), "policy"),
        (len(world.outside), "outside host"),
    )
    return ", ".join(f"{count} {_plural(what, count)}" for count, what in numbers)


def _plural(what: str, count: int) -> str:
    if count == 1:
        return what
    return f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
