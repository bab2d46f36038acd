"""Brings a lab up, or changes what lives in one that runs.

Comes in: manifests, and where the lab shall live. Goes out: an exit code, and a line about what there is now.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from analyzer.commands import Exit
from analyzer.console import Console
from lab import records
from lab.commands import Reading, tell
from lab.errors import LabError, up_already
from lab.kindconfig import node_names
from lab.manifests import Manifests, read
from lab.providers import Manner, running
from lab.providers.kind.wanted import Wanted
from lab.providers.netns.provider import EmbeddedLab
from lab.world import Placing, World

PROVIDERS = ("auto", "netns", "kind", "context")
_OF_KIND = ("", "calico", "kindnet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """On which cluster; empty for the user's own kubeconfig, and its current context.

    `kind` is what is wanted of a kind cluster, should it become one.
    """

    context: str = ""
    kubeconfig: str = ""
    kind: Wanted | None = None


def run(
    console: Console,
    reading: Reading,
    *,
    name: str,
    provider: str = "auto",
    where: Where | None = None,
    manner: Manner | None = None,
) -> int:
    """Bring a lab up."""
    began = time.monotonic()
    check_provider(provider)
    where, manner = where or Where(), manner or Manner()
    if provider == "context":
        _refuse_kinds_options(where)
        return _attach(console, reading, name, where, manner)
    if where.context or where.kubeconfig:
        raise LabError("a context is one of a cluster", "write `--provider context` as well")
    if records.load(name) is not None:
        raise up_already(name)
    if _is_kind(provider, reading):
        from lab.commands import cluster

        if provider == "auto":
            tell("kind is installed and an engine answers: a kind cluster (`--provider netns` is quicker)")
        return cluster.up(console, reading, where.kind or Wanted(name=name, cni=reading.cni))
    _refuse_kinds_options(where)
    manifests = checked(console, reading)
    with (
        console.stage("up", "bringing the lab up"),
        EmbeddedLab.up(manifests, name, placing(name, reading)) as lab,
    ):
        try:
            lab.serve()
        except BaseException:
            lab.down()
            raise
        tell(f"lab `{name}` is up: {counted(lab.world)} ({time.monotonic() - began:.2f} s)")
    return Exit.FINE


def _attach(console: Console, reading: Reading, name: str, where: Where, manner: Manner) -> int:
    """Attach a lab to a cluster that is there; with manifests, deploy them."""
    from lab.providers.context.provider import ClusterLab

    if running.exists(name):
        raise up_already(name)
    began = time.monotonic()
    manifests = checked(console, reading) if reading.paths else None
    record = records.Record(
        name=name,
        provider="context",
        context=where.context,
        kubeconfig=str(Path(where.kubeconfig).absolute()) if where.kubeconfig else "",
        cni=reading.cni,
        settings={"agreed": manner.agreed, "image": manner.image},
    )
    with console.stage("up", "reading the cluster"):
        lab = ClusterLab.attach(record, manner)
    console.warn(lab.diagnostics)
    with lab:
        if manifests:
            try:
                lab.deploy(manifests)
            except BaseException:
                lab.down()
                raise
        world = lab.world
        cluster = f"the cluster of context `{lab.record.context}`, cni {world.cluster.profile}"
        tell(f"lab `{name}` is {cluster}: {counted(world)} ({time.monotonic() - began:.2f} s)")
    return Exit.FINE


def deploy(console: Console, reading: Reading, *, name: str, manner: Manner | None = None) -> int:
    """Change what lives in a running lab."""
    began = time.monotonic()
    with running.connect(name, manner) as lab:
        paths = reading.paths or running.sources(lab, name)
        manifests = checked(console, replace(reading, paths=paths))
        lab.deploy(manifests)
        lab.serve()
        tell(f"lab `{name}` has changed: {counted(lab.world)} ({time.monotonic() - began:.2f} s)")
    return Exit.FINE


def _is_kind(provider: str, reading: Reading) -> bool:
    """Decide whether the lab is to be a kind cluster: when asked for, or when one can be had.

    Raises LabError for what is asked of a kind cluster and cannot be.
    """
    if provider == "auto":
        from lab.providers.kind import engines

        return reading.cni in _OF_KIND and reading.max_replicas is None and engines.usable()
    if provider == "kind" and reading.max_replicas is not None:
        raise LabError(
            "a kind cluster gets the manifests as they are",
            "leave out `--max-replicas`, or change `replicas`",
        )
    return provider == "kind"


def _refuse_kinds_options(where: Where) -> None:
    """Raise LabError for options that would have no effect, since no kind cluster is made."""
    if given := where.kind and where.kind.options:
        raise LabError(
            f"{', '.join(f'`{option}`' for option in given)}: only a kind cluster has this",
            "leave it out, or write `--provider kind` as well",
        )


def check_provider(provider: str) -> None:
    """Raise LabError unless labs of this kind can be made."""
    if provider not in PROVIDERS:
        raise LabError(
            f"there is no provider `{provider}` in this version",
            "`netns` brings the manifests to life in network namespaces of this machine, `kind` in a"
            " cluster of its own, `context` attaches to a cluster that is there",
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
    """Say how much lives in a world; what the cluster itself needs is counted apart."""
    system = len(world.limits.quiet)
    numbers = (
        (len(world.names) - system, "pod"),
        (len(world.nodes), "node"),
        (len(list(world.cluster.policies)), "policy"),
        (len(world.outside), "outside host"),
    )
    told = [f"{count} {_plural(what, count)}" for count, what in numbers if count or what != "outside host"]
    return ", ".join(told) + (f" (and {system} {_plural('pod', system)} of the system)" if system else "")


def _plural(what: str, count: int) -> str:
    if count == 1:
        return what
    return f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
