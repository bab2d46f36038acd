"""The wires of the lab: namespaces joined by veth pairs and routed as Calico does it.

Comes in: nodes, pods and hosts. Goes out: namespaces in which every address reaches every other, by way of
its node and one router called the fabric, and no policy stands in the way yet.

Each endpoint has its address as /32 (/128), a default route by 169.254.1.1 (fe80::1) and PERMANENT neighbours
on both ends: without them the 1,024 entries that all namespaces of a machine share end a mesh of some 500
pods.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import LabError
from lab.providers.netns import netlink
from lab.providers.netns.namespaces import Namespace
from lab.providers.netns.netlink import LinkEnd, Request, Rtnetlink
from lab.providers.netns.topology import FABRIC4, FABRIC6, GATEWAY4, GATEWAY6, packed

_ROUTER_MAC = bytes.fromhex("eeeeeeeeeeee")
_PLACE_MAC = bytes.fromhex("020000000001")
"""Every link has just two ends, so two MAC addresses do for all of them."""
_UPLINK = 100
"""The index of `eth0`, in every namespace that has one."""
_FIRST_PORT = 1000
_LOOPBACK = 1
_GATEWAYS = (packed(GATEWAY4), packed(GATEWAY6))

_UNLIMITED: Mapping[str, str] = {
    # Rejects and refusals must all be sent: by default nine of ten are not, and look like drops.
    # Types that are not in the mask meet no limit, neither their own nor the machine's.
    "ipv4/icmp_ratemask": "0",
    "ipv6/icmp/ratemask": "\n",
}
_ROUTERS: Mapping[str, str] = {
    "ipv4/ip_forward": "1",
    "ipv6/conf/all/forwarding": "1",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    # A sender's next hop is always right here, there is no better one to be redirected to.
    "ipv4/conf/all/send_redirects": "0",
    "ipv4/conf/default/send_redirects": "0",
    # What a router forwards has no socket that it would pay to look for.
    "ipv4/ip_early_demux": "0",
}
_CONNTRACK: Mapping[str, str] = {
    # The table holds 262,144 connections; a probe's must not outlive it.
    "netfilter/nf_conntrack_tcp_timeout_close": "1",
    "netfilter/nf_conntrack_udp_timeout": "2",
    "netfilter/nf_conntrack_udp_timeout_stream": "2",
    "netfilter/nf_conntrack_sctp_timeout_cookie_wait": "1",
    "netfilter/nf_conntrack_sctp_timeout_cookie_echoed": "1",
    "netfilter/nf_conntrack_sctp_timeout_closed": "1",
}


@dataclass(slots=True)
class Router:
    """A namespace that forwards: a node, or the fabric."""

    namespace: Namespace
    routing: Rtnetlink
    ports: set[int] = field(default_factory=set)

    def close(self) -> None:
        """Give up the socket and the namespace."""
        self.routing.close()
        self.namespace.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What hangs on a router: its namespace, the router's link towards it, and its addresses in bytes."""

    name: str
    namespace: Namespace
    port: int
    addresses: tuple[bytes, ...]


class Wiring:
    """The built network: the fabric and the nodes behind it. `close` ends all of it at once."""

    def __init__(self) -> None:
        """Make the fabric."""
        self._next_port = _FIRST_PORT
        self._nodes: dict[str, Router] = {}
        self._node_places: dict[str, Place] = {}
        self._fabric = self._router(())
        own = (packed(FABRIC4), packed(FABRIC6))
        self._fabric.routing.execute(netlink.add_address(_LOOPBACK, address) for address in own)

    def close(self) -> None:
        """Give up every descriptor that is still held by a router."""
        for router in (*self._nodes.values(), self._fabric):
            router.close()

    def add_node(self, name: str, addresses: Iterable[str]) -> Place:
        """Make a node on the fabric."""
        router = self._router(_CONNTRACK.items())
        place = self._attach(name, router.namespace, self._fabric, map(packed, addresses))
        self._fabric.routing.execute((*_towards(place), *_next_hops(place)))
        self._nodes[name] = router
        self._node_places[name] = place
        return place

    def add_hosts(self, hosts: Iterable[tuple[str, tuple[str, ...]]]) -> list[Place]:
        """Make endpoints right on the fabric, from names and addresses; all of them or none."""
        with self._places(hosts, self._fabric) as places:
            self._fabric.routing.execute(request for place in places for request in _towards(place))
        return places

    def add_pods(self, node: str, pods: Iterable[tuple[str, tuple[str, ...]]]) -> list[Place]:
        """Make endpoints on a node, from names and addresses; all of them or none."""
        router, link = self._nodes[node], self._node_places[node].port
        sources = {len(address): address for address in reversed(self._node_places[node].addresses)}
        with self._places(pods, router) as places:
            router.routing.execute(request for place in places for request in _towards(place, sources))
            self._fabric.routing.execute(
                netlink.add_route(link, address, gateway=_gateway(address))
                for place in places
                for address in place.addresses
            )
        return places

    def remove_pod(self, node: str, place: Place) -> None:
        """Remove an endpoint of a node; its namespace is closed, what still runs in it is cut off."""
        router, link = self._nodes[node], self._node_places[node].port
        router.routing.execute((netlink.delete_link(place.port),))
        self._fabric.routing.execute(netlink.delete_route(link, address) for address in place.addresses)
        router.ports.discard(place.port)
        place.namespace.close()

    def remove_host(self, place: Place) -> None:
        """Remove an endpoint of the fabric."""
        self._fabric.routing.execute((netlink.delete_link(place.port),))
        self._fabric.ports.discard(place.port)
        place.namespace.close()

    def wait(self, timeout: float = 10.0) -> None:
        """Return when every link carries packets; the kernel brings them up a moment after it was told to."""
        deadline, pause = time.monotonic() + timeout, 0.001
        for router in (self._fabric, *self._nodes.values()):
            while True:
                up = router.routing.links_up()
                if all(up.get(port) for port in router.ports):
                    break
                if time.monotonic() > deadline:
                    raise LabError(f"the links of the lab did not come up within {timeout:g} seconds")
                time.sleep(pause)
                pause = min(pause * 2, 0.1)  # asking holds the lock that bringing up needs

    def _router(self, more: Iterable[tuple[str, str]]) -> Router:
        namespace = Namespace.create()
        with namespace:
            _configure((*_UNLIMITED.items(), *_ROUTERS.items(), *more))
            routing = Rtnetlink()
        routing.execute((netlink.loopback_up(),))
        return Router(namespace, routing)

    @contextmanager
    def _places(
        self, endpoints: Iterable[tuple[str, tuple[str, ...]]], router: Router
    ) -> Iterator[list[Place]]:
        """Make places on a router; when making or what is done with them fails, remove them again."""
        places: list[Place] = []
        try:
            for name, addresses in endpoints:
                namespace = Namespace.create()
                with _closed_on_error(namespace):
                    places.append(self._attach(name, namespace, router, map(packed, addresses)))
            yield places
        except BaseException:
            for place in places:
                router.ports.discard(place.port)
                place.namespace.close()  # its end of the link goes with it, and so the other, with its routes
            raise

    def _attach(self, name: str, namespace: Namespace, router: Router, addresses: Iterable[bytes]) -> Place:
        port = self._next_port
        self._next_port += 1
        place = Place(name=name, namespace=namespace, port=port, addresses=tuple(addresses))
        with namespace, Rtnetlink() as routing:
            routing.execute(_uplink(place, router.namespace.descriptor))
        router.ports.add(port)
        return place


def _uplink(place: Place, router: int) -> Iterator[Request]:
    """Yield what a place needs in its own namespace."""
    yield netlink.loopback_up()
    yield netlink.add_veth(
        LinkEnd(name="eth0", index=_UPLINK, mac=_PLACE_MAC),
        LinkEnd(name=f"port{place.port}", index=place.port, mac=_ROUTER_MAC, namespace=router),
    )
    yield from netlink.set_up(_UPLINK)
    for address in place.addresses:
        yield netlink.add_address(_UPLINK, address)
    for length in sorted({len(address) for address in place.addresses}):
        gateway = _GATEWAYS[length == 16]
        yield netlink.add_neighbour(_UPLINK, gateway, _ROUTER_MAC)
        yield netlink.add_route(_UPLINK, None, gateway=gateway)


def _towards(place: Place, sources: Mapping[int, bytes] | None = None) -> Iterator[Request]:
    """Yield what a router needs to reach a place; `sources` are the router's own addresses by length."""
    yield from netlink.set_up(place.port)
    for address in place.addresses:
        yield netlink.add_neighbour(place.port, address, _PLACE_MAC)
        yield netlink.add_route(place.port, address, source=(sources or {}).get(len(address)))


def _next_hops(node: Place) -> Iterator[Request]:
    """Yield what the fabric needs to send through a node to the pods behind it."""
    for gateway in _GATEWAYS:
        yield netlink.add_neighbour(node.port, gateway, _PLACE_MAC)


def _gateway(address: bytes) -> bytes:
    return _GATEWAYS[len(address) == 16]


def refuse_without_limit(namespace: Namespace) -> None:
    """Have a namespace refuse every datagram that finds no listener, not only some a second.

    Nodes do from the beginning. It takes a third of the time that a pod takes, so pods do when it matters.
    """
    with namespace:
        _configure(_UNLIMITED.items())


def _configure(settings: Iterable[tuple[str, str]]) -> None:
    """Write sysctls of the namespace that the caller is in."""
    for name, value in settings:
        try:
            Path(f"/proc/sys/net/{name}").write_bytes(value.encode())
        except FileNotFoundError:
            continue  # a kernel without IPv6 or connection tracking; kernel.py says what is missing
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            raise LabError(
                f"cannot set `net.{name.replace('/', '.')}`: {error.strerror}",
                "the lab needs a writable /proc/sys; in a container, start it with `--privileged`",
            ) from error


@contextmanager
def _closed_on_error(namespace: Namespace) -> Iterator[None]:
    try:
        yield
    except BaseException:
        namespace.close()
        raise
