from __future__ import annotations

import json

import pytest

from tests.cli.running import Commands
from tests.unit.manifests import pod, policy

KIND = "apiVersion: kind.x-k8s.io/v1alpha4\nkind: Cluster\n"
CILIUM = (
    "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: cilium, namespace: kube-system}\n"
    "spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, "
    "spec: {containers: [{name: c, image: i}]}}}\n"
)
NODE = "apiVersion: v1\nkind: Node\nmetadata: {name: one}\nspec: {podCIDRs: [10.77.0.0/24]}\n"


def admits_pods(run: Commands, cidr: str, *words: str) -> bool:
    """Whether a block admits pods of unknown addresses for certain: it covers the whole pod network."""
    spec = f"spec: {{podSelector: {{}}, ingress: [{{from: [{{ipBlock: {{cidr: {cidr}}}}}]}}]}}"
    run.write("cluster.yaml", pod("a"), pod("b"), policy(spec))
    ran = run("cluster.yaml", *words, "--format", "json", "--source", "a", "--destination", "b")
    assert ran.code == 0, ran.err
    connections = json.loads(ran.out)["connections"]
    return bool(connections and connections[0]["allowed"])


def test_pods_are_in_the_usual_network(elsewhere: Commands) -> None:
    assert admits_pods(elsewhere, "10.244.0.0/16")
    assert not admits_pods(elsewhere, "10.77.0.0/24")


def test_the_user_names_the_pod_network(elsewhere: Commands) -> None:
    assert admits_pods(elsewhere, "10.77.0.0/24", "--pod-cidr", "10.77.0.0/24")


@pytest.mark.parametrize(
    ("configuration", "cidr"),
    [
        ("networking: {podSubnet: 10.77.0.0/24}", "10.77.0.0/24"),
        ("networking: {podSubnet: '10.77.0.0/24,fd00:77::/64'}", "10.77.0.0/24"),
        ("networking: {ipFamily: ipv6}", "fd00:10:244::/56"),
        ("networking: {ipFamily: ipv4}", "10.244.0.0/16"),
        ("networking: wrong", "10.244.0.0/16"),
        ("networking: {ipFamily: unheard-of}", "10.244.0.0/16"),
        ("{{", "10.244.0.0/16"),
    ],
)
def test_a_kind_configuration_beside_names_the_pod_network(
    elsewhere: Commands, configuration: str, cidr: str
) -> None:
    elsewhere.write("kind-config.yaml", f"{KIND}{configuration}\n")
    covered = admits_pods(elsewhere, cidr)
    assert covered is ("," not in configuration)


def test_a_kind_configuration_in_the_input_comes_before_one_beside(elsewhere: Commands) -> None:
    elsewhere.write("kind-config.yaml", f"{KIND}networking: {{podSubnet: 10.99.0.0/24}}\n")
    elsewhere.write("more/kind.yaml", f"{KIND}networking: {{podSubnet: 10.77.0.0/24}}\n")
    assert admits_pods(elsewhere, "10.77.0.0/24", "more")
    assert elsewhere("cluster.yaml", "more", "--format", "csv").err == ""


def test_a_cluster_of_another_api_is_not_read(elsewhere: Commands) -> None:
    elsewhere.write(
        "a.yaml", pod("a"), "apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata: {name: c}\n"
    )
    assert elsewhere("a.yaml", "--format", "csv").err == "not read: 1 Cluster\n"


def test_nodes_name_the_pod_network(elsewhere: Commands) -> None:
    elsewhere.write("node.yaml", NODE)
    assert admits_pods(elsewhere, "10.77.0.0/24", "node.yaml")


def test_the_daemon_set_of_a_cni_chooses_its_profile(elsewhere: Commands) -> None:
    elsewhere.write("cni.yaml", CILIUM)
    assert json.loads(elsewhere("cni.yaml", "--format", "json").out)["cni"] == "cilium"
    assert json.loads(elsewhere("cni.yaml", "--cni", "antrea", "--format", "json").out)["cni"] == "antrea"


def test_any_other_daemon_set_leaves_the_usual_profile(elsewhere: Commands) -> None:
    elsewhere.write("agent.yaml", CILIUM.replace("name: cilium", "name: agent"))
    assert json.loads(elsewhere("agent.yaml", "--format", "json").out)["cni"] == "calico"


def test_documents_of_our_own_are_not_called_unread(elsewhere: Commands) -> None:
    ours = "apiVersion: kubereach.dev/v1alpha1\nkind: Expectations\nexpectations: []\n"
    elsewhere.write("a.yaml", pod("a"), ours, ours.replace("kubereach.dev", "example.org"))
    assert elsewhere("a.yaml", "--format", "csv").err == "not read: 1 Expectations\n"
