"""What the manifests alone promise, held against what was seen.

Comes in: manifests, as predicted without a lab's places and addresses, and a comparison. Goes out: the
findings that break the promise: what is certain did not arrive, or what is impossible did.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer import AddressSet, Endpoint, Protocol, Reachability
from lab.compare import Comparison, Finding, arrived
from lab.manifests import Manifests
from lab.world import World


def broken(manifests: Manifests, comparison: Comparison) -> Iterator[Finding]:
    """Yield the findings that the prediction from the manifests does not allow."""
    reachability = manifests.analysis.reachability
    ends = _Ends(reachability, comparison.plan.world)
    for each in comparison.findings:
        probe, port = (
            each.question.probe,
            (Protocol[each.question.probe.protocol.name], each.question.probe.port),
        )
        if each.question.service:
            continue
        source = ends.of(probe.source, probe.source_address)
        destination = ends.of(probe.expect or "", probe.address)
        bounds = reachability.connection(source, destination)
        came = arrived(each.result)
        if source is destination and probe.source == probe.expect:
            kept = came  # a pod always reaches itself
        else:
            kept = bounds.possible.has(*port) if came else not bounds.certain.has(*port)
        if not kept:
            yield each


class _Ends:
    """The endpoints of the manifests that pods and hosts of a world come from."""

    def __init__(self, reachability: Reachability, world: World) -> None:
        workloads = {pod.workload: each for each in reachability.endpoints for pod in each.pods}
        self._pods = {
            name: workloads[origin] for name, origin in zip(world.names, world.origins, strict=True)
        }
        self._external = [each for each in reachability.endpoints if each.external]

    def of(self, name: str, address: str | None) -> Endpoint:
        """Return the endpoint of a pod by its name in the lab, or of an outside host by its address."""
        if name in self._pods:
            return self._pods[name]
        assert address is not None, "a probe of an outside host names the address it uses"
        here = AddressSet.of(address)
        return next(each for each in self._external if each.addresses & here)
