"""What is asked of Services: which address and port, of whom, and who may answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from analyzer import Filters, Match, Protocol, Reachability, View
from lab import manifests
from lab.services import Asked, services
from lab.world import Limits, Placing, World, realize

Made = Callable[[str], World]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    def make(text: str) -> World:
        path = tmp_path / "cluster.yaml"
        path.write_text(text)
        return realize(manifests.read([str(path)]).cluster, Placing(nodes=("n1", "n2")))

    return make


def pod(name: str, ports: str = "", labels: str = "") -> str:
    return (
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{{labels}}}}}\n"
        f"spec: {{containers: [{{name: c, image: i, ports: [{ports}]}}]}}\n---\n"
    )


def service(spec: str, name: str = "web") -> str:
    return (
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{{spec}}}\n---\n"
    )


def asked(world: World, filters: Filters | None = None) -> list[Asked]:
    reachability = Reachability(world.cluster)
    view = View(reachability, filters)
    return [*services(world).asked(reachability, lambda _: view.sources)]


_WEB = pod("a", labels="app: web") + pod("b", labels="app: web") + pod("client")
_PORT = "ports: [{port: 80, targetPort: 8080}]"
_SELECTED = f"selector: {{app: web}}, {_PORT}"


def test_every_pod_asks_the_address_of_the_cluster_and_any_backend_may_answer(made: Made) -> None:
    world = made(_WEB + service(_SELECTED))
    (address,) = world.cluster.services[0].cluster_ips
    found = asked(world)
    assert [each.source.name for each in found] == ["a", "b", "client"]
    for each in found:
        assert (each.name, each.address, each.protocol, each.port) == ("shop/web", address, Protocol.TCP, 80)
        assert each.match is Match.YES
        assert each.backends == {"shop/a", "shop/b"}
        assert each.own == (each.source.name != "client")


def test_outside_hosts_ask_every_node_at_the_node_port(made: Made) -> None:
    world = made(_WEB + service(f"type: NodePort, {_SELECTED}"))
    found = [each for each in asked(world) if each.source.external]
    number = world.cluster.services[0].ports[0].node_port
    assert {(each.address, each.port) for each in found} == {
        (node.addresses[0], number) for node in world.nodes
    }
    assert {each.backends for each in found} == {frozenset(["shop/a", "shop/b"])}
    assert not any(each.own for each in found)


def test_outside_hosts_cannot_ask_an_address_that_is_the_clusters_own(made: Made) -> None:
    assert not [each for each in asked(made(_WEB + service(_SELECTED))) if each.source.external]


@pytest.mark.parametrize(
    "spec",
    [
        f"clusterIP: None, {_SELECTED}",
        "type: ExternalName, externalName: example.org",
        _PORT,
    ],
    ids=["headless", "external name", "no selector"],
)
def test_a_service_without_an_address_or_a_selector_is_not_asked(made: Made, spec: str) -> None:
    assert asked(made(_WEB + service(spec))) == []


@pytest.mark.parametrize(
    "spec",
    [f"selector: {{app: nobody}}, {_PORT}", "selector: {app: web}, ports: [{port: 80, targetPort: absent}]"],
    ids=["no pod", "no such port"],
)
def test_a_service_without_backends_refuses_where_that_can_be_told_from_a_pods_refusal(
    made: Made, spec: str
) -> None:
    world = made(_WEB + service(spec))
    found = asked(world)
    assert [each.source.name for each in found] == ["a", "b", "client"]
    assert {(each.match, each.backends, each.own) for each in found} == {(Match.NO, frozenset(), False)}
    assert not asked(replace(world, limits=Limits(identified=False)))


def test_a_cluster_without_services_has_nothing_to_ask(made: Made) -> None:
    world = made(_WEB)
    assert not asked(world)
    assert not [*services(world).targets()]


_NAMED = (
    pod("a", "{name: http, containerPort: 8080}, {name: dns, containerPort: 53, protocol: UDP}", "app: web")
    + pod("b", "{name: http, containerPort: 9090}, {name: admin, containerPort: 7}", "app: web")
    + pod("client")
)
_BY_NAME = (
    "selector: {app: web}, ports: [{name: h, port: 80, targetPort: http},"
    " {name: a, port: 81, targetPort: admin},"
    " {name: d, port: 53, protocol: UDP, targetPort: dns}]"
)


def test_a_target_port_by_name_is_each_pods_own(made: Made) -> None:
    world = made(_NAMED + service(_BY_NAME))
    assert set(services(world).targets()) == {
        ("shop/a", Protocol.TCP, 8080),
        ("shop/b", Protocol.TCP, 9090),
        ("shop/b", Protocol.TCP, 7),
        ("shop/a", Protocol.UDP, 53),
    }


def test_only_who_is_behind_a_port_may_answer_there(made: Made) -> None:
    found = asked(made(_NAMED + service(_BY_NAME)))
    assert {(each.protocol, each.port, each.backends) for each in found} == {
        (Protocol.TCP, 80, frozenset(["shop/a", "shop/b"])),
        (Protocol.TCP, 81, frozenset(["shop/b"])),
        (Protocol.UDP, 53, frozenset(["shop/a"])),
    }
    assert {(each.port, each.source.name) for each in found if each.own} == {
        (80, "a"),
        (80, "b"),
        (81, "b"),
        (53, "a"),
    }


@pytest.mark.parametrize(
    ("closed", "match"),
    [("app: web", Match.NO), ("app: web, version: two", Match.MAYBE), ("app: other", Match.YES)],
    ids=["every backend", "one backend", "no backend"],
)
def test_what_is_predicted_depends_on_the_backends_that_policies_close(
    made: Made, closed: str, match: Match
) -> None:
    text = pod("a", labels="app: web") + pod("b", labels="app: web, version: two") + pod("client")
    policy = (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n"
        f"spec: {{podSelector: {{matchLabels: {{{closed}}}}}}}\n---\n"
    )
    found = asked(made(text + policy + service(_SELECTED)), Filters(sources=("client",)))
    assert [(each.source.name, each.match) for each in found] == [("client", match)]


def _placed(name: str, node: str, *addresses: str) -> str:
    ips = ", ".join(f"{{ip: '{each}'}}" for each in addresses)
    return pod(name, labels="app: web").replace(
        "spec: {", f"status: {{phase: Running, podIPs: [{ips}]}}\nspec: {{nodeName: {node}, "
    )


_FOUR, _SIX = "10.244.0.5", "fd00:10:244::5"


@pytest.mark.parametrize(
    ("addresses", "versions"), [((_FOUR,), {False}), ((_SIX,), {True}), ((_FOUR, _SIX), {False, True})]
)
def test_an_address_leads_only_to_backends_of_its_own_ip_version(
    made: Made, addresses: tuple[str, ...], versions: set[bool]
) -> None:
    """A Service of both families has an EndpointSlice for each; one without endpoints refuses."""
    other = _placed("client", "n1", "10.244.0.6", "fd00:10:244::6").replace("app: web", "app: client")
    world = made(
        _placed("a", "n1", *addresses) + other + service(f"{_SELECTED}, ipFamilyPolicy: PreferDualStack")
    )
    assert {":" in each for each in world.cluster.services[0].cluster_ips} == {False, True}
    leads = {":" in each.address: (each.match, each.backends) for each in asked(world)}
    assert leads == {
        six: (Match.YES, frozenset(["shop/a"])) if six in versions else (Match.NO, frozenset())
        for six in (False, True)
    }


def test_a_node_without_backends_answers_nobody_where_the_client_is_to_be_seen(made: Made) -> None:
    """externalTrafficPolicy Local "drops" what comes to a node without endpoints."""
    spec = f"type: NodePort, externalTrafficPolicy: Local, {_SELECTED}"
    world = made(_placed("a", "n1", _FOUR) + service(spec))
    nodes = {address: node.name for node in world.nodes for address in node.addresses}
    found = [each for each in asked(world) if each.source.external]
    assert {(nodes[each.address], each.match, each.backends) for each in found} == {
        ("n1", Match.YES, frozenset(["shop/a"])),
        ("n2", Match.NO, frozenset()),
    }
