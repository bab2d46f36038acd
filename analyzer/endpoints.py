"""Endpoints: what a report names. A workload with all its replicas, a bare pod, or external addresses.

Comes in: a cluster and its classes. Goes out: one endpoint for the pods of a workload that policies see
alike (normally all of them), and one for each class of external addresses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.classes import Kind
from analyzer.record import record
from analyzer.sets import AddressSet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analyzer.classes import PeerClass
    from analyzer.model import Pod, Workload

EXTERNAL = "External"


@record(kw_only=True)
class Endpoint:
    """One end of connections. `number` is its class in the engine.

    `kind` is the workload's kind, or "External"; external endpoints have `cidrs` and no namespace.
    `id` is unique: `namespace/Kind/name`, followed by `#pod` where a workload's pods are not alike.
    """

    id: str
    kind: str
    namespace: str
    name: str
    number: int
    host_network: bool
    pods: tuple[Pod, ...]
    addresses: AddressSet

    @property
    def external(self) -> bool:
        """Whether the endpoint stands for addresses outside the cluster."""
        return self.kind == EXTERNAL

    @property
    def replicas(self) -> int:
        """How many pods the endpoint stands for; 0 for external addresses."""
        return sum(pod.replicas for pod in self.pods)

    @property
    def cidrs(self) -> tuple[str, ...]:
        """The addresses of an external endpoint as CIDRs."""
        return self.addresses.cidrs()

    @property
    def nodes(self) -> frozenset[str]:
        """The nodes that the pods run on; "" stands for one that is not known."""
        return frozenset(pod.node for pod in self.pods)

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of the pods (of the first one: policies cannot tell them apart)."""
        return self.pods[0].labels if self.pods else {}

    def __str__(self) -> str:
        return self.name if self.external else f"{self.namespace}/{self.name}"


def endpoints(classes: Sequence[PeerClass]) -> tuple[Endpoint, ...]:
    """Return all endpoints: by namespace, name and kind; external ones last."""
    parts: dict[Workload, dict[int, list[Pod]]] = {}
    for number, each in enumerate(classes):
        for pod in each.pods:
            parts.setdefault(pod.workload, {}).setdefault(number, []).append(pod)
    inside = [
        _of_pods(workload, number, pods, split=len(found) > 1)
        for workload, found in parts.items()
        for number, pods in found.items()
    ]
    inside.sort(key=lambda each: (each.namespace, each.name, each.kind, each.id))
    outside = [_of_addresses(n, each) for n, each in enumerate(classes) if each.kind is Kind.EXTERNAL]
    return (*inside, *outside)


def _of_pods(workload: Workload, number: int, pods: list[Pod], *, split: bool) -> Endpoint:
    first = min(pods, key=lambda pod: pod.name) if split else pods[0]
    return Endpoint(
        id=f"{workload}#{first.name}" if split else str(workload),
        kind=workload.kind,
        namespace=workload.namespace,
        name=f"{workload.name}#{first.name}" if split else workload.name,
        number=number,
        host_network=first.host_network,
        pods=tuple(pods),
        addresses=AddressSet.none(),
    )


def _of_addresses(number: int, each: PeerClass) -> Endpoint:
    name = address_name(each.places[0])
    return Endpoint(
        id=f"{EXTERNAL}/{name}",
        kind=EXTERNAL,
        namespace="",
        name=name,
        number=number,
        host_network=False,
        pods=(),
        addresses=each.places[0],
    )


def address_name(addresses: AddressSet) -> str:
    """Name a set of addresses shortly and unmistakably: `0.0.0.0/0 except 10.0.0.0/8`, `external`."""
    if addresses == AddressSet.all():
        return "external"
    names = [_family_name(addresses & AddressSet.family(version)) for version in addresses.families()]
    return ", ".join(names)


def _family_name(addresses: AddressSet) -> str:
    """Name addresses of one family by their CIDRs, or by the smallest CIDR around them and its gaps."""
    plain = addresses.cidrs()
    if len(plain) == 1:
        return plain[0]
    around = _around(addresses)
    gaps = (AddressSet.of(around) - addresses).cidrs()
    if len(plain) <= len(gaps) + 1:
        return ",".join(plain)
    return f"{around} except {','.join(gaps)}"


def _around(addresses: AddressSet) -> str:
    """Return the smallest CIDR that covers addresses of one family."""
    from ipaddress import IPv4Network, IPv6Network

    kind = IPv4Network if addresses <= AddressSet.family(4) else IPv6Network
    ((origin, end),) = (AddressSet.family(kind(0).version)).intervals
    first, last = addresses.intervals[0][0] - origin, addresses.intervals[-1][1] - origin
    free = (first ^ last).bit_length()
    return str(kind((first >> free << free, (end - origin).bit_length() - free)))
