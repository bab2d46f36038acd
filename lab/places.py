"""Where the endpoints of a prediction are in a lab: who stands for them, by which addresses they are reached.

Comes in: a world, its endpoints, and what the user filters. Goes out: the ways from one to another, and what
of each endpoint decides whether it can take part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from analyzer import Endpoint, Filters
from lab.kinds import Member
from lab.world import World


class Path(NamedTuple):
    """From whom to whom, the address there, and the one to start from, where it must be chosen."""

    source: str
    destination: str
    address: str
    start: str | None


class Places:
    """The places of a world's endpoints."""

    def __init__(self, world: World, endpoints: Mapping[str, Endpoint], filters: Filters) -> None:
        """Take the endpoint of each pod and outside host, by its name in the lab."""
        self._limits, self._filters = world.limits, filters
        self.endpoints = endpoints
        self.names = {each.id: name for name, each in endpoints.items()}
        self.addresses = {name: pod.addresses for name, pod in world.pods()}
        self.addresses.update((each.name, each.addresses) for each in world.outside)
        self.outside = frozenset(each.name for each in world.outside)
        self._nodes = {name: pod.node for name, pod in world.pods()}
        self.identity_of = world.identity_of()
        self.answering = {name: frozenset((each,)) for name, each in self.identity_of.items()}
        self._starts: dict[str, Mapping[bool, Sequence[str | None]]] = {}

    def members(self) -> dict[str, Member]:
        """Return what decides who takes part, by the endpoints' ids."""
        return {
            each: Member(
                name=name,
                node=self._nodes.get(name, ""),
                families=frozenset(":" in address for address in self.addresses[name]),
                silent=self.silent(name),
                absent=name in self._limits.mute,
            )
            for each, name in self.names.items()
        }

    def silent(self, name: str) -> str:
        """Return why no probe starts in a pod; "" when one can."""
        if why := self._limits.mute.get(name):
            return why
        if self._filters.sources or name.partition("/")[0] in self._filters.namespaces:
            return ""
        return self._limits.quiet.get(name, "")

    def paths(self, source: str, destination: str) -> list[Path]:
        """Return from where to where one can go: names, and addresses of the same family."""
        if (starts := self._starts.get(source)) is None:
            starts = self._starts[source] = self._starts_of(source)
        return [
            Path(source, destination, target, start)
            for target in self.addresses[destination]
            for start in starts[":" in target]
        ]

    def _starts_of(self, source: str) -> Mapping[bool, Sequence[str | None]]:
        """Return where probes start, by whether that is IPv6: outside from each address, in pods from any."""
        found: dict[bool, list[str | None]] = {False: [], True: []}
        for address in self.addresses[source]:
            found[":" in address].append(address)
        if source in self.outside:
            return found
        return {six: [None] if some else [] for six, some in found.items()}
