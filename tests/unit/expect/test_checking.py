from __future__ import annotations

import pytest

from analyzer import Analysis
from analyzer.diagnostics import render_path
from analyzer.expect.checking import check
from analyzer.expect.expectation import Outcome
from analyzer.expect.result import Witness, overall
from tests.unit.expect.expecting import expected, item as written, result
from tests.unit.manifests import analysis, pod, policy, service, workload

DB = pod("db", labels="{app: db}")
API = pod("api", labels="{app: api, role: api}")
WEB = pod("web", "front", labels="{app: web}")
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: front, labels: {team: red}}\n"
GUARD = policy(
    "spec: {podSelector: {matchLabels: {app: db}},"
    " ingress: [{from: [{podSelector: {matchLabels: {role: api}}}], ports: [{port: 5432}]}]}",
    "guard",
)
SHOP = analysis(NAMESPACE, DB, API, WEB, GUARD)
# Nobody knows where the address of `some` lies; the block is a part of the pod network.
DOUBT = analysis(
    pod("some"),
    pod("part", labels="{app: part}"),
    policy(
        "spec: {podSelector: {matchLabels: {app: part}}, ingress:"
        " [{from: [{ipBlock: {cidr: 10.244.0.0/24}}], ports: [{port: 80}]}]}"
    ),
)


def outcome(cluster: Analysis, item: str) -> Outcome:
    return result(cluster, item).outcome


def problem(cluster: Analysis, item: str) -> str:
    found = result(cluster, item)
    assert (found.outcome, found.witness) == (Outcome.FAILS, None)
    assert found.problem
    assert found.problem.span
    return f"{render_path(found.problem.span.path)}: {found.problem.message} ({found.problem.help})"


def witness(cluster: Analysis, item: str) -> Witness:
    found = result(cluster, item).witness
    assert found
    return found


def pair(cluster: Analysis, item: str) -> str:
    found = witness(cluster, item)
    protocol, number = found.port
    return f"{found.source} -> {found.destination} {protocol.value} {number} {found.verdict}"


@pytest.mark.parametrize(
    ("verdict", "ports", "meant"),
    [
        ("allow", "5432/TCP", Outcome.HOLDS),
        ("allow", "5432-5433/TCP", Outcome.FAILS),
        ("deny", "5433/TCP", Outcome.HOLDS),
        ("deny", "5432-5433/TCP", Outcome.FAILS),
        ("only", "5432/TCP", Outcome.HOLDS),
        ("only", "5432/TCP, 53/UDP", Outcome.FAILS),
        ("only", "1-5431/TCP", Outcome.FAILS),
        ("unknown", "5432/TCP", Outcome.FAILS),
        ("unknown", "5433/TCP", Outcome.FAILS),
    ],
)
def test_a_verdict_that_is_certain(verdict: str, ports: str, meant: Outcome) -> None:
    assert outcome(SHOP, written("shop/api", "shop/db", verdict, ports=ports)) is meant


@pytest.mark.parametrize(
    ("verdict", "ports", "meant"),
    [
        ("allow", "80/TCP", Outcome.UNKNOWN),
        ("allow", "80-81/TCP", Outcome.FAILS),
        ("deny", "80/TCP", Outcome.UNKNOWN),
        ("deny", "81/TCP", Outcome.HOLDS),
        ("only", "80/TCP", Outcome.UNKNOWN),
        ("only", "81/TCP", Outcome.FAILS),
        ("unknown", "80/TCP", Outcome.HOLDS),
        ("unknown", "80-81/TCP", Outcome.FAILS),
    ],
)
def test_a_verdict_that_depends_on_a_missing_fact(verdict: str, ports: str, meant: Outcome) -> None:
    found = result(DOUBT, written("shop/some", "shop/part", verdict, ports=ports))
    assert found.outcome is meant
    assert (found.failing, found.doubtful) == {
        Outcome.FAILS: (1, 0),
        Outcome.UNKNOWN: (0, 1),
        Outcome.HOLDS: (0, 0),
    }[meant]


def test_a_witness_of_doubt_says_so() -> None:
    assert pair(DOUBT, written("shop/some", "shop/part")) == "shop/some -> shop/part TCP 80 unknown"


def test_the_first_pair_that_is_wrong_is_the_witness() -> None:
    found = result(SHOP, written("'*/*'", "shop/db"))
    assert (found.pairs, found.failing) == (2, 1)
    assert pair(SHOP, written("'*/*'", "shop/db")) == "shop/api -> shop/db TCP 5432 allowed"
    assert pair(SHOP, written("'*/*'", "shop/db", "allow")) == "front/web -> shop/db TCP 1 denied"
    assert result(SHOP, written("'*/*'", "shop/db", "allow")).failing == 2


@pytest.mark.parametrize(
    ("end", "pairs"),
    [
        ("front/web", 1),
        ("front/Pod/web", 1),
        ("front/po/web", 1),
        ("'*/api'", 1),
        ("'*/Pod/*'", 2),
        ("'shop/[aw]*'", 1),
        ("'f*/*'", 1),
        ("{namespace: front}", 1),
        ("{namespace: 'f*'}", 1),
        ("{namespaceSelector: {matchLabels: {team: red}}}", 1),
        ("{podSelector: {matchLabels: {role: api}}}", 1),
        ("{podSelector: {}}", 2),
        ("{namespace: shop, podSelector: {matchExpressions: [{key: role, operator: Exists}]}}", 1),
        ("external", 1),
        ("{cidr: 192.0.2.0/24}", 1),
        ("[front/web, external]", 2),
        ("['*/*', front/web]", 2),
    ],
)
def test_the_endpoints_that_are_meant(end: str, pairs: int) -> None:
    """The database itself, one pod, is left out where it is among the sources."""
    found = result(SHOP, written(end, "shop/db", ports="1/TCP"))
    assert (found.outcome, found.pairs) == (Outcome.HOLDS, pairs)


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("shop/apj", "from: `shop/apj` (did you mean `shop/api`?)"),
        ("nothing/like", "from: `nothing/like` ()"),
        ("'shop/x*'", "from: `shop/x*` ()"),
        (
            "shop/Deployment/api",
            "from: `shop/Deployment/api` (did you mean `shop/api`?)",
        ),
        (
            "{namespace: shup}",
            "from: `pods in namespace shup` (did you mean `shop`?)",
        ),
        (
            "{podSelector: {matchLabels: {app: x}}}",
            "from: `pods labelled app=x` ()",
        ),
        (
            "{cidr: 10.244.1.0/24}",
            "from: `10.244.1.0/24` (these are addresses of the pod network: name the pods instead)",
        ),
        ("[shop/api, shop/nobody]", "from[1]: `shop/nobody` ()"),
    ],
)
def test_an_end_that_means_nobody_fails(end: str, told: str) -> None:
    found = problem(SHOP, written(end, "shop/db")).replace("no endpoint is meant by ", "")
    assert found == f"expectations[0].{told}"


@pytest.mark.parametrize(
    ("source", "destination", "more"),
    [
        ("external", "{cidr: 192.0.2.0/24}", ""),
        ("shop/api", "shop/db", "unless: [{from: shop/api}]"),
        ("shop/api", "shop/db", "unless: [{from: shop/api, ports: [ALL/TCP]}, {ports: [ALL/UDP, ALL/SCTP]}]"),
    ],
)
def test_what_leaves_nothing_to_look_at_fails(source: str, destination: str, more: str) -> None:
    told = problem(SHOP, written(source, destination, more=more))
    assert told.startswith("expectations[0]: nothing is left to look at")


def test_a_pod_with_itself_counts_only_where_nothing_else_is_meant() -> None:
    closed = analysis(DB, API, policy("spec: {podSelector: {}, policyTypes: [Ingress]}"))
    assert outcome(closed, written("'shop/*'", "'shop/*'")) is Outcome.HOLDS
    assert outcome(closed, written("shop/db", "shop/db", "allow")) is Outcome.HOLDS
    assert pair(closed, written("shop/db", "shop/db")) == "shop/db -> shop/db TCP 1 allowed"


def test_replicas_reach_each_other_as_the_policies_say() -> None:
    closed = analysis(workload("web", replicas=2), policy("spec: {podSelector: {}, policyTypes: [Ingress]}"))
    assert outcome(closed, written("shop/web", "shop/web")) is Outcome.HOLDS
    assert outcome(closed, written("'*/*'", "'*/*'")) is Outcome.HOLDS


def test_a_name_means_all_kinds_and_all_parts_of_a_workload() -> None:
    alike = analysis(workload("web"), pod("web", labels="{app: web}"), pod("x"))
    assert result(alike, written("shop/x", "shop/web", "allow")).pairs == 2
    assert result(alike, written("shop/x", "shop/Deployment/web", "allow")).pairs == 1


def replica(name: str, labels: str) -> str:
    owner = "ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: u, controller: true}]"
    return (
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {labels}, {owner}}}\n"
        "spec: {containers: [{name: c, image: i}]}\n"
    )


def test_pods_of_a_workload_that_policies_see_differently_have_names_of_their_own() -> None:
    canary = policy("spec: {podSelector: {matchLabels: {canary: 'yes'}}, policyTypes: [Ingress]}")
    split = analysis(replica("web-1", "{canary: 'yes'}"), replica("web-2", "{}"), pod("x"), canary)
    assert result(split, written("shop/x", "shop/web", "deny")).failing == 1
    assert outcome(split, written("shop/x", "'shop/web#web-1'", "deny")) is Outcome.HOLDS
    assert outcome(split, written("shop/x", "'shop/ReplicaSet/web#web-2'", "allow")) is Outcome.HOLDS


def test_a_workload_is_meant_by_the_labels_of_any_of_its_pods() -> None:
    mixed = analysis(replica("web-1", "{a: '1'}"), replica("web-2", "{b: '1'}"), pod("x"))
    for labels in ("{a: '1'}", "{b: '1'}"):
        assert (
            result(mixed, written(f"{{podSelector: {{matchLabels: {labels}}}}}", "shop/x", "allow")).pairs
            == 1
        )
    both = "{podSelector: {matchLabels: {a: '1', b: '1'}}}"
    assert "no endpoint is meant" in problem(mixed, written(both, "shop/x", "allow"))


def test_nobody_reaches_the_database_unless_labelled() -> None:
    labelled = "unless: [{from: {podSelector: {matchLabels: {role: api}}}}]"
    assert outcome(SHOP, written("['*/*', external]", "shop/db", more=labelled)) is Outcome.HOLDS
    stranger = analysis(NAMESPACE, DB, API, pod("spy", labels="{role: api}"), WEB, GUARD)
    unless = "unless: [{from: shop/api}]"
    assert pair(stranger, written("'*/*'", "shop/db", more=unless)) == "shop/spy -> shop/db TCP 5432 allowed"


def test_an_exception_may_be_for_some_ports_and_some_destinations() -> None:
    item = written("shop/api", "'*/*'", more="unless: [{to: shop/db, ports: [5432/TCP]}, {to: front/*}]")
    found = result(SHOP, item)
    assert (found.outcome, found.pairs) == (Outcome.HOLDS, 1)
    item = written("shop/api", "shop/db", "only", "unless: [{ports: [5432/TCP]}]", ports="80/UDP")
    assert pair(SHOP, item) == "shop/api -> shop/db UDP 80 denied"


def test_exceptions_of_addresses_leave_the_rest_of_a_block() -> None:
    block = "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/25}}]}]}"
    open_to_half = analysis(DB, policy(block))
    assert outcome(open_to_half, written("{cidr: 192.0.2.0/24}", "shop/db")) is Outcome.FAILS
    most = "unless: [{from: {cidr: 192.0.2.0/26}}]"
    assert outcome(open_to_half, written("{cidr: 192.0.2.0/24}", "shop/db", more=most)) is Outcome.FAILS
    whole = "unless: [{from: [{cidr: 192.0.2.0/26}, {cidr: 192.0.2.64/26}]}]"
    assert outcome(open_to_half, written("{cidr: 192.0.2.0/24}", "shop/db", more=whole)) is Outcome.HOLDS


def test_exceptions_that_mean_nobody_are_told() -> None:
    item = written("shop/api", "front/web", "allow", "unless: [{from: shop/x}, {from: shop/db}, {to: 'x/*'}]")
    found = result(SHOP, item)
    assert found.outcome is Outcome.HOLDS
    assert [each.span.field for each in found.idle] == [
        "expectations[0].unless[0]",
        "expectations[0].unless[2]",
    ]


def test_a_node_always_reaches_the_pods_that_it_runs() -> None:
    agent = pod("agent", more="hostNetwork: true, nodeName: one")
    near, far = (pod(name, more=f"nodeName: {node}") for name, node in (("near", "one"), ("far", "two")))
    unplaced = pod("unplaced")
    closed = policy("spec: {podSelector: {}, policyTypes: [Ingress]}")
    nodes = analysis(agent, near, far, unplaced, closed)
    assert outcome(nodes, written("shop/agent", "shop/near", "allow")) is Outcome.HOLDS
    assert outcome(nodes, written("shop/agent", "shop/far", "deny")) is Outcome.HOLDS
    assert outcome(nodes, written("shop/agent", "shop/unplaced", "unknown")) is Outcome.HOLDS
    found = result(nodes, written("'*/*'", "'*/*'", more="unless: [{to: shop/agent}]"))
    assert (found.outcome, found.failing, found.doubtful) == (Outcome.FAILS, 1, 1)
    assert found.witness
    assert (str(found.witness.source), str(found.witness.destination)) == ("shop/agent", "shop/near")


def test_results_stand_in_their_order_and_fail_together_when_one_does() -> None:
    items = (written("shop/api", "shop/db"), written("front/web", "shop/db").replace("fact", "other"))
    found = check(SHOP.reachability, expected(*items))
    assert [each.outcome for each in found] == [Outcome.FAILS, Outcome.HOLDS]
    assert overall(found) is Outcome.FAILS
    assert overall(found[1:]) is Outcome.HOLDS
    doubted = (result(DOUBT, written("shop/some", "shop/part")), found[1])
    assert overall(doubted) is Outcome.UNKNOWN


WEB_SERVICE = (
    "{selector: {app: web},"
    " ports: [{name: a, port: 80, targetPort: 8080}, {name: b, port: 81, targetPort: http}]}"
)
BACKENDS = (
    pod("one", labels="{app: web, v: '1'}"),
    pod("two", labels="{app: web, v: '2'}"),
    pod("client", labels="{app: client}"),
    pod("twin", labels="{app: client}"),
    pod("host", more="hostNetwork: true"),
)
TO_ONE = policy(
    "spec: {podSelector: {matchLabels: {v: '1'}},"
    " ingress: [{from: [{podSelector: {matchLabels: {app: client}}}], ports: [{port: 8080}]}]}",
    "one",
)
TO_TWO = policy("spec: {podSelector: {matchLabels: {v: '2'}}, policyTypes: [Ingress]}", "two")
SERVED = analysis(
    *BACKENDS,
    service(WEB_SERVICE),
    service("{type: ExternalName, externalName: example.com}", "away"),
    service("{selector: {app: nobody}, ports: [{port: 80}]}", "empty"),
    TO_ONE,
    TO_TWO,
)
HALF = analysis(*BACKENDS, service(WEB_SERVICE), TO_ONE)
NAME = "{service: shop/web}"


def test_a_service_is_reached_when_every_backend_is() -> None:
    assert outcome(HALF, written("shop/client", NAME, "allow", ports="80/TCP")) is Outcome.HOLDS
    assert outcome(
        HALF, written("'shop/[ct]*'", NAME, "only", ports="80/TCP", more="unless: [{from: shop/two}]")
    ) is (Outcome.HOLDS)


def test_a_service_that_leads_to_some_backends_only_is_unknown() -> None:
    found = result(SERVED, written("shop/client", NAME, "allow", ports="80/TCP"))
    assert (found.outcome, found.pairs, found.doubtful) == (Outcome.UNKNOWN, 1, 1)
    assert found.witness
    assert found.witness.service
    assert (str(found.witness.destination), found.witness.target) == ("shop/two", found.witness.target)
    denied = result(SERVED, written("shop/client", NAME, "deny", ports="80/TCP"))
    assert denied.witness
    assert str(denied.witness.destination) == "shop/one"


def test_sources_of_a_service_are_counted_one_by_one() -> None:
    found = result(SERVED, written("['*/*', external]", NAME, "allow", ports="80/TCP"))
    assert found.pairs == 6
    assert found.outcome is Outcome.FAILS
    assert found.failing + found.doubtful == 6


@pytest.mark.parametrize(
    ("name", "ports", "verdict", "told"),
    [
        ("shop/webb", "80/TCP", "deny", "there is no Service `shop/webb` (did you mean `shop/web`?)"),
        ("shop/away", "80/TCP", "deny", "is a name for something outside the cluster"),
        ("shop/empty", "80/TCP", "deny", "there is no pod behind Service `shop/empty`"),
        ("shop/web", "81/TCP", "deny", "leads to pods on TCP 80, and not on TCP 81"),
        ("shop/web", "80-81/TCP", "allow", "leads to pods on TCP 80, and not on TCP 81"),
    ],
)
def test_a_service_of_which_nothing_can_be_asked_fails(
    name: str, ports: str, verdict: str, told: str
) -> None:
    assert told in problem(SERVED, written("shop/client", f"{{service: {name}}}", verdict, ports=ports))


@pytest.mark.parametrize(
    ("unless", "pairs"),
    [
        ("{to: {service: shop/web}, from: shop/client}", 1),
        ("{to: {service: shop/other}, from: shop/client}", 2),
        ("{to: shop/one, from: shop/client}", 2),
        ("{from: shop/client}", 1),
    ],
)
def test_an_exception_may_be_about_a_service(unless: str, pairs: int) -> None:
    item = written("[shop/client, shop/twin]", NAME, "allow", f"unless: [{unless}]", ports="80/TCP")
    assert result(HALF, item).pairs == pairs
    assert result(HALF, item).idle == ()


def test_a_service_and_endpoints_are_asked_together() -> None:
    item = written("shop/client", f"[shop/one, {NAME}]", "allow", ports="80/TCP")
    assert result(HALF, item).pairs == 2
    assert pair(HALF, item) == "shop/client -> shop/one TCP 80 denied"


def test_everything_exempt_of_a_service_leaves_nothing() -> None:
    item = written("shop/client", NAME, "allow", "unless: [{ports: [ALL]}]", ports="80/TCP")
    assert "nothing is left" in problem(HALF, item)
