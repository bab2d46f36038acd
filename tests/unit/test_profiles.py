"""Section 2 of the semantics: what each CNI's profile makes of the same manifests."""

from __future__ import annotations

import pytest

from analyzer.diagnostics import Span
from analyzer.model import (
    AddressPeer,
    AnyPeer,
    Denial,
    Direction,
    Match,
    NamedPort,
    PodPeer,
    Rule,
    SelfService,
)
from analyzer.profiles import (
    ANTREA,
    API,
    CALICO,
    CILIUM,
    KINDNET,
    KUBE_ROUTER,
    OVN_KUBERNETES,
    PROFILES,
    Profile,
)
from analyzer.selectors import EVERYTHING, Selector, namespace_named
from analyzer.sets import AddressSet, PortSet, Protocol
from tests.unit.decode.reading import cluster, only_policy, only_rule, policy, remarks

NO, MAYBE, YES = Match.NO, Match.MAYBE, Match.YES
ICMP = PortSet.of(Protocol.ICMP)
# Those that make one rule of the model of one rule of the manifest.
PLAIN = [CALICO, CILIUM, KINDNET, OVN_KUBERNETES, ANTREA]


def names(profile: Profile) -> str:
    return profile.name


def test_every_profile_is_found_by_its_name() -> None:
    assert list(PROFILES) == ["calico", "cilium", "kindnet", "kube-router", "ovn-kubernetes", "antrea", "api"]
    assert all(profile.name == name for name, profile in PROFILES.items())


@pytest.mark.parametrize(
    ("profile", "other_nodes", "self_service", "denial"),
    [
        (CALICO, NO, SelfService.POLICED, Denial.TIMEOUT),
        (CILIUM, NO, SelfService.UNKNOWN, Denial.TIMEOUT),
        (KINDNET, NO, SelfService.POLICED, Denial.TIMEOUT),
        (KUBE_ROUTER, NO, SelfService.EITHER_DIRECTION, Denial.REFUSED),
        (OVN_KUBERNETES, NO, SelfService.BYPASSED, Denial.TIMEOUT),
        (ANTREA, NO, SelfService.BYPASSED, Denial.TIMEOUT),
        (API, MAYBE, SelfService.UNKNOWN, Denial.TIMEOUT),
    ],
    ids=lambda value: value.name if isinstance(value, Profile) else None,
)
def test_what_a_profile_says_of_the_cluster(
    profile: Profile, other_nodes: Match, self_service: SelfService, denial: Denial
) -> None:
    found = cluster(policy("podSelector: {}"), profile)
    assert found.profile == profile.name
    assert (found.other_nodes, found.self_service, found.denial) == (other_nodes, self_service, denial)


PEERS = "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}, {podSelector: {}}]}]}"


@pytest.mark.parametrize(
    ("profile", "block_on_pods", "block_on_hosts", "selector_on_hosts"),
    [
        (CALICO, YES, YES, NO),
        (CILIUM, NO, NO, NO),
        (KINDNET, YES, YES, NO),
        (KUBE_ROUTER, YES, YES, NO),
        (OVN_KUBERNETES, YES, YES, NO),
        (ANTREA, YES, YES, NO),
        (API, MAYBE, MAYBE, MAYBE),
    ],
    ids=lambda value: value.name if isinstance(value, Profile) else None,
)
def test_what_a_profile_says_of_peers(
    profile: Profile, block_on_pods: Match, block_on_hosts: Match, selector_on_hosts: Match
) -> None:
    block, pods = only_policy(policy(PEERS), profile).ingress[0].peers
    assert isinstance(block, AddressPeer)
    assert isinstance(pods, PodPeer)
    assert (block.on_pods, block.on_hosts, pods.on_hosts) == (
        block_on_pods,
        block_on_hosts,
        selector_on_hosts,
    )


@pytest.mark.parametrize("profile", PLAIN, ids=names)
def test_only_rules_without_ports_admit_icmp(profile: Profile) -> None:
    rules = "[{}, {ports: [{port: 80}, {protocol: UDP}]}]"
    first, second = only_policy(policy(f"{{podSelector: {{}}, ingress: {rules}}}"), profile).ingress
    assert first.ports.numbers >= ICMP
    assert not second.ports.numbers & ICMP


@pytest.mark.parametrize(("profile", "who"), [(API, "the API"), (KUBE_ROUTER, "kube-router")])
def test_icmp_is_open_where_the_profile_does_not_say(profile: Profile, who: str) -> None:
    found = only_policy(policy("{podSelector: {}, policyTypes: [Ingress, Egress]}"), profile)
    for rules in (found.ingress, found.egress):
        (rule,) = rules
        assert [type(peer) for peer in rule.peers] == [AnyPeer]
        assert rule.ports.numbers == ICMP
        assert rule.doubt.startswith(who)
        assert rule.span == found.span


def test_icmp_is_not_open_in_a_direction_that_the_policy_leaves_alone() -> None:
    assert only_policy(policy("podSelector: {}"), API).egress == ()


IGNORED = "{podSelector: {}, policyTypes: [Ingress], egress: [{to: [{podSelector: {}}]}]}"


@pytest.mark.parametrize("profile", [CALICO, KINDNET, OVN_KUBERNETES], ids=names)
def test_egress_rules_of_an_ingress_policy_are_ignored(profile: Profile) -> None:
    found = only_policy(policy(IGNORED), profile)
    assert found.directions == {Direction.INGRESS}
    assert found.egress == ()


@pytest.mark.parametrize("profile", [CILIUM, ANTREA], ids=names)
def test_egress_rules_of_an_ingress_policy_isolate_all_the_same(profile: Profile) -> None:
    text = policy(IGNORED)
    found = only_policy(text, profile)
    assert found.directions == set(Direction)
    assert len(found.egress) == 1
    assert [each.rpartition(": ")[2] for each in remarks(text, profile)] == [
        f"{profile.title} applies these rules although `policyTypes` does not name Egress"
    ]


@pytest.mark.parametrize("profile", [CILIUM, ANTREA], ids=names)
def test_an_ingress_policy_without_egress_rules_does_not_isolate_egress(profile: Profile) -> None:
    text = policy("{podSelector: {}, policyTypes: [Ingress], egress: []}")
    assert only_policy(text, profile).directions == {Direction.INGRESS}


# Named ports.

METADATA = "{{name: {0}, namespace: {1}, labels: {{app: {0}}}}}"
POD = f"apiVersion: v1\nkind: Pod\nmetadata: {METADATA}\nspec: {{2}}\n---\n"
WEB = "{containers: [{ports: [{name: web, containerPort: 8080}]}]}"
NAMES = "[{port: web}, {port: dns, protocol: UDP}]"
NAMED = f"{{podSelector: {{}}, ingress: [{{from: [{{podSelector: {{}}}}], ports: {NAMES}}}]}}"


@pytest.mark.parametrize("profile", [CALICO, CILIUM, KINDNET, ANTREA], ids=names)
def test_a_name_stands_for_nothing_on_a_pod_that_has_no_such_port(profile: Profile) -> None:
    found = only_rule(policy(NAMED), profile)
    assert found.ports.named == (
        NamedPort(name="web", protocol=Protocol.TCP, undefined=PortSet.none()),
        NamedPort(name="dns", protocol=Protocol.UDP, undefined=PortSet.none()),
    )
    assert found.ports.numbers == PortSet.none()


def test_ovn_kubernetes_does_not_look_names_up_but_admits_the_whole_protocol() -> None:
    found = only_rule(policy(NAMED), OVN_KUBERNETES)
    assert found.ports.named == ()
    assert found.ports.numbers == PortSet.of(Protocol.TCP) | PortSet.of(Protocol.UDP)


def certain(text: str, direction: Direction = Direction.INGRESS) -> tuple[Rule, ...]:
    """The rules that kube-router has for certain."""
    return tuple(rule for rule in only_policy(text, KUBE_ROUTER).rules(direction) if not rule.doubt)


def ports(*given: str, peers: str = "{podSelector: {}}") -> str:
    return policy(f"{{podSelector: {{}}, ingress: [{{from: [{peers}], ports: [{', '.join(given)}]}}]}}")


def test_kube_router_admits_pods_on_everything_when_nobody_defines_the_name() -> None:
    (rule,) = certain(POD.format("a", "shop", "{}") + ports("{port: web}"))
    assert (rule.ports.numbers, rule.ports.named) == (PortSet.all(), ())
    assert rule.ports.span.field == "spec.ingress[0].ports"


def test_kube_router_looks_the_name_up_when_one_selected_pod_defines_it() -> None:
    text = POD.format("a", "shop", WEB) + POD.format("b", "shop", "{}") + ports("{port: web}")
    (rule,) = certain(text)
    assert [each.name for each in rule.ports.named] == ["web"]
    assert rule.ports.numbers == PortSet.none()


@pytest.mark.parametrize(
    "pod",
    [
        POD.format("a", "other", WEB),
        POD.format("a", "shop", WEB.replace("{containers", "{hostNetwork: true, containers")),
        POD.format("a", "shop", WEB.replace("8080", "8080, protocol: UDP")),
        POD.format("a", "shop", WEB.replace("web", "www")),
    ],
    ids=["another namespace", "on the host network", "another protocol", "another name"],
)
def test_kube_router_looks_at_selected_pods_only(pod: str) -> None:
    (rule,) = certain(pod + ports("{port: web}"))
    assert rule.ports.numbers == PortSet.all()


def test_kube_router_admits_numbers_alone_beside_a_name_that_nobody_defines() -> None:
    (rule,) = certain(ports("{port: web}", "{port: 443}"))
    assert rule.ports.numbers == PortSet.of(Protocol.TCP, 443)


def test_kube_router_admits_pods_alone_on_everything() -> None:
    everything, rest = certain(ports("{port: web}", peers="{podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8}}"))
    assert ([type(each) for each in everything.peers], everything.ports.numbers) == ([PodPeer], PortSet.all())
    assert ([type(each) for each in rest.peers], rest.ports.numbers) == ([AddressPeer], PortSet.none())


def test_kube_router_admits_nobody_else_on_an_undefined_name() -> None:
    (rule,) = certain(policy("{podSelector: {}, ingress: [{ports: [{port: web}]}]}"))
    assert ([type(each) for each in rule.peers], rule.ports.numbers) == ([AnyPeer], PortSet.none())


@pytest.mark.parametrize(("namespace", "everything"), [("shop", True), ("bank", False)])
def test_kube_router_looks_names_of_egress_rules_up_on_the_peers(namespace: str, *, everything: bool) -> None:
    peer = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: bank}}}"
    rule = f"{{to: [{peer}], ports: [{{port: web}}]}}"
    text = POD.format("a", namespace, WEB) + policy(
        f"{{podSelector: {{}}, policyTypes: [Egress], egress: [{rule}]}}"
    )
    (found,) = certain(text, Direction.EGRESS)
    assert (found.ports.numbers == PortSet.all()) is everything


# Excepts.

BLOCKS = """{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}},
            {ipBlock: {cidr: 10.1.2.0/24}}, {ipBlock: {cidr: 10.1.0.0/17, except: [10.1.2.3/32]}},
            {podSelector: {}}]}]}"""


def admitted(rule: Rule) -> AddressSet:
    return AddressSet.union(peer.addresses for peer in rule.peers if isinstance(peer, AddressPeer))


def test_each_block_has_its_own_excepts() -> None:
    rule = only_rule(policy(BLOCKS))
    assert admitted(rule) == AddressSet.of("10.0.0.0/8") - AddressSet.of("10.1.128.0/17")


def test_kube_router_puts_the_blocks_of_a_rule_into_one_set_in_which_the_longest_prefix_wins() -> None:
    (rule,) = certain(policy(BLOCKS))
    left_out = AddressSet.of("10.1.128.0/17") | AddressSet.of("10.1.2.3/32")
    assert admitted(rule) == AddressSet.of("10.0.0.0/8") - left_out
    assert len(rule.peers) == 4


def test_kube_router_may_keep_either_of_a_cidr_and_an_except_that_are_equal() -> None:
    blocks = """[{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}, {ipBlock: {cidr: 10.1.0.0/16}},
                 {ipBlock: {cidr: 10.1.7.0/24}}]"""
    found = only_policy(policy(f"{{podSelector: {{}}, ingress: [{{from: {blocks}}}]}}"), KUBE_ROUTER)
    sure, open_, _icmp = found.ingress
    part = AddressSet.of("10.1.0.0/16") - AddressSet.of("10.1.7.0/24")
    assert admitted(sure) == AddressSet.of("10.0.0.0/8") - part
    assert admitted(open_) == part
    assert open_.doubt == (
        "kube-router keeps one set per rule, in which the same CIDR cannot be both named and excepted"
    )
    assert open_.ports == sure.ports


def test_kube_router_tells_prefixes_of_ipv6_apart() -> None:
    blocks = "[{ipBlock: {cidr: 'fd00::/8', except: ['fd00:1::/32']}}, {ipBlock: {cidr: 'fd00:1:2::/48'}}]"
    (rule,) = certain(policy(f"{{podSelector: {{}}, ingress: [{{from: {blocks}}}]}}"))
    cut = AddressSet.of("fd00:1::/32") - AddressSet.of("fd00:1:2::/48")
    assert admitted(rule) == AddressSet.of("fd00::/8") - cut


# One chain for both directions.


def chain(rules: str, *pods: str) -> str:
    texts = [POD.format(name, "shop", "{}") for name in pods]
    return "".join(texts) + policy(f"{{podSelector: {{}}, policyTypes: [Ingress, Egress], {rules}}}")


def added(text: str, direction: Direction) -> list[Rule]:
    """The rules of a direction that come from the other one."""
    found = only_policy(text, KUBE_ROUTER).rules(direction)
    other = direction.EGRESS if direction is Direction.INGRESS else Direction.INGRESS
    return [rule for rule in found if rule.span.path[:2] == ("spec", other.value)]


def test_an_egress_rule_of_both_types_admits_to_the_selected_pods_that_it_means() -> None:
    (rule,) = added(chain("egress: [{to: [{podSelector: {}}], ports: [{port: 80}]}]", "a"), Direction.INGRESS)
    (peer,) = rule.peers
    assert peer == PodPeer(namespaces=namespace_named("shop"), pods=EVERYTHING, on_hosts=NO, span=Span(""))
    assert rule.ports.numbers == PortSet.of(Protocol.TCP, 80)
    assert rule.doubt == ""


def test_an_ingress_rule_of_both_types_lets_out_of_the_selected_pods_that_it_means() -> None:
    (rule,) = added(chain("ingress: [{}]", "a"), Direction.EGRESS)
    assert isinstance(rule.peers[0], PodPeer)
    assert (rule.ports.numbers, rule.doubt) == (PortSet.all(), "")


def test_it_is_in_doubt_where_the_rule_means_only_some_of_the_selected_pods() -> None:
    rules = "egress: [{to: [{podSelector: {matchLabels: {app: a}}}]}]"
    (rule,) = added(chain(rules, "a", "b"), Direction.INGRESS)
    assert rule.doubt.startswith(
        "kube-router applies the egress rules of a policy of both types to both ends"
    )


def test_pods_that_are_alike_count_once() -> None:
    alike = POD.format("a", "shop", "{}") + POD.format("a", "shop", "{}").replace("name: a", "name: b")
    (rule,) = added(
        alike + chain("egress: [{to: [{podSelector: {matchLabels: {app: a}}}]}]"), Direction.INGRESS
    )
    assert rule.doubt == ""


def test_it_is_in_doubt_where_an_address_decides() -> None:
    (rule,) = added(chain("egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]", "a"), Direction.INGRESS)
    assert rule.doubt


@pytest.mark.parametrize(
    "text",
    [
        chain("egress: [{to: [{podSelector: {matchLabels: {app: c}}}]}]", "a", "b"),
        chain("egress: [{to: [{namespaceSelector: {matchLabels: {team: x}}}]}]", "a"),
        chain("egress: [{}]"),
        POD.format("a", "other", "{}") + chain("egress: [{}]"),
        POD.format("a", "shop", "{hostNetwork: true}") + chain("egress: [{}]"),
    ],
    ids=["other labels", "other namespaces", "no pods", "pods elsewhere", "on the host network"],
)
def test_nothing_is_added_where_the_rule_means_none_of_the_selected_pods(text: str) -> None:
    assert added(text, Direction.INGRESS) == []


def test_a_policy_of_one_type_is_a_chain_of_its_own() -> None:
    text = POD.format("a", "shop", "{}") + policy("{podSelector: {}, policyTypes: [Egress], egress: [{}]}")
    assert only_policy(text, KUBE_ROUTER).ingress == ()


def test_only_selected_pods_count() -> None:
    text = "".join(POD.format(name, "shop", "{}") for name in "ab") + policy(
        "{podSelector: {matchLabels: {app: a}}, policyTypes: [Ingress, Egress],"
        " egress: [{to: [{podSelector: {matchLabels: {app: a}}}]}]}"
    )
    (rule,) = added(text, Direction.INGRESS)
    assert isinstance(rule.peers[0], PodPeer)
    assert (rule.peers[0].pods, rule.doubt) == (Selector.labels(app="a"), "")
