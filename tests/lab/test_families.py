"""Calico for IPv6 and for both families: what its documentation says, in its objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab import calico, families
from lab.errors import LabError
from tests.lab.test_calico import MANIFEST, environments

V4, V6 = "10.244.0.0/16", "fd00:10:244::/56"
_NETWORK = """\
{
  "name": "k8s-pod-network",
  "plugins": [
    {
      "type": "calico",
      "nodename": "__KUBERNETES_NODE_NAME__",
      "mtu": __CNI_MTU__,
      "ipam": {"type": "calico-ipam"%s},
      "kubernetes": {"kubeconfig": "__KUBECONFIG_FILEPATH__"}
    },
    {"type": "portmap", "snat": true, "capabilities": {"portMappings": true}}
  ]
}"""


def manifest(network: str = _NETWORK % "") -> calico.Manifest:
    read = calico.read(MANIFEST.read_bytes(), "calico.yaml")
    documents = [
        {**each, "data": {**each["data"], families.NETWORK: network}} if each["kind"] == "ConfigMap" else each
        for each in read.documents
    ]
    return calico.Manifest(documents=tuple(documents), source="calico.yaml")


def config(made: calico.Manifest) -> dict[str, Any]:
    (found,) = (each for each in made.documents if each["kind"] == "ConfigMap")
    data: dict[str, Any] = found["data"]
    return data


def network(made: calico.Manifest) -> Any:
    return json.loads(config(made)[families.NETWORK].replace("__CNI_MTU__", "1440"))


def test_for_ipv4_the_configuration_of_the_cni_stays_to_the_letter() -> None:
    made = calico.patched(manifest(), (V4,))
    assert config(made) == config(manifest())
    assert "IP6" not in environments(made)["calico-node"]


def test_for_both_families_both_are_assigned_and_have_pools() -> None:
    made = calico.patched(manifest(), (V4, V6))
    env = environments(made)["calico-node"]
    assert {name: env.get(name) for name in ("IP6", "FELIX_IPV6SUPPORT", "IP", "CALICO_ROUTER_ID")} == {
        "IP6": "autodetect",
        "FELIX_IPV6SUPPORT": "true",
        "IP": None,
        "CALICO_ROUTER_ID": None,
    }
    assert (env["CALICO_IPV4POOL_CIDR"], env["CALICO_IPV6POOL_CIDR"]) == (V4, V6)
    assert network(made)["plugins"][0]["ipam"] == {
        "type": "calico-ipam",
        "assign_ipv4": "true",
        "assign_ipv6": "true",
    }


def test_for_ipv6_alone_nothing_of_ipv4_is_looked_for() -> None:
    made = calico.patched(manifest(), (V6,))
    env = environments(made)["calico-node"]
    assert (env["IP"], env["CALICO_ROUTER_ID"], env["IP6"]) == ("none", "hash", "autodetect")
    assert "CALICO_IPV4POOL_CIDR" not in env
    assert network(made)["plugins"][0]["ipam"]["assign_ipv4"] == "false"
    assert network(made)["plugins"][0]["ipam"]["assign_ipv6"] == "true"


def test_all_else_of_the_configuration_stays_also_what_the_installer_fills_in() -> None:
    made = calico.patched(manifest(), (V4, V6))
    text = config(made)[families.NETWORK]
    assert '"mtu": __CNI_MTU__' in text
    changed, before = network(made), network(manifest())
    del changed["plugins"][0]["ipam"], before["plugins"][0]["ipam"]
    assert changed == before
    assert {**config(made), families.NETWORK: ""} == {**config(manifest()), families.NETWORK: ""}


def test_done_twice_it_is_the_same() -> None:
    once = calico.patched(manifest(), (V4, V6))
    assert calico.patched(once, (V4, V6)) == once


def test_variables_that_the_user_names_have_the_last_word() -> None:
    said = calico.variables(["IP6=none", "CALICO_IPV6POOL_CIDR=fd00:99::/64"])
    env = environments(calico.patched(manifest(), (V4, V6), said))["calico-node"]
    assert (env["IP6"], env["CALICO_IPV6POOL_CIDR"]) == ("none", "fd00:99::/64")


def test_families_that_a_manifest_assigns_already_stay() -> None:
    text = _NETWORK % ', "assign_ipv4": "false"'
    made = calico.patched(manifest(text), (V4, V6))
    assert network(made)["plugins"][0]["ipam"]["assign_ipv4"] == "false"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"plugins": [{"ipam": {"type": "host-local"}}]}'])
def test_another_ipam_than_calicos_is_told(text: str) -> None:
    with pytest.raises(LabError, match="has no CNI configuration with `calico-ipam`"):
        calico.patched(manifest(text), (V4, V6))
    calico.patched(manifest(text), (V4,))  # where it is not needed, it is not looked at


def test_a_pool_that_is_turned_off_is_none(tmp_path: Path) -> None:
    made = calico.patched(manifest(), (V6,), {"CALICO_IPV4POOL_CIDR": "none"})
    assert network(made)["plugins"][0]["ipam"]["assign_ipv4"] == "false"
    made = calico.patched(manifest(), (V4,), {"CALICO_IPV6POOL_CIDR": "none"})
    assert config(made) == config(manifest())
