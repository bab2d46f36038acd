"""Shows who lives in a lab: pods with address, node, labels and the policies that select them."""

from __future__ import annotations

from collections.abc import Iterator

from tabulate import tabulate

from analyzer import Direction, Pod, Reachability
from analyzer.commands import Exit
from analyzer.console import Console
from analyzer.load.text import printable
from lab.commands import say
from lab.providers import running
from lab.world import World, endpoint_of

_HEADS = ("NAMESPACE", "NAME", "IP", "NODE", "LABELS", "SELECTED BY")


def run(console: Console, *, name: str) -> int:
    """Write what lives in a lab."""
    with running.connect(name) as lab:
        world = lab.world
    say(tabulate([*_rows(world)], _HEADS, tablefmt="plain", disable_numparse=True))
    return Exit.FINE


def _rows(world: World) -> Iterator[tuple[str, ...]]:
    reachability = Reachability(world.cluster)
    endpoints = endpoint_of(reachability, world)
    for name, pod in world.pods():
        number = endpoints[name].number
        chosen = (
            f"{policy} ({direction.value})"
            for direction in Direction
            for policy in reachability.engine.policies(direction, number)
        )
        yield (
            pod.namespace,
            printable(pod.name),
            ",".join(pod.addresses),
            pod.node,
            _labels(pod),
            _listed(chosen),
        )
    for each in world.outside:
        yield "", each.name, ",".join(each.addresses), "outside", "", ""


def _labels(pod: Pod) -> str:
    return printable(",".join(f"{key}={value}" for key, value in sorted(pod.labels.items()))) or "<none>"


def _listed(names: Iterator[str]) -> str:
    return printable(", ".join(names)) or "<none>"
