"""What a lab brings to life: places that stay, replicas, nodes, Services, hosts outside."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from analyzer import AddressSet, Cluster, Reachability
from lab import manifests
from lab.addresses import Allocator
from lab.errors import LabError
from lab.outside import representatives
from lab.world import Placing, World, endpoint_of, realize

_AT_2 = "status: {podIP: 10.244.0.2, podIPs: [{ip: 10.244.0.2}]}\n"
_V4 = AddressSet.of("10.244.0.0/16")


def pod(name: str, namespace: str = "shop", spec: str = "", more: str = "") -> str:
    return (
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{containers: [{{name: c, image: i}}]{spec and ', ' + spec}}}\n{more}---\n"
    )


def workload(kind: str, name: str, replicas: int, spec: str = "") -> str:
    return (
        f"apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\n"
        f"spec: {{replicas: {replicas}, selector: {{matchLabels: {{app: {name}}}}}, template: "
        f"{{metadata: {{labels: {{app: {name}}}}}, spec: {{containers: [{{name: c, image: i}}]"
        f"{spec and ', ' + spec}}}}}}}\n---\n"
    )


def service(name: str, spec: str) -> str:
    return (
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{{spec}}}\n---\n"
    )


class Made:
    """Makes clusters of manifests."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "cluster.yaml"

    def __call__(self, text: str) -> Cluster:
        self._path.write_text(text)
        return manifests.read([str(self._path)]).cluster


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def places(world: World) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {name: (pod.node, pod.addresses) for name, pod in world.pods()}


def test_every_pod_has_a_node_and_an_address_of_its_own(made: Made) -> None:
    world = realize(made("".join(pod(f"p{number}") for number in range(9))), Placing(nodes=("a", "b")))
    found = places(world)
    assert len({addresses for _, addresses in found.values()}) == 9
    assert {node for node, _ in found.values()} == {"a", "b"}
    assert all(AddressSet.of(address) & _V4 for _, (address,) in found.values())


def test_control_planes_have_pods_only_when_there_is_no_other_node(made: Made) -> None:
    text = pod("a") + pod("b")
    mixed = realize(made(text), Placing(nodes=("k-control-plane", "k-worker")))
    assert {node for node, _ in places(mixed).values()} == {"k-worker"}
    alone = realize(made(text), Placing(nodes=("k-control-plane",)))
    assert {node for node, _ in places(alone).values()} == {"k-control-plane"}


def test_replicas_are_pods_of_their_own(made: Made) -> None:
    world = realize(made(workload("Deployment", "web", 3)))
    assert world.names == ("shop/web-0", "shop/web-1", "shop/web-2")
    assert {str(origin) for origin in world.origins} == {"shop/Deployment/web"}
    assert all(each.replicas == 1 and each.workload.kind == "Pod" for each in world.cluster.pods)


def test_no_more_replicas_than_asked_for(made: Made) -> None:
    world = realize(made(workload("Deployment", "web", 5) + pod("bare")), Placing(most_replicas=2))
    assert world.names == ("shop/web-0", "shop/web-1", "shop/bare")


def test_too_many_pods_are_an_error_that_says_what_to_do(made: Made) -> None:
    cluster = made(workload("Deployment", "web", 5001))
    with pytest.raises(LabError, match="more than 5,000 pods") as caught:
        realize(cluster)
    assert "--max-replicas" in (caught.value.help or "")
    assert len(realize(cluster, Placing(most_replicas=1)).names) == 1


def test_pods_of_one_name_are_told_apart(made: Made) -> None:
    world = realize(made(pod("web-0") + workload("StatefulSet", "web", 1) + workload("Deployment", "web", 1)))
    assert len(set(world.names)) == 3
    assert "shop/web-0" in world.names


def test_a_pods_own_node_and_address_are_kept(made: Made) -> None:
    text = pod("a", spec="nodeName: far") + pod("b", more=_AT_2)
    found = places(realize(made(text)))
    assert found["shop/a"][0] == "far"
    assert found["shop/b"][1] == ("10.244.0.2",)
    assert found["shop/a"][1] != ("10.244.0.2",)


def test_a_pod_in_its_nodes_network_has_its_nodes_addresses(made: Made) -> None:
    text = pod("agent", spec="hostNetwork: true") + pod("other", spec="hostNetwork: true, nodeName: far")
    world = realize(made(text + pod("web")))
    nodes = {node.name: node.addresses for node in world.nodes}
    for name in ("shop/agent", "shop/other"):
        node, addresses = places(world)[name]
        assert addresses == nodes[node]
    assert places(world)["shop/other"][0] == "far"
    answering = world.identity_of()
    assert answering["shop/other"] == "far"
    assert answering["shop/web"] == "shop/web"
    assert answering["external"] == "external"
    assert set(world.placement.pods) == {"shop/web"}


def test_what_stays_keeps_its_place(made: Made) -> None:
    placing = Placing(nodes=("a", "b", "c"))
    before = realize(made("".join(pod(name) for name in "abcdef")), placing)
    after = realize(made("".join(pod(name) for name in "gfedc")), placing, before=before.placement)
    old, new = places(before), places(after)
    for name in ("shop/f", "shop/e", "shop/c"):
        assert new[name] == old[name]
    assert len({addresses for _, addresses in new.values()}) == 5


def test_a_new_pod_never_takes_the_address_of_one_that_stays(made: Made) -> None:
    before = realize(made(pod("a") + pod("b")))
    after = realize(made(pod("new") + pod("b") + pod("a")), before=before.placement)
    assert places(after)["shop/a"] == places(before)["shop/a"]
    assert len({addresses for _, addresses in places(after).values()}) == 3


def test_an_address_that_the_manifests_tell_is_taken_from_who_was_given_it(made: Made) -> None:
    before = realize(made(pod("a") + service("one", "ports: [{port: 80}]")))
    assert places(before)["shop/a"][1] == ("10.244.0.2",)
    told = service("two", f"clusterIP: {before.cluster.services[0].cluster_ips[0]}, ports: [{{port: 80}}]")
    text = pod("a") + pod("b", more=_AT_2) + service("one", "ports: [{port: 80}]") + told
    after = realize(made(text), before=before.placement)
    found = places(after)
    assert found["shop/b"][1] == ("10.244.0.2",)
    assert found["shop/a"][1] != ("10.244.0.2",)
    one, two = after.cluster.services
    assert one.cluster_ips != two.cluster_ips == before.cluster.services[0].cluster_ips


def test_nodes_and_services_keep_their_addresses(made: Made) -> None:
    one = service("one", "ports: [{port: 80}]")
    two = service("two", "ports: [{port: 80}]")
    before = realize(made(pod("a") + one + two), Placing(nodes=("n",)))
    after = realize(made(pod("a", spec="nodeName: m") + two), Placing(nodes=("n",)), before=before.placement)
    assert after.nodes[0] == before.nodes[0]
    assert after.nodes[1].addresses != before.nodes[0].addresses
    assert after.cluster.services[0].cluster_ips == before.cluster.services[1].cluster_ips


def test_services_are_given_what_they_lack(made: Made) -> None:
    text = (
        pod("a")
        + service("told", "clusterIP: 10.96.0.2, ports: [{port: 80}]")
        + service("plain", "ports: [{port: 80}]")
        + service("headless", "clusterIP: None, ports: [{port: 80}]")
        + service(
            "node", "type: NodePort, ports: [{port: 80, nodePort: 30000, name: one}, {port: 81, name: two}]"
        )
    )
    found = {each.name: each for each in realize(made(text)).cluster.services}
    assert found["told"].cluster_ips == ("10.96.0.2",)
    assert found["plain"].cluster_ips not in ((), ("10.96.0.2",))
    assert found["headless"].cluster_ips == ()
    assert [port.node_port for port in found["node"].ports] == [30000, 30001]
    assert [port.node_port for port in found["plain"].ports] == [None]


def test_each_group_of_outside_addresses_has_a_host(made: Made) -> None:
    policy = (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n"
        "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]}\n"
    )
    world = realize(made(pod("a") + policy))
    assert [each.name for each in world.outside] == ["external-1", "external-2"]
    inside = next(each for each in world.outside if "192.0.2.0" in each.addresses)
    beyond = next(each for each in world.outside if each is not inside)
    assert set(inside.addresses) == {"192.0.2.0", "192.0.2.255"}
    assert {"192.0.1.255", "192.0.3.0"} <= set(beyond.addresses)
    endpoints = endpoint_of(Reachability(world.cluster), world)
    assert set(endpoints) == {*world.names, "external-1", "external-2"}


def test_a_world_is_the_same_after_being_kept(made: Made) -> None:
    world = realize(made(pod("a") + service("s", "ports: [{port: 80}]")), sources=("x.yaml",))
    kept = World.unpack(world.pack())
    assert (kept.names, kept.nodes, kept.outside, kept.sources) == (
        world.names,
        world.nodes,
        world.outside,
        ("x.yaml",),
    )
    assert kept.placement == world.placement


def test_a_network_that_is_used_up_is_an_error_that_names_it(made: Made) -> None:
    small = replace(made(pod("a") + pod("b") + pod("c")), pod_addresses=AddressSet.of("10.1.0.0/30"))
    with pytest.raises(LabError, match=r"10\.1\.0\.0/30 has no address left") as caught:
        realize(small)
    assert "--pod-cidr" in (caught.value.help or "")


def test_addresses_are_handed_out_once_lowest_first() -> None:
    free = Allocator([AddressSet.of("10.0.0.0/29"), AddressSet.of("fd00::/126")], ["10.0.0.3"])
    assert free.take() == ("10.0.0.2", "fd00::2")
    assert free.take() == ("10.0.0.4", "fd00::3")
    with pytest.raises(LabError, match="fd00::/126 has no address left"):
        free.take()


def test_a_network_of_one_address_can_be_used() -> None:
    free = Allocator([AddressSet.of("10.0.0.9")], [])
    assert free.take() == ("10.0.0.9",)
    with pytest.raises(LabError):
        free.take()


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["192.0.2.0/24"], ("192.0.2.0", "192.0.2.255")),
        (["192.0.2.7/32"], ("192.0.2.7",)),
        (["0.0.0.0/0"], ("203.0.113.1",)),
        (["::/0"], ("2001:db8::1",)),
        (["0.0.0.0/0", "::/0"], ("203.0.113.1", "2001:db8::1")),
        (["127.0.0.0/8"], ()),
        (["224.0.0.0/4"], ()),
        (["169.254.169.254/32"], ()),
        (["fe80::/10"], ()),
        (["10.244.0.0/16"], ()),
        (["10.244.0.0/15"], ("10.245.255.255",)),
        (["128.0.0.0/1"], ("128.0.0.0",)),
    ],
)
def test_representatives_are_next_to_each_cut_or_for_documentation(
    addresses: list[str], expected: tuple[str, ...]
) -> None:
    assert representatives(AddressSet.union(map(AddressSet.of, addresses)), _V4) == expected


def test_representatives_are_of_the_families_asked_for() -> None:
    both = AddressSet.union((AddressSet.of("192.0.2.1"), AddressSet.of("2001:db8::9")))
    assert representatives(both, AddressSet.none(), (6,)) == ("2001:db8::9",)


def test_of_very_many_cuts_a_few_have_a_representative() -> None:
    many = AddressSet.union(AddressSet.of(f"192.0.{number}.0/32") for number in range(1, 255, 2))
    found = representatives(many, AddressSet.none())
    assert len(found) == 8
    assert all(before != after for before, after in pairwise(found))
