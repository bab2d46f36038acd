"""Calico's manifest: fitted to a cluster by the names of containers, whatever else is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab import calico
from lab.errors import LabError

_DAEMON_SET = "kind: DaemonSet\nmetadata: {name: calico-node}\n"
MANIFEST = Path(__file__).parents[1] / "fakes" / "calico" / "calico.yaml"


def manifest(version: str = "v3.32.1", more: str = "") -> calico.Manifest:
    text = MANIFEST.read_text().replace("v3.32.1", version)
    if more:
        text = text.replace(
            "        - name: CALICO_IPV4POOL_IPIP", f"{more}        - name: CALICO_IPV4POOL_IPIP"
        )
    return calico.read(text.encode(), "calico.yaml")


def environments(made: calico.Manifest) -> dict[str, dict[str, Any]]:
    """Return the variables of the DaemonSet's containers, by the containers' names."""
    (found,) = (each for each in made.documents if each["kind"] == "DaemonSet")
    pod = found["spec"]["template"]["spec"]
    return {
        container["name"]: {each["name"]: each.get("value") for each in container["env"]}
        for container in (*pod["initContainers"], *pod["containers"])
    }


def test_the_pool_is_set_to_the_clusters_pod_network_in_calico_node_alone() -> None:
    made = environments(calico.patched(manifest(), ("10.244.0.0/16",)))
    assert made["calico-node"]["CALICO_IPV4POOL_CIDR"] == "10.244.0.0/16"
    assert [name for name, env in made.items() if "CALICO_IPV4POOL_CIDR" in env] == ["calico-node"]


def test_a_pool_that_the_manifest_names_is_replaced_not_repeated() -> None:
    more = '        - name: CALICO_IPV4POOL_CIDR\n          value: "192.168.0.0/16"\n'
    made = calico.patched(manifest("v3.11.3", more), ("10.244.0.0/16",))
    (found,) = (each for each in made.documents if each["kind"] == "DaemonSet")
    (container,) = (
        each for each in found["spec"]["template"]["spec"]["containers"] if each["name"] == "calico-node"
    )
    values = [each["value"] for each in container["env"] if each["name"] == "CALICO_IPV4POOL_CIDR"]
    assert values == ["10.244.0.0/16"]


def test_everything_else_stays_as_it_was_published() -> None:
    before = manifest()
    made = calico.patched(before, ("10.244.0.0/16",))
    others = [each for each in made.documents if each["kind"] != "DaemonSet"]
    assert others == [each for each in before.documents if each["kind"] != "DaemonSet"]
    old, new = environments(before)["calico-node"], environments(made)["calico-node"]
    assert {**old, "CALICO_IPV4POOL_CIDR": "10.244.0.0/16"} == new
    assert "CALICO_IPV4POOL_CIDR" not in old, "patching changes a copy"


@pytest.mark.parametrize(
    ("version", "needed"),
    [("v3.8.9", True), ("v3.11.3", True), ("v3.12.0", False), ("v3.32.1", False), ("master", False)],
)
def test_the_loose_filter_is_ignored_only_where_the_version_needs_it(version: str, needed: object) -> None:
    made = environments(calico.patched(manifest(version), ("10.244.0.0/16",)))
    assert made["calico-node"].get("FELIX_IGNORELOOSERPF") == ("true" if needed else None)


def test_the_version_is_that_of_the_image_even_with_a_digest() -> None:
    assert manifest("v3.11.3@sha256:" + "0" * 64).version == (3, 11)
    assert manifest("latest").version is None


def test_variables_that_the_user_names_win() -> None:
    extra = calico.variables(["FELIX_IPV6SUPPORT=true", "FELIX_LOGSEVERITYSCREEN=Debug", "EMPTY=", "A=b=c"])
    made = environments(
        calico.patched(manifest("v3.11.3"), ("10.0.0.0/8",), {**extra, calico.LOOSE: "false"})
    )
    assert made["calico-node"]["FELIX_IPV6SUPPORT"] == "true"
    assert made["calico-node"]["FELIX_LOGSEVERITYSCREEN"] == "Debug"
    assert made["calico-node"]["EMPTY"] == ""
    assert made["calico-node"]["A"] == "b=c"
    assert made["calico-node"]["FELIX_IGNORELOOSERPF"] == "false"


def test_a_variable_from_elsewhere_gets_a_value_of_its_own() -> None:
    entries = [{"name": "A", "valueFrom": {"fieldRef": {}}}]
    assert calico.with_variables(entries, {"A": "1"}) == [{"name": "A", "value": "1"}]


@pytest.mark.parametrize("text", ["FELIX", "=x", "A B=c", "1A=b"])
def test_what_sets_no_variable_is_told(text: str) -> None:
    with pytest.raises(LabError, match="sets no variable"):
        calico.variables([text])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: Pod\n", "has no DaemonSet calico-node"),
        ("", "has no DaemonSet calico-node"),
        ("kind: DaemonSet\nmetadata: {name: calico-node}\n", "has no container of that name"),
        (_DAEMON_SET + "spec: {template: {spec: {containers: [{name: x}]}}}\n",
         "has no container of that name"),
        ("a: [", "cannot be read"),
        ("<html>Not found</html>\n", "has no DaemonSet"),
    ],
)  # fmt: skip
def test_what_is_not_calicos_manifest_is_told(text: str, message: str) -> None:
    with pytest.raises(LabError, match=message):
        calico.read(text.encode(), "x.yaml")


def test_a_manifest_as_a_list_is_read_too() -> None:
    container = {"name": "calico-node", "image": "a:v3.30.1"}
    spec = {"template": {"spec": {"containers": [container]}}}
    item = {"kind": "DaemonSet", "metadata": {"name": "calico-node"}, "spec": spec}
    text = json.dumps({"kind": "List", "items": [item]})
    assert calico.read(text.encode(), "x").version == (3, 30)


@pytest.mark.parametrize(
    ("version", "kubernetes", "told"),
    [
        ((3, 32), (1, 36), False),
        ((3, 32), (1, 34), False),
        ((3, 32), (1, 37), True),
        ((3, 32), (1, 33), True),
        ((3, 1), (1, 37), False),
        (None, (1, 37), False),
        ((3, 32), None, False),
    ],
)
def test_a_pair_that_is_not_tested_is_a_doubt(
    version: tuple[int, int] | None, kubernetes: tuple[int, int] | None, told: object
) -> None:
    assert bool(calico.doubts(version, kubernetes)) is told


def test_a_file_needs_no_network() -> None:
    data, source = calico.manifest_bytes(file=str(MANIFEST))
    assert (data, source) == (MANIFEST.read_bytes(), str(MANIFEST))
    with pytest.raises(LabError, match="cannot be read: No such file"):
        calico.manifest_bytes(file="nowhere.yaml")


@pytest.mark.parametrize("version", ["3.32", "latest", "../../x"])
def test_what_is_no_version_of_calico_is_told(version: str) -> None:
    with pytest.raises(LabError, match="is no version of Calico"):
        calico.manifest_bytes(version)
