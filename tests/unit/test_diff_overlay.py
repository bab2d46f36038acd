from __future__ import annotations

from io import BytesIO

import pytest

from analyzer.diff.overlay import has_endpoints, laid_over
from analyzer.load import Document, load
from tests.unit.manifests import DENY, pod, policy, service, workload


def documents(*texts: str) -> tuple[Document, ...]:
    return load(["-"], stdin=BytesIO("---\n".join(texts).encode())).documents


def owned(kind: str, name: str, by: tuple[str, str], *, controller: str = "true") -> str:
    owner = f"[{{apiVersion: v1, kind: {by[0]}, name: {by[1]}, uid: u, controller: {controller}}}]"
    return (
        f"apiVersion: v1\nkind: {kind}\n"
        f"metadata: {{name: {name}, namespace: shop, ownerReferences: {owner}}}\n"
    )


def after(below: tuple[str, ...], applied: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return kinds and names, those of what was there before those of what is applied."""
    found = laid_over(documents(*below), documents(*applied), "shop")
    return [(each.kind, each.name) for each in found]


RUNNING = (
    owned("ReplicaSet", "web-1", ("Deployment", "web")),
    owned("Pod", "web-1-a", ("ReplicaSet", "web-1")),
)
WEB = workload("web")


def test_an_object_of_the_same_kind_namespace_and_name_replaces_the_one_that_is_there() -> None:
    below = (policy(DENY, "one"), policy(DENY, "two"), policy(DENY, "one", "other"), service("{}", "one"))
    found = laid_over(documents(*below), documents(policy(DENY, "one")), "default")
    assert [(each.kind, each.namespace, each.name) for each in found] == [
        ("NetworkPolicy", "shop", "two"),
        ("NetworkPolicy", "other", "one"),
        ("Service", "shop", "one"),
        ("NetworkPolicy", "shop", "one"),
    ]


def test_an_object_that_names_no_namespace_is_in_the_default_one() -> None:
    bare = policy(DENY, "one").replace(", namespace: shop", "")
    assert after((policy(DENY, "one"),), (bare,)) == [("NetworkPolicy", "one")]


def test_an_object_of_another_group_is_another_object_and_one_of_a_former_version_the_same() -> None:
    former = policy(DENY).replace("networking.k8s.io/v1", "extensions/v1beta1")
    other = policy(DENY).replace("networking.k8s.io/v1", "projectcalico.org/v3")
    assert len(after((former,), (policy(DENY),))) == 1
    assert len(after((other,), (policy(DENY),))) == 2


def test_pods_of_a_workload_stay_while_its_template_is_the_same_to_policies() -> None:
    scaled = WEB.replace("replicas: 2", "replicas: 5").replace("image: i", "image: j")
    assert after((WEB, *RUNNING), (scaled,)) == [
        ("ReplicaSet", "web-1"),
        ("Pod", "web-1-a"),
        ("Deployment", "web"),
    ]


@pytest.mark.parametrize(
    "changed",
    [
        WEB.replace("labels: {app: web}", "labels: {app: web, tier: front}"),
        WEB.replace("image: i", "image: i, ports: [{name: http, containerPort: 80}]"),
        WEB.replace("spec: {containers", "spec: {hostNetwork: true, containers"),
    ],
)
def test_pods_of_a_workload_that_is_changed_make_way_for_its_template(changed: str) -> None:
    assert after((WEB, *RUNNING, pod("alone")), (changed,)) == [("Pod", "alone"), ("Deployment", "web")]


def test_a_port_without_a_protocol_is_one_of_tcp() -> None:
    one = WEB.replace("image: i", "image: i, ports: [{containerPort: 80}]")
    other = one.replace("containerPort: 80", "containerPort: 80, protocol: TCP")
    assert len(after((one, *RUNNING), (other,))) == 3


def test_pods_of_a_cron_job_are_those_of_its_template() -> None:
    job = (
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c, namespace: shop}\n"
        "spec: {schedule: x, jobTemplate: {spec: {template: {metadata: {labels: {app: c}}}}}}\n"
    )
    mine = owned("Job", "c-1", ("CronJob", "c"))
    assert len(after((job, mine), (job,))) == 2
    assert len(after((job, mine), (job.replace("app: c", "app: d"),))) == 1


def test_only_the_controller_owns() -> None:
    guest = owned("Pod", "guest", ("Deployment", "web"), controller="false")
    assert len(after((WEB, guest), (WEB.replace("app: web}}, spec", "app: other}}, spec"),))) == 2


def test_a_running_pod_keeps_its_address_when_nothing_changed_for_it() -> None:
    running = pod("web", status="{podIP: 10.244.0.7}")
    (found,) = laid_over(documents(running), documents(pod("web")), "shop")
    assert "status" in found.data
    (found,) = laid_over(documents(running), documents(pod("web", labels="{a: b}")), "shop")
    assert "status" not in found.data


def test_what_is_malformed_is_left_to_those_who_tell_of_it() -> None:
    broken = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: 7\n"
    odd = WEB.replace("containers: [{name: c, image: i}]", "containers: [7, {ports: 8}, {ports: [9]}]")
    for each in (broken, odd):
        assert len(after((WEB, *RUNNING), (each,))) in {1, 3}


def test_pods_and_what_makes_them_are_endpoints() -> None:
    assert has_endpoints(documents(policy(DENY), WEB))
    assert has_endpoints(documents(pod("a")))
    assert not has_endpoints(documents(policy(DENY), service("{}")))
