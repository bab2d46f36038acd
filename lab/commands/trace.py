"""One real connection, with the rules that decided it, next to the explanation of the prediction."""

from __future__ import annotations

from argparse import ArgumentTypeError

from analyzer import Match, Reachability
from analyzer.commands import Exit
from analyzer.commands.ports import port as read_port
from analyzer.console import Console
from analyzer.explain import explain
from analyzer.load.text import printable, shown
from analyzer.report.explanation import render
from lab.commands import say
from lab.commands.shell import resident
from lab.compare import arrived
from lab.errors import LabError
from lab.probes import Outcome, Probe, Protocol
from lab.providers import running
from lab.report.table import attempt_line
from lab.world import World, endpoint_of


def run(console: Console, source: str, destination: str, port: str, *, name: str) -> int:
    """Connect once, and tell what decided; 1 when the prediction is another."""
    try:
        protocol, number = read_port(port)
        transport = Protocol[protocol.name]
    except (ArgumentTypeError, KeyError) as error:
        raise LabError(f"{shown(port)} is no port of a connection", "write it as `80/TCP`") from error
    with running.connect(name) as lab:
        world = lab.world
        here, there = resident(world, source), resident(world, destination)
        result, met = lab.trace(_probe(world, here, there, transport, number))
    reachability = Reachability(world.cluster)
    endpoints = endpoint_of(reachability, world)
    found = explain(reachability, endpoints[here], endpoints[there], (protocol, number))
    say(printable(f"{here} -> {there} {number}/{protocol.name}: {result.outcome.value}"))
    for attempt in result.attempts:
        say(f"  attempt {attempt_line(attempt)}")
    told = {attempt.rule for attempt in result.attempts}
    for verdict in met or ():
        if verdict not in told:
            say(f"  {printable(verdict)}")
    if met is not None and not met:
        say("  no policy decided")
    say()
    say("predicted:")
    for line in render(found).splitlines():
        say(f"  {printable(line)}".rstrip())
    predicted = Match.YES if found.bounds.certain.has(protocol, number) else Match.NO
    unknown = found.bounds.unknown.has(protocol, number)
    if unknown or result.outcome in (Outcome.ERROR, Outcome.UNDECIDABLE):
        return Exit.UNKNOWN
    return Exit.FINE if arrived(result) is (predicted is Match.YES) else Exit.FINDING


def _probe(world: World, source: str, destination: str, protocol: Protocol, port: int) -> Probe:
    addresses = {name: pod.addresses for name, pod in world.pods()}
    addresses.update((each.name, each.addresses) for each in world.outside)
    families = {":" in address for address in addresses[source]}
    for address in addresses[destination]:
        if (":" in address) in families:
            return Probe(source=source, address=address, protocol=protocol, port=port, expect=destination)
    raise LabError(f"`{source}` and `{destination}` have no IP family in common")
