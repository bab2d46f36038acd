from __future__ import annotations

import os
import time

import pytest

from lab.errors import LabError
from lab.probes import Outcome, Probe, Protocol
from lab.providers.netns import nft
from lab.providers.netns.nflog import PacketLog
from lab.providers.netns.nft import TransactionTooLongError
from tests.lab.sandbox import Inside
from tests.lab.worlds import UDP, ask, every_pair, hooked, last, listening

pytestmark = pytest.mark.lab

BOTH = ["10.244.0.2", "fd00:10:244::2"]


def to_p2(address: str, action: str) -> str:
    """Return a rule for packets to pod ns/p2."""
    return f"{'ip6' if ':' in address else 'ip'} daddr {address} {action}"


@pytest.mark.parametrize("address", BOTH)
@pytest.mark.parametrize("protocol", Protocol)
def test_a_logged_drop_ends_a_probe_at_once_and_names_its_rule(
    inside: Inside, protocol: Protocol, address: str
) -> None:
    def story() -> None:
        with listening(2) as network:
            network.load_ruleset("n2", hooked(to_p2(address, 'log prefix "ns/deny#3" group 1 drop')))
            began = time.monotonic()
            probe = Probe(source="ns/p1", address=address, protocol=protocol, port=80)
            (result,) = network.probe([probe], timeout=30)
            assert time.monotonic() - began < 10
            assert result.outcome is Outcome.DROPPED
            assert result.rule == "ns/deny#3"
            assert len(result.attempts) == 1

    inside(story)


@pytest.mark.parametrize("protocol", Protocol)
def test_a_silent_drop_is_believed_when_two_attempts_agree(inside: Inside, protocol: Protocol) -> None:
    def story() -> None:
        with listening(2) as network:
            network.load_ruleset("n2", hooked(to_p2("10.244.0.2", "drop")))
            result = ask(network, "ns/p1", "10.244.0.2", protocol)
            assert result.outcome is Outcome.DROPPED
            assert [attempt.outcome for attempt in result.attempts] == [Outcome.DROPPED] * 2
            assert result.attempts[1].took > result.attempts[0].took
            assert result.rule is None

    inside(story)


@pytest.mark.parametrize("protocol", Protocol)
def test_silence_that_ends_is_not_a_drop(inside_once: Inside, protocol: Protocol) -> None:
    """The first packet is lost: one silent attempt alone decides nothing."""

    def story() -> None:
        with listening(2) as network:
            rule = to_p2("10.244.0.2", "limit rate over 1/hour burst 1 packets accept")
            network.load_ruleset("n2", hooked(rule, to_p2("10.244.0.2", "drop")))
            probe = Probe(source="ns/p1", address="10.244.0.2", protocol=protocol, port=80, expect="ns/p2")
            (result,) = network.probe([probe], timeout=0.2)
            assert [attempt.outcome for attempt in result.attempts] == [Outcome.DROPPED, Outcome.OPEN]
            assert result.outcome is Outcome.OPEN

    inside_once(story)


REJECTS = {
    "reject with icmpx admin-prohibited": Outcome.REJECTED,
    "reject with icmpx port-unreachable": Outcome.REJECTED,
    "reject with icmpx host-unreachable": Outcome.UNREACHABLE,
    "reject with icmpx no-route": Outcome.UNREACHABLE,
}


@pytest.mark.parametrize("address", BOTH)
@pytest.mark.parametrize("protocol", Protocol)
@pytest.mark.parametrize("reject", REJECTS)
def test_a_reject_is_told_from_a_refusal_by_who_sent_what(
    inside_once: Inside, reject: str, protocol: Protocol, address: str
) -> None:
    def story() -> None:
        with listening(2) as network:
            network.load_ruleset("n2", hooked(to_p2(address, reject)))
            began = time.monotonic()
            result = ask(network, "ns/p1", address, protocol)
            assert result.outcome is REJECTS[reject]
            assert last(result).icmp is not None
            assert len(result.attempts) == 1
            assert time.monotonic() - began < 0.2

    inside_once(story)


@pytest.mark.parametrize("address", BOTH)
def test_a_reset_by_the_firewall_is_a_reject_when_the_firewall_says_so(inside: Inside, address: str) -> None:
    def story() -> None:
        with listening(2) as network:
            rule = to_p2(address, 'meta l4proto tcp log prefix "why" group 2 reject with tcp reset')
            network.load_ruleset("n2", hooked(rule))
            result = ask(network, "ns/p1", address)
            assert (result.outcome, result.rule) == (Outcome.REJECTED, "why")
            network.load_ruleset("n2", "flush ruleset\n" + hooked("meta l4proto tcp reject with tcp reset"))
            assert ask(network, "ns/p1", address).outcome is Outcome.REFUSED

    inside(story)


def test_a_rejected_probe_names_its_rule(inside_once: Inside) -> None:
    def story() -> None:
        with listening(2) as network:
            network.load_ruleset("n2", hooked(to_p2("10.244.0.2", 'log prefix "why" group 2 reject')))
            for protocol in Protocol:
                result = ask(network, "ns/p1", "10.244.0.2", protocol)
                assert (result.outcome, result.rule) == (Outcome.REJECTED, "why")

    inside_once(story)


@pytest.mark.parametrize("protocol", Protocol)
def test_a_drop_on_the_senders_own_node_is_a_drop(inside_once: Inside, protocol: Protocol) -> None:
    def story() -> None:
        with listening(2) as network:
            network.load_ruleset(
                "n1", hooked('ip daddr 10.244.0.2 log prefix "out" group 1 drop', hook="output")
            )
            assert ask(network, "n1", "10.244.0.2", protocol).outcome is Outcome.DROPPED
            assert ask(network, "ns/p1", "10.244.0.2", protocol).outcome is Outcome.OPEN

    inside_once(story)


@pytest.mark.parametrize("protocol", Protocol)
def test_replies_pass_a_stateful_firewall(inside: Inside, protocol: Protocol) -> None:
    def story() -> None:
        with listening(2) as network:
            network.load_ruleset(
                "n1",
                hooked(
                    "ct state established,related accept",
                    "ip saddr 10.244.0.1 accept",
                    'log prefix "closed" group 1 drop',
                ),
            )
            there = ask(network, "ns/p1", "10.244.0.2", protocol, expect="ns/p2")
            assert there.outcome is Outcome.OPEN
            assert ask(network, "ns/p2", "10.244.0.1", protocol).rule == "closed"

    inside(story)


@pytest.mark.parametrize("protocol", Protocol)
def test_a_service_answers_as_its_backend_and_its_drops_are_found(inside: Inside, protocol: Protocol) -> None:
    """A drop is logged with the backend's address and port, the probe knows the Service's only."""
    name = protocol.name.lower()

    def story() -> None:
        with listening(3) as network:
            rewrite = f"ip daddr 10.96.0.1 {name} dport 8000 dnat ip to 10.244.0.2:80\n"
            nat = hooked(rewrite, hook="prerouting", kind="nat").replace("table inet t", "table inet nat")
            network.load_ruleset("n1", nat)
            result = ask(network, "ns/p1", "10.96.0.1", protocol, 8000, "ns/p2")
            assert result.outcome is Outcome.OPEN
            assert (
                ask(network, "ns/p1", "10.96.0.1", protocol, 8000, "ns/p3").outcome is Outcome.WRONG_IDENTITY
            )
            network.load_ruleset("n2", hooked(to_p2("10.244.0.2", 'log prefix "closed" group 1 drop')))
            probe = Probe(source="ns/p1", address="10.96.0.1", protocol=protocol, port=8000)
            (result,) = network.probe([probe], timeout=20)
            assert (result.outcome, result.rule, len(result.attempts)) == (Outcome.DROPPED, "closed", 1)

    inside(story)


@pytest.mark.parametrize("protocol", Protocol)
def test_many_drops_among_many_opens_are_all_told_apart(inside: Inside, protocol: Protocol) -> None:
    def story() -> None:
        with listening(24) as network:
            closed = ", ".join(pod.addresses[0] for pod in network.topology.pods[::2])
            rule = f'ip daddr {{ {closed} }} log prefix "closed" group 1 drop'
            for node in ("n1", "n2"):
                network.load_ruleset(node, hooked("ct state established,related accept", rule))
            for result in network.probe(every_pair(network, protocol), timeout=5):
                shut = (
                    result.probe.address in closed.split(", ") and result.probe.expect != result.probe.source
                )
                assert result.outcome is (Outcome.DROPPED if shut else Outcome.OPEN)
                assert result.rule == ("closed" if shut else None)
                assert len(result.attempts) == 1

    inside(story)


def test_a_log_that_nobody_reads_costs_time_and_not_the_truth(inside_once: Inside) -> None:
    def story() -> None:
        with listening(2) as network:
            network.load_ruleset("n2", hooked(to_p2("10.244.0.2", 'log prefix "x" group 7 drop')))
            result = ask(network, "ns/p1", "10.244.0.2")
            assert (result.outcome, result.rule) == (Outcome.DROPPED, None)

    inside_once(story)


def test_a_log_reads_protocol_addresses_and_ports(inside: Inside) -> None:
    def story() -> None:
        with listening(2) as network:
            log = PacketLog(network.place("n2").namespace, groups=[9])
            nft.apply({"n2": (network.place("n2").namespace, hooked('log prefix "é" group 9'))})
            for address in BOTH:
                result = ask(network, "ns/p1", address, UDP)
                deadline = time.monotonic() + 5
                events = log.read()
                while not events and time.monotonic() < deadline:
                    events = log.read()
                event = events[0]
                assert (event.group, event.prefix, event.protocol) == (9, "é", UDP.value)
                assert event.source_port == last(result).source_port
                assert event.destination == network.place("ns/p2").addresses[":" in address]
                assert event.destination_port == 80
                while log.read():
                    pass
                time.sleep(0.05)
                log.read()
            log.close()

    inside(story)


def test_a_wrong_ruleset_changes_nothing_and_is_explained(inside: Inside) -> None:
    def story() -> None:
        with listening(2) as network:
            with pytest.raises(LabError, match=r"nft refused the ruleset of `n2`: .*syntax error"):
                network.load_ruleset("n2", "table inet t { chain c { nonsense\n }\n }\n")
            with pytest.raises(LabError, match="there is no `n9`"):
                network.load_ruleset("n9", hooked("drop"))
            assert ask(network, "ns/p1", "10.244.0.2").outcome is Outcome.OPEN

    inside(story)


def test_rulesets_of_several_nodes_are_loaded_together(inside_once: Inside) -> None:
    def story() -> None:
        with listening(2) as network:
            drop = hooked('log prefix "all" group 1 drop')
            network.load_rulesets({"n1": drop, "n2": drop})
            assert ask(network, "ns/p1", "10.244.0.2").rule == "all"
            network.load_rulesets({"n1": "flush ruleset\n", "n2": "flush ruleset\n"})
            assert ask(network, "ns/p1", "10.244.0.2").outcome is Outcome.OPEN

    inside_once(story)


def addresses(count: int) -> list[str]:
    """Return nft commands that make a set and fill it, some elements each."""
    commands = ["add table inet big", "add set inet big s { type ipv4_addr . inet_proto . inet_service; }"]
    for first in range(0, count, 50):
        some = (
            f"10.{n >> 16}.{n >> 8 & 255}.{n & 255} . tcp . {n & 65535}" for n in range(first, first + 50)
        )
        commands.append("add element inet big s { " + ", ".join(some) + " }")
    return commands


def test_a_ruleset_of_any_length_is_built_in_pieces(inside: Inside) -> None:
    def story() -> None:
        with listening(1) as network:
            network.build_ruleset("n1", addresses(60_000))
            listed = network.exec("n1", [nft.find(), "list", "set", "inet", "big", "s"])
            assert listed.stdout.count(" . tcp . ") == 60_000

    inside(story)


def test_a_transaction_that_is_too_long_says_so() -> None:
    def story() -> None:
        with (
            listening(1) as network,
            pytest.raises(TransactionTooLongError, match="too long for one transaction"),
        ):
            network.load_ruleset("n1", "\n".join(addresses(200_000)) + "\n")

    sandbox_for_users()(story)


def sandbox_for_users() -> Inside:
    """Return what runs stories as an ordinary user, whose buffers only root can raise."""
    from tests.lab import sandbox

    return sandbox.inside(rootless=True)


def test_a_missing_nft_is_named_with_a_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nft, "PLACES", (os.devnull,))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LabError, match="`nft` is not installed") as raised:
        nft.find()
    assert "apt install nftables" in (raised.value.help or "")
