from __future__ import annotations

import pytest

from lab.errors import LabError
from lab.providers.netns.topology import LabNode, LabPod, OutsideHost, Topology, unusable

NODE = LabNode(name="n1", addresses=("172.18.0.2",))


def pod(name: str = "ns/a", address: str = "10.244.0.1", node: str = "n1") -> LabPod:
    return LabPod(name=name, node=node, addresses=(address,))


@pytest.mark.parametrize(
    ("topology", "problem"),
    [
        (Topology(nodes=()), "there is no node"),
        (
            Topology(nodes=(NODE,), pods=(pod(), pod(address="10.244.0.2"))),
            "the name `ns/a` is given 2 times",
        ),
        (Topology(nodes=(NODE,), pods=(pod("n1"),)), "the name `n1` is given 2 times"),
        (
            Topology(nodes=(NODE,), pods=(pod(), pod("ns/b"))),
            "`ns/a` and `ns/b` both have the address `10.244.0.1`",
        ),
        (
            Topology(nodes=(NODE,), hosts=(OutsideHost(name="out", addresses=("172.18.0.2",)),)),
            "`n1` and `out` both have the address `172.18.0.2`",
        ),
        (
            Topology(nodes=(NODE,), pods=(pod(address="fd00::1"), pod("ns/b", "fd00:0::0:1"))),
            "both have the address",
        ),
        (Topology(nodes=(NODE,), pods=(pod(node="n9"),)), "`ns/a` is on the node `n9`, which does not exist"),
        (Topology(nodes=(NODE,), pods=(LabPod(name="ns/a", node="n1"),)), "`ns/a` has no address"),
        (Topology(nodes=(NODE,), pods=(pod(address="10.244.0"),)), "`10.244.0` is not an IP address"),
        (Topology(nodes=(NODE,), pods=(pod(address="169.254.1.1"),)), "reserved for the lab's own routers"),
        (
            Topology(
                nodes=(NODE,),
                pods=(LabPod(name="ns/a", node="n1", addresses=("10.244.0.1",), host_network=True),),
            ),
            "`ns/a` shares the network of `n1` but has other addresses",
        ),
    ],
)
def test_what_cannot_be_built_is_said_before_anything_is(topology: Topology, problem: str) -> None:
    with pytest.raises(LabError) as raised:
        topology.check()
    assert problem in raised.value.message


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(LabError) as raised:
        Topology(nodes=(), pods=(pod(address="127.0.0.1"), pod())).check()
    for problem in ("there is no node", "127.0.0.1", "2 times", "does not exist"):
        assert problem in raised.value.message


def test_a_pod_in_the_nodes_network_may_repeat_its_addresses() -> None:
    agent = LabPod(name="ns/agent", node="n1", addresses=("172.18.0.2",), host_network=True)
    Topology(nodes=(NODE,), pods=(agent, pod())).check()


@pytest.mark.parametrize(
    "address",
    ["0.0.0.1", "127.0.0.1", "224.0.0.1", "239.1.2.3", "255.255.255.255", "ff02::1", "::", "::1", "fe80::2",
     "::ffff:10.0.0.1", "169.254.0.1", "fe80::1", "fd6b:7265:6163:68::1"],
)  # fmt: skip
def test_no_single_remote_host_has_a_special_address(address: str) -> None:
    assert unusable(address) is not None


@pytest.mark.parametrize(
    "address", ["10.0.0.0", "1.1.1.1", "240.0.0.1", "223.255.255.255", "2001:db8::", "fd00::1"]
)
def test_any_other_address_can_be_an_endpoints(address: str) -> None:
    assert unusable(address) is None
