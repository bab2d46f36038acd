from __future__ import annotations

import pytest

from tests.unit.lint.linting import app, egress, fields, found, ingress, match, namespace
from tests.unit.manifests import pod, policy, service

WEB = pod("web", labels=app("frontend"))
PORTS = "containers: [{name: c, image: i, ports: [{name: http, containerPort: 8080}]}]"


def serving(name: str = "web", ports: str = "[{name: http, containerPort: 8080}]") -> str:
    return (
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{app: {name}}}}}\n"
        f"spec: {{containers: [{{name: c, image: i, ports: {ports}}}]}}\n"
    )


def from_pods(labels: str, more: str = "") -> str:
    return f"[{{from: [{{{more}podSelector: {match(labels)}}}]}}]"


def from_namespaces(labels: str) -> str:
    return f"[{{from: [{{namespaceSelector: {match(labels)}}}]}}]"


def test_a_policy_that_selects_no_pod_is_told_with_a_label_much_like_it() -> None:
    (finding,) = found("KR103", WEB, ingress("[{}]", match(app("fronted"))))
    assert finding.span.field == "spec.podSelector"
    assert (
        finding.message
        == "policy `shop/policy` selects no pod: no pod in namespace `shop` matches `app=fronted`"
    )
    assert finding.help == "did you mean `app: frontend`?"


def test_a_key_much_like_it_is_told_too() -> None:
    (finding,) = found(
        "KR103", pod("web", labels="{app-name: web}"), ingress("[{}]", match("{app-nam: web}"))
    )
    assert finding.help == "did you mean `app-name: web`?"


def test_pods_of_another_namespace_that_would_match_are_named() -> None:
    other = pod("web", "other", labels=app("zebra"))
    (finding,) = found("KR103", WEB, other, ingress("[{}]", match(app("zebra"))))
    assert finding.help.startswith("`other/web` would match")


def test_a_selector_like_nothing_that_there_is_gets_plain_help() -> None:
    (finding,) = found("KR103", WEB, ingress("[{}]", match("{tier: zebra}")))
    assert finding.help == "write the labels of the pods that are meant, or remove the policy"


def test_a_namespace_without_pods_is_named() -> None:
    (finding,) = found("KR103", WEB, ingress("[{}]", match(app("x")), space="empty"))
    assert "there is no pod in namespace `empty`" in finding.message


def test_pods_on_the_network_of_their_node_are_told_apart() -> None:
    host = pod("agent", labels=app("agent"), more="hostNetwork: true")
    (finding,) = found("KR103", WEB, host, ingress("[{}]", match(app("agent"))))
    assert "matches only `shop/agent`, on the network of the node" in finding.message


def test_a_policy_that_selects_pods_or_is_for_all_is_fine() -> None:
    assert not found(
        "KR103", WEB, ingress("[{}]", match(app("frontend"))), ingress("[{}]", name="b", space="empty")
    )


def test_pods_that_an_operator_makes_are_awaited() -> None:
    resource = (
        "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\n"
        "metadata: {name: k8s, namespace: shop, labels: {app: prometheus}}\n"
    )
    wanting = ingress(from_pods(app("prometheus")), match(app("prometheus")))
    assert found("KR103", WEB, wanting)
    assert found("KR105", WEB, wanting)
    for code in ("KR103", "KR105"):
        assert not found(code, WEB, resource, wanting)


def test_pods_that_a_service_leads_to_are_awaited() -> None:
    assert not found(
        "KR103", WEB, service("{selector: {app: x}, ports: [{port: 80}]}"), ingress("[{}]", match(app("x")))
    )


def test_documents_without_metadata_await_nothing() -> None:
    kind = "apiVersion: kind.x-k8s.io/v1alpha4\nkind: Cluster\n"
    assert found("KR103", WEB, kind, ingress("[{}]", match(app("x"))))


def test_policies_of_one_namespace_are_compared_with_the_same_labels() -> None:
    slips = [ingress("[{}]", match(app(name)), name=name) for name in ("fronted", "frontens")]
    assert {each.help for each in found("KR103", WEB, *slips)} == {"did you mean `app: frontend`?"}


def test_a_service_without_a_selector_awaits_nothing() -> None:
    assert found("KR103", WEB, service("{ports: [{port: 80}]}"), ingress("[{}]", match(app("x"))))


def test_a_namespace_selector_that_matches_nothing_is_a_notice() -> None:
    (finding,) = found("KR104", WEB, ingress(from_namespaces("{team: ops}")))
    assert (finding.severity.value, finding.span.field) == ("notice", "spec.ingress[0].from[0]")
    assert finding.message == "this item allows nothing: no namespace of the input matches `team=ops`"
    assert "kubernetes.io/metadata.name" in finding.help


def test_a_namespace_label_much_like_it_makes_it_a_warning() -> None:
    (finding,) = found(
        "KR104", WEB, namespace("ops", "{team: operations}"), ingress(from_namespaces("{team: operation}"))
    )
    assert (finding.severity.value, finding.help) == ("warning", "did you mean `team: operations`?")


def test_a_namespace_by_name_that_is_not_in_the_input_is_to_be_read_too() -> None:
    (finding,) = found("KR104", WEB, ingress(from_namespaces("{kubernetes.io/metadata.name: ingress-nginx}")))
    assert finding.help == "read the manifests of that namespace too, or remove the item"


def test_a_namespace_without_a_pod_is_told() -> None:
    (finding,) = found("KR104", WEB, namespace("ops", "{team: ops}"), ingress(from_namespaces("{team: ops}")))
    assert finding.message == "this item allows nothing: `team=ops` means `ops`, where the input has no pod"


def test_a_namespace_selector_that_matches_pods_is_fine() -> None:
    assert not found("KR104", WEB, namespace("shop", "{team: web}"), ingress(from_namespaces("{team: web}")))


def test_a_pod_selector_alone_means_the_own_namespace() -> None:
    other = pod("prometheus", "monitoring", labels=app("prometheus"))
    (finding,) = found("KR105", WEB, other, ingress(from_pods(app("prometheus"))))
    assert finding.message == "this item allows nothing: no pod of namespace `shop` matches `app=prometheus`"
    assert finding.help == "`monitoring/prometheus` would match: add a namespaceSelector that means it"


def test_a_pod_selector_in_other_namespaces_that_matches_nothing_is_told() -> None:
    other = pod("prometheus", "monitoring", labels=app("prometheus"))
    named = "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}, "
    (finding,) = found("KR105", WEB, other, ingress(from_pods(app("promtheus"), named)))
    assert "no pod of namespaces with `kubernetes.io/metadata.name=monitoring`" in finding.message
    assert finding.help == "did you mean `app: prometheus`?"


def test_a_pod_selector_like_nothing_gets_plain_help() -> None:
    (finding,) = found("KR105", WEB, ingress(from_pods("{tier: zebra}")))
    assert finding.help == "write the labels of the pods that are meant, or remove the item"


def test_a_pod_selector_that_matches_is_fine() -> None:
    assert not found("KR105", WEB, ingress(from_pods(app("frontend"))))


@pytest.mark.parametrize(
    ("port", "hint"),
    [
        ("{port: htttp}", "did you mean `http`?"),
        ("{port: metrics}", "there is `http`"),
        ("{port: http, protocol: UDP}", "the port of that name has another protocol: write `protocol`"),
    ],
)
def test_a_port_name_that_no_pod_has_is_told(port: str, hint: str) -> None:
    (finding,) = found("KR106", serving(), ingress(f"[{{ports: [{{port: 1}}, {port}]}}]"))
    assert finding.span.field == "spec.ingress[0].ports[1]"
    assert finding.help == hint
    assert "`shop/web` has no" in finding.message


def test_a_port_name_of_pods_without_named_ports_gets_plain_help() -> None:
    (finding,) = found("KR106", WEB, ingress("[{ports: [{port: http}]}]"))
    assert finding.help == "name the port in the pod's template, or write its number"


def test_a_port_name_in_egress_is_looked_up_on_the_peers() -> None:
    to_db = "[{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: PORT}]}]"
    pods = serving(), serving("db", "[{name: sql, containerPort: 5432}]")
    assert not found("KR106", *pods, egress(to_db.replace("PORT", "sql"), match(app("web"))))
    assert fields("KR106", *pods, egress(to_db.replace("PORT", "http"), match(app("web")))) == [
        ("policy", "spec.egress[0].ports[0]")
    ]


def test_a_port_name_that_some_pod_has_is_fine() -> None:
    assert not found("KR106", serving(), serving("db", "[]"), ingress("[{ports: [{port: http}]}]"))


def test_a_port_name_where_nobody_is_meant_is_left_to_other_rules() -> None:
    assert not found("KR106", serving(), ingress("[{ports: [{port: x}]}]", match(app("none"))))


def test_a_port_that_no_pod_declares_is_a_notice() -> None:
    (finding,) = found("KR107", serving(), ingress("[{ports: [{port: 8080}, {port: 9090}]}]"))
    assert (finding.severity.value, finding.span.field) == ("notice", "spec.ingress[0].ports[1]")
    assert finding.message == "`shop/web` declares no port of TCP 9090"
    assert finding.help == "declared is TCP 8080; a port may be served without being declared"


def test_what_several_pods_declare_is_told_once() -> None:
    (finding,) = found("KR107", serving(), serving("web2"), ingress("[{ports: [{port: 9090}]}]"))
    assert finding.help == "declared is TCP 8080; a port may be served without being declared"


def test_the_port_of_a_service_instead_of_its_target_is_a_warning() -> None:
    front = service("{selector: {app: web}, ports: [{port: 80, targetPort: http}]}")
    (finding,) = found("KR107", serving(), front, ingress("[{ports: [{port: 80}]}]"))
    assert finding.severity.value == "warning"
    assert finding.help == "80 is the port of Service `shop/web`; policies see its targetPort `http`"


@pytest.mark.parametrize(
    "spec",
    [
        "{selector: {app: other}, ports: [{port: 80, targetPort: 8080}]}",
        "{ports: [{port: 80, targetPort: 8080}]}",
        "{selector: {app: web}, ports: [{port: 81, targetPort: 8080}]}",
        "{selector: {app: web}, ports: [{port: 80}]}",
    ],
)
def test_a_service_that_explains_nothing_leaves_a_notice(spec: str) -> None:
    (finding,) = found("KR107", serving(), service(spec, "front"), ingress("[{ports: [{port: 80}]}]"))
    assert finding.severity.value == "notice"


@pytest.mark.parametrize(
    "ports",
    ["[{port: 8080}]", "[{port: 8000, endPort: 9000}]", "[{protocol: TCP}]", "[{port: http}]"],
)
def test_a_declared_port_is_fine(ports: str) -> None:
    assert not found("KR107", serving(), ingress(f"[{{ports: {ports}}}]"))


def test_pods_that_declare_nothing_prove_nothing() -> None:
    assert not found("KR107", serving(), serving("db", "[]"), ingress("[{ports: [{port: 9090}]}]"))


def test_a_port_in_egress_is_looked_up_on_the_peers() -> None:
    rule = "[{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 80}]}]"
    assert fields("KR107", serving(), serving("db", "[{containerPort: 5432}]"), egress(rule)) == [
        ("policy", "spec.egress[0].ports[0]")
    ]


def test_a_port_of_addresses_outside_proves_nothing() -> None:
    assert not found(
        "KR107", serving(), egress("[{to: [{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: 443}]}]")
    )
    assert not found("KR107", serving(), egress("[{ports: [{port: 443}]}]"))


def test_ports_of_a_policy_that_selects_nothing_are_left_to_other_rules() -> None:
    assert not found(
        "KR107",
        serving(),
        policy(f"spec: {{podSelector: {match(app('x'))}, ingress: [{{ports: [{{port: 1}}]}}]}}"),
    )
