"""Who reaches a Service: from pods, from outside, through its own Service."""

from __future__ import annotations

import pytest

import analyzer.services as module
from analyzer import Options
from analyzer.model import Match
from analyzer.profiles import ANTREA, API, CALICO, CILIUM, KUBE_ROUTER, Profile
from analyzer.reachability import Reachability
from analyzer.services import access, services
from analyzer.sets import PortSet
from tests.unit.manifests import DENY, analysis, pod, policy, service, workload

WEB = pod("web", labels="{app: web}")
CLIENT = pod("client")
CLUSTER_IP = service("{selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}")
OPEN = (Match.YES, False, ())
ANYBODY = "spec: {podSelector: {}, ingress: [{ports: [{port: 80}]}]}"


def node_port(policy: str = "Cluster", kind: str = "NodePort") -> str:
    rest = f"externalTrafficPolicy: {policy}, selector: {{app: web}}, ports: [{{port: 80}}]"
    return service(f"{{type: {kind}, {rest}}}")


def reached(*documents: str, profile: Profile = CALICO) -> dict[str, tuple[Match, bool, tuple[str, ...]]]:
    """Return what each source gets of the one port of the one Service."""
    reachability = analysis(*documents, options=Options(profile=profile)).reachability
    return _reached(reachability)


def _reached(reachability: Reachability) -> dict[str, tuple[Match, bool, tuple[str, ...]]]:
    (found,) = services(reachability)
    return {str(each.source): (each.match, each.some, each.facts) for each in access(reachability, found)}


def ingress(rule: str) -> str:
    return policy(f"spec: {{podSelector: {{matchLabels: {{app: web}}}}, ingress: [{rule}]}}")


# From pods


def test_a_cluster_address_is_reached_from_inside_only() -> None:
    assert reached(WEB, CLIENT, CLUSTER_IP) == {"shop/web": OPEN, "shop/client": OPEN}


def test_the_policy_sees_the_target_port_not_the_ports_own_number() -> None:
    assert "shop/client" not in reached(WEB, CLIENT, CLUSTER_IP, ingress("{ports: [{port: 80}]}"))
    assert reached(WEB, CLIENT, CLUSTER_IP, ingress("{ports: [{port: 8080}]}"))["shop/client"] == OPEN


def test_who_reaches_some_backends_only_is_told_so() -> None:
    other = pod("other", labels="{app: web, open: 'yes'}")
    closed = policy("spec: {podSelector: {matchExpressions: [{key: open, operator: DoesNotExist}]}}")
    assert reached(WEB, other, CLIENT, CLUSTER_IP, closed)["shop/client"] == (Match.MAYBE, True, ())


@pytest.mark.parametrize(
    "spec",
    [
        "{type: ExternalName, externalName: example.org}",
        "{type: ExternalName, externalName: example.org, selector: {app: web}, ports: [{port: 80}]}",
        "{ports: [{port: 80}]}",
        "{selector: {}, ports: [{port: 80}]}",
        "{selector: {app: other}, ports: [{port: 80}]}",
        "{selector: {app: web}, ports: [{port: 80, targetPort: undefined}]}",
        "{selector: {app: web}, ports: [{port: 53, targetPort: dns}]}",
        "{selector: {app: web, tier: ''}, ports: [{port: 80}]}",
    ],
)
def test_a_service_without_backends_is_reached_by_nobody(spec: str) -> None:
    dns = "{containers: [{name: c, image: i, ports: [{name: dns, containerPort: 53, protocol: UDP}]}]}"
    web = f"{WEB[: WEB.index('spec:')]}spec: {dns}\n"
    assert reached(web, CLIENT, service(spec)) == {}


def test_a_service_leads_to_pods_of_its_own_namespace() -> None:
    assert (
        reached(WEB, CLIENT, service("{selector: {app: web}, ports: [{port: 80}]}", namespace="bank")) == {}
    )


def test_a_named_target_port_is_the_first_of_that_name() -> None:
    one, two = (
        f"{{name: c{n}, image: i, ports: [{{name: http, containerPort: {n}}}]}}" for n in (8080, 8081)
    )
    web = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {app: web}}\n"
        f"spec: {{containers: [{one}, {two}]}}\n"
    )
    named = service("{selector: {app: web}, ports: [{port: 80, targetPort: http}]}")
    found = analysis(web, CLIENT, named, ingress("{ports: [{port: 8080}]}")).reachability
    assert str(services(found)[0].ports[0].backends[0].targets) == "TCP 8080"
    assert _reached(found)["shop/client"] == OPEN


# A pod behind its own Service


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (CALICO, None),
        (ANTREA, OPEN),
        (CILIUM, (Match.MAYBE, False, ("how cilium treats a pod behind its own Service",))),
        (KUBE_ROUTER, OPEN),  # nothing is said of egress: one direction is enough
    ],
)
def test_what_becomes_of_a_pod_behind_its_own_service_depends_on_the_plugin(
    profile: Profile, expected: object
) -> None:
    assert reached(WEB, CLUSTER_IP, policy(DENY), profile=profile).get("shop/web") == expected


def test_a_plugin_that_asks_for_one_direction_refuses_when_both_do() -> None:
    closed = policy("spec: {podSelector: {}, policyTypes: [Ingress, Egress]}")
    assert reached(WEB, CLUSTER_IP, closed, profile=KUBE_ROUTER) == {}


@pytest.mark.parametrize("profile", [CALICO, ANTREA, CILIUM, KUBE_ROUTER])
def test_several_replicas_reach_each_other_through_their_service_as_the_policies_say(
    profile: Profile,
) -> None:
    replicas = workload("web")
    assert reached(replicas, CLUSTER_IP, profile=profile) == {"shop/web": OPEN}
    assert reached(replicas, CLUSTER_IP, policy(DENY), profile=profile) == {}


def test_a_headless_service_is_only_a_name_and_a_pod_reaches_itself() -> None:
    headless = service("{clusterIP: None, selector: {app: web}, ports: [{port: 80}]}")
    assert reached(WEB, headless, policy(DENY)) == {"shop/web": OPEN}


# From outside


@pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
@pytest.mark.parametrize("seen", ["Cluster", "Local"])
def test_without_policies_everybody_outside_reaches_it(kind: str, seen: str) -> None:
    assert reached(WEB, CLIENT, node_port(seen, kind))["external"] == OPEN


def test_where_the_clients_address_is_kept_the_policy_decides() -> None:
    found = reached(WEB, node_port("Local"), ingress("{from: [{ipBlock: {cidr: 198.51.100.0/24}}]}"))
    assert {source: match for source, (match, _, _) in found.items() if source != "shop/web"} == {
        "198.51.100.0/24": Match.YES
    }


def test_where_the_clients_address_may_be_a_nodes_it_is_open_which_of_both_is_seen() -> None:
    found = reached(WEB, node_port(), ingress("{from: [{ipBlock: {cidr: 198.51.100.0/24}}]}"))
    assert found["198.51.100.0/24"] == (
        Match.MAYBE,
        False,
        ("whether shop/web sees the client's address or a node's",),
    )
    assert found["0.0.0.0/0 except 198.51.100.0/24, ::/0"][0] is Match.MAYBE


def test_what_is_admitted_from_every_address_is_admitted_from_nodes_too() -> None:
    assert reached(WEB, node_port(), ingress("{ports: [{port: 80}]}"))["external"] == OPEN


def test_addresses_of_pods_are_no_addresses_of_nodes() -> None:
    # The block cuts out addresses that lie among the pods': no node has one of them.
    rule = "{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.244.7.0/24]}}, {ipBlock: {cidr: '::/0'}}]}"
    found = reached(WEB, node_port(), ingress(rule))
    assert {match for source, (match, _, _) in found.items() if source != "shop/web"} == {Match.YES}


EVERYWHERE = "{from: [{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: '::/0'}}]}"


@pytest.mark.parametrize(
    ("profile", "match"), [(CALICO, Match.YES), (CILIUM, Match.MAYBE), (API, Match.MAYBE)]
)
def test_a_block_admits_nodes_only_where_it_is_compared_with_their_addresses(
    profile: Profile, match: Match
) -> None:
    def outside(*more: str) -> set[Match]:
        found = reached(WEB, node_port(), ingress(EVERYWHERE), *more, profile=profile)
        return {match for source, (match, _, _) in found.items() if source != "shop/web"}

    assert outside() == {match}
    assert outside(policy(ANYBODY, "anybody")) == {Match.YES}


def test_a_backend_on_the_host_network_is_not_policed() -> None:
    host = pod("web", labels="{app: web}", more="hostNetwork: true")
    assert reached(host, node_port(), policy(DENY))["external"] == OPEN


def test_what_nodes_may_reach_is_found_once_however_many_addresses_ask(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    found = module._from_any_node

    def counted(reachability: Reachability, number: int) -> PortSet:
        asked.append(number)
        return found(reachability, number)

    monkeypatch.setattr(module, "_from_any_node", counted)
    blocks = "".join(f"{{ipBlock: {{cidr: 192.0.2.{2 * number}/32}}}}, " for number in range(9))
    got = reached(WEB, node_port(), ingress(f"{{from: [{blocks}]}}"))
    assert len(got) > len(asked) == 1
