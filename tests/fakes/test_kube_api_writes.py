"""What the stand-in API server takes and what it refuses: defaults, validation, admission, finalizers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client import ApiClient, ApiException

from tests.fakes.kube_api import Kind, KubeApi, Object

Send = Callable[..., tuple[int, Any]]
PODS = "/api/v1/namespaces/shop/pods"


def namespace(name: str = "shop", **labels: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def pod(name: str = "web", **spec: Any) -> Object:
    containers = [{"name": "main", "image": "nginx"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": containers, **spec},
    }


@pytest.fixture
def shop(api: KubeApi) -> KubeApi:
    api.add(namespace())
    return api


def test_the_real_client_creates_replaces_and_deletes(shop: KubeApi, core: Any) -> None:
    made = core.create_namespaced_pod("shop", pod())
    assert made.metadata.uid
    assert made.spec.restart_policy == "Always"
    assert made.spec.containers[0].image_pull_policy == "Always"
    made.metadata.labels = {"app": "web"}
    core.replace_namespaced_pod("web", "shop", made)
    with pytest.raises(ApiException) as caught:
        core.replace_namespaced_pod("web", "shop", made)
    assert caught.value.status == 409
    assert "the object has been modified; please apply your changes" in str(caught.value.body)
    core.delete_namespaced_pod("web", "shop")
    with pytest.raises(ApiException) as caught:
        core.delete_namespaced_pod("web", "shop")
    assert caught.value.status == 404


def test_what_is_there_cannot_be_created_again(shop: KubeApi, raw: Send) -> None:
    assert raw("POST", PODS, pod())[0] == 201
    code, told = raw("POST", PODS, pod())
    assert (code, told["message"]) == (409, 'pods "web" already exists')


def test_a_policy_gets_the_types_that_its_rules_imply(shop: KubeApi, connected: ApiClient) -> None:
    network: Any = client.NetworkingV1Api(connected)
    spec = {"podSelector": {}, "egress": [{"ports": [{"port": 53}]}]}
    document = {"metadata": {"name": "p"}, "spec": spec}
    made = network.create_namespaced_network_policy("shop", document)
    assert made.spec.policy_types == ["Ingress", "Egress"]
    assert made.spec.egress[0].ports[0].protocol == "TCP"


@pytest.mark.parametrize(
    ("document", "words", "reason"),
    [
        (
            {**pod(), "spec": {}},
            'Pod "web" is invalid: spec.containers: Required value',
            "FieldValueRequired",
        ),
        (
            pod(containers=[{"name": "a"}]),
            'Pod "web" is invalid: spec.containers[0].image: Required value',
            "FieldValueRequired",
        ),
        (
            pod(containers=[{"name": "A", "image": "x"}]),
            'Pod "web" is invalid: spec.containers[0].name: Invalid value: "A": a lowercase RFC 1123 label',
            "FieldValueInvalid",
        ),
        (
            pod(containers=[{"name": "a", "image": "x"}] * 2),
            'Pod "web" is invalid: spec.containers[1].name: Duplicate value: "a"',
            "FieldValueDuplicate",
        ),
        (
            pod("Web_"),
            'Pod "Web_" is invalid: metadata.name: Invalid value: "Web_": a lowercase RFC 1123',
            "FieldValueInvalid",
        ),
    ],
)
def test_what_is_wrong_with_a_pod_is_told_by_field(
    shop: KubeApi, raw: Send, document: Object, words: str, reason: str
) -> None:
    code, told = raw("POST", PODS, document)
    assert (code, told["reason"]) == (422, "Invalid")
    assert told["message"].startswith(words)
    assert [each["reason"] for each in told["details"]["causes"]] == [reason]


def test_several_errors_are_in_brackets(shop: KubeApi, raw: Send) -> None:
    _, told = raw("POST", PODS, pod(containers=[{"name": "a"}, {"name": "b"}]))
    assert told["message"] == (
        'Pod "web" is invalid: [spec.containers[0].image: Required value, '
        "spec.containers[1].image: Required value]"
    )


def test_of_a_pod_only_little_may_be_changed(shop: KubeApi, apply: Send) -> None:
    path = f"{PODS}/web"
    apply(path, pod())
    code, told = apply(path, pod(containers=[{"name": "main", "image": "nginx:2"}]))
    assert (code, told["spec"]["containers"][0]["image"]) == (200, "nginx:2")
    code, told = apply(path, pod(nodeName="elsewhere"))
    assert code == 422
    assert "spec: Forbidden: pod updates may not change fields other than `spec.containers" in told["message"]


def test_a_selector_must_match_the_template_and_is_never_changed(shop: KubeApi, apply: Send) -> None:
    path = "/apis/apps/v1/namespaces/shop/deployments/web"

    def made(selected: str, labelled: str) -> Object:
        template = {"metadata": {"labels": {"app": labelled}}, "spec": pod()["spec"]}
        spec = {"selector": {"matchLabels": {"app": selected}}, "template": template}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}

    code, told = apply(path, made("web", "db"))
    assert code == 422
    assert told["message"].startswith(
        'Deployment.apps "web" is invalid: spec.template.metadata.labels: Invalid'
    )
    assert "`selector` does not match template `labels`" in told["message"]
    assert apply(path, made("web", "web"))[0] == 201
    code, told = apply(path, made("db", "db"))
    assert "spec.selector: Invalid value" in told["message"]
    assert told["message"].endswith("field is immutable")


def test_nothing_is_made_in_a_namespace_that_is_missing(api: KubeApi, raw: Send) -> None:
    code, told = raw("POST", PODS, pod())
    assert (code, told["message"]) == (404, 'namespaces "shop" not found')


def test_a_namespace_that_goes_is_told_to_who_would_make_it_anew(shop: KubeApi, raw: Send) -> None:
    held = {"metadata": {"name": "held", "finalizers": ["a.example/x"]}}
    raw("POST", "/api/v1/namespaces/shop/configmaps", held)
    raw("DELETE", "/api/v1/namespaces/shop")
    code, told = raw("POST", "/api/v1/namespaces", namespace())
    assert (code, told["reason"]) == (409, "AlreadyExists")
    assert told["message"] == 'object is being deleted: namespaces "shop" already exists'
    more = {"metadata": {"finalizers": ["a.example/x", "a.example/y"]}}
    path = "/api/v1/namespaces/shop/configmaps/held"
    code, told = raw("PATCH", path, more, "application/merge-patch+json")
    assert code == 422
    assert told["details"]["causes"][0]["message"] == (
        "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers "
        '[]string{"a.example/y"}'
    )


def test_a_namespace_loses_the_one_that_it_says_it_is_in(api: KubeApi, raw: Send, apply: Send) -> None:
    inside = {**namespace("a"), "metadata": {"name": "a", "namespace": "b"}}
    code, made = raw("POST", "/api/v1/namespaces", inside)
    assert (code, made["metadata"].get("namespace")) == (201, None)
    code, made = apply("/api/v1/namespaces/a", inside)
    assert (code, made["metadata"].get("namespace")) == (200, None)


def test_a_namespace_lies_in_itself_to_who_judges_permissions(shop: KubeApi, raw: Send) -> None:
    shop.denied.add("get namespaces")
    _, told = raw("GET", "/api/v1/namespaces/shop")
    assert told["message"].endswith(
        'cannot get resource "namespaces" in API group "" in the namespace "shop"'
    )


def test_a_namespace_waits_for_the_finalizers_in_it_and_takes_nothing_new(
    shop: KubeApi, raw: Send, apply: Send
) -> None:
    held = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "held", "finalizers": ["a.example/x"]},
    }
    raw("POST", "/api/v1/namespaces/shop/configmaps", held)
    raw("POST", PODS, pod())
    code, told = raw("DELETE", "/api/v1/namespaces/shop")
    assert (code, told["status"]["phase"]) == (200, "Terminating")
    assert not shop.objects("pods"), "what nothing holds is gone"
    code, told = apply(f"{PODS}/new", pod("new"))
    assert (code, told["reason"]) == (403, "Forbidden")
    assert told["message"] == (
        'pods "new" is forbidden: unable to create new content in namespace shop because it is being '
        "terminated"
    )
    (cause,) = told["details"]["causes"]
    assert cause["reason"] == "NamespaceTerminating"
    patch = {"metadata": {"finalizers": None}}
    path = "/api/v1/namespaces/shop/configmaps/held"
    assert raw("PATCH", path, patch, "application/merge-patch+json")[0] == 200
    assert raw("GET", path)[0] == 404
    assert raw("GET", "/api/v1/namespaces/shop")[0] == 404


def test_another_object_of_the_same_name_is_not_deleted(shop: KubeApi, raw: Send) -> None:
    raw("POST", PODS, pod())
    code, told = raw("DELETE", f"{PODS}/web", {"preconditions": {"uid": "another"}})
    assert code == 409
    assert told["message"].startswith(
        'Operation cannot be fulfilled on Pod "web": the UID in the precondition (another) does not match '
        "the UID in record (0000"
    )
    assert told["message"].endswith("). The object might have been deleted and then recreated")
    code, told = raw("DELETE", "/api/v1/namespaces/shop", {"preconditions": {"uid": "another"}})
    words = "Precondition failed: UID in precondition: another, UID in object meta: 0000"
    assert told["message"].startswith(f'Operation cannot be fulfilled on namespaces "shop": {words}')
    assert ("shop", "web") in shop.objects("pods")


def test_owners_take_along_what_they_own_unless_it_is_left(shop: KubeApi, raw: Send) -> None:
    for policy, left in (("Background", 0), ("Orphan", 1)):
        _, owner = raw("POST", "/api/v1/namespaces/shop/configmaps", {"metadata": {"name": "owner"}})
        owned = pod()
        owned["metadata"]["ownerReferences"] = [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
        ]
        raw("POST", PODS, owned)
        raw("DELETE", "/api/v1/namespaces/shop/configmaps/owner", {"propagationPolicy": policy})
        assert len(shop.objects("pods")) == left


RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def test_a_restricted_namespace_takes_only_restricted_pods(api: KubeApi, raw: Send) -> None:
    api.add(namespace(**{"pod-security.kubernetes.io/enforce": "restricted"}))
    code, told = raw("POST", PODS, pod())
    assert code == 403
    assert told["message"] == (
        'pods "web" is forbidden: violates PodSecurity "restricted:latest": '
        "allowPrivilegeEscalation != false "
        '(container "main" must set securityContext.allowPrivilegeEscalation=false), '
        "unrestricted capabilities "
        '(container "main" must set securityContext.capabilities.drop=["ALL"]), '
        'runAsNonRoot != true (pod or container "main" must set securityContext.runAsNonRoot=true), '
        'seccompProfile (pod or container "main" must set securityContext.seccompProfile.type to '
        '"RuntimeDefault" or "Localhost")'
    )
    fine = pod(containers=[{"name": "main", "image": "nginx", "securityContext": RESTRICTED}])
    assert raw("POST", PODS, fine)[0] == 201
    path, loose = f"{PODS}/web/ephemeralcontainers", {"name": "debug", "image": "busybox"}
    body: Object = {"spec": {"ephemeralContainers": [loose]}}
    code, told = raw("PATCH", path, body, "application/strategic-merge-patch+json")
    assert code == 403
    assert 'container "debug" must set' in told["message"]


CONTEXTS: dict[str, tuple[str, Object, str]] = {
    "two containers": (
        "restricted",
        {
            "initContainers": [{"name": "i", "image": "x"}],
            "containers": [
                {"name": "main", "image": "x", "securityContext": RESTRICTED},
                {
                    "name": "b",
                    "image": "x",
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "runAsNonRoot": False,
                        "runAsUser": 0,
                        "seccompProfile": {"type": "Unconfined"},
                        "capabilities": {"add": ["NET_BIND_SERVICE", "CHOWN"], "drop": ["NET_RAW"]},
                    },
                },
            ],
        },
        (
            "allowPrivilegeEscalation != false "
            '(container "i" must set securityContext.allowPrivilegeEscalation=false), '
            'unrestricted capabilities (containers "i", "b" must set '
            'securityContext.capabilities.drop=["ALL"]; '
            'container "b" must not include "CHOWN" in securityContext.capabilities.add), '
            'runAsNonRoot != true (container "b" must not set securityContext.runAsNonRoot=false), '
            'runAsUser=0 (container "b" must not set runAsUser=0), '
            'seccompProfile (container "b" must not set securityContext.seccompProfile.type to "Unconfined")'
        ),
    ),
    "of the host": (
        "baseline",
        {
            "hostNetwork": True,
            "hostPID": True,
            "volumes": [{"name": "v", "hostPath": {"path": "/"}}, {"name": "w", "hostPath": {"path": "/"}}],
            "containers": [
                {
                    "name": "main",
                    "image": "x",
                    "securityContext": {
                        "privileged": True,
                        "capabilities": {"add": ["NET_ADMIN", "SYS_TIME"]},
                    },
                    "ports": [{"containerPort": 80, "hostPort": 80}],
                    "livenessProbe": {"httpGet": {"host": "192.0.2.4", "port": 1}},
                }
            ],
        },
        (
            'non-default capabilities (container "main" must not include "NET_ADMIN", "SYS_TIME" in '
            "securityContext.capabilities.add), host namespaces (hostNetwork=true, hostPID=true), "
            'hostPath volumes (volumes "v", "w"), hostPort (container "main" uses hostPort 80), '
            'probe or lifecycle host (container "main" uses probe or lifecycle host "192.0.2.4"), '
            'privileged (container "main" must not set securityContext.privileged=true)'
        ),
    ),
    "volumes": (
        "restricted",
        {
            "volumes": [{"name": "n", "nfs": {"server": "a", "path": "/"}}, {"name": "e", "emptyDir": {}}],
            "containers": [{"name": "main", "image": "x", "securityContext": RESTRICTED}],
        },
        'restricted volume types (volume "n" uses restricted volume type "nfs")',
    ),
    "settings of the pod": (
        "baseline",
        {
            "securityContext": {
                "sysctls": [{"name": "kernel.msgmax", "value": "1"}],
                "seLinuxOptions": {"type": "x", "user": "y"},
                "appArmorProfile": {"type": "Unconfined"},
                "seccompProfile": {"type": "Unconfined"},
            }
        },
        (
            'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined"), '
            "seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: "
            'type "x"; user may not be set), '
            'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined"), '
            "forbidden sysctls (kernel.msgmax)"
        ),
    ),
}


@pytest.mark.parametrize("case", CONTEXTS)
def test_what_a_level_forbids_is_told_in_the_words_of_the_admission_plugin(
    api: KubeApi, raw: Send, case: str
) -> None:
    level, spec, words = CONTEXTS[case]
    api.add(namespace(**{"pod-security.kubernetes.io/enforce": level}))
    code, told = raw("POST", PODS, pod(**spec))
    assert (code, told["reason"]) == (403, "Forbidden")
    assert told["message"] == f'pods "web" is forbidden: violates PodSecurity "{level}:latest": {words}'


def test_a_pod_that_is_there_may_be_labelled_whatever_its_level_forbids(api: KubeApi, raw: Send) -> None:
    api.add(namespace())
    raw("POST", PODS, pod())
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    raw("PATCH", "/api/v1/namespaces/shop", labels, "application/merge-patch+json")
    change = {"metadata": {"labels": {"a": "b"}}}
    assert raw("PATCH", f"{PODS}/web", change, "application/merge-patch+json")[0] == 200


def test_a_workload_is_warned_of_what_is_forbidden_of_its_pods(api: KubeApi, connected: ApiClient) -> None:
    api.add(namespace(**{"pod-security.kubernetes.io/enforce": "baseline"}))
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod(hostNetwork=True)["spec"]}
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    apps: Any = client.AppsV1Api(connected)
    body = {"metadata": {"name": "d"}, "spec": spec}
    _, code, headers = apps.create_namespaced_deployment_with_http_info("shop", body)
    assert (code, headers["Warning"]) == (
        201,
        '299 - "would violate PodSecurity \\"baseline:latest\\": host namespaces (hostNetwork=true)"',
    )


def test_a_level_that_there_is_not_is_refused(api: KubeApi, raw: Send) -> None:
    code, told = raw("POST", "/api/v1/namespaces", namespace(**{"pod-security.kubernetes.io/enforce": "foo"}))
    assert code == 422
    assert told["message"] == (
        'Namespace "shop" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: '
        '"foo": must be one of privileged, baseline, restricted'
    )


def test_the_baseline_forbids_the_hosts_namespaces(api: KubeApi, raw: Send) -> None:
    api.add(namespace(**{"pod-security.kubernetes.io/enforce": "baseline"}))
    code, told = raw("POST", PODS, pod(hostNetwork=True))
    assert code == 403
    assert 'PodSecurity "baseline:latest": host namespaces (hostNetwork=true)' in told["message"]
    assert raw("POST", PODS, pod())[0] == 201


def test_ephemeral_containers_are_added_and_never_changed(shop: KubeApi, core: Any, raw: Send) -> None:
    raw("POST", PODS, pod())

    def patch(**container: Any) -> Any:
        body = {"spec": {"ephemeralContainers": [{"image": "busybox", **container}]}}
        return core.patch_namespaced_pod_ephemeralcontainers("web", "shop", body)

    assert [each.name for each in patch(name="one").spec.ephemeral_containers] == ["one"]
    assert [each.name for each in patch(name="two").spec.ephemeral_containers] == ["two", "one"]
    for container, words in (
        ({"name": "one", "image": "other"}, 'existing ephemeral containers \\"one\\" may not be changed'),
        ({"name": "main"}, "spec.ephemeralContainers[0].name: Duplicate value"),
        (
            {"name": "three", "ports": [{"containerPort": 1}]},
            "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
        ),
        (
            {"name": "X_"},
            'spec.ephemeralContainers[0].name: Invalid value: \\"X_\\": a lowercase RFC 1123 label',
        ),
        (
            {"name": "three", "targetContainerName": "none"},
            'spec.ephemeralContainers[0].targetContainerName: Not found: \\"none\\"',
        ),
    ):
        with pytest.raises(ApiException) as caught:
            patch(**container)
        assert caught.value.status == 422
        assert words in str(caught.value.body)
    removed = [{"op": "remove", "path": "/spec/ephemeralContainers/0"}]
    code, told = raw("PATCH", f"{PODS}/web/ephemeralcontainers", removed, "application/json-patch+json")
    assert (code, told["reason"]) == (422, "Invalid")
    assert 'existing ephemeral containers "two" may not be removed' in told["message"]
    nameless = {"spec": {"ephemeralContainers": [{"image": "x"}]}}
    path = f"{PODS}/web/ephemeralcontainers"
    code, told = raw("PATCH", path, nameless, "application/strategic-merge-patch+json")
    assert (code, told["message"]) == (500, "map: map[image:x] does not contain declared merge key: name")
    direct = {"spec": {"ephemeralContainers": [{"name": "three", "image": "x"}]}}
    code, told = raw("PATCH", f"{PODS}/web", direct, "application/strategic-merge-patch+json")
    assert "spec: Forbidden: pod updates may not change fields other than" in told["message"]
    assert len(shop.objects("pods")["shop", "web"]["spec"]["ephemeralContainers"]) == 2


def test_a_strategic_patch_merges_items_by_name_and_removes_by_directive(shop: KubeApi, raw: Send) -> None:
    containers = [{"name": "a", "image": "x", "env": [{"name": "A", "value": "1"}]}]
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    document = {"metadata": {"name": "web"}, "spec": spec}
    raw("POST", "/apis/apps/v1/namespaces/shop/daemonsets", document)
    change = [{"name": "a", "env": [{"name": "B", "value": "2"}, {"name": "A", "$patch": "delete"}]}]
    body = {"spec": {"template": {"spec": {"containers": change}}}}
    path = "/apis/apps/v1/namespaces/shop/daemonsets/web"
    _, found = raw("PATCH", path, body, "application/strategic-merge-patch+json")
    (container,) = found["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "x"
    assert container["env"] == [{"name": "B", "value": "2"}]
    assert found["metadata"]["generation"] == 2


def test_custom_resources_take_no_strategic_patch(shop: KubeApi, raw: Send) -> None:
    shop.kinds.append(Kind(group="example.com", plural="things", kind="Thing", built_in=False))
    path = "/apis/example.com/v1/namespaces/shop/things"
    raw("POST", path, {"metadata": {"name": "a"}})
    code, told = raw("PATCH", f"{path}/a", {}, "application/strategic-merge-patch+json")
    assert (code, told["reason"]) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize(
    ("verb", "method", "path", "body"),
    [
        ("create", "POST", PODS, pod("b")),
        ("update", "PUT", f"{PODS}/web", pod()),
        ("patch", "PATCH", f"{PODS}/web", {}),
        ("delete", "DELETE", f"{PODS}/web", None),
        ("get", "GET", f"{PODS}/web", None),
        ("list", "GET", PODS, None),
        ("watch", "GET", f"{PODS}?watch=true", None),
    ],
)
def test_every_verb_has_a_permission_of_its_own(
    shop: KubeApi, raw: Send, verb: str, method: str, path: str, body: Object | None
) -> None:
    shop.users = {"secret": "jane"}
    shop.denied.add(f"{verb} pods")
    code, told = raw(method, path, body, "application/merge-patch+json")
    assert code == 403
    assert (
        f'User "jane" cannot {verb} resource "pods" in API group "" in the namespace "shop"'
        in told["message"]
    )
