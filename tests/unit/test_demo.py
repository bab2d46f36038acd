from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import yaml

from analyzer import AddressSet, Analysis, PortSet, Protocol, analyze

PROJECT = Path(__file__).parents[2]
EVERYTHING = PortSet.transports()
A, B, C = "test-a/test-pod-a", "test-b/test-pod-b", "test-c/test-pod-c"


@cache
def demo() -> Analysis:
    return analyze([str(PROJECT / "manifests")])


@pytest.mark.parametrize(
    ("source", "destination", "ports"),
    [
        (A, B, PortSet.none()),
        (C, B, PortSet.of(Protocol.TCP, 80, 80)),
        (A, C, EVERYTHING),
        (B, A, EVERYTHING),
        (B, C, EVERYTHING),
        (C, A, EVERYTHING),
        (B, B, EVERYTHING),
        ("external", B, PortSet.none()),
        ("external", C, EVERYTHING),
        (B, "external", EVERYTHING),
    ],
)
def test_the_demo_gives_what_its_comments_promise(source: str, destination: str, ports: PortSet) -> None:
    known = {str(each): each for each in demo().reachability.endpoints}
    bounds = demo().reachability.connection(known[source], known[destination])
    assert bounds.certain & EVERYTHING == ports == bounds.possible & EVERYTHING


def test_the_demo_reads_without_a_warning_and_without_a_rest() -> None:
    assert demo().diagnostics == ()
    assert not demo().other_kinds


def test_the_kind_configuration_leaves_the_network_to_calico() -> None:
    config = yaml.safe_load((PROJECT / "kind-config.yaml").read_text())
    assert (config["kind"], config["apiVersion"]) == ("Cluster", "kind.x-k8s.io/v1alpha4")
    assert config["networking"] == {"disableDefaultCNI": True, "podSubnet": "10.244.0.0/16"}
    assert [node["role"] for node in config["nodes"]] == ["control-plane", "worker", "worker", "worker"]


def test_prediction_and_cluster_agree_on_the_pod_network() -> None:
    config = yaml.safe_load((PROJECT / "kind-config.yaml").read_text())
    assert demo().cluster.pod_addresses == AddressSet.of(config["networking"]["podSubnet"])
