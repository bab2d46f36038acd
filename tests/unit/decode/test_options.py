"""Options: pod CIDRs, the default namespace, and what is wrong with them."""

from __future__ import annotations

import gc

import pytest

from analyzer.decode import Options, decode
from analyzer.diagnostics import AnalyzerError
from analyzer.sets import AddressSet


def test_addresses_outside_the_pod_cidrs_are_where_nodes_may_be() -> None:
    found = decode((), Options()).cluster
    assert found.pod_addresses == AddressSet.of("10.244.0.0/16")
    assert found.node_addresses == AddressSet.family(4) - AddressSet.of("10.244.0.0/16")


def test_two_pod_cidrs_make_a_dual_stack_cluster() -> None:
    found = decode((), Options(pod_cidrs=("10.0.0.0/8", "fd00::/8"))).cluster
    assert found.pod_addresses.families() == (4, 6)
    assert found.node_addresses == ~found.pod_addresses


def test_options_are_checked() -> None:
    with pytest.raises(AnalyzerError) as caught:
        decode((), Options(namespace="A", pod_cidrs=("10.0.0.0/8", "nowhere\n")))
    first, second = caught.value.diagnostics
    assert first.message.startswith("namespace `A`: a lowercase RFC 1123 label must consist of")
    assert second.message == (
        "pod CIDR `nowhere\\n`: must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
    )
    assert (first.span, first.code, second.code) == (None, "invalid-option", "invalid-option")


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was(*, enabled: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        decode((), Options())
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()
