"""The lab's client of an API server, on answers as Kubernetes gives them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from analyzer import Document
from lab import calico
from lab.errors import LabError
from lab.providers.context import applying, client as clients, failures, waiting
from lab.providers.context.client import Client
from lab.providers.context.failures import ApiError, OwnershipError
from lab.providers.context.probing import sources
from tests.fakes.kube_api import INTERNAL, TOO_MANY, UNAVAILABLE, Cut, Dropped, KubeApi, Object, Reply, status
from tests.fakes.kube_api.kubelet import Kubelet

LABELS = applying.labels_of("shop")
WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
PODS = "/api/v1/namespaces/shop/pods"
SETTINGS = "/api/v1/namespaces/shop/configmaps/settings"
MERGE = "application/merge-patch+json"


@pytest.fixture
def api() -> Iterator[KubeApi]:
    with KubeApi() as made:
        made.users = {"secret": "jane"}
        made.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        yield made


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return how long was waited, without any waiting."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


@pytest.fixture
def client(api: KubeApi, tmp_path: Path, waits: list[float]) -> Iterator[Client]:
    path = tmp_path / "kubeconfig"
    path.write_text(api.kubeconfig())
    made = Client(str(path), "")
    yield made
    made.access.client.rest_client.pool_manager.clear()


def settings(**data: str) -> Object:
    metadata = {"name": "settings", "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(image: str = "nginx:1", **spec: Any) -> Object:
    containers = [{"name": "web", "image": image}]
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}}
    wanted = {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec}
    metadata = {"name": "web", "namespace": "shop"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": wanted}


def pod(name: str) -> Object:
    spec = {"containers": [{"name": "main", "image": "nginx:1"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def refused(call: Callable[[], object]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        call()
    assert "\n" not in caught.value.message
    assert caught.value.help
    return caught.value


def theirs(api: KubeApi, client: Client, manager: str, document: Object) -> None:
    """Let somebody else apply something."""
    query: dict[str, str | int] = {"fieldManager": manager}
    client._json("PATCH", client.path_of(document), query, document, "application/apply-patch+yaml")


# Fields that others manage


def test_a_field_of_another_manager_is_told_with_who_manages_it_and_what_to_do(
    api: KubeApi, client: Client
) -> None:
    theirs(api, client, "helm", settings(a="1"))
    error = refused(lambda: client.apply(settings(a="2")))
    assert isinstance(error, OwnershipError)
    assert error.fields == {"helm": (".data.a",)}
    assert f"PATCH {SETTINGS}" in error.message
    assert '"helm" manages `.data.a`' in error.message
    assert "take these fields out of the manifests" in str(error.help)
    assert api.objects("configmaps")["shop", "settings"]["data"] == {"a": "1"}


def test_every_manager_is_named_with_the_fields_of_its_own(api: KubeApi, client: Client) -> None:
    theirs(api, client, "helm", deployment("nginx:1"))
    body = {"spec": {"replicas": 3}}
    client._json("PATCH", WEB, {"fieldManager": "kubectl-scale"}, body, MERGE)
    error = refused(lambda: client.apply(deployment("nginx:2", replicas=1)))
    assert isinstance(error, OwnershipError)
    assert error.fields == {
        "helm": ('.spec.template.spec.containers[name="web"].image',),
        "kubectl-scale": (".spec.replicas",),
    }
    assert '"kubectl-scale" manages `.spec.replicas`' in error.message


def test_many_fields_are_told_in_short(api: KubeApi, client: Client) -> None:
    theirs(api, client, "helm", settings(**dict.fromkeys("abcdefgh", "1")))
    error = refused(lambda: client.apply(settings(**dict.fromkeys("abcdefgh", "2"))))
    assert "`.data.e` and 3 more" in error.message


def test_force_takes_fields_over_when_it_is_asked_for(api: KubeApi, client: Client) -> None:
    theirs(api, client, "helm", settings(a="1"))
    assert client.apply(settings(a="2"), force=True)["data"] == {"a": "2"}


def test_a_dry_run_changes_nothing_and_meets_the_same_conflicts(api: KubeApi, client: Client) -> None:
    assert client.apply(settings(a="1"), dry_run=True)["data"] == {"a": "1"}
    assert not api.objects("configmaps")
    theirs(api, client, "helm", settings(a="1"))
    assert isinstance(refused(lambda: client.apply(settings(a="2"), dry_run=True)), OwnershipError)


def test_what_we_changed_by_a_patch_is_no_conflict_with_ourselves(api: KubeApi, client: Client) -> None:
    client.apply(settings(a="1"))
    client.patch(SETTINGS, {"data": {"a": "2"}})
    assert client.apply(settings(a="3"))["data"] == {"a": "3"}


def test_a_variable_of_calico_that_was_set_by_patching_may_be_set_by_installing(
    api: KubeApi, client: Client
) -> None:
    path = Path(__file__).parents[2] / "fakes" / "calico" / "calico.yaml"
    manifest = calico.read(path.read_bytes(), "calico.yaml")
    (wanted,) = (each for each in manifest.documents if each["kind"] == "DaemonSet")
    client.apply(dict(wanted))
    calico.patch(client, {"FELIX_LOGSEVERITYSCREEN": "Debug"})
    fitted = calico.patched(manifest, ("10.244.0.0/16",), {"FELIX_LOGSEVERITYSCREEN": "Info"})
    (again,) = (each for each in fitted.documents if each["kind"] == "DaemonSet")
    made = client.apply(dict(again))
    (container,) = (
        each for each in made["spec"]["template"]["spec"]["containers"] if each["name"] == "calico-node"
    )
    assert {each["name"]: each.get("value") for each in container["env"]}["FELIX_LOGSEVERITYSCREEN"] == "Info"


def test_a_field_that_does_not_exist_is_the_manifests_mistake_and_not_the_servers(
    api: KubeApi, client: Client
) -> None:
    error = refused(lambda: client.apply(deployment(replica=1)))
    assert ".spec.replica: field not declared in schema" in error.message
    assert "correct the field" in str(error.help)
    assert len([each for each in api.requests if each.method == "PATCH"]) == 1


def test_a_value_that_cannot_be_converted_is_the_manifests_mistake_too(api: KubeApi, client: Client) -> None:
    words = (
        "failed to convert new object (/web; /v1, Kind=Pod) to proper version: unable to convert "
        "unstructured object to /v1, Kind=Pod: quantities must match the regular expression "
        "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    )
    api.next(f"{PODS}/web", status(500, "", words))
    error = refused(lambda: client.apply(pod("web")))
    assert "quantities must match" in error.message
    assert "correct the field" in str(error.help)


@pytest.mark.parametrize(
    ("code", "words", "help_"),
    [
        (
            422,
            "pods \"web\" is forbidden: ValidatingAdmissionPolicy 'v' with binding 'v' denied request: no",
            "a policy of this cluster forbids it",
        ),
        (
            403,
            'admission webhook "no.example.com" denied the request: no',
            "a policy of this cluster forbids",
        ),
        (
            500,
            (
                'Internal error occurred: failed calling webhook "no.example.com": failed to call webhook: '
                'Post "https://192.0.2.1:1/x?timeout=1s": dial tcp 192.0.2.1:1: connect: connection refused'
            ),
            "the webhook does not answer",
        ),
        (
            403,
            'pods "web" is forbidden: exceeded quota: rq, requested: pods=1, used: pods=1, limited: pods=1',
            "make room in the namespace's ResourceQuota",
        ),
        (
            403,
            'pods "web" is forbidden: maximum cpu usage per Container is 2, but limit is 3',
            "the API server's words say what forbids it",
        ),
    ],
)
def test_what_forbids_is_told_whatever_the_status_is(
    api: KubeApi, client: Client, code: int, words: str, help_: str
) -> None:
    api.next(f"{PODS}/web", status(code, "", words))
    error = refused(lambda: client.apply(pod("web")))
    assert error.status == code
    assert words in error.message
    assert help_ in str(error.help)


def test_what_is_not_valid_is_told_by_its_field(api: KubeApi, client: Client) -> None:
    error = refused(lambda: client.apply({**pod("web"), "spec": {"containers": []}}))
    assert (error.status, error.help) == (422, "the API server's words name the field")
    assert "spec.containers: Required value" in error.message


# Servers that have no time


def test_a_server_that_is_busy_is_asked_again_when_it_said(
    api: KubeApi, client: Client, waits: list[float]
) -> None:
    path = PODS
    busy = Reply(
        status=429, body=b"Too many requests, please try again later.\n", headers={"Retry-After": "3"}
    )
    api.next(path, busy, busy)
    assert client.list_all(path) == []
    assert waits == [3.0, 3.0]


def test_a_server_that_stays_busy_is_not_asked_for_ever(
    api: KubeApi, client: Client, waits: list[float]
) -> None:
    path = PODS
    busy = Reply(status=429, body=TOO_MANY.body, headers={"Retry-After": "86400"})
    api.next(path, *[busy] * 9)
    error = refused(lambda: client.list_all(path))
    assert error.status == 429
    assert "Too many requests, please try again later." in error.message
    assert len(waits) == len(clients.PAUSES)
    assert max(waits) == clients.LONGEST_PAUSE


@pytest.mark.parametrize("trouble", [TOO_MANY, UNAVAILABLE, Dropped()])
def test_an_apply_is_tried_again_and_is_the_same_however_often(
    api: KubeApi, client: Client, trouble: Reply
) -> None:
    api.next(SETTINGS, trouble, trouble)
    assert client.apply(settings(a="1"))["data"] == {"a": "1"}


def test_what_was_carried_out_though_its_answer_was_lost_is_done_once(
    api: KubeApi, client: Client, tmp_path: Path
) -> None:
    api.kubelet = Kubelet(tmp_path)
    path = f"{PODS}/web"
    api.lose(path)
    client.apply(pod("web"))
    api.lose(f"{path}/ephemeralcontainers")
    body = {"spec": {"ephemeralContainers": [sources.container("kubereach-probe-0", "agnhost:1", "shop")]}}
    made = client.patch(f"{path}/ephemeralcontainers", body, "strategic")
    assert [each["name"] for each in made["spec"]["ephemeralContainers"]] == ["kubereach-probe-0"]
    api.lose(path)
    client.delete(path)
    assert not api.objects("pods")
    assert [each.method for each in api.requests].count("DELETE") == 2


def test_what_would_be_done_twice_is_not_sent_again(api: KubeApi, client: Client) -> None:
    client.apply(settings(a="1"))
    api.lose(SETTINGS)
    with pytest.raises(Exception, match="cannot reach the cluster"):
        client.patch(SETTINGS, [{"op": "add", "path": "/data/b", "value": "2"}], "json")
    assert api.objects("configmaps")["shop", "settings"]["data"] == {"a": "1", "b": "2"}


def test_trouble_of_the_servers_own_is_told_as_such(api: KubeApi, client: Client) -> None:
    api.next(SETTINGS, INTERNAL)
    error = refused(lambda: client.get(SETTINGS))
    assert (error.status, error.help) == (500, "the API server has trouble of its own: try again")


@pytest.mark.parametrize("trouble", [Cut(), Dropped()])
def test_an_answer_that_breaks_off_is_asked_for_again(api: KubeApi, client: Client, trouble: Reply) -> None:
    api.add(pod("web"))
    api.next(PODS, trouble, trouble)
    assert [each["metadata"]["name"] for each in client.list_all(PODS)] == ["web"]


# Lists that expire


def test_a_list_whose_token_expires_is_read_again_from_the_start(
    api: KubeApi, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "PAGE", 2)
    for number in range(5):
        api.add(pod(f"p{number}"))
    path = PODS
    answered = api.answer

    def expiring(request: Any) -> Reply:
        if request.query.get("continue"):
            api.compact()
        return answered(request)

    monkeypatch.setattr(api._server, "answer", expiring)
    found = [each["metadata"]["name"] for each in client.list_all(path, labelSelector="!gone")]
    assert found == ["p0", "p1", "p2", "p3", "p4"], "each once, and none is missing"
    asked = [each.query for each in api.requests if each.path == path]
    assert [each.get("limit") for each in asked] == ["2", "2", None]
    assert {each.get("labelSelector") for each in asked} == {"!gone"}


def test_a_list_that_is_gone_for_good_is_an_error(api: KubeApi, client: Client) -> None:
    path = PODS
    gone = status(410, "Expired", "too old resource version: 1 (2)")
    api.next(path, *[gone] * 5)
    error = refused(lambda: client.list_all(path))
    assert (error.status, error.help) == (410, "the cluster has changed meanwhile: try again")
    assert len([each for each in api.requests if each.path == path]) == 2


# What is forbidden


@pytest.mark.parametrize(
    ("denied", "call", "rule", "asked"),
    [
        (
            "get configmaps",
            lambda client: client.find(SETTINGS),
            '{apiGroups: [""], resources: [configmaps], verbs: [get]}',
            "get configmaps -n shop",
        ),
        (
            "list deployments.apps",
            lambda client: client.list_all("/apis/apps/v1/deployments"),
            "{apiGroups: [apps], resources: [deployments], verbs: [list]}",
            "list deployments.apps",
        ),
        (
            "patch configmaps",
            lambda client: client.apply(settings()),
            '{apiGroups: [""], resources: [configmaps], verbs: [patch]}',
            "patch configmaps -n shop",
        ),
        (
            "create configmaps",
            lambda client: client.apply(settings()),
            '{apiGroups: [""], resources: [configmaps], verbs: [create]}',
            "create configmaps -n shop",
        ),
        (
            "delete namespaces",
            lambda client: client.delete("/api/v1/namespaces/shop"),
            '{apiGroups: [""], resources: [namespaces], verbs: [delete]}',
            "delete namespaces",
        ),
        (
            "patch pods/ephemeralcontainers",
            lambda client: client.patch(
                "/api/v1/namespaces/shop/pods/web/ephemeralcontainers", {}, "strategic"
            ),
            '{apiGroups: [""], resources: [pods/ephemeralcontainers], verbs: [patch]}',
            "patch pods --subresource=ephemeralcontainers -n shop",
        ),
    ],
)
def test_a_permission_that_is_missing_is_named_with_the_rule_that_gives_it(
    api: KubeApi, client: Client, denied: str, call: Callable[[Client], object], rule: str, asked: str
) -> None:
    api.denied.add(denied)
    error = refused(lambda: call(client))
    assert error.status == 403
    assert 'User "jane" cannot' in error.message
    assert f"the rule {rule} gives it" in str(error.help)
    assert f"`kubectl auth can-i {asked}` tells" in str(error.help)


def test_a_namespace_that_is_terminating_is_no_missing_permission(api: KubeApi, client: Client) -> None:
    held = settings()
    held["metadata"]["finalizers"] = ["example.com/held"]
    client.apply(held)
    client.delete("/api/v1/namespaces/shop")
    error = refused(lambda: client.apply(pod("new")))
    assert "unable to create new content in namespace shop because it is being terminated" in error.message
    assert "permission" not in str(error.help)
    assert "finalizers" in str(error.help)


def test_what_pod_security_forbids_is_no_missing_permission(api: KubeApi, client: Client) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels}})
    error = refused(lambda: client.apply(pod("new")))
    assert 'violates PodSecurity "restricted:latest"' in error.message
    assert "securityContext" in str(error.help)


def test_who_may_not_even_ask_what_is_served_is_told_what_gives_it(api: KubeApi, client: Client) -> None:
    api.denied.add("/apis/apps/v1")
    error = refused(lambda: client.apply(deployment()))
    assert 'User "jane" cannot get path "/apis/apps/v1"' in error.message
    assert "`system:discovery`" in str(error.help)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("exceeded quota: pods, requested: pods=1, used: pods=5, limited: pods=5", "ResourceQuota"),
        (
            "minimum cpu usage per Container is 1, but request is 1m",
            "the API server's words say what forbids",
        ),
    ],
)
def test_another_reason_is_told_as_what_it_is(words: str, told: str) -> None:
    error = failures.refusal(403, "PATCH /x", {"message": f'pods "a" is forbidden: {words}'}, "Forbidden")
    assert told in str(error.help)


# Many objects


def document(data: Object) -> Document:
    return Document(data, "mine.yaml")


def test_an_apply_that_fails_half_way_removes_what_it_made(api: KubeApi, client: Client) -> None:
    api.denied.add("create deployments.apps")
    wanted = [document(settings(a="1")), document(deployment())]
    with pytest.raises(ApiError, match="cannot create resource"):
        applying.apply(client, wanted, labels=LABELS)
    assert not api.objects("configmaps")
    assert ("", "shop") in api.objects("namespaces"), "what was there before stays"


def test_an_object_that_was_made_anew_meanwhile_is_not_deleted(
    api: KubeApi, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied = applying.apply(client, [document(settings(a="1"))], labels=LABELS)
    look = client.find

    def find_and_lose(path: str) -> Object | None:
        found = look(path)
        if path == SETTINGS:
            again = {**settings(a="theirs"), "metadata": {**settings()["metadata"], "labels": dict(LABELS)}}
            api.store.remove(api.kind(again), "shop", "settings")
            api.add(again)
        return found

    monkeypatch.setattr(client, "find", find_and_lose)
    assert [str(each) for each in applying.remove(client, applied)] == ["ConfigMap shop/settings"]
    assert api.objects("configmaps")["shop", "settings"]["data"] == {"a": "theirs"}


def test_a_pod_that_cannot_be_changed_is_made_anew(api: KubeApi, client: Client) -> None:
    applying.apply(client, [document(pod("web"))], labels=LABELS)
    first = api.objects("pods")["shop", "web"]["metadata"]["uid"]
    other = pod("web")
    other["spec"]["containers"][0]["args"] = ["--fast"]
    applying.apply(client, [document(other)], labels=LABELS)
    assert api.objects("pods")["shop", "web"]["metadata"]["uid"] != first


def test_what_others_delete_is_waited_for_by_the_user(api: KubeApi, client: Client) -> None:
    held = settings()
    held["metadata"]["finalizers"] = ["example.com/held"]
    client.apply(held)
    client.delete(SETTINGS)
    with pytest.raises(LabError, match="ConfigMap shop/settings is being deleted"):
        applying.apply(client, [document(settings())], labels=LABELS)


def definition() -> Object:
    names = {"plural": "things", "kind": "Thing"}
    versions = [{"name": "v1", "served": True, "storage": True}]
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": versions}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": spec,
    }


def test_objects_of_a_kind_that_comes_with_the_manifests_wait_until_it_is_served(
    api: KubeApi, client: Client
) -> None:
    api.controllers.slow = 4
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a", "namespace": "shop"}}
    applied = applying.apply(client, [document(thing), document(definition())], labels=LABELS)
    assert ("shop", "a") in api.objects("things", "example.com")
    assert applying.remove(client, applied) == []
    assert not api.objects("things", "example.com")


def test_a_kind_that_is_not_served_is_told_by_its_name(api: KubeApi, client: Client) -> None:
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a", "namespace": "shop"}}
    with pytest.raises(LabError, match="does not know the kind Thing of `example"):
        applying.apply(client, [document(thing)], labels=LABELS)


def test_the_pods_of_a_workload_bear_its_labels_and_are_waited_for(
    api: KubeApi, client: Client, tmp_path: Path
) -> None:
    api.kubelet = Kubelet(tmp_path)
    applied = applying.apply(client, [document(deployment(replicas=2))], labels=LABELS)
    waiting.pods_ready(client, ["shop"], 5)
    pods = api.objects("pods").values()
    assert [applying.bears(each, LABELS) for each in pods] == [True, True]
    assert applying.remove(client, applied) == []
    assert not api.objects("pods")


def test_our_ephemeral_container_is_one_that_the_strictest_namespace_takes(
    api: KubeApi, client: Client, tmp_path: Path
) -> None:
    api.kubelet = Kubelet(tmp_path)
    client.apply(pod("web"))
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels}})
    own = api.objects("pods")["shop", "web"]["spec"]["containers"][0]
    own["securityContext"] = sources.container("x", "x", "shop")["securityContext"]
    found = sources.seats(client, {"web": client.get(f"{PODS}/web")}, LABELS, "agnhost:1", agreed=True)
    assert found["web"].ephemeral, found["web"].why
    assert found["web"].containers == ("kubereach-probe-0", "main")


def test_why_there_is_no_ephemeral_container_is_told_in_the_servers_words(
    api: KubeApi, client: Client, tmp_path: Path
) -> None:
    api.kubelet = Kubelet(tmp_path)
    client.apply(pod("web"))
    api.denied.add("patch pods/ephemeralcontainers")
    found = sources.seats(client, {"web": client.get(f"{PODS}/web")}, LABELS, "agnhost:1", agreed=True)
    assert not found["web"].ephemeral
    assert 'cannot patch resource "pods/ephemeralcontainers"' in found["web"].why


def test_a_namespace_of_ours_goes_with_the_pods_of_its_workloads(
    api: KubeApi, client: Client, tmp_path: Path
) -> None:
    api.kubelet = Kubelet(tmp_path)
    wanted = deployment(replicas=2)
    wanted["metadata"]["namespace"] = "fresh"
    applied = applying.apply(client, [document(wanted)], labels=LABELS)
    assert [str(each) for each in applied.refs] == ["Namespace fresh", "Deployment fresh/web"]
    assert len(api.objects("pods")) == 2
    assert applying.remove(client, applied) == []
    assert ("", "fresh") not in api.objects("namespaces")


def test_a_namespace_that_others_use_by_now_stays(api: KubeApi, client: Client) -> None:
    wanted = settings()
    wanted["metadata"]["namespace"] = "fresh"
    applied = applying.apply(client, [document(wanted)], labels=LABELS)
    other = pod("theirs")
    other["metadata"]["namespace"] = "fresh"
    api.add(other)
    assert [str(each) for each in applying.remove(client, applied)] == ["Namespace fresh"]
    assert ("fresh", "theirs") in api.objects("pods")


def test_a_credential_plug_in_is_asked_once_however_many_threads_ask(api: KubeApi, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    answer["status"] = {"token": "secret"}  # type: ignore[assignment]
    script = tmp_path / "plug-in"
    script.write_text(f"#!/bin/sh\necho . >> {asked}\necho '{json.dumps(answer)}'\n")
    script.chmod(0o755)
    plug_in = {"apiVersion": answer["apiVersion"], "command": str(script), "interactiveMode": "Never"}
    kubeconfig = yaml.safe_load(api.kubeconfig())
    kubeconfig["users"][0]["user"] = {"exec": plug_in}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig))
    made = Client(str(path), "")
    together = threading.Barrier(8)

    def ask(_: int) -> int:
        together.wait()
        return len(made.list_all("/api/v1/namespaces"))

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(8))) == {1}
    assert asked.read_text() == ".\n"
