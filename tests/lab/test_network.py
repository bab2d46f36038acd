from __future__ import annotations

import os
import resource
import socket

import pytest

from lab.errors import LabError
from lab.probes import Outcome, Patience, Probe, Protocol
from lab.providers.netns import namespaces
from lab.providers.netns.network import Network
from lab.providers.netns.topology import LabPod, OutsideHost, Topology
from tests.lab.sandbox import Inside
from tests.lab.worlds import SCTP, TCP, UDP, ask, every_pair, hooked, last, listening, nodes, pods, topology

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("protocol", Protocol)
def test_every_pod_reaches_every_pod_across_nodes_and_itself(
    inside: Inside, protocol: Protocol, family: int
) -> None:
    def story() -> None:
        with listening(5) as network:
            results = network.probe(every_pair(network, protocol, family=family))
            assert {result.outcome for result in results} == {Outcome.OPEN}
            assert [last(result).identity for result in results] == [
                result.probe.expect for result in results
            ]
            assert all(len(result.attempts) == 1 for result in results)

    inside(story)


@pytest.mark.parametrize("protocol", Protocol)
def test_a_host_outside_answers_on_each_of_its_addresses(inside: Inside, protocol: Protocol) -> None:
    def story() -> None:
        with listening(1) as network:
            for address in ("203.0.113.1", "198.51.100.7", "2001:db8::1"):
                assert ask(network, "ns/p1", address, protocol, expect="outside").outcome is Outcome.OPEN

    inside(story)


@pytest.mark.parametrize("protocol", Protocol)
def test_a_probe_starts_from_the_address_it_names(inside: Inside, protocol: Protocol) -> None:
    def story() -> None:
        with listening(1) as network:
            network.load_ruleset("n1", hooked('ip saddr 198.51.100.7 log prefix "seen" group 1 drop'))
            probes = [
                Probe(
                    source="outside", address="10.244.0.1", protocol=protocol, port=80, source_address=address
                )
                for address in (None, "203.0.113.1", "198.51.100.7")
            ]
            outcomes = [result.outcome for result in network.probe(probes)]
            assert outcomes == [Outcome.OPEN, Outcome.OPEN, Outcome.DROPPED]

    inside(story)


def test_a_probe_from_an_address_of_somebody_else_is_a_mistake(inside_once: Inside) -> None:
    def story() -> None:
        with listening(1) as network:
            probe = Probe(
                source="ns/p1", address="203.0.113.1", protocol=TCP, port=80, source_address="10.244.0.9"
            )
            with pytest.raises(LabError, match=r"`ns/p1` cannot probe from `10\.244\.0\.9`"):
                network.probe([probe])

    inside_once(story)


def test_names_and_addresses_that_do_not_exist_are_mistakes(inside_once: Inside) -> None:
    def story() -> None:
        with listening(1) as network:
            with pytest.raises(LabError, match="there is no `ns/p9`"):
                ask(network, "ns/p9", "10.244.0.1")
            with pytest.raises(LabError, match="`localhost` is not an IP address"):
                ask(network, "ns/p1", "localhost")
            with pytest.raises(LabError, match="there is no `ns/p9`"):
                network.listen([("ns/p9", TCP, 80)])

    inside_once(story)


@pytest.mark.parametrize("address", ["10.244.0.2", "fd00:10:244::2"])
@pytest.mark.parametrize("protocol", Protocol)
def test_a_port_where_nobody_listens_refuses(inside: Inside, protocol: Protocol, address: str) -> None:
    def story() -> None:
        with listening(2) as network:
            assert ask(network, "ns/p1", address, protocol, port=81).outcome is Outcome.REFUSED

    inside(story)


@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("protocol", Protocol)
def test_a_thousand_refusals_at_once_are_all_told(inside: Inside, protocol: Protocol, family: int) -> None:
    """By default the kernel sends some fifty a second, and silence looks like a drop."""

    def story() -> None:
        with listening(4) as network:
            probes = [
                probe for port in range(1000, 1063) for probe in every_pair(network, protocol, port, family)
            ]
            results = network.probe(probes)
            assert {result.outcome for result in results} == {Outcome.REFUSED}
            assert {len(result.attempts) for result in results} == {1}

    inside(story)


def test_sctp_is_refused_where_nobody_speaks_it(inside_once: Inside) -> None:
    def story() -> None:
        with Network.create(topology(2)) as network:
            assert ask(network, "ns/p1", "10.244.0.2", SCTP).outcome is Outcome.REFUSED
            assert ask(network, "ns/p1", "fd00:10:244::2", SCTP).outcome is Outcome.REFUSED

    inside_once(story)


@pytest.mark.parametrize("address", ["192.0.2.99", "2001:db8:99::1"])
@pytest.mark.parametrize("protocol", Protocol)
def test_an_address_that_nobody_has_is_unreachable_at_once(
    inside: Inside, protocol: Protocol, address: str
) -> None:
    def story() -> None:
        with listening(1) as network:
            result = ask(network, "ns/p1", address, protocol)
            assert result.outcome is Outcome.UNREACHABLE
            assert last(result).icmp is not None

    inside(story)


def test_a_source_without_an_address_of_the_family_reaches_nothing(inside_once: Inside) -> None:
    def story() -> None:
        only4 = LabPod(name="only4", node="n1", addresses=("10.244.9.1",))
        with Network.create(Topology(nodes=nodes(1), pods=(*pods(1, 1), only4))) as network:
            assert ask(network, "only4", "fd00:10:244::1").outcome is Outcome.UNREACHABLE

    inside_once(story)


@pytest.mark.parametrize("protocol", Protocol)
def test_an_answer_from_somebody_else_is_a_wrong_identity(inside_once: Inside, protocol: Protocol) -> None:
    def story() -> None:
        with listening(3) as network:
            result = ask(network, "ns/p1", "10.244.0.2", protocol, expect="ns/p3")
            assert result.outcome is Outcome.WRONG_IDENTITY
            assert last(result).identity == "ns/p2"

    inside_once(story)


def test_an_open_port_that_answers_nothing_is_an_error_never_a_drop(inside_once: Inside) -> None:
    def story() -> None:
        with Network.create(topology(2)) as network:
            silent = network.run_in("ns/p2", lambda: socket.create_server(("10.244.0.2", 80)))
            result = ask(network, "ns/p1", "10.244.0.2", TCP, expect="ns/p2")
            assert result.outcome is Outcome.ERROR
            assert last(result).reason == "connected, but nobody answered"
            assert len(result.attempts) == 2
            silent.close()

    inside_once(story)


def test_pods_in_the_nodes_network_have_its_addresses_and_its_identity(inside: Inside) -> None:
    def story() -> None:
        agent = LabPod(name="kube-system/agent", node="n2", addresses=("172.18.0.3",), host_network=True)
        with Network.create(Topology(nodes=nodes(2), pods=(*pods(2), agent))) as network:
            network.listen([("kube-system/agent", TCP, 9100), ("ns/p1", TCP, 80), ("ns/p2", TCP, 80)])
            assert ask(network, "ns/p1", "172.18.0.3", TCP, 9100, "kube-system/agent").outcome is Outcome.OPEN
            assert last(ask(network, "ns/p1", "172.18.0.3", TCP, 9100)).identity == "n2"
            for target in ("ns/p1", "ns/p2"):
                address = network.place(target).addresses[0]
                text = socket.inet_ntop(socket.AF_INET, address)
                assert ask(network, "kube-system/agent", text, expect=target).outcome is Outcome.OPEN

    inside(story)


def test_a_node_reaches_pods_with_its_own_address(inside: Inside) -> None:
    def story() -> None:
        with listening(2) as network:
            rule = 'ct state new ip saddr != 172.18.0.2 log prefix "other" group 1 drop'
            for node in ("n1", "n2"):
                network.load_ruleset(node, hooked(rule, hook="postrouting"))
            assert ask(network, "n1", "10.244.0.1", expect="ns/p1").outcome is Outcome.OPEN
            assert ask(network, "n1", "10.244.0.2", expect="ns/p2").outcome is Outcome.OPEN
            assert ask(network, "n2", "10.244.0.2", expect="ns/p2").outcome is Outcome.DROPPED

    inside(story)


def test_pods_and_hosts_come_and_go_while_the_lab_runs(inside: Inside) -> None:
    def story() -> None:
        with listening(2) as network:
            new = LabPod(name="ns/new", node="n1", addresses=("10.244.7.7", "fd00:10:244::777"))
            host = OutsideHost(name="dns", addresses=("8.8.8.8",))
            network.add(pods=[new], hosts=[host])
            network.listen([("ns/new", TCP, 80), ("dns", UDP, 53)])
            assert ask(network, "ns/p2", "10.244.7.7", expect="ns/new").outcome is Outcome.OPEN
            assert ask(network, "ns/p2", "fd00:10:244::777", expect="ns/new").outcome is Outcome.OPEN
            assert ask(network, "ns/new", "8.8.8.8", UDP, 53, "dns").outcome is Outcome.OPEN
            network.remove(["ns/new", "dns"])
            assert [pod.name for pod in network.topology.pods] == ["ns/p1", "ns/p2"]
            assert ask(network, "ns/p2", "10.244.7.7").outcome is Outcome.UNREACHABLE
            assert ask(network, "ns/p2", "8.8.8.8", UDP, 53).outcome is Outcome.UNREACHABLE
            network.add_pods([new])
            network.listen([("ns/new", TCP, 80)])
            assert ask(network, "ns/p1", "10.244.7.7", expect="ns/new").outcome is Outcome.OPEN

    inside(story)


def test_a_pod_with_a_taken_address_is_refused_and_the_lab_goes_on(inside_once: Inside) -> None:
    def story() -> None:
        with listening(2) as network:
            twin = LabPod(name="ns/twin", node="n1", addresses=("10.244.0.2",))
            with pytest.raises(
                LabError, match=r"`ns/p2` and `ns/twin` both have the address `10\.244\.0\.2`"
            ):
                network.add_pods([twin])
            assert ask(network, "ns/p1", "10.244.0.2", expect="ns/p2").outcome is Outcome.OPEN
            with pytest.raises(LabError, match="not in this lab: `ns/twin`"):
                network.remove(["ns/twin"])

    inside_once(story)


def test_a_new_node_carries_pods_like_the_others(inside_once: Inside) -> None:
    def story() -> None:
        with listening(2) as network:
            pod = LabPod(name="ns/far", node="n3", addresses=("10.244.3.3",))
            network.add(nodes=nodes(3)[2:], pods=[pod])
            network.listen([("ns/far", TCP, 80)])
            assert ask(network, "ns/p1", "10.244.3.3", expect="ns/far").outcome is Outcome.OPEN
            assert ask(network, "ns/far", "10.244.0.2", expect="ns/p2").outcome is Outcome.OPEN

    inside_once(story)


def leave_descriptors(count: int) -> int:
    """Let this process open so many descriptors more, and return how many it has now."""
    used = max(namespaces.descriptors())
    while os.dup(0) < used:
        pass  # fill the gaps
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 2 + count, used + 2 + count))
    return len(namespaces.descriptors())


def test_a_lab_without_room_for_more_says_so_and_goes_on(inside: Inside) -> None:
    def story() -> None:
        with listening(2) as network:
            used = leave_descriptors(10)
            more = [
                LabPod(name=f"ns/x{number}", node="n1", addresses=(f"10.9.0.{number}",))
                for number in range(1, 30)
            ]
            with pytest.raises(LabError, match="the machine has no room for this lab: Too many open files"):
                network.add_pods(more)
            assert len(namespaces.descriptors()) == used
            assert [pod.name for pod in network.topology.pods] == ["ns/p1", "ns/p2"]
            with pytest.raises(LabError, match="no room"):
                network.listen(("ns/p1", TCP, port) for port in range(1000, 1030))
            network.close()

    inside(story)


def test_probes_wait_for_descriptors_to_be_free(inside_once: Inside) -> None:
    def story() -> None:
        with listening(8) as network:
            leave_descriptors(20)
            results = network.probe(every_pair(network, TCP))
            assert {result.outcome for result in results} == {Outcome.OPEN}

    inside_once(story)


def test_listening_twice_is_listening_once(inside_once: Inside) -> None:
    def story() -> None:
        with listening(2) as network:
            network.listen(("ns/p2", protocol, 80) for protocol in Protocol)
            for protocol in Protocol:
                assert ask(network, "ns/p1", "10.244.0.2", protocol, expect="ns/p2").outcome is Outcome.OPEN

    inside_once(story)


def test_a_command_runs_in_the_network_of_its_pod_while_the_lab_serves(inside: Inside) -> None:
    def story() -> None:
        with listening(2) as network:
            done = network.exec("ns/p1", ["curl", "--silent", "--max-time", "5", "http://10.244.0.2"])
            assert (done.returncode, done.stdout) == (0, "ns/p2\n")
            done = network.exec("ns/p1", ["sh", "-c", "echo out; echo err >&2; exit 3"])
            assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
            assert network.exec("ns/p1", ["sleep", "60"], timeout=0.1).returncode == -9
            with pytest.raises(LabError, match="cannot run `no-such-program`"):
                network.exec("ns/p1", ["no-such-program"])

    inside(story)


def test_progress_ends_with_all_probes_done(inside_once: Inside) -> None:
    def story() -> None:
        told: list[tuple[int, int]] = []
        with listening(4) as network:
            network.probe(every_pair(network, TCP), on_progress=lambda done, of: told.append((done, of)))
        assert told[-1] == (16, 16)
        assert told == sorted(told)

    inside_once(story)


def test_probing_nothing_gives_nothing(inside_once: Inside) -> None:
    def story() -> None:
        with listening(1) as network:
            assert network.probe([]) == []

    inside_once(story)


def test_two_lists_of_probes_run_side_by_side(inside_once: Inside) -> None:
    def story() -> None:
        with listening(4) as network:
            first = network.start(every_pair(network, TCP), Patience())
            second = network.start(every_pair(network, UDP), Patience())
            network.loop.run(lambda: first.done and second.done)
            results = first.results() + second.results()
            assert {result.outcome for result in results} == {Outcome.OPEN}

    inside_once(story)


def test_a_few_rounds_of_the_loop_answer_all_who_wait_at_one_listener(inside_once: Inside) -> None:
    def story() -> None:
        with listening(1) as network:

            def connected() -> socket.socket:
                one = socket.create_connection(("10.244.0.1", 80), timeout=5)
                one.setblocking(False)
                return one

            clients = [network.run_in("outside", connected) for _ in range(20)]
            for _ in range(5):  # they let in 1, 2, 4, 8 and 16
                network.loop.turn(1)
            answers = {one.recv(512) for one in clients}  # raises where nothing has come
            assert {answer.rpartition(b"\r\n\r\n")[2] for answer in answers} == {b"ns/p1\n"}
            for one in clients:
                one.close()

    inside_once(story)
