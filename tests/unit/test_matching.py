"""Peers by address: many pods, wide and narrow blocks."""

from __future__ import annotations

import pytest

from analyzer import Options
from analyzer.bitmaps import members
from analyzer.classes import Kind
from analyzer.model import Match
from analyzer.profiles import API, CALICO, CILIUM, Profile
from analyzer.reference import connects
from analyzer.sets import Protocol
from tests.unit.manifests import analysis, pod, policy


def block(cidr: str) -> str:
    return f"spec: {{podSelector: {{}}, ingress: [{{from: [{{ipBlock: {{cidr: {cidr}}}}}]}}]}}"


@pytest.mark.parametrize(
    ("cidr", "expected"),
    [
        ("10.244.0.0/16", range(1, 401)),
        ("10.244.0.0/24", range(1, 256)),
        ("10.244.0.128/25", range(128, 256)),
        ("10.244.0.0/29", range(1, 8)),
        ("10.244.1.0/24", range(256, 401)),
        ("10.244.1.144/32", [400]),
        ("10.244.2.0/24", []),
    ],
)
def test_a_block_means_the_pods_whose_address_lies_in_it(cidr: str, expected: range | list[int]) -> None:
    # Each pod is a class of its own: a policy tells its address from all others.
    def address(n: int) -> str:
        return f"10.244.{n >> 8}.{n & 255}"

    numbers = range(1, 401)
    pods = [pod(f"p{n}", status=f"{{podIP: {address(n)}, podIPs: [{{ip: {address(n)}}}]}}") for n in numbers]
    singles = [policy(block(f"{address(n)}/32"), f"single-{n}") for n in numbers]
    found = analysis(*pods, *singles, policy(block(cidr), "wide"))
    engine = found.reachability.engine
    (wide,) = [each for each in found.cluster.policies if each.name == "wide"]
    matched = engine.matcher.rule(wide.ingress[0])
    assert matched.must == matched.may
    inside = [engine.classes[n] for n in members(matched.must) if engine.classes[n].kind is Kind.POD]
    assert {each.pods[0].name for each in inside} == {f"p{n}" for n in expected}
    assert len(inside) == len(expected)
    assert found.cluster.other_nodes is Match.NO


DUAL = ("10.244.0.0/16", "fd00::/64")


@pytest.mark.parametrize(
    ("blocks", "profile", "expected"),
    [
        (["0.0.0.0/0", "::/0"], CALICO, Match.YES),
        (["10.244.0.0/17", "10.244.128.0/17", "fd00::/16"], CALICO, Match.YES),
        (["0.0.0.0/0"], CALICO, Match.MAYBE),
        (["0.0.0.0/0", "2001:db8::/32"], CALICO, Match.MAYBE),
        (["192.0.2.0/24", "2001:db8::/32"], CALICO, Match.NO),
        (["0.0.0.0/0", "::/0"], API, Match.MAYBE),
        (["0.0.0.0/0", "::/0"], CILIUM, Match.NO),
    ],
)
@pytest.mark.parametrize("status", ["", "{podIPs: [{ip: 10.244.0.5}, {ip: 'fd00::5'}]}"], ids=["no", "both"])
def test_the_blocks_of_a_rule_may_hold_all_addresses_of_a_pod_together(
    status: str, blocks: list[str], profile: Profile, expected: Match
) -> None:
    peers = ", ".join(f"{{ipBlock: {{cidr: '{each}'}}}}" for each in blocks)
    server = pod("server", labels="{app: server}")
    rule = policy(f"spec: {{podSelector: {{matchLabels: {{app: server}}}}, ingress: [{{from: [{peers}]}}]}}")
    options = Options(profile=profile, pod_cidrs=DUAL)
    found = analysis(pod("client", status=status), server, rule, options=options)
    source, destination = found.reachability.endpoints[:2]
    bounds = found.reachability.connection(source, destination)
    assert (bool(bounds.certain), bool(bounds.possible)) == (expected is Match.YES, expected is not Match.NO)
    (client, web) = (pods[0] for pods in (source.pods, destination.pods))
    assert connects(found.cluster, client, web, Protocol.TCP, 80) is expected
