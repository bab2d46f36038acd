"""Lists of the stand-in API server: pages, tokens that expire, selectors, who may."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes.client import ApiException

from tests.fakes.kube_api import KubeApi, Object

Raw = Callable[..., tuple[int, Any]]
PODS = "/api/v1/pods"


def pod(name: str, namespace: str = "shop", **labels: str) -> Object:
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    spec = {"containers": [{"name": "main", "image": "nginx"}], "nodeName": f"node-{name}"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def names(found: Any) -> list[str]:
    return [each.metadata.name for each in found.items]


def refused(call: Callable[[], Any]) -> tuple[int, Any]:
    with pytest.raises(ApiException) as caught:
        call()
    return caught.value.status, json.loads(caught.value.body or "")


def test_pages_show_one_moment_whatever_changes_meanwhile(api: KubeApi, core: Any) -> None:
    api.add(*(pod(f"p{number}") for number in range(5)))
    first = core.list_namespaced_pod("shop", limit=2)
    assert first.metadata.remaining_item_count == 3
    del_kind = api.kind(pod("x"))
    api.store.remove(del_kind, "shop", "p3")
    api.add(pod("p2", app="changed"), pod("p9"))
    second = core.list_namespaced_pod("shop", limit=9, _continue=first.metadata._continue)
    assert names(first) + names(second) == ["p0", "p1", "p2", "p3", "p4"]
    assert second.items[0].metadata.labels in (None, {})
    assert second.metadata._continue is None
    assert second.metadata.resource_version == first.metadata.resource_version
    assert names(core.list_namespaced_pod("shop")) == ["p0", "p1", "p2", "p4", "p9"]


def test_what_is_added_is_not_shared_with_who_adds_it(api: KubeApi) -> None:
    mine = pod("a", app="web")
    api.add(mine)
    stored = api.objects("pods")["shop", "a"]
    stored["metadata"]["labels"]["app"] = "db"
    stored["spec"]["containers"][0]["image"] = "other"
    assert mine == pod("a", app="web")


def test_a_token_that_expired_is_answered_with_410_and_one_for_the_rest_as_it_is_now(
    api: KubeApi, core: Any
) -> None:
    api.add(*(pod(f"p{number}") for number in range(4)))
    first = core.list_namespaced_pod("shop", limit=2)
    api.add(pod("p7"))
    api.compact()
    code, told = refused(
        lambda: core.list_namespaced_pod("shop", limit=2, _continue=first.metadata._continue)
    )
    assert (code, told["reason"]) == (410, "Expired")
    assert told["message"].startswith("The provided continue parameter is too old to display a consistent")
    rest = core.list_namespaced_pod("shop", _continue=told["metadata"]["continue"])
    assert names(rest) == ["p2", "p3", "p7"]


def test_a_token_that_is_none_is_a_bad_request(api: KubeApi, core: Any) -> None:
    code, told = refused(lambda: core.list_namespaced_pod("shop", _continue="nonsense"))
    assert (code, told["reason"]) == (400, "BadRequest")
    assert told["message"].startswith("invalid continue token: continue key is not valid: ")


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("app=web", ["a"]),
        ("app==web", ["a"]),
        ("app!=web", ["b", "c"]),
        ("app in (web, db)", ["a", "b"]),
        ("app notin (web)", ["b", "c"]),
        ("app", ["a", "b"]),
        ("!app", ["c"]),
        ("app in (web,db),tier=front", ["a"]),
        ("", ["a", "b", "c"]),
    ],
)
def test_labels_are_selected_as_kubernetes_does(
    api: KubeApi, core: Any, selector: str, expected: list[str]
) -> None:
    api.add(pod("a", app="web", tier="front"), pod("b", app="db"), pod("c", tier="back"))
    assert names(core.list_namespaced_pod("shop", label_selector=selector)) == expected


def test_what_a_selector_chose_is_not_counted_beforehand(api: KubeApi, core: Any) -> None:
    api.add(*(pod(f"p{number}", app="web") for number in range(3)))
    first = core.list_namespaced_pod("shop", label_selector="app=web", limit=1)
    assert first.metadata._continue
    assert first.metadata.remaining_item_count is None


def test_fields_are_selected_where_the_kind_knows_them(api: KubeApi, core: Any) -> None:
    api.add(pod("a"), pod("b"), pod("a", namespace="other"))
    assert names(core.list_pod_for_all_namespaces(field_selector="spec.nodeName=node-a")) == ["a", "a"]
    only = core.list_pod_for_all_namespaces(field_selector="metadata.name=a,metadata.namespace!=other")
    assert [each.metadata.namespace for each in only.items] == ["shop"]
    code, told = refused(lambda: core.list_namespaced_pod("shop", field_selector="spec.image=x"))
    assert (code, told["message"]) == (400, "field label not supported: spec.image")
    assert names(core.list_namespaced_service("shop", field_selector="spec.type=x")) == []
    code, told = refused(lambda: core.list_namespaced_config_map("shop", field_selector="spec.type=x"))
    assert told["message"].startswith('"spec.type" is not a known field selector: only "metadata.name"')


@pytest.mark.parametrize(
    ("selector", "words"),
    [
        ("a=(b", "unable to parse requirement: found '(', expected: identifier"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        (",", "found ',', expected: !, identifier, or 'end of string'"),
        ("a,,b", "found ',', expected: identifier after ','"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("-a", 'unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of'),
        ("a=-b", 'unable to parse requirement: values[0][a]: Invalid value: "-b": a valid label must'),
        (
            "a>x",
            "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the",
        ),
    ],
)
def test_what_is_wrong_with_a_selector_is_told(api: KubeApi, core: Any, selector: str, words: str) -> None:
    code, told = refused(lambda: core.list_namespaced_pod("shop", label_selector=selector))
    assert (code, told["reason"]) == (400, "BadRequest")
    assert told["message"].startswith(words)


def test_a_revision_that_is_yet_to_come_is_a_timeout(api: KubeApi, core: Any) -> None:
    code, told = refused(lambda: core.list_namespaced_pod("shop", resource_version="99999999"))
    assert (code, told["reason"]) == (504, "Timeout")
    assert told["message"].startswith("Timeout: Too large resource version: 99999999, current: ")
    assert told["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


@pytest.mark.parametrize("path", ["/api/v1/nonesuch", "/api/v2/pods", "/apis/apps/v9/deployments"])
def test_a_kind_that_is_not_served_is_a_status_where_its_group_is(raw: Raw, path: str) -> None:
    code, told = raw("GET", path)
    assert (code, told["reason"], told["details"]) == (404, "NotFound", {})
    assert told["message"] == "the server could not find the requested resource"


def test_who_does_not_say_who_they_are_may_look_at_the_version_only(api: KubeApi, connected: Any) -> None:
    api.users = {"secret": "jane"}
    pool = connected.rest_client.pool_manager
    assert pool.request("GET", f"{api.url}/version").status == 200
    found = pool.request("GET", f"{api.url}/api/v1/pods")
    assert found.status == 403
    assert json.loads(found.data)["message"] == (
        'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the '
        "cluster scope"
    )
    told = json.loads(pool.request("GET", f"{api.url}/apis").data)
    assert told["message"] == 'forbidden: User "system:anonymous" cannot get path "/apis"'


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (PODS, 'cannot list resource "pods" in API group "" at the cluster scope'),
        (
            "/api/v1/namespaces/shop/pods",
            'cannot list resource "pods" in API group "" in the namespace "shop"',
        ),
    ],
)
def test_a_permission_that_is_missing_is_named_with_verb_group_and_scope(
    api: KubeApi, raw: Raw, path: str, words: str
) -> None:
    api.users = {"secret": "jane"}
    api.denied.add("list pods")
    code, told = raw("GET", path)
    assert (code, told["reason"]) == (403, "Forbidden")
    assert told["message"] == f'pods is forbidden: User "jane" {words}'


def test_one_verb_is_denied_without_the_others(api: KubeApi, core: Any) -> None:
    api.add(pod("a"))
    api.denied.add("list pods")
    assert core.read_namespaced_pod("a", "shop").metadata.name == "a"
    api.denied.add("get pods")
    code, told = refused(lambda: core.read_namespaced_pod("a", "shop"))
    assert code == 403
    assert told["message"].startswith('pods "a" is forbidden: User "kubernetes-admin" cannot get resource')


def test_what_is_not_there_is_not_found_in_kubernetes_words(api: KubeApi, raw: Raw) -> None:
    code, told = raw("GET", "/apis/apps/v1/namespaces/shop/deployments/web")
    assert (code, told["message"]) == (404, 'deployments.apps "web" not found')
    assert told["details"] == {"name": "web", "group": "apps", "kind": "deployments"}
