"""kind's configuration: what kind would refuse is told by file and line, what the user wrote stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analyzer import AnalyzerError
from lab.errors import LabError
from lab.providers.kind import config
from lab.providers.kind.config import (
    Configuration,
    Options,
    read,
    shaped,
    with_image,
    with_local_images,
)

_HEAD = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "kind.yaml"
    path.write_text(text)
    return path


def problems(tmp_path: Path, text: str) -> list[str]:
    path = written(tmp_path, text)
    with pytest.raises(AnalyzerError) as raised:
        read(path)
    return [each.render().replace(str(path), "F") for each in raised.value.diagnostics]


def test_without_a_file_the_defaults_are_kinds_own(tmp_path: Path) -> None:
    found = read(tmp_path / "none.yaml")
    assert found.document == {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4"}
    assert (found.cni, found.node_count) == ("kindnet", 1)


def test_the_projects_own_configuration_is_accepted_and_means_calico() -> None:
    found = read()
    assert (found.cni, found.node_count) == ("calico", 4)


def test_the_old_api_group_is_explained_by_its_line(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "kind: Cluster\napiVersion: kind.sigs.k8s.io/v1alpha3\nnodes: []\n")
    assert found.startswith("F:2:")
    assert "kind does not read `apiVersion: kind.sigs.k8s.io/v1alpha3`" in found
    assert "since version 0.9: write `apiVersion: kind.x-k8s.io/v1alpha4`" in found


@pytest.mark.parametrize(
    ("text", "line", "field", "message", "help_"),
    [
        ("node: []\n", 3, "node", "no field `node`", "`nodes` is meant?"),
        ("Nodes: []\n", 3, "Nodes", "no field `Nodes`", "`nodes` is meant?"),
        ("zzz: 1\n", 3, "zzz", "no field `zzz`", "known are kind, apiVersion, name"),
        ("networking:\n  podsubnet: 10.0.0.0/8\n", 4, "networking.podsubnet", "podsubnet", "`podSubnet`"),
        ("networking:\n  podSubnet: 10.0.0.0/99\n", 4, "networking.podSubnet", "is no CIDR", "10.244"),
        ("networking:\n  serviceSubnet: x\n", 4, "networking.serviceSubnet", "`x` is no CIDR", "10.244"),
        ("networking:\n  ipFamily: v4\n", 4, "networking.ipFamily", "`v4`", "ipv4, ipv6, dual"),
        ("networking:\n  kubeProxyMode: bpf\n", 4, "networking.kubeProxyMode", "`bpf`", "iptables, nftables"),
        ('networking:\n  apiServerPort: "80"\n', 4, "networking.apiServerPort", "`80`", "1 to 65535"),
        ("networking:\n  disableDefaultCNI: maybe\n", 4, "networking.disableDefaultCNI", "`maybe`", "Calico"),
        ("networking:\n  ipFamily: ipv6\n  podSubnet: 10.244.0.0/16\n", 5, "networking.podSubnet",
         "`10.244.0.0/16` does not belong to `ipFamily: ipv6`", "one CIDR of IPv6"),
        ("networking:\n  podSubnet: 'fd00::/56'\n", 4, "networking.podSubnet", "`ipFamily: ipv4`", "`dual`"),
        ("networking:\n  serviceSubnet: 10.0.0.0/16,fd00::/112\n", 4, "networking.serviceSubnet",
         "`ipFamily: ipv4`", "one CIDR of IPv4"),
        ("networking:\n  ipFamily: dual\n  podSubnet: 10.0.0.0/16,10.1.0.0/16\n", 5, "networking.podSubnet",
         "`ipFamily: dual`", "one CIDR a family"),
        ("networking: [x]\n", 3, "networking", "this is no mapping", "podSubnet"),
        ("nodes: {role: worker}\n", 3, "nodes", "this is no list", "- role: worker"),
        ("nodes:\n- worker\n- role: control-plane\n", 4, "nodes[0]", "this is no node", "- role: worker"),
        ("nodes:\n- role: worker\n", 3, "nodes", "there is no control plane", "`role: control-plane`"),
        ("nodes:\n- role: control-plane\n- role: wrker\n", 5, "nodes[1].role", "`wrker`", "control"),
        (
            "nodes:\n- extraPortMappings:\n  - containerPort: 99999\n",
            5,
            "nodes[0].extraPortMappings[0].containerPort",
            "`99999` is no port",
            "-1",
        ),
        (
            "nodes:\n- extraMounts:\n  - hostpath: /a\n",
            5,
            "nodes[0].extraMounts[0].hostpath",
            "no field `hostpath`",
            "`hostPath` is meant?",
        ),
        ("name: A b\n", 3, "name", "`A b` is no name of a cluster", "lower-case"),
    ],
)  # fmt: skip
def test_what_kind_would_refuse_is_told_by_line_and_field(
    tmp_path: Path, text: str, line: int, field: str, message: str, help_: str
) -> None:
    (found,) = problems(tmp_path, _HEAD + text)
    assert found.startswith(f"F:{line}:")
    assert f" error: {field}: " in found
    assert message in found
    assert help_ in found


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, _HEAD + "node: []\nnetworking: {ipFamily: x}\nnodes: [{role: y}]\n")
    assert len(found) == 4


@pytest.mark.parametrize(
    "text", ["kind: Pod\napiVersion: v1\nmetadata: {name: a}\n", _HEAD + "---\n" + _HEAD]
)
def test_a_file_of_something_else_is_told(tmp_path: Path, text: str) -> None:
    (found,) = problems(tmp_path, text)
    assert "this is no configuration of kind" in found


def test_another_version_of_the_api_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "kind: Cluster\napiVersion: cluster.x-k8s.io/v1beta1\nspec: {}\n")
    assert "0.9" not in found
    assert "write `apiVersion: kind.x-k8s.io/v1alpha4`" in found


def test_everything_that_kind_knows_is_accepted(tmp_path: Path) -> None:
    text = """\
name: my-cluster
featureGates: {A: true}
runtimeConfig: {"api/alpha": "false"}
kubeadmConfigPatches: ["x"]
kubeadmConfigPatchesJSON6902: []
containerdConfigPatches: ["x"]
containerdConfigPatchesJSON6902: []
networking:
  ipFamily: dual
  apiServerAddress: 127.0.0.1
  apiServerPort: -1
  podSubnet: 10.244.0.0/16,fd00:10:244::/56
  serviceSubnet: 10.96.0.0/16
  disableDefaultCNI: true
  kubeProxyMode: nftables
  dnsSearch: []
nodes:
- role: control-plane
  image: kindest/node:v1.36.4
  labels: {a: b}
  extraMounts: [{hostPath: /a, containerPath: /b, readOnly: true, selinuxRelabel: false, propagation: None}]
  extraPortMappings: [{containerPort: 80, hostPort: 8080, listenAddress: 0.0.0.0, protocol: TCP}]
  kubeadmConfigPatches: []
  kubeadmConfigPatchesJSON6902: []
"""
    found = read(written(tmp_path, _HEAD + text))
    assert found.document["nodes"][0]["extraPortMappings"][0]["hostPort"] == 8080


def shape(text: str, tmp_path: Path, **options: Any) -> dict[str, Any]:
    return dict(shaped(read(written(tmp_path, _HEAD + text)), Options(**options)).document)


def test_without_options_nothing_is_changed(tmp_path: Path) -> None:
    text = "networking: {podSubnet: 10.9.0.0/16}\nnodes: [{role: control-plane, labels: {a: b}}]\n"
    assert shape(text, tmp_path) == dict(read(written(tmp_path, _HEAD + text)).document)


@pytest.mark.parametrize(
    ("nodes", "count", "expected"),
    [
        ("", 1, ["control-plane"]),
        ("", 3, ["control-plane", "worker", "worker"]),
        ("nodes: [{role: worker}, {role: control-plane}, {role: worker}]\n", 1, ["control-plane"]),
        ("nodes: [{}]\n", 2, ["control-plane", "worker"]),
    ],
)
def test_the_number_of_nodes_keeps_a_control_plane(
    tmp_path: Path, nodes: str, count: int, expected: list[str]
) -> None:
    made = shape(nodes, tmp_path, nodes=count)
    assert [node.get("role", "control-plane") for node in made["nodes"]] == expected


def test_nodes_that_stay_keep_what_the_user_wrote(tmp_path: Path) -> None:
    made = shape("nodes: [{role: control-plane, labels: {a: b}}]\n", tmp_path, nodes=2)
    assert made["nodes"][0]["labels"] == {"a": "b"}


@pytest.mark.parametrize(("cni", "off"), [("calico", True), ("kindnet", False)])
def test_the_cni_decides_whether_kind_brings_its_own(tmp_path: Path, cni: str, off: object) -> None:
    made = shape("networking: {podSubnet: 10.9.0.0/16, disableDefaultCNI: true}\n", tmp_path, cni=cni)
    assert made["networking"] == {"podSubnet": "10.9.0.0/16", "disableDefaultCNI": off}


def test_an_image_that_is_asked_for_is_every_nodes_image(tmp_path: Path) -> None:
    made = shape("nodes: [{image: a}, {role: worker}]\n", tmp_path, image="kindest/node:v1.35.1")
    assert [node["image"] for node in made["nodes"]] == ["kindest/node:v1.35.1"] * 2


def test_a_default_image_leaves_the_users_alone() -> None:
    before = Configuration(document={"nodes": [{"image": "mine"}, {"role": "worker"}]})
    made = with_image(before, "default").document
    assert [node["image"] for node in made["nodes"]] == ["mine", "default"]


def test_shaping_does_not_change_what_was_read() -> None:
    before = read()
    copy = repr(before.document)
    shaped(before, Options(nodes=2, cni="kindnet", image="x"))
    assert repr(before.document) == copy


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(cni="cilium"), "with the CNI `cilium` are not made"),
        (Options(nodes=-1), "of -1 nodes is not to be had"),
        (Options(nodes=99), "of 99 nodes is not to be had"),
    ],
)
def test_what_there_cannot_be_is_told(options: Options, message: str) -> None:
    with pytest.raises(LabError, match=message):
        shaped(Configuration(), options)


@pytest.mark.parametrize("name", ["", "A", "a_b", "a" * 51, "a b"])
def test_names_that_kind_refuses_are_told(name: str) -> None:
    with pytest.raises(LabError, match="cannot be called"):
        config.check_name(name)


_PATCH = '["kind: KubeletConfiguration\\nfailCgroupV1: false\\n"]'


@pytest.mark.parametrize(
    "text", [f"kubeadmConfigPatches: {_PATCH}\n", f"nodes: [{{kubeadmConfigPatches: {_PATCH}}}]\n"]
)
def test_a_patch_tells_that_kubelet_takes_cgroup_v1(tmp_path: Path, text: str) -> None:
    assert read(written(tmp_path, _HEAD + text)).minds_cgroup_v1
    assert not read(written(tmp_path, f"{_HEAD}nodes: [{{role: control-plane}}]\n")).minds_cgroup_v1


def test_the_newest_kubernetes_of_the_nodes_counts() -> None:
    nodes = [{"image": "kindest/node:v1.34.0"}, {"image": "kindest/node:v1.36.4@sha256:0"}, {"image": "mine"}]
    assert Configuration(document={"nodes": nodes}).kubernetes == (1, 36)
    assert Configuration(document={"nodes": [{}]}).kubernetes is None


def test_images_that_were_loaded_from_a_file_are_named_by_their_tags() -> None:
    nodes = [{"image": "kindest/node:v1.36.4@sha256:0"}, {"image": "mine:1"}, {}]
    configuration = Configuration(document={"nodes": nodes}, source="x")
    made = with_local_images(configuration)
    assert made.document["nodes"] == [{"image": "kindest/node:v1.36.4"}, {"image": "mine:1"}, {}]
    assert (made.source, configuration.document["nodes"]) == ("x", nodes)
