"""Peers by address: many pods, wide and narrow blocks."""

from __future__ import annotations

import pytest

from analyzer.bitmaps import members
from analyzer.classes import Kind
from analyzer.model import Match
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
