"""The generator: reproducible, of the size asked for, and accepted by our own validation."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from analyzer import analyze
from bench.generate import cluster, main, write_file, write_folder
from bench.parameters import Parameters

WHOLE = Parameters(
    pods=60, classes=30, policies=60, namespaces=4, workloads=12, owned=0.5, addresses=True, seed=5
)


def documents(parameters: Parameters) -> list[dict[str, Any]]:
    return [json.loads(json.dumps(document)) for document in cluster(parameters)]


def test_equal_parameters_give_equal_documents() -> None:
    assert documents(WHOLE) == documents(WHOLE)


def test_another_seed_gives_another_cluster() -> None:
    assert documents(WHOLE) != documents(Parameters(seed=6))


def test_as_many_objects_as_asked_for() -> None:
    kinds = Counter(document["kind"] for document in documents(WHOLE))
    assert (kinds["Pod"], kinds["NetworkPolicy"]) == (60, 60)
    assert kinds["Namespace"] == 3, "one namespace is used without being declared"
    assert sum(kinds[kind] for kind in ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")) == 10


def test_as_many_classes_of_pods_as_asked_for() -> None:
    seen = {
        (pod["metadata"]["namespace"], json.dumps(pod["metadata"]["labels"]), json.dumps(pod["spec"]))
        for pod in documents(WHOLE)
        if pod["kind"] == "Pod"
    }
    assert len(seen) == 30


def test_more_pods_of_the_same_classes_leave_the_policies_alone() -> None:
    def policies(pods: int) -> list[dict[str, Any]]:
        parameters = Parameters(pods=pods, classes=20, policies=30)
        return [each for each in documents(parameters) if each["kind"] == "NetworkPolicy"]

    assert policies(20) == policies(200)


def test_yaml_and_json_hold_the_same_documents(tmp_path: Path) -> None:
    write_file(WHOLE, tmp_path / "cluster.yaml", "yaml")
    write_file(WHOLE, tmp_path / "cluster.json", "json")
    text = (tmp_path / "cluster.json").read_text()
    listed = json.loads(text)
    assert list(yaml.safe_load_all((tmp_path / "cluster.yaml").read_text())) == documents(WHOLE)
    assert listed["items"] == documents(WHOLE)
    assert text == json.dumps(listed, indent=4) + "\n", "as kubectl indents it"


def test_a_folder_holds_them_too(tmp_path: Path) -> None:
    write_folder(WHOLE, tmp_path)
    read = [each for file in tmp_path.iterdir() for each in yaml.safe_load_all(file.read_text())]
    assert sorted(map(json.dumps, read)) == sorted(map(json.dumps, documents(WHOLE)))


@pytest.mark.parametrize("seed", range(8))
def test_every_cluster_is_valid(tmp_path: Path, seed: int) -> None:
    parameters = Parameters(pods=30, classes=20, policies=80, workloads=12, addresses=True, seed=seed)
    write_folder(parameters, tmp_path)
    assert len(analyze([str(tmp_path)]).cluster.pods) > 30


def test_a_cluster_that_suits_nca_has_no_key_operators_beside_a_namespace_selector() -> None:
    text = [
        json.dumps(peer)
        for document in documents(Parameters(policies=200, compatible=True))
        if document["kind"] == "NetworkPolicy"
        for direction, peers in (("ingress", "from"), ("egress", "to"))
        for rule in document["spec"].get(direction, [])
        for peer in rule.get(peers, [])
        if "podSelector" in peer and "namespaceSelector" in peer
    ]
    assert text
    assert not [each for each in text if "Exist" in json.dumps(json.loads(each)["podSelector"])]


def test_contradicting_numbers_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--pods", "3", "--classes", "4"])
    assert ended.value.code == 2
    assert "every class needs a pod: 4 classes, 3 pods" in capsys.readouterr().err


def test_the_command_writes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--pods", "5", "--classes", "5", "--policies", "2"]) == 0
    kinds = [document["kind"] for document in yaml.safe_load_all(capsys.readouterr().out)]
    assert kinds.count("Pod") == 5
