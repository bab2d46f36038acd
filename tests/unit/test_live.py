"""Reading a live cluster, by the real client from a small API server."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from analyzer import evaluate, live
from analyzer.diagnostics import AnalyzerError, Severity
from analyzer.live import access, server as servers
from analyzer.load import Document, load
from tests.fakes.kube_api import (
    INTERNAL,
    TOO_MANY,
    UNAVAILABLE,
    Cut,
    Dropped,
    Kind,
    KubeApi,
    Object,
    Reply,
    status,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.diagnostics import Diagnostic
    from analyzer.load import Loaded

NETWORK_POLICIES = "/apis/networking.k8s.io/v1/networkpolicies"
PODS = "/api/v1/pods"
SERVICES = "/api/v1/services"

CLUSTER_POLICY = Kind(
    group="policy.networking.k8s.io",
    version="v1alpha2",
    plural="clusternetworkpolicies",
    kind="ClusterNetworkPolicy",
    namespaced=False,
    built_in=False,
)
ADMIN_POLICY = Kind(
    group="policy.networking.k8s.io",
    version="v1alpha1",
    plural="adminnetworkpolicies",
    kind="AdminNetworkPolicy",
    namespaced=False,
    built_in=False,
)
CALICO = Kind(
    group="projectcalico.org",
    version="v3",
    plural="globalnetworkpolicies",
    kind="GlobalNetworkPolicy",
    namespaced=False,
    built_in=False,
)
STORED_CALICO = Kind(
    group="crd.projectcalico.org",
    version="v1",
    plural="globalnetworkpolicies",
    kind="GlobalNetworkPolicy",
    namespaced=False,
    built_in=False,
)


@pytest.fixture(autouse=True)
def _quick_and_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No waiting, and nothing of this machine's: no kubeconfig, no proxy."""
    monkeypatch.setattr(servers, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def api() -> Iterator[KubeApi]:
    with KubeApi() as running:
        yield running
    assert {request.method for request in running.requests} <= {"GET"}, "only GET requests may be sent"


def config(tmp_path: Path, text: str) -> str:
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    return str(file)


def obj(kind: str, name: str, namespace: str = "", version: str = "v1", **fields: Any) -> Object:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def policy(name: str, namespace: str) -> Object:
    return obj("NetworkPolicy", name, namespace, "networking.k8s.io/v1", spec={"podSelector": {}})


def read(api: KubeApi, tmp_path: Path, **options: Any) -> Loaded:
    return live.read(context=None, kubeconfig=config(tmp_path, api.kubeconfig()), **options)


def failed(tmp_path: Path, text: str, context: str | None = None) -> Diagnostic:
    """Return the one thing that is wrong with reading by a kubeconfig."""
    with pytest.raises(AnalyzerError) as caught:
        live.read(context=context, kubeconfig=config(tmp_path, text))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.severity is Severity.ERROR
    assert "\n" not in diagnostic.message + diagnostic.help
    return diagnostic


# What is read


def test_every_kind_that_bears_on_verdicts_is_read(api: KubeApi, tmp_path: Path) -> None:
    api.add(obj("Namespace", "test-b"), obj("Node", "worker"), policy("p", "test-b"))
    api.add(*(obj(kind, "x", "test-b") for kind in ("Pod", "Service", "ReplicationController")))
    apps = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
    api.add(*(obj(kind, "x", "test-b", "apps/v1") for kind in apps))
    api.add(*(obj(kind, "x", "test-b", "batch/v1") for kind in ("Job", "CronJob")))
    found = {(document.api_version, document.kind) for document in read(api, tmp_path).documents}
    assert found == {
        ("v1", "Namespace"),
        ("v1", "Node"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        *(("v1", kind) for kind in ("Pod", "Service", "ReplicationController")),
        *(("apps/v1", kind) for kind in apps),
        *(("batch/v1", kind) for kind in ("Job", "CronJob")),
    }


def test_an_object_is_the_place_that_messages_name(api: KubeApi, tmp_path: Path) -> None:
    api.add(obj("Namespace", "test-b"), policy("network-policy", "test-b"))
    loaded = read(api, tmp_path)
    assert [str(document.span) for document in loaded.documents] == [
        "cluster:Namespace test-b:1",
        "cluster:NetworkPolicy test-b/network-policy:1",
    ]
    assert loaded.files == ("cluster kind-kubereach",)
    assert loaded.diagnostics == ()


def test_fields_keep_their_names_and_bookkeeping_is_left_out(api: KubeApi, tmp_path: Path) -> None:
    spec = {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}
    status = {"podIPs": [{"ip": "10.244.0.5"}], "conditions": [{"type": "Ready"}], "containerStatuses": []}
    api.add(obj("NetworkPolicy", "p", "test-b", "networking.k8s.io/v1", spec=spec))
    api.add(obj("Pod", "p", "test-b", status=status))
    pod, policy = read(api, tmp_path).documents
    assert policy.data["spec"] == spec
    assert pod.data["status"] == {"podIPs": [{"ip": "10.244.0.5"}]}
    metadata = pod.data["metadata"]
    assert isinstance(metadata, dict)
    assert "managedFields" not in metadata
    assert metadata["uid"]


def test_a_cluster_is_understood_like_the_manifests_it_was_made_of(api: KubeApi, tmp_path: Path) -> None:
    written = load([str(Path(__file__).parents[2] / "manifests")])
    api.add(*(document.data for document in written.documents))
    here, there = evaluate(written).cluster, evaluate(read(api, tmp_path)).cluster
    assert there.namespaces == here.namespaces
    assert there.pods == here.pods
    assert there.tiers == here.tiers


def test_a_cluster_without_objects_has_no_documents(api: KubeApi, tmp_path: Path) -> None:
    assert read(api, tmp_path).documents == ()


def test_a_long_list_is_read_in_pages_of_500(api: KubeApi, tmp_path: Path) -> None:
    api.add(*(obj("Pod", f"p{number:04}", "default") for number in range(1201)))
    told: list[tuple[str, int]] = []
    loaded = read(api, tmp_path, on_progress=lambda what, count: told.append((what, count)))
    assert [document.name for document in loaded.documents] == [f"p{number:04}" for number in range(1201)]
    assert [count for what, count in told if what == "pods"] == [500, 1000, 1201]
    assert ("networkpolicies.networking.k8s.io", 0) in told
    assert [r.query["limit"] for r in api.requests if r.path == PODS] == ["500"] * 3


def test_a_list_whose_token_expires_is_read_again_at_once(api: KubeApi, tmp_path: Path) -> None:
    api.add(*(obj("Pod", f"p{number:04}", "default") for number in range(1100)))

    def forget(_: str, count: int) -> None:
        if count == 1000:
            api.compact()

    loaded = read(api, tmp_path, on_progress=forget)
    assert len({document.name for document in loaded.documents}) == len(loaded.documents) == 1100
    assert [r.query.get("limit") for r in api.requests if r.path == PODS] == ["500", "500", "500", None]


def test_a_server_that_is_gone_for_good_is_not_asked_for_ever(api: KubeApi, tmp_path: Path) -> None:
    gone = status(410, "Expired", "too old")
    api.next(PODS, gone, gone)
    found = failed(tmp_path, api.kubeconfig())
    assert "410: too old" in found.message


def test_large_answers_travel_compressed(api: KubeApi, tmp_path: Path) -> None:
    api.add(obj("Pod", "large", "default", spec={"note": "x" * 300_000}))
    (document,) = read(api, tmp_path).documents
    assert document.data["spec"] == {"note": "x" * 300_000}
    assert {request.headers["accept-encoding"] for request in api.requests} == {"gzip"}


def test_an_empty_list_may_be_null(api: KubeApi, tmp_path: Path) -> None:
    api.next(SERVICES, Reply(body={"kind": "ServiceList", "apiVersion": "v1", "metadata": {}, "items": None}))
    assert read(api, tmp_path).documents == ()


def test_every_request_says_who_asks(api: KubeApi, tmp_path: Path) -> None:
    api.users = {"secret": "jane"}
    read(api, tmp_path)
    assert {request.headers["authorization"] for request in api.requests} == {"Bearer secret"}


def test_a_client_for_another_thread_has_connections_of_its_own_and_says_the_same_user(
    api: KubeApi, tmp_path: Path
) -> None:
    first = access.connect(None, config(tmp_path, api.kubeconfig()))
    second = first.another()
    assert second.client.rest_client.pool_manager is not first.client.rest_client.pool_manager
    assert second.context is first.context
    assert second.credentials() == first.credentials() == {"Authorization": "Bearer secret"}


# Policies of other APIs


def test_cluster_scoped_policies_are_read_in_every_version_that_has_them(
    api: KubeApi, tmp_path: Path
) -> None:
    api.kinds += [CLUSTER_POLICY, ADMIN_POLICY]
    api.add(obj("ClusterNetworkPolicy", "new", version="policy.networking.k8s.io/v1alpha2"))
    api.add(obj("AdminNetworkPolicy", "old", version="policy.networking.k8s.io/v1alpha1"))
    assert [(d.api_version, d.name) for d in read(api, tmp_path).documents] == [
        ("policy.networking.k8s.io/v1alpha2", "new"),
        ("policy.networking.k8s.io/v1alpha1", "old"),
    ]


def test_a_kind_that_two_versions_serve_is_read_once(api: KubeApi, tmp_path: Path) -> None:
    for version in ("v2", "v2alpha1"):
        api.kinds.append(
            Kind(
                group="cilium.io",
                version=version,
                plural="ciliumnetworkpolicies",
                kind="CiliumNetworkPolicy",
                built_in=False,
            )
        )
    api.add(obj("CiliumNetworkPolicy", "p", "default", "cilium.io/v2"))
    assert [document.api_version for document in read(api, tmp_path).documents] == ["cilium.io/v2"]


def test_calico_policies_are_read_where_calico_serves_them_itself(api: KubeApi, tmp_path: Path) -> None:
    api.kinds += [STORED_CALICO, CALICO]
    api.add(obj("GlobalNetworkPolicy", "p", version="projectcalico.org/v3"))
    assert [document.api_version for document in read(api, tmp_path).documents] == ["projectcalico.org/v3"]


def test_calico_policies_are_read_where_they_are_stored_when_calico_does_not_serve_them(
    api: KubeApi, tmp_path: Path
) -> None:
    api.kinds += [STORED_CALICO, CALICO]
    api.add(obj("GlobalNetworkPolicy", "p", version="crd.projectcalico.org/v1"))
    api.next("/apis/projectcalico.org/v3", *[UNAVAILABLE] * 4)
    loaded = read(api, tmp_path)
    assert [document.api_version for document in loaded.documents] == ["crd.projectcalico.org/v1"]
    assert loaded.diagnostics == ()


def test_policies_that_cannot_be_seen_are_warned_of(api: KubeApi, tmp_path: Path) -> None:
    api.kinds.append(CALICO)
    api.next("/apis/projectcalico.org/v3", *[UNAVAILABLE] * 4)
    (warning,) = read(api, tmp_path).diagnostics
    assert warning.severity is Severity.WARNING
    assert "503" in warning.message
    assert "whether there are Calico policies" in warning.message


def test_policies_that_may_not_be_listed_are_warned_of(api: KubeApi, tmp_path: Path) -> None:
    api.kinds.append(CALICO)
    api.denied.add("globalnetworkpolicies.projectcalico.org")
    (warning,) = read(api, tmp_path).diagnostics
    assert warning.severity is Severity.WARNING
    assert "list globalnetworkpolicies.projectcalico.org at cluster scope" in warning.message
    assert "whether there are Calico policies" in warning.message


def test_a_resource_that_cannot_be_listed_is_not_asked_for(api: KubeApi, tmp_path: Path) -> None:
    api.kinds.append(
        Kind(group="crd.antrea.io", version="v1", plural="tiers", kind="Tier", built_in=False, verbs=("get",))
    )
    read(api, tmp_path)
    assert not [request for request in api.requests if request.path.endswith("/tiers")]


def test_a_cluster_that_does_not_say_what_it_serves_is_warned_of(api: KubeApi, tmp_path: Path) -> None:
    api.denied.add("/apis")
    (warning,) = read(api, tmp_path).diagnostics
    assert warning.severity is Severity.WARNING
    assert "`get /apis` with 403" in warning.message


def test_discovery_without_groups_has_no_policies(api: KubeApi, tmp_path: Path) -> None:
    api.next("/apis", Reply(body={"kind": "APIGroupList", "groups": None}))
    assert read(api, tmp_path).diagnostics == ()


# Routes

INGRESS = Kind(group="networking.k8s.io", plural="ingresses", kind="Ingress")
GATEWAY = Kind(
    group="gateway.networking.k8s.io", version="v1", plural="gateways", kind="Gateway", built_in=False
)
ROUTES = (
    obj("Ingress", "i", "shop", "networking.k8s.io/v1"),
    obj("Gateway", "g", "shop", "gateway.networking.k8s.io/v1"),
)


def test_routes_are_read_for_those_who_ask_for_them(api: KubeApi, tmp_path: Path) -> None:
    api.kinds += [INGRESS, GATEWAY]
    api.add(*ROUTES)
    assert read(api, tmp_path).documents == ()
    found = read(api, tmp_path, routes=True).documents
    assert [(each.api_version, each.kind, each.name) for each in found] == [
        ("networking.k8s.io/v1", "Ingress", "i"),
        ("gateway.networking.k8s.io/v1", "Gateway", "g"),
    ]


def test_a_cluster_that_serves_no_routes_has_none(api: KubeApi, tmp_path: Path) -> None:
    assert read(api, tmp_path, routes=True).diagnostics == ()
    asked = {request.path.rpartition("/")[2] for request in api.requests}
    assert asked.isdisjoint({"ingresses", "ingressclasses", "gateways", "httproutes"})


def test_routes_that_may_not_be_listed_are_warned_of(api: KubeApi, tmp_path: Path) -> None:
    api.kinds += [INGRESS, GATEWAY]
    api.denied |= {"ingresses.networking.k8s.io", "gateways.gateway.networking.k8s.io"}
    found = read(api, tmp_path, routes=True).diagnostics
    assert [each.severity for each in found] == [Severity.WARNING] * 2
    assert "which workloads are published by an Ingress" in found[0].message
    assert "which workloads are published by the Gateway API" in found[1].message


# Permissions


def test_a_missing_permission_that_verdicts_need_is_an_error_that_names_it(
    api: KubeApi, tmp_path: Path
) -> None:
    api.users = {"secret": "jane@example.com"}
    api.denied.add("networkpolicies.networking.k8s.io")
    found = failed(tmp_path, api.kubeconfig())
    assert "`jane@example.com`" in found.message
    assert "`list networkpolicies.networking.k8s.io at cluster scope`" in found.message
    assert "{apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [list]}" in found.help
    check = "auth can-i list networkpolicies.networking.k8s.io --all-namespaces"
    file = tmp_path / "kubeconfig"
    assert f"`kubectl --kubeconfig {file} --context kind-kubereach {check}`" in found.help


def test_all_missing_permissions_are_named_at_once(api: KubeApi, tmp_path: Path) -> None:
    denied = [
        "pods",
        "networkpolicies.networking.k8s.io",
        "services",
        "nodes",
        "jobs.batch",
        "deployments.apps",
    ]
    api.denied.update(denied)
    with pytest.raises(AnalyzerError) as caught:
        read(api, tmp_path)
    first, *others = caught.value.diagnostics
    assert first.severity is Severity.ERROR
    assert "list pods, networkpolicies.networking.k8s.io at cluster scope" in first.message
    assert {other.severity for other in others} == {Severity.WARNING}
    told = " ".join(diagnostic.message for diagnostic in caught.value.diagnostics)
    assert all(resource in told for resource in denied)


def test_the_rules_that_are_offered_are_yaml_that_kubernetes_takes(api: KubeApi, tmp_path: Path) -> None:
    api.denied.update({"pods", "namespaces", "networkpolicies.networking.k8s.io"})
    found = failed(tmp_path, api.kubeconfig())
    rules = found.help.removeprefix("rules for a ClusterRole: ").split("; ")[0]
    assert yaml.safe_load(rules) == [
        {"apiGroups": [""], "resources": ["namespaces", "pods"], "verbs": ["list"]},
        {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ["list"]},
    ]


@pytest.mark.parametrize(
    ("resource", "unknown"),
    [
        ("services", "the Services"),
        ("nodes", "the nodes' addresses"),
        ("replicasets.apps", "to which workload a pod belongs"),
        ("cronjobs.batch", "to which workload a pod belongs"),
    ],
)
def test_a_missing_permission_that_verdicts_do_not_need_is_a_warning_that_says_what_is_not_known(
    api: KubeApi, tmp_path: Path, resource: str, unknown: str
) -> None:
    api.add(obj("Pod", "p", "default"))
    api.denied.add(resource)
    loaded = read(api, tmp_path)
    (warning,) = loaded.diagnostics
    assert warning.severity is Severity.WARNING
    assert f"list {resource} at cluster scope" in warning.message
    assert unknown in warning.message
    assert [document.name for document in loaded.documents] == ["p"]


def test_who_may_not_is_the_kubeconfigs_user_when_the_server_does_not_say(
    api: KubeApi, tmp_path: Path
) -> None:
    api.next(PODS, status(403, "Forbidden", "no"))
    assert failed(tmp_path, api.kubeconfig()).message.startswith("the user `jane` may not")


def test_credentials_that_are_not_accepted_are_one_error(api: KubeApi, tmp_path: Path) -> None:
    api.users = {"another": "jane"}
    found = failed(tmp_path, api.kubeconfig())
    assert found.code == "not-authenticated"
    assert "the user `jane`" in found.message
    assert "--context kind-kubereach get namespaces`" in found.help
    assert len(api.requests) == 1


def test_nobody_in_particular_is_not_told_to_ask_for_permissions(api: KubeApi, tmp_path: Path) -> None:
    api.denied.add("namespaces")
    text = yaml.safe_load(api.kubeconfig())
    text["contexts"][0]["context"].pop("user")
    found = failed(tmp_path, yaml.safe_dump(text))
    assert found.code == "not-authenticated"
    assert "without a user" in found.message


# An answer that comes late, or broken, or not at all


@pytest.mark.parametrize("trouble", [TOO_MANY, INTERNAL, UNAVAILABLE, Dropped(), Cut()])
def test_what_may_pass_is_tried_again(api: KubeApi, tmp_path: Path, trouble: Reply) -> None:
    api.add(obj("Pod", "p", "default"))
    api.next(PODS, trouble, trouble, trouble)
    assert [document.name for document in read(api, tmp_path).documents] == ["p"]


@pytest.mark.parametrize("trouble", [TOO_MANY, INTERNAL, UNAVAILABLE])
def test_what_does_not_pass_is_an_error_after_four_attempts(
    api: KubeApi, tmp_path: Path, trouble: Reply
) -> None:
    api.next(PODS, *[trouble] * 5)
    found = failed(tmp_path, api.kubeconfig())
    assert f"answers `list pods` with {trouble.status}: " in found.message
    assert len([request for request in api.requests if request.path == PODS]) == 4


@pytest.mark.parametrize("trouble", [Dropped(), Cut()])
def test_a_connection_that_keeps_breaking_is_an_error(api: KubeApi, tmp_path: Path, trouble: Reply) -> None:
    api.next(PODS, *[trouble] * 5)
    found = failed(tmp_path, api.kubeconfig())
    assert found.code == "cluster-unreachable"
    assert len([request for request in api.requests if request.path == PODS]) == 4


def test_the_server_says_how_long_to_wait_and_is_not_believed_everything(
    api: KubeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setattr(servers, "LONGEST_PAUSE", 0.2)
    api.next(PODS, status(429, "TooManyRequests", "later", Retry_After="3600"))
    begin = time.monotonic()
    read(api, tmp_path)
    assert 0.2 <= time.monotonic() - begin < 30


def test_what_verdicts_do_not_need_and_does_not_answer_is_a_warning(api: KubeApi, tmp_path: Path) -> None:
    api.next(SERVICES, *[INTERNAL] * 4)
    (warning,) = read(api, tmp_path).diagnostics
    assert warning.severity is Severity.WARNING
    assert "`list services` with 500 (etcdserver: request timed out)" in warning.message


def test_what_a_cluster_does_not_serve_it_does_not_have(api: KubeApi, tmp_path: Path) -> None:
    api.kinds = [kind for kind in api.kinds if kind.group != "batch"]
    assert read(api, tmp_path).diagnostics == ()


def test_a_server_without_network_policies_is_no_cluster(api: KubeApi, tmp_path: Path) -> None:
    api.kinds = [kind for kind in api.kinds if kind.kind != "NetworkPolicy"]
    assert (
        "answers `list networkpolicies.networking.k8s.io` with 404: Not Found"
        in failed(tmp_path, api.kubeconfig()).message
    )


def test_a_server_that_does_not_answer_in_time_is_an_error(
    api: KubeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "READ_SECONDS", 0.1)
    api.next(PODS, Reply(delay=0.5))
    assert "no answer in time" in failed(tmp_path, api.kubeconfig()).message


@pytest.mark.parametrize(
    "answer",
    [
        Reply(body=b"<html>please log in</html>"),
        Reply(body=b"[]"),
        Reply(body=b"[" * 100_000),
        Reply(body={"metadata": ["x"], "items": []}),
        Reply(body={"metadata": {}, "items": [1]}),
        Reply(body={"metadata": {}, "items": {"a": 1}}),
    ],
)
def test_an_answer_that_no_api_server_gives_is_an_error(api: KubeApi, tmp_path: Path, answer: Reply) -> None:
    api.next(PODS, answer)
    assert failed(tmp_path, api.kubeconfig()).code == "not-an-api-server"


def test_a_redirect_is_not_followed(api: KubeApi, tmp_path: Path) -> None:
    api.next(PODS, Reply(status=302, headers={"Location": "/api/v1/services"}))
    assert "with 302: Found" in failed(tmp_path, api.kubeconfig()).message


def test_words_of_the_server_are_shown_on_one_line_and_cut(api: KubeApi, tmp_path: Path) -> None:
    api.next(PODS, status(400, "BadRequest", "a\nb\x1b[31m" + "c" * 1000 + ": no such host"))
    found = failed(tmp_path, api.kubeconfig())
    assert "a b\\x1b[31mccc" in found.message
    assert "ccc … ccc" in found.message
    assert "ccc: no such host" in found.message, "the cause comes last"
    assert len(found.message) < 500


def test_a_cluster_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with KubeApi() as api:
        text = api.kubeconfig()
    found = failed(tmp_path, text)
    assert found.code == "cluster-unreachable"
    assert "cannot reach the cluster of context `kind-kubereach` at `http://127.0.0.1:" in found.message
    assert found.message.endswith(": connection refused")


def test_the_reason_is_not_what_was_handled_when_the_cluster_was_asked(tmp_path: Path) -> None:
    with KubeApi() as api:
        text = api.kubeconfig()
    try:
        int("another matter")
    except ValueError:
        found = failed(tmp_path, text)
    assert found.message.endswith(": connection refused")


def test_a_host_that_has_no_address_is_an_error(
    api: KubeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    text = api.kubeconfig(cluster={"server": "https://kubereach.invalid:6443"})
    assert failed(tmp_path, text).message.endswith(": name or service not known")


def test_an_address_that_is_none_is_an_error(api: KubeApi, tmp_path: Path) -> None:
    text = api.kubeconfig(cluster={"server": "http://a..b"})
    assert failed(tmp_path, text).code == "cluster-unreachable"


def test_a_proxy_that_is_not_there_is_an_error(api: KubeApi, tmp_path: Path) -> None:
    with KubeApi() as gone:
        proxy = gone.url
    found = failed(tmp_path, api.kubeconfig(cluster={"proxy-url": proxy}))
    assert "cannot reach the proxy" in found.message
    assert "NO_PROXY" in found.help


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, with its key in the same file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("`openssl` makes the certificate, and is not installed")
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=kubereach", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [openssl, "req", "-x509", *kind, *name, "-keyout", "-", "-out", "-"]
    file.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    return file


@pytest.fixture
def secure(certificate: Path) -> Iterator[KubeApi]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with KubeApi(tls=context) as running:
        yield running


def test_a_certificate_that_the_kubeconfig_trusts_is_trusted(
    secure: KubeApi, tmp_path: Path, certificate: Path
) -> None:
    secure.add(obj("Pod", "p", "default"))
    text = secure.kubeconfig(cluster={"certificate-authority": str(certificate)})
    assert live.read(context=None, kubeconfig=config(tmp_path, text)).documents[0].name == "p"


def test_a_certificate_that_nobody_vouches_for_is_an_error(secure: KubeApi, tmp_path: Path) -> None:
    found = failed(tmp_path, secure.kubeconfig())
    assert found.code == "connection-not-trusted"
    assert found.message.endswith(": self-signed certificate")
    assert "certificate-authority-data" in found.help
    assert secure.requests == []


def test_a_certificate_for_another_host_is_an_error(
    secure: KubeApi, tmp_path: Path, certificate: Path
) -> None:
    cluster = {"certificate-authority": str(certificate), "tls-server-name": "other.example"}
    assert "'other.example'" in failed(tmp_path, secure.kubeconfig(cluster=cluster)).message


def test_who_gave_up_certificates_is_not_bothered(secure: KubeApi, tmp_path: Path) -> None:
    text = secure.kubeconfig(cluster={"insecure-skip-tls-verify": True})
    assert live.read(context=None, kubeconfig=config(tmp_path, text)).documents == ()


def test_a_server_that_speaks_no_tls_is_an_error(api: KubeApi, tmp_path: Path) -> None:
    text = api.kubeconfig(cluster={"server": api.url.replace("http:", "https:")})
    found = failed(tmp_path, text)
    assert found.code == "connection-not-trusted"


# The kubeconfig


def test_a_kubeconfig_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AnalyzerError, match="there is no kubeconfig `/nowhere/config`"):
        live.read(context=None, kubeconfig="/nowhere/config")
    with pytest.raises(AnalyzerError, match=r"there is no kubeconfig `~/\.kube/config`"):
        live.read(context=None, kubeconfig=None)


def test_the_kubeconfig_is_looked_for_in_the_home_folder(api: KubeApi, tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(api.kubeconfig())
    assert live.read(context="kind-kubereach", kubeconfig=None).documents == ()


def test_of_several_kubeconfigs_the_first_current_context_counts(
    api: KubeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(api.kubeconfig(context="one"))
    second.write_text(api.kubeconfig(context="two", cluster={"server": "http://127.0.0.1:1"}))
    paths = ["", str(tmp_path / "missing"), str(first), str(second)]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(paths))
    assert live.read(context=None, kubeconfig=None).files == ("cluster one",)


def test_yaml_that_is_none_is_an_error_with_line_and_column(tmp_path: Path) -> None:
    found = failed(tmp_path, "clusters: []\nusers: [\n")
    assert found.span is not None
    assert (found.span.file, found.span.line, found.span.column) == (str(tmp_path / "kubeconfig"), 3, 1)


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_bytes(b"clusters: \xff\xfe\x00")
    with pytest.raises(AnalyzerError, match="is no YAML"):
        live.read(context=None, kubeconfig=str(file))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no mapping"),
        ("- clusters", "is no mapping"),
        ("clusters: 5", "`clusters` must be a list"),
        ("users: [jane]", "`users` must be a list"),
        ("contexts: [{name: 5}]", "`contexts` must be a list"),
        ("a: " + "9" * 10_000, "cannot be read"),
        ("[" * 1_000, "cannot be read"),
    ],
)
def test_a_kubeconfig_that_is_none_is_an_error(tmp_path: Path, text: str, words: str) -> None:
    found = failed(tmp_path, text)
    assert found.code == "bad-kubeconfig"
    assert words in found.message


def test_a_kubeconfig_that_is_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AnalyzerError, match="is no regular file"):
        live.read(context=None, kubeconfig=str(tmp_path))


def test_an_unknown_context_is_an_error_that_guesses_and_lists(api: KubeApi, tmp_path: Path) -> None:
    found = failed(tmp_path, api.kubeconfig(), context="kind-kubereech")
    assert "the context `kind-kubereech` is not in the kubeconfig" in found.message
    assert found.help == "did you mean `kind-kubereach`? contexts: `kind-kubereach`"
    assert failed(tmp_path, api.kubeconfig(), context="xyz").help == "contexts: `kind-kubereach`"


def test_of_many_contexts_some_are_listed(tmp_path: Path) -> None:
    contexts = [{"name": f"c{number:02}"} for number in range(25)]
    found = failed(tmp_path, yaml.safe_dump({"contexts": contexts}), context="other")
    assert found.help.endswith("`c18`, `c19` and 5 more")


def test_a_kubeconfig_without_current_context_is_an_error(api: KubeApi, tmp_path: Path) -> None:
    text = yaml.safe_load(api.kubeconfig())
    del text["current-context"]
    found = failed(tmp_path, yaml.safe_dump(text))
    assert found.code == "no-current-context"
    assert found.help == "choose one by `--context`; contexts: `kind-kubereach`"
    assert failed(tmp_path, "contexts:").help == "choose one by `--context`; contexts: none"


def test_a_current_context_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    found = failed(tmp_path, "current-context: gone")
    assert "the current context `gone` is not in the kubeconfig" in found.message


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"clusters": []}, "needs the cluster `kind-kubereach`"),
        ({"users": []}, "needs the user `jane`"),
        ({"contexts": [{"name": "kind-kubereach"}]}, "needs the cluster ``"),
        ({"clusters": [{"name": "kind-kubereach"}]}, "has the `server` ``"),
        (
            {"clusters": [{"name": "kind-kubereach", "cluster": {"server": "10.0.0.1"}}]},
            "has the `server` `10.0.0.1`",
        ),
    ],
)
def test_a_context_that_lacks_something_is_an_error(
    api: KubeApi, tmp_path: Path, broken: dict[str, object], words: str
) -> None:
    text = yaml.safe_dump({**yaml.safe_load(api.kubeconfig()), **broken})
    found = failed(tmp_path, text)
    assert found.code == "incomplete-context"
    assert words in found.message


def test_what_a_kubeconfig_refers_to_and_is_not_there_is_an_error(tmp_path: Path) -> None:
    with KubeApi() as api:
        url = api.url.replace("http:", "https:")
        text = api.kubeconfig(cluster={"server": url, "certificate-authority": "/nowhere/ca.crt"})
    found = failed(tmp_path, text)
    assert found.code == "no-credentials"
    assert "File does not exist: /nowhere/ca.crt" in found.message


def test_a_token_may_end_with_a_line_break(api: KubeApi, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    api.users = {"secret": "jane"}
    text = yaml.safe_load(api.kubeconfig())
    text["users"][0]["user"] = {"tokenFile": "token"}
    assert live.read(context=None, kubeconfig=config(tmp_path, yaml.safe_dump(text))).documents == ()


@pytest.mark.parametrize("token", ["two\nlines", "geheim\u4e00"])
def test_a_token_that_cannot_be_sent_is_an_error_that_does_not_show_it(
    api: KubeApi, tmp_path: Path, token: str
) -> None:
    found = failed(tmp_path, api.kubeconfig(user={"token": token}))
    assert found.code == "no-credentials"
    assert token[:3] not in found.message


# Credential plug-ins


def plugged(api: KubeApi, script: str, **fields: object) -> str:
    """Return a kubeconfig whose user is known by what a program prints."""
    text = yaml.safe_load(api.kubeconfig())
    plug_in = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-c", script],
        "interactiveMode": "Never",
        **fields,
    }
    text["users"][0]["user"] = {"exec": plug_in}
    return str(yaml.safe_dump(text))


def test_a_credential_plug_in_is_asked_for_the_token(api: KubeApi, tmp_path: Path) -> None:
    api.users = {"fresh": "jane"}
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "fresh"},
    }
    text = plugged(api, f"import json; print(json.dumps({answer}))")
    assert live.read(context=None, kubeconfig=config(tmp_path, text)).documents == ()


def test_a_credential_plug_in_that_fails_is_an_error_with_its_words(
    api: KubeApi, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = failed(tmp_path, plugged(api, "import sys; sys.exit('session has\\nexpired')"))
    assert found.code == "no-credentials"
    assert "session has expired" in found.message
    assert found.help.endswith("--context kind-kubereach get namespaces` uses the same")
    assert api.requests == []


def test_a_credential_plug_in_that_is_not_installed_is_an_error_with_its_hint(
    api: KubeApi, tmp_path: Path
) -> None:
    text = plugged(api, "", command="/nowhere/plug-in", installHint="install the\nplug-in")
    found = failed(tmp_path, text)
    assert "/nowhere/plug-in" in found.message
    assert found.help == "install the plug-in"


# The package


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    with pytest.raises(AnalyzerError, match=r"install kubereach\[cluster\]"):
        live.read(context=None, kubeconfig=None)


def test_the_package_is_imported_only_when_a_cluster_is_read() -> None:
    script = (
        "import sys, analyzer.live; print({'kubernetes', 'urllib3', 'ssl', 'logging'} & set(sys.modules))"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", script], cwd=root, check=True, capture_output=True, text=True)
    assert run.stdout == "set()\n"


# What the objects tell of their cluster


def document(kind: str, name: str, namespace: str = "", **fields: Any) -> Document:
    return Document(obj(kind, name, namespace, **fields), "dump.yaml")


@pytest.mark.parametrize(
    ("name", "namespace", "profile"),
    [
        ("calico-node", "kube-system", "calico"),
        ("calico-node", "calico-system", "calico"),
        ("canal", "kube-system", "calico"),
        ("cilium", "kube-system", "cilium"),
        ("kindnet", "kube-system", "kindnet"),
        ("kube-router", "kube-system", "kube-router"),
        ("ovnkube-node", "ovn-kubernetes", "ovn-kubernetes"),
        ("antrea-agent", "kube-system", "antrea"),
    ],
)
def test_a_cni_is_known_by_its_daemon_set(name: str, namespace: str, profile: str) -> None:
    others = [document("DaemonSet", "kube-proxy", "kube-system"), document("Pod", "cilium", "kube-system")]
    assert live.detect_profile([*others, document("DaemonSet", name, namespace)]) == profile


def test_every_detected_profile_exists() -> None:
    from analyzer.live.detect import _DAEMON_SETS
    from analyzer.profiles import PROFILES

    assert set(_DAEMON_SETS.values()) <= set(PROFILES)


def test_a_daemon_set_of_the_same_name_elsewhere_is_no_cni() -> None:
    assert live.detect_profile([document("DaemonSet", "cilium", "shop")]) is None


def test_two_cnis_are_none() -> None:
    names = ("calico-node", "cilium")
    assert live.detect_profile([document("DaemonSet", name, "kube-system") for name in names]) is None


def test_a_daemon_set_that_runs_nowhere_is_no_cni() -> None:
    idle = document("DaemonSet", "kindnet", "kube-system", status={"desiredNumberScheduled": 0})
    assert live.detect_profile([idle, document("DaemonSet", "cilium", "kube-system")]) == "cilium"


def node(*cidrs: str) -> Document:
    return document("Node", "n", spec={"podCIDRs": list(cidrs)})


def controller_manager(*command: str) -> Document:
    containers = [{"image": "x"}, {"command": ["kube-controller-manager", *command]}]
    return document(
        "Pod",
        "kube-controller-manager-n",
        "kube-system",
        spec={"hostNetwork": True, "containers": containers},
    )


def pod(*addresses: str, **spec: object) -> Document:
    return document("Pod", "p", "default", spec=spec, status={"podIPs": [{"ip": a} for a in addresses]})


def test_nothing_tells_where_pods_lie() -> None:
    assert live.detect_pod_cidrs([]) == ()
    assert live.detect_pod_cidrs([node(), document("Node", "m"), controller_manager()]) == ()


def test_pods_lie_where_the_nodes_cidrs_are() -> None:
    found = live.detect_pod_cidrs([node("10.244.0.0/24", "fd00:10:244::/64"), node("10.244.1.0/24")])
    assert found == ("10.244.0.0/23", "fd00:10:244::/64")


def test_the_controller_managers_cidr_holds_those_of_nodes_to_come() -> None:
    told = controller_manager("--allocate-node-cidrs=true", "--cluster-cidr=10.244.0.0/16,fd00:10:244::/56")
    assert live.detect_pod_cidrs([node("10.244.0.0/24"), told]) == ("10.244.0.0/16", "fd00:10:244::/56")


def test_kubeadms_configuration_tells_the_pod_subnet() -> None:
    text = (
        "kind: ClusterConfiguration\nnetworking:\n  podSubnet: 10.244.0.0/16\n  serviceSubnet: 10.96.0.0/16\n"
    )
    told = document("ConfigMap", "kubeadm-config", "kube-system", data={"ClusterConfiguration": text})
    assert live.detect_pod_cidrs([told, node("10.244.0.0/24")]) == ("10.244.0.0/16",)


def test_calicos_pools_come_first_and_only_those_for_workloads() -> None:
    pools = [
        document("IPPool", "a", spec={"cidr": "192.168.0.0/16"}),
        document("IPPool", "b", spec={"cidr": "172.16.0.0/16", "allowedUses": ["Tunnel"]}),
        document("IPPool", "c", spec={"cidr": "10.9.0.0/16", "allowedUses": ["Workload", "Tunnel"]}),
    ]
    told = controller_manager("--cluster-cidr=10.244.0.0/16")
    assert live.detect_pod_cidrs([told, *pools]) == ("10.9.0.0/16", "192.168.0.0/16")


def test_what_a_pods_address_contradicts_does_not_count() -> None:
    told = [controller_manager("--cluster-cidr=10.244.0.0/16"), node("10.0.1.0/24")]
    assert live.detect_pod_cidrs([*told, pod("10.0.1.7")]) == ("10.0.1.0/24",)
    assert live.detect_pod_cidrs([*told, pod("10.0.2.7")]) == ()


def test_a_pod_on_its_nodes_network_contradicts_nothing() -> None:
    told = [node("10.0.1.0/24"), pod("172.18.0.2", hostNetwork=True)]
    assert live.detect_pod_cidrs(told) == ("10.0.1.0/24",)


def test_what_is_no_address_is_passed_by() -> None:
    assert live.detect_pod_cidrs([node("no cidr", "10.0.1.0/24"), pod("no address")]) == ("10.0.1.0/24",)
