"""The compiled firewall lets through what the executable specification says, proved with packets."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from analyzer import (
    PROFILES,
    Action,
    AddressSet,
    Cluster,
    Direction,
    Match,
    Options,
    PodPeer,
    Policy,
    Ports,
    PortSet,
    Rule,
    Span,
    Tier,
    TierKind,
    analyze,
)
from analyzer.selectors import Selector
from lab.probes import Outcome, Probe, ProbeResult, Protocol
from lab.providers.netns import nft
from lab.providers.netns.firewall import compile_world, counts, table_name
from lab.providers.netns.network import Network
from lab.world import Outside, Placing, World, realize
from tests.lab import sandbox
from tests.lab.policed import differences, enforce, listening, topology
from tests.lab.sandbox import Inside
from tests.property.strategies import clusters
from tests.unit.manifests import analysis, policy, service

pytestmark = pytest.mark.lab

EXAMPLES = sorted(path for path in (Path(__file__).parents[2] / "examples").iterdir() if path.is_dir())
PLACING = Placing(nodes=("n1", "n2"), most_replicas=2)
FAMILIES = {4: ("10.244.0.0/16",), 6: ("fd00:10:244::/64",), 46: ("10.244.0.0/16", "fd00:10:244::/64")}


def placed(*documents: str, cni: str = "calico", families: int = 46) -> World:
    options = Options(profile=PROFILES[cni], pod_cidrs=FAMILIES[families])
    client = Outside(name="external", addresses=("203.0.113.9", "2001:db8::9"), endpoint="")
    return replace(realize(analysis(*documents, options=options).cluster, PLACING), outside=(client,))


def labelled(name: str, app: str, node: str, *, host: bool = False, port: int = 8080) -> str:
    container = f"{{name: c, image: i, ports: [{{name: http, containerPort: {port}}}]}}"
    more = f"nodeName: {node}, hostNetwork: {str(host).lower()}"
    return (
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{app: {app}}}}}\n"
        f"spec: {{{more}, containers: [{container}]}}\n"
    )


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_every_pair_of_an_example_connects_as_the_specification_says(
    inside_once: Inside, folder: Path
) -> None:
    agrees(realize(analyze([str(folder)]).cluster, PLACING), inside_once)


def agrees(world: World, inside: Inside) -> None:
    ruleset = compile_world(world, 1)

    def story() -> None:
        with listening(world) as network:
            enforce(network, ruleset)
            assert differences(world, network, ruleset)[:3] == []

    inside(story)


@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(clusters())
def test_random_clusters_connect_as_the_specification_says(cluster: Cluster) -> None:
    """Unions, ordered tiers with Pass, named ports, blocks, hosts, both IP versions, other nodes."""
    agrees(realize(alone(cluster), PLACING), sandbox.inside(rootless=os.geteuid() != 0))


def alone(cluster: Cluster) -> Cluster:
    """Return a cluster whose pods all differ in their addresses, so that packets tell them apart."""
    hosts: set[str] = set()
    pods = []
    for number, each in enumerate(cluster.pods):
        host = each.host_network and not hosts
        node = f"n{number % 2 + 1}"
        hosts |= {node} if host else set()
        pods.append(replace(each, addresses=(), host_network=host, node=node))
    return replace(cluster, pods=tuple(pods), node_addresses=AddressSet.none())


def outcomes(network: Network, probes: Sequence[Probe]) -> list[Outcome]:
    return [result.outcome for result in network.probe(probes, timeout=1)]


def tcp(source: str, address: str, port: int = 8080, expect: str | None = None) -> Probe:
    return Probe(source=source, address=address, protocol=Protocol.TCP, port=port, expect=expect)


def asked(network: Network, probe: Probe) -> ProbeResult:
    return network.probe([probe], timeout=1)[0]


def served(world: World, *more: tuple[str, int]) -> Network:
    """Return a network in which pods and outside hosts listen on TCP 8080, and some elsewhere too."""
    network = Network.create(topology(world))
    names = {network.place(name).name for name in (*world.names, *(host.name for host in world.outside))}
    network.listen([(name, Protocol.TCP, 8080) for name in sorted(names)])
    network.listen([(name, Protocol.TCP, port) for name, port in more])
    return network


def address(world: World, name: str, version: int = 4) -> str:
    everybody = {
        **{name: pod.addresses for name, pod in world.pods()},
        **{n.name: n.addresses for n in world.nodes},
    }
    return next(each for each in everybody[name] if (":" in each) == (version == 6))


def cluster_ip(world: World, version: int = 4) -> str:
    return next(each for each in world.cluster.services[0].cluster_ips if (":" in each) == (version == 6))


TWO = (labelled("a", "client", "n1"), labelled("b", "server", "n2"), labelled("c", "other", "n1"))
ONLY_CLIENTS = policy(
    "spec: {podSelector: {matchLabels: {app: server}}, ingress: "
    "[{from: [{podSelector: {matchLabels: {app: client}}}], ports: [{port: http}]}]}",
    "only-clients",
)
SPAN = Span("tiers.yaml")


def tier(unmatched: Action, *actions: Action, direction: Direction = Direction.INGRESS) -> Tier:
    """Return an ordered tier whose one policy selects shop/b and acts on shop/a, one rule an action."""
    rules = tuple(
        Rule(
            action=action,
            peers=(
                PodPeer(
                    namespaces=Selector(), pods=Selector.labels(app="client"), on_hosts=Match.NO, span=SPAN
                ),
            ),
            ports=Ports(numbers=PortSet.all(), named=(), span=SPAN),
            doubt="",
            span=SPAN,
        )
        for action in actions
    )
    chosen = Policy(
        kind="ClusterNetworkPolicy",
        namespace="",
        name="chosen",
        order=0,
        subject_namespaces=Selector(),
        subject_pods=Selector.labels(app="server"),
        directions=frozenset((direction,)),
        ingress=rules,
        egress=(),
        span=SPAN,
    )
    return Tier(name="tier", kind=TierKind.ORDERED, unmatched=unmatched, policies=(chosen,))


ALLOW, DENY, PASS = Action.ALLOW, Action.DENY, Action.PASS
# What the tiers make of connections to shop/b: of shop/a, which the rules are about, and of shop/c.
TIERS = {
    "the first rule that matches decides": ([tier(PASS, DENY, ALLOW)], (False, True)),
    "an allow is final": ([tier(PASS, ALLOW, DENY), tier(DENY, DENY)], (True, False)),
    "a deny is final": ([tier(PASS, DENY), tier(ALLOW, ALLOW)], (False, True)),
    "pass leaves the tier": ([tier(DENY, PASS, ALLOW), tier(DENY, DENY)], (False, False)),
    "pass out of the last tier allows": ([tier(DENY, PASS)], (True, False)),
    "what no rule matches goes on to the next tier": ([tier(PASS, ALLOW), tier(DENY)], (True, False)),
    "what no rule matches may be denied at once": ([tier(DENY, ALLOW), tier(ALLOW)], (True, False)),
    "what no rule matches may be allowed at once": ([tier(ALLOW, DENY), tier(DENY)], (False, True)),
    "after all tiers everything is allowed": ([tier(PASS), tier(PASS)], (True, True)),
    "a tier of another direction does not count": (
        [tier(DENY, direction=Direction.EGRESS), tier(PASS, DENY)],
        (False, True),
    ),
}


@pytest.mark.parametrize("fact", TIERS)
def test_tiers_decide_in_their_order(inside_once: Inside, fact: str) -> None:
    tiers, expected = TIERS[fact]
    world = placed(*TWO)
    world = replace(world, cluster=replace(world.cluster, tiers=tuple(tiers)))

    def story() -> None:
        with served(world) as network:
            enforce(network, compile_world(world, 1))
            server = address(world, "shop/b")
            found = outcomes(network, [tcp("shop/a", server), tcp("shop/c", server)])
            assert tuple(each is Outcome.OPEN for each in found) == expected

    inside_once(story)


NOTHING_OUT = policy("spec: {podSelector: {}, policyTypes: [Egress]}", "nothing-out")
NOTHING_IN = policy("spec: {podSelector: {}, policyTypes: [Ingress]}", "nothing-in")


@pytest.mark.parametrize("version", [4, 6])
def test_a_drop_names_the_isolating_policies_and_an_allow_is_counted_for_its_rule(
    inside: Inside, version: int
) -> None:
    world = placed(*TWO, ONLY_CLIENTS)
    ruleset = compile_world(world, 1)

    def story() -> None:
        with served(world) as network:
            enforce(network, ruleset)
            server = address(world, "shop/b", version)
            denied = asked(network, tcp("shop/c", server))
            assert denied.outcome is Outcome.DROPPED
            verdict = ruleset.legend[denied.rule or ""]
            assert (verdict.policies, verdict.rule) == (("NetworkPolicy shop/only-clients",), "")
            assert verdict.span == "<stdin>:16"  # after three pods of four lines each
            assert asked(network, tcp("shop/a", server, expect="shop/b")).outcome is Outcome.OPEN
            listed = network.exec("n2", [nft.find(), "-j", "list", "table", "inet", table_name(1)]).stdout
            seen = {ruleset.legend[each].rule: count for each, count in counts(listed).items()}
            assert seen == {"spec.ingress[0]": 1}

    inside(story)


def test_a_denial_of_a_cni_that_rejects_comes_back_at_once(inside_once: Inside) -> None:
    world = placed(*TWO, NOTHING_IN, cni="kube-router")
    ruleset = compile_world(world, 1)

    def story() -> None:
        with served(world) as network:
            enforce(network, ruleset)
            for version in (4, 6):
                result = asked(network, tcp("shop/a", address(world, "shop/b", version)))
                assert result.outcome is Outcome.REJECTED
                assert ruleset.legend[result.rule or ""].policies == ("NetworkPolicy shop/nothing-in",)

    inside_once(story)


def test_egress_to_the_own_node_is_policed_and_what_a_node_sends_to_its_own_pods_is_not(
    inside_once: Inside,
) -> None:
    host = labelled("host", "host", "n1", host=True)
    closed = placed(*TWO, host, NOTHING_IN, NOTHING_OUT)

    def story() -> None:
        with served(closed) as network:
            enforce(network, compile_world(closed, 1))
            to_host = tcp("shop/a", address(closed, "n1"))
            to_own = tcp("shop/host", address(closed, "shop/a"))
            to_others = tcp("shop/host", address(closed, "shop/b"))
            found = outcomes(network, [to_host, to_own, to_others])
            assert found == [Outcome.DROPPED, Outcome.OPEN, Outcome.DROPPED]

    inside_once(story)


def test_a_selector_means_no_address_that_other_pods_of_the_node_have_as_well(inside_once: Inside) -> None:
    """Who cannot tell them apart "ignores hostNetwork pods when matching podSelector"."""
    egress = "egress: [{to: [{podSelector: {matchLabels: {app: client}}}]}], policyTypes: [Egress]"
    to_clients = policy(f"spec: {{podSelector: {{matchLabels: {{app: server}}}}, {egress}}}", "to-clients")
    ingress = "ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]"
    hosts = [labelled(name, name, "n2", host=True) for name in ("client", "other")]
    pods = (labelled("server", "server", "n1"), labelled("p", "client", "n1"), *hosts)
    agrees(
        placed(*pods, to_clients, policy(f"spec: {{podSelector: {{}}, {ingress}}}"), cni="api"), inside_once
    )


def test_other_nodes_are_admitted_where_the_cni_does_so(inside_once: Inside) -> None:
    world = placed(*TWO, labelled("host", "host", "n1", host=True), NOTHING_IN)
    world = replace(world, cluster=replace(world.cluster, other_nodes=Match.YES))

    def story() -> None:
        with served(world) as network:
            enforce(network, compile_world(world, 1))
            server = address(world, "shop/b")
            assert outcomes(network, [tcp("shop/host", server), tcp("shop/a", server)]) == [
                Outcome.OPEN,
                Outcome.DROPPED,
            ]

    inside_once(story)


EVERY_BLOCK = policy(
    "spec: {podSelector: {matchLabels: {app: server}}, ingress: "
    "[{from: [{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: '::/0'}}]}]}"
)


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(("cni", "inside_admitted"), [("calico", True), ("cilium", False)])
def test_blocks_mean_pods_and_nodes_only_where_the_cni_compares_them(
    inside_once: Inside, cni: str, *, inside_admitted: bool, version: int
) -> None:
    world = placed(*TWO, EVERY_BLOCK, cni=cni)

    def story() -> None:
        with served(world) as network:
            enforce(network, compile_world(world, 1))
            server = address(world, "shop/b", version)
            found = outcomes(network, [tcp(source, server) for source in ("external", "shop/a", "n1", "n2")])
            opened = [each is Outcome.OPEN for each in found]
            assert opened == [True, inside_admitted, inside_admitted, True]

    inside_once(story)


WEB = service("{selector: {app: server}, ports: [{port: 80, targetPort: http}]}")
NODE_PORT = "selector: {app: server}, ports: [{port: 80, targetPort: http, nodePort: 30080}], type: NodePort"


@pytest.mark.parametrize("version", [4, 6])
def test_a_service_leads_to_every_backend_by_the_name_of_its_port(inside: Inside, version: int) -> None:
    """Each backend gives its own number to the name, and the policies see the backend's."""
    world = placed(*TWO, labelled("d", "server", "n1", port=9090), ONLY_CLIENTS, WEB)

    def story() -> None:
        with served(world, ("shop/d", 9090)) as network:
            enforce(network, compile_world(world, 1))
            there = cluster_ip(world, version)
            answered = {asked(network, tcp("shop/a", there, 80)).attempts[-1].identity for _ in range(40)}
            assert answered == {"shop/b", "shop/d"}
            assert asked(network, tcp("shop/c", there, 80)).outcome is Outcome.DROPPED

    inside(story)


def test_a_service_serves_its_nodes(inside_once: Inside) -> None:
    world = placed(*TWO, WEB)

    def story() -> None:
        with served(world) as network:
            enforce(network, compile_world(world, 1))
            for node in ("n1", "n2"):
                assert asked(network, tcp(node, cluster_ip(world), 80, "shop/b")).outcome is Outcome.OPEN

    inside_once(story)


@pytest.mark.parametrize("version", [4, 6])
def test_a_service_without_backends_refuses_and_is_named(inside_once: Inside, version: int) -> None:
    spec = "{type: NodePort, selector: {app: nobody}, ports: [{port: 80, nodePort: 30080}]}"
    world = placed(*TWO, service(spec))

    def story() -> None:
        with served(world) as network:
            ruleset = compile_world(world, 1)
            enforce(network, ruleset)
            there = cluster_ip(world, version), 80
            asks = [tcp("shop/a", *there), tcp("n1", *there)]
            asks.append(tcp("external", address(world, "n1", version), 30080))
            for result in network.probe(asks, timeout=1):
                assert result.outcome is Outcome.REJECTED
                said = str(ruleset.legend[result.rule or ""])
                assert said.startswith("no ready backend of Service shop/"), said

    inside_once(story)


@pytest.mark.parametrize("version", [4, 6])
def test_a_node_port_answers_on_every_node_and_hides_the_client(inside: Inside, version: int) -> None:
    """Who comes in by a node without the backend has that node's address at the backend."""
    nodes_only = policy(
        "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 172.18.0.0/16}}, "
        "{ipBlock: {cidr: 'fc00:f853:ccd:e793::/64'}}]}]}"
    )
    world = placed(*TWO, service(f"{{{NODE_PORT}}}"), nodes_only)

    def story() -> None:
        with served(world) as network:
            enforce(network, compile_world(replace(world, cluster=replace(world.cluster, tiers=())), 1))
            for node in ("n1", "n2"):
                there = address(world, node, version)
                assert asked(network, tcp("external", there, 30080, "shop/b")).outcome is Outcome.OPEN
                assert asked(network, tcp("shop/a", there, 30080, "shop/b")).outcome is Outcome.OPEN
            enforce(network, compile_world(world, 2))
            there = address(world, "n1", version)
            assert asked(network, tcp("external", there, 30080, "shop/b")).outcome is Outcome.OPEN
            assert asked(network, tcp("shop/a", there, 30080)).outcome is Outcome.DROPPED

    inside(story)


@pytest.mark.parametrize("version", [4, 6])
def test_a_local_node_port_answers_where_a_backend_is_and_keeps_the_client(
    inside_once: Inside, version: int
) -> None:
    nodes_only = policy("spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 172.18.0.0/16}}]}]}")
    spec = f"{{{NODE_PORT}, externalTrafficPolicy: Local}}"
    free, closed = placed(*TWO, service(spec)), placed(*TWO, service(spec), nodes_only)

    def story() -> None:
        with served(closed) as network:
            here, away = address(closed, "n2", version), address(closed, "n1", version)
            enforce(network, compile_world(free, 1))
            assert asked(network, tcp("external", here, 30080, "shop/b")).outcome is Outcome.OPEN
            assert asked(network, tcp("external", away, 30080)).outcome is Outcome.DROPPED
            assert asked(network, tcp("shop/a", away, 30080, "shop/b")).outcome is Outcome.OPEN
            enforce(network, compile_world(closed, 2))
            assert asked(network, tcp("external", here, 30080)).outcome is Outcome.DROPPED

    inside_once(story)


SELF = {
    ("calico", ""): Outcome.OPEN,
    ("calico", NOTHING_IN): Outcome.DROPPED,
    ("calico", NOTHING_OUT): Outcome.DROPPED,
    ("antrea", NOTHING_IN + "---\n" + NOTHING_OUT): Outcome.OPEN,
    ("kube-router", NOTHING_IN): Outcome.OPEN,
    ("kube-router", NOTHING_OUT): Outcome.OPEN,
    ("kube-router", NOTHING_IN + "---\n" + NOTHING_OUT): Outcome.REJECTED,
    ("cilium", NOTHING_IN): Outcome.DROPPED,
}


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("case", SELF)
def test_a_pod_reaches_itself_through_its_service_as_its_cni_has_it(
    inside_once: Inside, case: tuple[str, str], version: int
) -> None:
    cni, policies = case
    world = placed(*TWO, WEB, *([policies] if policies else []), cni=cni)

    def story() -> None:
        with served(world) as network:
            enforce(network, compile_world(world, 1))
            assert asked(network, tcp("shop/b", cluster_ip(world, version), 80)).outcome is SELF[case]

    inside_once(story)


def test_canaries_are_enforced_beside_the_users_policies_and_leave_them_alone(inside_once: Inside) -> None:
    world = placed(*TWO)
    canary = placed(*TWO, NOTHING_IN).cluster
    moved = tuple(
        replace(each, addresses=(f"10.250.0.{number}",)) for number, each in enumerate(canary.pods, start=2)
    )
    canary = replace(canary, pods=moved)
    both = replace(
        world,
        cluster=replace(world.cluster, pods=(*world.cluster.pods, *moved)),
        names=(*world.names, *(f"canary/{each.name}" for each in moved)),
    )
    ruleset = compile_world(world, 1, [canary])

    def story() -> None:
        with served(both) as network:
            enforce(network, ruleset)
            found = outcomes(
                network,
                [
                    tcp("shop/a", address(both, "shop/b"), expect="shop/b"),
                    tcp("canary/a", address(both, "canary/b")),
                ],
            )
            assert found == [Outcome.OPEN, Outcome.DROPPED]

    inside_once(story)


def test_what_is_always_allowed_never_fails_while_generations_change(inside: Inside) -> None:
    world = placed(*TWO, ONLY_CLIENTS.replace(", ports: [{port: http}]", ""))

    def story() -> None:
        with served(world) as network:
            enforce(network, compile_world(world, 1))
            client = Client(network, "shop/a", address(world, "shop/b"))
            refused = asked(network, tcp("shop/c", address(world, "shop/b")))
            assert refused.outcome is Outcome.DROPPED
            for generation in range(2, 22):
                enforce(network, compile_world(world, generation))
            assert client.stop() > 50
            left = network.exec("n2", [nft.find(), "list", "tables"]).stdout
            assert left.split() == ["table", "inet", table_name(21)]

    inside(story)


class Client:
    """Connects again and again, in a thread of its own, to a port where the kernel alone answers."""

    def __init__(self, network: Network, name: str, there: str) -> None:
        self._server = network.run_in(
            "shop/b", lambda: socket.create_server(("", 8081), backlog=4096, family=socket.AF_INET)
        )
        self._place, self._there = network.place(name), there
        self._made, self._problem, self._ended = 0, "", False
        self._thread = threading.Thread(target=self._connect)
        self._thread.start()

    def _connect(self) -> None:
        with self._place.namespace:
            while not self._ended:
                with socket.socket() as client:
                    client.settimeout(0.5)
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    try:
                        client.connect((self._there, 8081))
                    except OSError as error:
                        self._problem = repr(error)
                        return
                self._made += 1
                time.sleep(0.001)

    def stop(self) -> int:
        """Return how many connections were made; none may have failed."""
        self._ended = True
        self._thread.join()
        self._server.close()
        assert self._problem == ""
        return self._made


def test_long_lists_of_blocks_and_ports_are_built_by_an_ordinary_user() -> None:
    blocks = ", ".join(f"{{ipBlock: {{cidr: 100.{n >> 7}.{2 * (n & 127)}.0/24}}}}" for n in range(6000))
    ports = ", ".join(f"{{port: {n}}}" for n in range(1, 6000, 2))
    wide = policy(f"spec: {{podSelector: {{}}, ingress: [{{from: [{blocks}], ports: [{ports}]}}]}}")
    world = placed(*TWO, wide)
    ruleset = compile_world(world, 1)
    assert max(len(command) for some in ruleset.build.values() for command in some) < 60_000

    def story() -> None:
        with served(world) as network:
            enforce(network, ruleset)
            assert asked(network, tcp("shop/a", address(world, "shop/b"))).outcome is Outcome.DROPPED

    sandbox.inside(rootless=True)(story)
