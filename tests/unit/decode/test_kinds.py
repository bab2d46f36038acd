"""Kind and group decide together what is read, warned of, refused or passed over."""

from __future__ import annotations

import pytest

from analyzer.diagnostics import Severity
from tests.unit.decode.reading import cluster, errors, read, refused, remarks


def document(api_version: str, kind: str) -> str:
    return f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a}}\n"


@pytest.mark.parametrize(
    ("api_version", "kind", "current"),
    [
        ("extensions/v1beta1", "NetworkPolicy", "networking.k8s.io/v1"),
        ("extensions/v1beta1", "Deployment", "apps/v1"),
        ("apps/v1beta2", "StatefulSet", "apps/v1"),
        ("batch/v1beta1", "CronJob", "batch/v1"),
    ],
)
def test_an_api_that_was_removed_is_refused_with_the_current_one(
    api_version: str, kind: str, current: str
) -> None:
    (error,) = refused(document(api_version, kind))
    assert error.message.startswith(
        f'no matches for kind "{kind}" in version "{api_version}", which Kubernetes 1.'
    )
    assert error.help == f"write `apiVersion: {current}`"
    assert (error.span and error.span.field, error.span and error.span.line) == ("apiVersion", 1)


def test_a_removed_api_is_read_for_a_cluster_that_still_has_it() -> None:
    text = document("extensions/v1beta1", "NetworkPolicy") + "spec: {podSelector: {}}\n"
    assert len(list(read(text, version=(1, 15)).cluster.policies)) == 1


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("v1", "NetworkPolicy"),
        ("networking.k8s.io/v2", "NetworkPolicy"),
        ("networking/v1", "NetworkPolicy"),
        ("neworking.k8s.io/v1", "NetworkPolicy"),
        ("networking.k8s/v1", "NetworkPolicy"),
        ("network.k8s.io/v1", "NetworkPolicy"),
        ("apps/v1", "Pod"),
        ("v1", "Deployment"),
    ],
)
def test_a_kind_in_the_wrong_api_of_kubernetes_is_refused(api_version: str, kind: str) -> None:
    assert errors(document(api_version, kind)) == [
        f'1:1 apiVersion: no matches for kind "{kind}" in version "{api_version}"'
    ]


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy"),
        ("policy.networking.k8s.io/v1alpha1", "BaselineAdminNetworkPolicy"),
        ("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy"),
        ("projectcalico.org/v3", "NetworkPolicy"),
        ("projectcalico.org/v3", "GlobalNetworkPolicy"),
        ("crd.projectcalico.org/v1", "NetworkPolicy"),
        ("cilium.io/v2", "CiliumNetworkPolicy"),
        ("cilium.io/v2", "CiliumClusterwideNetworkPolicy"),
        ("crd.antrea.io/v1beta1", "NetworkPolicy"),
        ("crd.antrea.io/v1beta1", "ClusterNetworkPolicy"),
        ("policies.example.com/v1", "NetworkPolicy"),
    ],
)
def test_a_policy_that_is_not_evaluated_is_a_warning(api_version: str, kind: str) -> None:
    text = document(api_version, kind)
    assert remarks(text) == [f"1:1 : this {kind} of {api_version} is not evaluated: verdicts may differ"]
    found = read(text)
    assert found.diagnostics[0].severity is Severity.WARNING
    assert found.other_kinds == {}


def test_many_policies_that_are_not_evaluated_are_one_warning() -> None:
    text = "---\n".join(document("cilium.io/v2", "CiliumNetworkPolicy") for _ in range(3))
    assert remarks(text) == [
        "1:1 : 3 CiliumNetworkPolicy objects of cilium.io/v2 are not evaluated: verdicts may differ"
    ]


def test_other_kinds_are_counted() -> None:
    texts = [
        document("v1", "ConfigMap"),
        document("v1", "ConfigMap"),
        document("apps.example.com/v1", "Deployment"),
        document("rbac.authorization.k8s.io/v1", "Role"),
    ]
    found = read("---\n".join(texts))
    assert found.other_kinds == {"ConfigMap": 2, "Deployment": 1, "Role": 1}
    assert found.diagnostics == ()
    assert found.cluster.pods == ()


def test_an_empty_input_is_an_empty_cluster() -> None:
    found = cluster(document("v1", "ConfigMap"))
    assert (found.namespaces, found.pods, found.services) == ({}, (), ())
    assert [tier.policies for tier in found.tiers] == [()]


@pytest.mark.parametrize(
    ("api_version", "kind", "meant"),
    [
        ("networking.k8s.io/v1", "networkpolicy", "NetworkPolicy"),
        ("networking.k8s.io/v1", "NetworkPolicies", "NetworkPolicy"),
        ("networking.k8s.io/v1", "NetworkPolcy", "NetworkPolicy"),
        ("v1", "pods", "Pod"),
        ("v1", "NameSpace", "Namespace"),
        ("apps/v1", "Deploymnet", "Deployment"),
        ("policy.networking.k8s.io/v1alpha2", "clusterNetworkPolicy", "ClusterNetworkPolicy"),
        ("projectcalico.org/v3", "networkpolicies", "NetworkPolicy"),
    ],
)
def test_a_slip_in_a_kind_that_decides_verdicts_is_refused(api_version: str, kind: str, meant: str) -> None:
    (error,) = refused(document(api_version, kind))
    assert error.message == f'no matches for kind "{kind}" in version "{api_version}"'
    assert (error.span and error.span.field, error.help) == ("kind", f"write `kind: {meant}`")


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        *(("v1", kind) for kind in ("PodTemplate", "ServiceAccount", "Endpoints", "ConfigMap", "Event")),
        *(("networking.k8s.io/v1", kind) for kind in ("IPAddress", "ServiceCIDR", "IngressClass")),
        *(("apps/v1", "ControllerRevision"), ("discovery.k8s.io/v1", "EndpointSlice")),
        *(("projectcalico.org/v3", kind) for kind in ("StagedGlobalNetworkPolicy", "GlobalNetworkSet")),
        *(("serving.knative.dev/v1", "Services"), ("example.com/v1", "networkpolicy")),
    ],
)
def test_another_kind_is_no_slip(api_version: str, kind: str) -> None:
    assert read(document(api_version, kind)).other_kinds == {kind: 1}
