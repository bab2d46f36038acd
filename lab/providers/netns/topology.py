"""Who is in the lab: nodes, pods and outside hosts with their addresses, as data.

Comes in: names and addresses that somebody else chose. Goes out: a `Topology` that is known to be buildable,
or one LabError that names everything that is wrong with it.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lab.errors import LabError

GATEWAY4, GATEWAY6 = "169.254.1.1", "fe80::1"
"""Where every namespace sends what is not its own, as with Calico; no endpoint may have these addresses."""
FABRIC4, FABRIC6 = "169.254.0.1", "fd6b:7265:6163:68::1"
"""The fabric's own addresses: the senders of `no route to this address`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabNode:
    """A node: it routes for its pods, and it is where policies are enforced."""

    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabPod:
    """A pod on a node. With `host_network` it lives in the node's namespace and has the node's addresses."""

    name: str
    node: str
    addresses: tuple[str, ...] = ()
    host_network: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideHost:
    """Somebody outside the cluster, with one or many addresses in one namespace."""

    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """A whole lab. Names are unique over nodes, pods and hosts together: they are the lab's identities."""

    nodes: tuple[LabNode, ...]
    pods: tuple[LabPod, ...] = ()
    hosts: tuple[OutsideHost, ...] = ()

    def check(self) -> None:
        """Raise LabError unless every name and address is given once and every pod's node exists."""
        problems = [*_name_problems(self), *_address_problems(self), *_pod_problems(self)]
        if problems:
            raise LabError("the lab cannot be built: " + "; ".join(problems))


def packed(address: str) -> bytes:
    """Return the 4 or 16 bytes of an address. Raises LabError when it is none."""
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    except OSError as error:
        raise LabError(f"`{address}` is not an IP address") from error


def address_text(address: bytes) -> str:
    """Return the usual text of 4 or 16 bytes."""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def unusable(address: str) -> str | None:
    """Say why no endpoint can have this address; None when one can."""
    try:
        data = packed(address)
    except LabError as error:
        return error.message
    if data in (packed(GATEWAY4), packed(GATEWAY6), packed(FABRIC4), packed(FABRIC6)):
        return f"`{address}` is reserved for the lab's own routers"
    if len(data) == 4:
        bad = data[0] in (0, 127) or 224 <= data[0] < 240 or data == b"\xff\xff\xff\xff"
    else:
        mapped = data[:12] == bytes(10) + b"\xff\xff"
        bad = data[0] == 0xFF or data[:15] == bytes(15) or mapped or data[:2] == b"\xfe\x80"
    return f"`{address}` is not the address of a single remote host" if bad else None


def _name_problems(topology: Topology) -> Iterator[str]:
    names = Counter(item.name for group in (topology.nodes, topology.pods, topology.hosts) for item in group)
    for name, count in names.items():
        if count > 1:
            yield f"the name `{name}` is given {count} times"
    if not topology.nodes:
        yield "there is no node"


def _address_problems(topology: Topology) -> Iterator[str]:
    owners: dict[bytes, str] = {}
    for name, address in _addresses(topology):
        problem = unusable(address)
        if problem is not None:
            yield f"{problem} (`{name}`)"
            continue
        owner = owners.setdefault(packed(address), name)
        if owner != name:
            yield f"`{owner}` and `{name}` both have the address `{address}`"


def _addresses(topology: Topology) -> Iterator[tuple[str, str]]:
    groups: tuple[Iterable[LabNode | LabPod | OutsideHost], ...] = (
        topology.nodes,
        (pod for pod in topology.pods if not pod.host_network),
        topology.hosts,
    )
    for group in groups:
        for item in group:
            for address in item.addresses:
                yield item.name, address


def _pod_problems(topology: Topology) -> Iterator[str]:
    nodes = {node.name: node for node in topology.nodes}
    for pod in topology.pods:
        node = nodes.get(pod.node)
        if node is None:
            yield f"`{pod.name}` is on the node `{pod.node}`, which does not exist"
        elif pod.host_network and not set(pod.addresses) <= set(node.addresses):
            yield f"`{pod.name}` shares the network of `{pod.node}` but has other addresses"
        elif not pod.host_network and not pod.addresses:
            yield f"`{pod.name}` has no address"
