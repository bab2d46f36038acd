"""Server-side apply as the stand-in API server does it: who manages what, conflicts, what is given up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.kube_api import KubeApi, Object

Send = Callable[..., tuple[int, Any]]
WEB = "/apis/apps/v1/namespaces/default/deployments/web"
SETTINGS = "/api/v1/namespaces/default/configmaps/settings"


def settings(**data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": data}


def deployment(image: str = "nginx:1", *, env: tuple[str, ...] = (), **spec: Any) -> Object:
    container: Object = {"name": "web", "image": image}
    if env:
        container["env"] = [{"name": name, "value": "x"} for name in env]
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    wanted = {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": wanted}


def owners(found: Object) -> dict[str, Any]:
    return {each["manager"]: each["fieldsV1"] for each in found["metadata"]["managedFields"]}


def test_what_is_applied_has_a_manager_in_every_field(api: KubeApi, apply: Send) -> None:
    code, made = apply(SETTINGS, settings(a="1"))
    assert code == 201
    (entry,) = made["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"], entry["apiVersion"]) == ("kubereach", "Apply", "v1")
    assert entry["fieldsV1"] == {"f:data": {"f:a": {}}}
    assert apply(SETTINGS, settings(a="1")) == (200, made), "nothing changed, so nothing is written"


def test_items_of_a_list_are_managed_by_their_keys(api: KubeApi, apply: Send) -> None:
    _, made = apply(WEB, deployment(env=("A",)))
    spec = owners(made)["kubereach"]["f:spec"]
    assert spec["f:selector"] == {}, "a selector has one owner, as a whole"
    container = spec["f:template"]["f:spec"]["f:containers"]['k:{"name":"web"}']
    assert set(container) == {".", "f:image", "f:name", "f:env"}
    assert set(container["f:env"]['k:{"name":"A"}']) == {".", "f:name", "f:value"}


def test_two_managers_share_an_object_and_each_takes_back_only_its_own(api: KubeApi, apply: Send) -> None:
    apply(SETTINGS, settings(ours="1", both="same"))
    code, _ = apply(SETTINGS, settings(theirs="2", both="same"), "helm")
    assert code == 200
    code, left = apply(SETTINGS, settings())
    assert left["data"] == {"theirs": "2", "both": "same"}, "`both` has another manager still"
    assert set(owners(left)) == {"helm", "kubereach"} or set(owners(left)) == {"helm"}


def test_a_field_that_somebody_else_applied_is_a_conflict(api: KubeApi, apply: Send) -> None:
    apply(SETTINGS, settings(a="1"), "helm")
    code, told = apply(SETTINGS, settings(a="2"))
    assert (code, told["reason"]) == (409, "Conflict")
    assert told["message"] == 'Apply failed with 1 conflict: conflict with "helm": .data.a'
    (cause,) = told["details"]["causes"]
    assert cause == {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "helm"',
        "field": ".data.a",
    }
    assert api.objects("configmaps")["default", "settings"]["data"] == {"a": "1"}


def test_several_conflicts_are_listed_by_manager(api: KubeApi, apply: Send, raw: Send) -> None:
    apply(WEB, deployment("nginx:1"), "helm")
    patch = {"spec": {"replicas": 3}}
    raw("PATCH", f"{WEB}?fieldManager=kubectl-scale", patch, "application/merge-patch+json")
    code, told = apply(WEB, deployment("nginx:2", replicas=1))
    assert code == 409
    assert told["message"] == (
        'Apply failed with 2 conflicts: conflicts with "helm":\n'
        '- .spec.template.spec.containers[name="web"].image\n'
        'conflicts with "kubectl-scale" using apps/v1:\n'
        "- .spec.replicas"
    )
    assert [each["field"] for each in told["details"]["causes"]] == [
        '.spec.template.spec.containers[name="web"].image',
        ".spec.replicas",
    ]


def test_force_takes_the_fields_over_and_dry_run_changes_nothing(api: KubeApi, apply: Send) -> None:
    apply(SETTINGS, settings(a="1", b="1"), "helm")
    before = api.objects("configmaps")["default", "settings"]
    code, tried = apply(SETTINGS, settings(a="2"), query="&force=true&dryRun=All")
    assert (code, tried["data"]) == (200, {"a": "2", "b": "1"})
    assert api.objects("configmaps")["default", "settings"] == before
    code, taken = apply(SETTINGS, settings(a="2"), query="&force=true")
    assert owners(taken) == {"helm": {"f:data": {"f:b": {}}}, "kubereach": {"f:data": {"f:a": {}}}}


def test_a_field_that_nobody_declared_is_an_error_of_the_server_as_the_real_one_has_it(
    api: KubeApi, apply: Send
) -> None:
    wanted = deployment()
    wanted["spec"]["template"]["spec"]["containers"][0]["imgae"] = "x"
    code, told = apply(WEB, wanted)
    assert (code, told.get("reason")) == (500, None)
    assert told["message"] == (
        "failed to create typed patch object (/web; apps/v1, Kind=Deployment): "
        '.spec.template.spec.containers[name="web"].imgae: field not declared in schema'
    )


@pytest.mark.parametrize(
    ("container", "words"),
    [
        (
            {"ports": [{"containerPort": 80}] * 2},
            '.ports: duplicate entries for key [containerPort=80,protocol="TCP"]',
        ),
        (
            {"env": [{"name": "A", "value": 1}]},
            '.env[name="A"].value: expected string, got &value.valueUnstructured{Value:1}',
        ),
        ({"ports": {"a": 1}}, ".ports: expected list, got &{map[a:1]}"),
        ({"ports": [1]}, ".ports: element 0: associative list with keys may not have non-map elements"),
        ({"stdin": "yes"}, ".stdin: expected boolean, got &{yes}"),
        (
            {"ports": [{"containerPort": "x"}]},
            (
                '.ports[containerPort="x",protocol="TCP"].containerPort: '
                "expected numeric (int or float), got string"
            ),
        ),
        ({"securityContext": []}, ".securityContext: expected map, got &{[]}"),
    ],
)
def test_what_has_another_type_than_its_kind_declares_is_told(
    api: KubeApi, apply: Send, container: Object, words: str
) -> None:
    wanted = deployment()
    wanted["spec"]["template"]["spec"]["containers"][0].update(container)
    code, told = apply(WEB, wanted)
    assert (code, told.get("reason"), told.get("details")) == (500, None, None)
    assert told["message"] == (
        "failed to create typed patch object (/web; apps/v1, Kind=Deployment): "
        f'.spec.template.spec.containers[name="web"]{words}'
    )


def test_a_map_that_was_given_up_is_a_conflict_with_who_asked_for_it_empty(api: KubeApi, apply: Send) -> None:
    apply(SETTINGS, settings(a="1"), "helm")
    code, found = apply(SETTINGS, settings(), "helm")
    assert code == 200
    assert "data" not in found, "an empty map is none"
    code, told = apply(SETTINGS, settings(b="2"))
    assert (code, told["details"]["causes"][0]["field"]) == (409, ".data")


def test_an_empty_map_takes_nothing_from_others(api: KubeApi, apply: Send) -> None:
    apply(SETTINGS, settings(a="1"), "helm")
    apply(SETTINGS, settings())
    code, found = apply(SETTINGS, settings(a="1"), "helm")
    assert (code, found["data"]) == (200, {"a": "1"})


def test_an_object_of_another_version_than_the_live_one_is_not_applied(api: KubeApi, apply: Send) -> None:
    apply(SETTINGS, settings())
    stale = {**settings(), "metadata": {"name": "settings", "resourceVersion": "1"}}
    code, told = apply(SETTINGS, stale)
    assert (code, told["reason"]) == (409, "Conflict")
    assert "the object has been modified" in told["message"]


@pytest.mark.parametrize(
    ("document", "query", "code", "words"),
    [
        ({"metadata": {"name": "other"}}, "fieldManager=x", 400, "does not match the name on the URL"),
        ({"metadata": {"managedFields": []}}, "fieldManager=x", 400, "metadata.managedFields must be nil"),
        ({}, "", 422, "fieldManager: Required value: is required for apply patch"),
        ({}, "fieldManager=x", 400, "the name of the object (settings based on URL) was undeterminable"),
        (
            {"metadata": {"name": "settings", "namespace": "other"}},
            "fieldManager=x",
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        ({"kind": "Secret"}, "fieldManager=x", 400, "invalid object type: /v1, Kind=Secret"),
        (
            {},
            "fieldManager=x&dryRun=x",
            422,
            '"" is invalid: dryRun: Unsupported value: ["x"]: supported values: "All"',
        ),
        (
            {},
            "fieldManager=x&fieldValidation=Foo",
            422,
            'fieldValidation: Unsupported value: "Foo": supported values: "", "Ignore", "Strict", "Warn"',
        ),
        ({}, f"fieldManager={'x' * 129}", 422, "fieldManager: Too long: may not be more than 128 bytes"),
    ],
)
def test_an_apply_that_is_not_one_is_refused(
    api: KubeApi, raw: Send, document: Object, query: str, code: int, words: str
) -> None:
    wanted = {"apiVersion": "v1", "kind": "ConfigMap", **document}
    found, told = raw("PATCH", f"{SETTINGS}?{query}", wanted, "application/apply-patch+yaml")
    assert found == code
    assert words in told["message"]


def test_making_something_by_apply_takes_the_permission_to_create(api: KubeApi, apply: Send) -> None:
    api.denied.add("create configmaps")
    code, told = apply(SETTINGS, settings())
    assert code == 403
    assert 'cannot create resource "configmaps" in API group ""' in told["message"]
    assert 'in the namespace "default"' in told["message"]


def test_a_patch_of_an_unknown_type_is_refused_and_force_is_for_apply_only(api: KubeApi, raw: Send) -> None:
    code, told = raw("PATCH", f"{SETTINGS}?fieldManager=x", settings(), "application/json")
    assert (code, told["message"]) == (415, "415: Unsupported Media Type")
    code, told = raw("PATCH", f"{SETTINGS}?force=true", {}, "application/merge-patch+json")
    words = "force: Forbidden: may not be specified for non-apply patch"
    assert (code, told["message"]) == (422, f'PatchOptions.meta.k8s.io "" is invalid: {words}')
    assert told["details"] == {
        "group": "meta.k8s.io",
        "kind": "PatchOptions",
        "causes": [{"reason": "FieldValueForbidden", "message": words.partition(": ")[2], "field": "force"}],
    }
