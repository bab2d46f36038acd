"""The answer: what each endpoint may open to each other one.

Comes in: a cluster. Goes out: endpoints, and for every ordered pair the ports that are allowed for
certain and those that may be; the engine's verdict between classes, and the two exemptions that hold
between single pods.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, assert_never

from analyzer.bounds import Bounds
from analyzer.endpoints import Endpoint, endpoints
from analyzer.engine import Engine
from analyzer.model import Match
from analyzer.sets import PortSet

if TYPE_CHECKING:
    from analyzer.model import Cluster

EVERYTHING = Bounds(PortSet.all(), PortSet.all())


class Reachability:
    """Who may reach whom in one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.engine = Engine(cluster)
        # What classes admit from every address that a node may have, as far as Services were asked for.
        self.from_nodes: dict[int, PortSet] = {}

    @cached_property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """All endpoints: pods and workloads by namespace and name, then external addresses."""
        return endpoints(self.engine.classes)

    def connection(self, source: Endpoint, destination: Endpoint) -> Bounds:
        """Return what `source` may open to `destination`.

        For an endpoint with itself: between two of its replicas; a single pod always reaches itself.
        Between external addresses everything is allowed: no policy sees it.
        """
        match exemption(source, destination):
            case Match.YES:
                return EVERYTHING
            case Match.MAYBE:
                certain = self.engine.between(source.number, destination.number).certain
                return Bounds(certain, PortSet.all())
            case Match.NO:
                return self.engine.between(source.number, destination.number)
            case never:
                assert_never(never)


def exemption(source: Endpoint, destination: Endpoint) -> Match:
    """Tell whether a connection is allowed whatever the policies say.

    A pod always reaches itself; a node (so a hostNetwork pod) always reaches the pods that it runs.
    """
    if source is destination and not source.external and source.replicas < 2:
        return Match.YES
    if not source.host_network or destination.host_network or destination.external:
        return Match.NO
    here, there = source.nodes, destination.nodes
    if here == there and len(here) == 1 and "" not in here:
        return Match.YES
    return Match.MAYBE if "" in here | there or here & there else Match.NO
