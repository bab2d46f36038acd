from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import pytest

from analyzer import Options
from analyzer.expect.checking import check
from analyzer.expect.expectation import Outcome
from analyzer.expect.reading import read_expectations
from analyzer.expect.result import Result, overall
from analyzer.load import load
from analyzer.profiles import PROFILES
from analyzer.sets import PortSet, Protocol
from tests.unit.manifests import ALLOW_TCP_80, DENY, analysis, pod, policy, service, workload

HEAD = "apiVersion: kubereach.dev/v1alpha1\nkind: Expectations\nexpectations:\n"
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {team: %s}}\n"
SERVICE = service("{selector: {app: db}, ports: [{port: 8080, targetPort: 80}]}", "api")
LABELLED = pod("db", labels="{app: db}")
POD_NETWORK = Options(pod_cidrs=("172.16.0.0/16",))
HOLDS, UNKNOWN, FAILS = Outcome.HOLDS, Outcome.UNKNOWN, Outcome.FAILS


@dataclass(frozen=True)
class Written:
    """One expectation as a team writes it."""

    source: str
    to: str
    verdict: str
    ports: str = "ALL"
    unless: str = "[]"

    def __str__(self) -> str:
        ends = f"  from: {self.source}\n  to: {self.to}\n"
        return (
            f"- name: it\n{ends}  ports: [{self.ports}]\n  verdict: {self.verdict}\n  unless: {self.unless}\n"
        )


def result(written: Written, *documents: str, options: Options = POD_NETWORK) -> Result:
    text = (HEAD + str(written)).encode()
    found, _ = read_expectations(load(["-"], stdin=BytesIO(text)).documents)
    (made,) = check(analysis(*documents, options=options).reachability, found)
    assert (made.outcome is HOLDS) == (made.witness is None and made.problem is None)
    return made


def told(made: Result) -> tuple[Outcome, int, int, int]:
    return made.outcome, made.pairs, made.failing, made.doubtful


def problem(written: Written, *documents: str) -> tuple[str, str]:
    made = result(written, *documents)
    assert (made.outcome, made.pairs) == (FAILS, 0)
    assert made.problem
    return made.problem.message, made.problem.help


@pytest.mark.parametrize(
    ("verdict", "ports", "outcome"),
    [
        ("allow", "80/TCP", HOLDS),
        ("allow", "80-81/TCP", FAILS),
        ("deny", "81/TCP, ALL/UDP, ALL/SCTP", HOLDS),
        ("deny", "ALL", FAILS),
        ("only", "80/TCP", HOLDS),
        ("only", "80/TCP, 81/TCP", FAILS),
        ("only", "81/TCP", FAILS),
        ("unknown", "80/TCP", FAILS),
        ("unknown", "81/TCP", FAILS),
    ],
)
def test_a_verdict_is_about_every_port(verdict: str, ports: str, outcome: Outcome) -> None:
    made = result(Written("shop/a", "shop/b", verdict, ports), pod("a"), pod("b"), policy(ALLOW_TCP_80))
    assert (made.outcome, made.pairs) == (outcome, 1)


@pytest.mark.parametrize(
    ("verdict", "ports", "outcome"),
    [
        # A node may run the pod, and always reaches those that it runs.
        ("allow", "80/TCP", HOLDS),
        ("allow", "81/TCP", UNKNOWN),
        ("deny", "81/TCP", UNKNOWN),
        ("deny", "80/TCP", FAILS),
        ("only", "80/TCP", UNKNOWN),
        ("unknown", "81/TCP", HOLDS),
        ("unknown", "80/TCP", FAILS),
    ],
)
def test_a_verdict_is_held_whatever_is_not_known(verdict: str, ports: str, outcome: Outcome) -> None:
    documents = pod("host", more="hostNetwork: true"), pod("b"), policy(ALLOW_TCP_80)
    assert result(Written("shop/host", "shop/b", verdict, ports), *documents).outcome is outcome


def test_a_node_always_reaches_the_pods_that_it_runs_and_others_by_policy() -> None:
    documents = (
        pod("host", more="hostNetwork: true, nodeName: one"),
        pod("here", more="nodeName: one"),
        pod("there", more="nodeName: two"),
        policy(DENY),
    )
    assert result(Written("shop/host", "shop/here", "allow"), *documents).outcome is HOLDS
    assert result(Written("shop/host", "shop/there", "deny"), *documents).outcome is HOLDS
    made = result(Written("shop/host", "[shop/here, shop/there]", "deny"), *documents)
    assert told(made) == (FAILS, 2, 1, 0)
    assert made.witness
    assert made.witness.destination.name == "here"


def test_a_failure_is_worse_than_what_is_not_known() -> None:
    documents = pod("a"), pod("host", more="hostNetwork: true"), pod("z"), policy(ALLOW_TCP_80)
    made = result(Written("[shop/host, shop/a]", "shop/z", "allow", "81/TCP"), *documents)
    assert told(made) == (FAILS, 2, 1, 1)
    assert made.witness
    assert (made.witness.source.name, made.witness.verdict) == ("a", "denied")


def test_the_witness_is_the_first_pair_in_the_order_of_the_cluster() -> None:
    documents = pod("d", labels="{x: v}"), pod("b"), pod("a"), pod("c", labels="{x: v}"), pod("z")
    made = result(Written("shop/*", "shop/z", "deny"), *documents)
    assert told(made) == (FAILS, 4, 4, 0)
    assert made.witness
    assert (made.witness.source.name, made.witness.destination.name) == ("a", "z")
    assert made.witness.port == (Protocol.TCP, 1)


def test_a_pod_with_itself_says_nothing_among_others() -> None:
    documents = pod("a"), pod("b"), policy(DENY)
    assert told(result(Written("shop/*", "shop/*", "deny"), *documents)) == (HOLDS, 2, 0, 0)
    assert told(result(Written("shop/*", "shop/*", "allow"), *documents)) == (FAILS, 2, 2, 0)


def test_a_pod_and_itself_may_be_asked_alone() -> None:
    assert told(result(Written("shop/a", "shop/a", "allow"), pod("a"), policy(DENY))) == (HOLDS, 1, 0, 0)


def test_a_workload_with_itself_means_two_of_its_replicas() -> None:
    documents = workload("web", replicas=2), policy(DENY)
    assert told(result(Written("shop/web", "shop/web", "deny"), *documents)) == (HOLDS, 1, 0, 0)
    one = workload("web", replicas=1), policy(DENY)
    assert result(Written("shop/web", "shop/web", "allow"), *one).outcome is HOLDS


def test_replicas_among_others_are_asked_with_themselves() -> None:
    documents = workload("web", replicas=2), pod("a"), policy(DENY)
    assert told(result(Written("shop/*", "shop/*", "deny"), *documents)) == (HOLDS, 3, 0, 0)


def test_a_single_pod_alike_with_others_is_not_counted_with_itself() -> None:
    made = result(Written("shop/*", "shop/*", "deny"), pod("a"), pod("b"), pod("c"))
    assert told(made) == (FAILS, 6, 6, 0)
    assert made.witness
    assert (made.witness.source.name, made.witness.destination.name) == ("a", "b")


def test_a_pod_that_reaches_nobody_but_itself_breaks_no_rule() -> None:
    marked = "podSelector: {matchLabels: {x: v}}"
    itself = f"spec: {{{marked}, ingress: [{{from: [{{{marked}}}]}}]}}"
    documents = pod("a", labels="{x: v}"), pod("b"), policy(itself), policy(DENY, "deny")
    assert told(result(Written("shop/*", "shop/*", "deny"), *documents)) == (HOLDS, 2, 0, 0)


def test_a_pod_that_reaches_nobody_but_itself_is_not_the_witness_of_others() -> None:
    peers = "[{podSelector: {matchLabels: {app: alone}}}]"
    alone = (
        f"spec: {{podSelector: {{matchLabels: {{app: alone}}}}, policyTypes: [Ingress, Egress],"
        f" ingress: [{{from: {peers}}}], egress: [{{to: {peers}}}]}}"
    )
    documents = pod("a", labels="{app: alone}"), pod("b"), pod("c"), policy(alone)
    made = result(Written("shop/*", "shop/*", "deny"), *documents)
    assert told(made) == (FAILS, 6, 2, 0)
    assert made.witness
    assert (made.witness.source.name, made.witness.destination.name) == ("b", "c")


def test_every_address_of_a_block_is_asked() -> None:
    inside = "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/9}}]}]}"
    documents = pod("a"), policy(inside)
    assert result(Written("{cidr: 10.1.0.0/16}", "shop/a", "allow"), *documents).outcome is HOLDS
    made = result(Written("{cidr: 10.0.0.0/8}", "shop/a", "allow"), *documents)
    assert told(made) == (FAILS, 2, 1, 0)
    assert result(Written("external", "shop/a", "deny"), *documents).outcome is FAILS


def test_no_policy_sees_what_the_outside_does_with_itself() -> None:
    message, _ = problem(Written("external", "external", "deny"), pod("a"))
    assert message == "nothing is left to look at"
    made = result(Written("[external, shop/a]", "[external, shop/a]", "allow"), pod("a"))
    assert told(made) == (HOLDS, 2, 0, 0)


@pytest.mark.parametrize(
    ("end", "names"),
    [
        ("shop/web", {"web"}),
        ("shop/Deployment/web", {"web"}),
        ("shop/deploy/web", {"web"}),
        ("'shop/w*'", {"web"}),
        ("'sh?p/*'", {"web", "a", "b"}),
        ("shop/Pod/*", {"a", "b"}),
        ("'*/*/[ab]'", {"a", "b"}),
        ("'*/*'", {"web", "a", "b", "other"}),
        ("{namespace: shop}", {"web", "a", "b"}),
        ("{namespace: 'b*'}", {"other"}),
        ("{namespaceSelector: {matchLabels: {team: red}}}", {"web", "a", "b"}),
        ("{podSelector: {matchLabels: {app: web}}}", {"web"}),
        ("{podSelector: {}}", {"web", "a", "b", "other"}),
        ("{namespace: shop, podSelector: {matchExpressions: [{key: x, operator: Exists}]}}", {"a"}),
    ],
)
def test_an_end_means_who_fits_it(end: str, names: set[str]) -> None:
    documents = (
        NAMESPACE % ("shop", "red"),
        NAMESPACE % ("bank", "blue"),
        workload("web"),
        pod("a", labels="{x: v}"),
        pod("b"),
        pod("other", "bank"),
        pod("sink", "zoo"),
    )
    who = f"[{end}, zoo/sink]"
    made = result(Written(who, "zoo/sink", "deny"), *documents)
    assert made.pairs == len(names | {"sink"}) - 1


def test_a_workload_of_pods_that_policies_tell_apart_is_meant_as_a_whole_or_by_its_pod() -> None:
    owner = "ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: u, controller: true}]"
    documents = [
        f"apiVersion: v1\nkind: Pod\n"
        f"metadata: {{name: {name}, namespace: shop, labels: {{v: {name}}}, {owner}}}\n"
        "spec: {containers: [{name: c, image: i}]}\n"
        for name in ("web-1", "web-2")
    ]
    split = policy("spec: {podSelector: {matchLabels: {v: web-1}}, policyTypes: [Ingress]}")
    documents += [split, pod("z")]
    assert result(Written("shop/z", "shop/web", "deny"), *documents).pairs == 2
    assert told(result(Written("shop/z", "'shop/web#web-1'", "deny"), *documents)) == (HOLDS, 1, 0, 0)


@pytest.mark.parametrize(
    ("end", "message", "hint"),
    [
        ("shop/bb", "no endpoint is meant by `shop/bb`", "`shop/bbb`"),
        ("'shop/q*'", "no endpoint is meant by `shop/q*`", ""),
        ("far/away", "no endpoint is meant by `far/away`", ""),
        ("{namespace: shpo}", "no endpoint is meant by `pods in namespace shpo`", "did you mean `shop`?"),
        ("{namespace: 'q*'}", "no endpoint is meant by `pods in namespace q*`", ""),
        ("{podSelector: {matchLabels: {q: q}}}", "no endpoint is meant by `pods labelled q=q`", ""),
        (
            "{namespaceSelector: {matchLabels: {q: q}}}",
            "no endpoint is meant by `pods in namespaces labelled q=q`",
            "",
        ),
        (
            "{cidr: 172.16.9.0/24}",
            "no endpoint is meant by `172.16.9.0/24`",
            "these are addresses of the pod network: name the pods instead",
        ),
    ],
)
def test_what_holds_for_nobody_fails(end: str, message: str, hint: str) -> None:
    text = problem(Written("shop/a", end, "deny"), pod("a"), pod("bbb"))
    assert text[0] == message
    assert hint in text[1]


def test_an_exception_takes_sources_out() -> None:
    documents = pod("a"), pod("b"), pod("z"), policy(DENY)
    assert told(result(Written("shop/*", "shop/z", "deny", unless="[{from: shop/a}]"), *documents)) == (
        HOLDS,
        1,
        0,
        0,
    )


def test_an_exception_of_both_sides_takes_out_only_their_connections() -> None:
    written = Written("shop/*", "shop/*", "deny", unless="[{from: shop/a, to: shop/b}]")
    assert result(written, pod("a"), pod("b"), pod("c"), policy(DENY)).pairs == 5


def test_an_exception_of_ports_leaves_the_others() -> None:
    documents = pod("a"), pod("b"), policy(ALLOW_TCP_80)
    exempt = "[{from: shop/a, ports: [80/TCP]}]"
    assert result(Written("shop/a", "shop/b", "deny", unless=exempt), *documents).outcome is HOLDS
    assert result(Written("shop/a", "shop/b", "only", "443/TCP", exempt), *documents).outcome is FAILS
    made = result(Written("shop/a", "shop/b", "allow", unless=exempt), *documents)
    assert made.witness
    assert made.witness.ports == PortSet.transports() - PortSet.of(Protocol.TCP, 80)


@pytest.mark.parametrize("verdict", ["allow", "deny", "only", "unknown"])
def test_where_all_is_exempt_nothing_is_left(verdict: str) -> None:
    message, hint = problem(Written("shop/a", "shop/b", verdict, unless="[{to: shop/b}]"), pod("a"), pod("b"))
    assert message == "nothing is left to look at"
    assert "exceptions do not count" in hint


def test_addresses_are_exempt_one_by_one() -> None:
    inside = "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}"
    written = Written("external", "shop/a", "deny", unless="[{from: {cidr: 10.0.0.0/8}}]")
    assert result(written, pod("a"), policy(inside)).outcome is HOLDS


def test_an_exception_that_means_nobody_is_idle() -> None:
    written = Written(
        "shop/a", "shop/b", "allow", unless="[{from: shop/q}, {to: shop/b, ports: [9/TCP]}, {to: shop/q}]"
    )
    made = result(written, pod("a"), pod("b"))
    assert [each.span.field for each in made.idle] == [
        "expectations[0].unless[0]",
        "expectations[0].unless[2]",
    ]


@pytest.mark.parametrize(
    ("verdict", "ports", "outcome"),
    [
        ("allow", "8080/TCP", HOLDS),
        ("only", "8080/TCP", HOLDS),
        ("deny", "8080/TCP", FAILS),
        ("unknown", "8080/TCP", FAILS),
    ],
)
def test_a_service_is_asked_on_its_own_ports(verdict: str, ports: str, outcome: Outcome) -> None:
    documents = pod("a"), LABELLED, SERVICE, policy(ALLOW_TCP_80)
    made = result(Written("shop/a", "{service: shop/api}", verdict, ports), *documents)
    assert (made.outcome, made.pairs) == (outcome, 1)
    if made.witness:
        assert made.witness.service
        assert (made.witness.destination.name, made.witness.port) == ("db", (Protocol.TCP, 8080))
        assert made.witness.target == (Protocol.TCP, 80)


def test_a_service_is_denied_to_whom_its_backends_are() -> None:
    documents = pod("a"), pod("b"), LABELLED, SERVICE, policy(DENY)
    written = Written("[shop/a, shop/b]", "{service: shop/api}", "allow", "8080/TCP")
    assert told(result(written, *documents)) == (FAILS, 2, 2, 0)
    assert result(Written("shop/a", "{service: shop/api}", "deny"), *documents).outcome is HOLDS


def test_the_first_source_is_the_witness_of_a_service() -> None:
    first, second = (pod(name, labels=f"{{x: {name}}}") for name in ("a", "b"))
    marked = policy("spec: {podSelector: {matchLabels: {x: b}}}", "marked")
    for documents in ((first, second), (second, first)):
        written = Written("[shop/b, shop/a]", "{service: shop/api}", "allow", "8080/TCP")
        made = result(written, *documents, LABELLED, SERVICE, policy(DENY), marked)
        assert told(made) == (FAILS, 2, 2, 0)
        assert made.witness
        assert (made.witness.source.name, made.witness.verdict) == ("a", "denied")


def test_a_service_is_not_known_where_its_backends_differ_and_the_witness_is_the_one_that_tells() -> None:
    closed = policy("spec: {podSelector: {matchLabels: {closed: v}}, policyTypes: [Ingress]}")
    documents = pod("a"), LABELLED, pod("e", labels="{app: db, closed: v}"), SERVICE, closed
    made = result(Written("shop/a", "{service: shop/api}", "allow", "8080/TCP"), *documents)
    assert told(made) == (UNKNOWN, 1, 0, 1)
    assert made.witness
    assert (made.witness.destination.name, made.witness.verdict) == ("e", "unknown")
    made = result(Written("shop/a", "{service: shop/api}", "deny", "8080/TCP"), *documents)
    assert made.witness
    assert made.witness.destination.name == "db"


def test_nodes_and_backends_are_asked_of_a_service_one_by_one() -> None:
    documents = (
        pod("a"),
        pod("host", more="hostNetwork: true, nodeName: one"),
        pod("db", labels="{app: db}", more="nodeName: one"),
        SERVICE,
        policy(DENY),
    )
    made = result(Written("[shop/a, shop/host]", "{service: shop/api}", "deny"), *documents)
    assert told(made) == (FAILS, 2, 1, 0)
    assert made.witness
    assert made.witness.source.name == "host"
    assert result(Written("shop/*", "{service: shop/api}", "deny"), *documents).pairs == 3


def test_an_exception_speaks_of_a_service_when_it_names_it_or_nobody() -> None:
    documents = pod("a"), pod("b"), LABELLED, SERVICE
    for exempt, pairs in (
        ("{from: shop/a}", 1),
        ("{from: shop/a, to: {service: shop/api}}", 1),
        ("{from: shop/a, to: shop/db}", 2),
    ):
        written = Written("[shop/a, shop/b]", "{service: shop/api}", "allow", "8080/TCP", f"[{exempt}]")
        made = result(written, *documents)
        assert (made.outcome, made.pairs, made.idle) == (HOLDS, pairs, ())


def test_pods_and_services_may_be_asked_together() -> None:
    documents = pod("a"), LABELLED, SERVICE, policy(DENY)
    made = result(Written("shop/a", "[shop/db, {service: shop/api}]", "allow", "8080/TCP"), *documents)
    assert told(made) == (FAILS, 2, 2, 0)


@pytest.mark.parametrize(
    ("documents", "ports", "message", "hint"),
    [
        ((), "80/TCP", "there is no Service `shop/api`", ""),
        (
            (service("{ports: [{port: 80}]}", "apo"),),
            "80/TCP",
            "there is no Service `shop/api`",
            "did you mean `shop/apo`?",
        ),
        (
            (service("{type: ExternalName, externalName: example.org}", "api"),),
            "80/TCP",
            "Service `shop/api` is a name for something outside the cluster",
            "",
        ),
        (
            (service("{selector: {q: q}, ports: [{port: 80}]}", "api"),),
            "80/TCP",
            "there is no pod behind Service `shop/api`",
            "",
        ),
        (
            (LABELLED, SERVICE),
            "80/TCP, 8080/TCP",
            "Service `shop/api` leads to pods on TCP 8080, and not on TCP 80",
            "",
        ),
    ],
)
def test_a_service_that_leads_nowhere_cannot_be_asked(
    documents: tuple[str, ...], ports: str, message: str, hint: str
) -> None:
    found = problem(Written("shop/a", "{service: shop/api}", "allow", ports), pod("a"), *documents)
    assert found[0] == message
    assert hint in found[1]


def test_all_together_are_as_bad_as_the_worst() -> None:
    good = result(Written("shop/a", "shop/b", "allow"), pod("a"), pod("b"))
    bad = result(Written("shop/a", "shop/b", "deny"), pod("a"), pod("b"))
    documents = pod("host", more="hostNetwork: true"), pod("b"), policy(DENY)
    doubtful = result(Written("shop/host", "shop/b", "deny"), *documents)
    assert overall([]) is HOLDS
    assert overall([good]) is HOLDS
    assert overall([good, doubtful]) is UNKNOWN
    assert overall([doubtful, bad, good]) is FAILS


def test_only_is_broken_by_any_other_port_that_is_open() -> None:
    made = result(Written("shop/a", "shop/b", "only", "80/TCP"), pod("a"), pod("b"))
    assert told(made) == (FAILS, 1, 1, 0)
    assert made.witness
    assert (made.witness.verdict, made.witness.ports) == (
        "allowed",
        PortSet.transports() - PortSet.of(Protocol.TCP, 80),
    )


def test_only_still_speaks_of_the_other_ports_when_its_own_are_exempt() -> None:
    written = Written("shop/a", "shop/b", "only", "80/TCP", "[{ports: [80/TCP], to: shop/b}]")
    assert told(result(written, pod("a"), pod("b"), policy(DENY))) == (HOLDS, 1, 0, 0)
    assert told(result(written, pod("a"), pod("b"))) == (FAILS, 1, 1, 0)


def test_the_witness_is_the_first_of_sources_that_policies_tell_apart() -> None:
    marked = policy("spec: {podSelector: {matchLabels: {x: b}}, policyTypes: [Egress], egress: [{}]}")
    a, b = pod("a", labels="{x: a}"), pod("b", labels="{x: b}")
    for sources in ((a, b), (b, a)):
        made = result(Written("[shop/b, shop/a]", "shop/z", "deny"), *sources, pod("z"), marked)
        assert told(made) == (FAILS, 2, 2, 0)
        assert made.witness
        assert made.witness.source.name == "a"


def test_nodes_get_at_a_service_by_the_pods_that_they_run() -> None:
    documents = (
        pod("far", more="hostNetwork: true, nodeName: two"),
        pod("near", more="hostNetwork: true, nodeName: one"),
        pod("db", labels="{app: db}", more="nodeName: one"),
        SERVICE,
        policy(DENY),
    )
    made = result(Written("[shop/far, shop/near]", "{service: shop/api}", "deny"), *documents)
    assert told(made) == (FAILS, 2, 1, 0)
    assert made.witness
    assert made.witness.source.name == "near"


def test_a_backend_gets_at_its_own_service_other_than_its_neighbours() -> None:
    # Antrea asks no policy about what a pod sends to itself by way of its Service.
    antrea = Options(profile=PROFILES["antrea"])
    documents = pod("a"), LABELLED, SERVICE, policy(DENY)
    for source, expected in (
        ("shop/a", (HOLDS, 1, 0, 0)),
        ("shop/db", (FAILS, 1, 1, 0)),
        ("[shop/a, shop/db]", (FAILS, 2, 1, 0)),
    ):
        written = Written(source, "{service: shop/api}", "deny")
        assert told(result(written, *documents, options=antrea)) == expected
