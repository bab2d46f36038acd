"""Who answers UDP and SCTP for us, in real networks: at which addresses, why not, and whether still."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.probes import Probe, Protocol
from lab.providers.context.probing.listening import Listening
from lab.providers.netns.network import Network
from tests.lab.context.pods import Pods
from tests.lab.sandbox import Inside
from tests.lab.worlds import SCTP, UDP, topology

pytestmark = pytest.mark.lab

ONE, SIX = "10.244.0.1", "fd00:10:244::1"
"""Where ns/p1 is."""


@contextmanager
def listening(folder: Path) -> Iterator[tuple[Network, Pods, Listening]]:
    """Two pods with addresses of both families, on two nodes, in which nobody listens yet."""
    with Network.create(topology(2)) as network, Pods(network, folder) as pods:
        addresses = {each.name: each.addresses for each in network.topology.pods}
        yield network, pods, Listening(pods, pods.seats(), addresses, 4)


@contextmanager
def server(network: Network, address: str, port: int) -> Iterator[None]:
    """Answer UDP in ns/p1, as a program of the pod's own."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    one = network.run_in("ns/p1", lambda: socket.socket(family, socket.SOCK_DGRAM))
    one.bind((address, port))
    one.settimeout(0.1)
    ended = threading.Event()

    def answer() -> None:
        while not ended.is_set():
            try:
                _, asker = one.recvfrom(99)
                one.sendto(b"I", asker)
            except OSError:
                continue

    thread = threading.Thread(target=answer)
    thread.start()
    yield
    ended.set()
    thread.join()
    one.close()


def test_listeners_are_known_by_the_addresses_at_which_they_answer(
    inside_once: Inside, tmp_path: Path
) -> None:
    """The porter of agnhost listens on 0.0.0.0, its serve-hostname everywhere."""

    def story() -> None:
        with listening(tmp_path) as (_, _, found):
            found.start([("ns/p1", UDP, 9), ("ns/p1", SCTP, 9), ("ns/p1", Protocol.TCP, 9)])
            assert found.spots == {
                (ONE, UDP, 9): "",
                (SIX, UDP, 9): "",
                (ONE, SCTP, 9): "",
                (SIX, SCTP, 9): "no answer",
            }

    inside_once(story)


def test_who_listens_on_the_loopback_only_answers_nobody(inside_once: Inside, tmp_path: Path) -> None:
    def story() -> None:
        with listening(tmp_path) as (network, _, found), server(network, "127.0.0.1", 9):
            found.start([("ns/p1", UDP, 9)])
            assert found.spots == {(each, UDP, 9): "address already in use" for each in (ONE, SIX)}

    inside_once(story)


def test_a_server_of_the_pods_own_answers_for_its_ip_version_only(
    inside_once: Inside, tmp_path: Path
) -> None:
    def story() -> None:
        with listening(tmp_path) as (network, _, found), server(network, "0.0.0.0", 9):
            found.start([("ns/p1", UDP, 9)])
            assert found.spots == {(ONE, UDP, 9): "", (SIX, UDP, 9): "address already in use"}

    inside_once(story)


def test_a_node_whose_kernel_has_no_sctp_says_so(inside_once: Inside, tmp_path: Path) -> None:
    def story() -> None:
        with listening(tmp_path) as (_, pods, found):
            pods.kubelet.old = {"n1"}
            found.start([("ns/p1", SCTP, 9), ("ns/p2", SCTP, 9)])
            assert found.spots[ONE, SCTP, 9] == "protocol not supported"
            assert found.spots["10.244.0.2", SCTP, 9] == ""

    inside_once(story)


def test_variables_of_services_are_no_ports_of_the_porter(inside_once: Inside, tmp_path: Path) -> None:
    def story() -> None:
        with listening(tmp_path) as (_, pods, found):
            pods.environment = {"SERVE_SCTP_PORT_80_TCP": "tcp://10.0.0.1:80"}  # of a Service `serve-sctp`
            found.start([("ns/p1", SCTP, 9)])
            assert found.spots[ONE, SCTP, 9] == ""

    inside_once(story)


def test_who_has_died_since_is_told(inside_once: Inside, tmp_path: Path) -> None:
    def story() -> None:
        with listening(tmp_path) as (_, pods, found):
            found.start([("ns/p1", UDP, 9), ("ns/p1", SCTP, 9), ("ns/p2", UDP, 9)])
            probes = [
                Probe("ns/p2", address, protocol, 9, "ns/p1")
                for address, protocol in ((ONE, UDP), (SIX, UDP), (ONE, SCTP), (ONE, Protocol.TCP))
            ]
            assert found.gone(probes) == {}
            pods.end_all()
            assert found.gone(probes) == {
                each: f"who answered {each.protocol.name} there does so no more" for each in probes[:3]
            }
            assert found.spots[ONE, UDP, 9] == "", "what the run began with is not changed"

    inside_once(story)


def test_many_ports_of_a_pod_are_served(inside_once: Inside, tmp_path: Path) -> None:
    def story() -> None:
        with listening(tmp_path) as (_, _, found):
            found.start(("ns/p1", UDP, port) for port in range(2000, 2020))
            assert set(found.spots.values()) == {""}
            assert len(found.spots) == 40

    inside_once(story)
