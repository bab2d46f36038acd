"""Random clusters are made the same on every run, verified live, and made small when they fail."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from analyzer import PROFILES, PortSet, Said
from lab import fuzz, randomly
from lab.commands.probe import Asked, probed
from lab.compare import Status
from lab.fuzz import Case, Failure, Fuzzer
from lab.manifests import read
from lab.probes import Outcome
from lab.promise import broken
from lab.providers.netns import policing
from lab.providers.netns.client import running
from lab.providers.netns.provider import EmbeddedLab
from lab.shrink import branches, shrink, without
from lab.world import Placing
from tests.lab import sandbox
from tests.lab.sandbox import Inside

EVERY = 300


CASE = Case(
    number=70,
    cni="calico",
    families=(4,),
    steps=[
        [
            *yaml.safe_load_all("""
apiVersion: v1
kind: Pod
metadata: {name: a, labels: {app: a}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p}
spec:
  podSelector: {}
  ingress: [{from: [{podSelector: {}}], ports: [{port: 80}, {port: 81}]}]
""")
        ]
    ],
)


@pytest.fixture
def live() -> Inside:
    return sandbox.inside(rootless=os.geteuid() != 0)


def documents() -> Iterator[randomly.Object]:
    for number in range(EVERY):
        yield from fuzz.case(number).steps[0]


def fields(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every field with its path, which leaves out the places in lists."""
    yield path, tree
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from fields(value, f"{path}.{key}" if path else key)
    elif isinstance(tree, list):
        for value in tree:
            yield from fields(value, path)


def test_a_seed_always_makes_the_same_cluster_and_seeds_make_different_ones() -> None:
    made = [fuzz.case(number) for number in range(50)]
    assert made == [fuzz.case(number) for number in range(50)]
    assert len({fuzz.text(each.steps[0]) for each in made}) == 50


def test_every_profile_and_ip_family_has_its_turn() -> None:
    cases = [fuzz.case(number) for number in range(28)]
    assert {each.cni for each in cases[:7]} == {*PROFILES}
    assert {(each.cni, each.families) for each in cases} == {
        (cni, families) for cni in PROFILES for families in ((4,), (6,), (4, 6))
    }


def test_every_cluster_is_one_that_kubernetes_would_take(tmp_path: Path) -> None:
    for number in range(100):
        case = fuzz.case(number)
        file = tmp_path / f"{number}.yaml"
        file.write_text(fuzz.text(case.steps[0]), encoding="utf-8")
        told = read((str(file),), Said(cni=case.cni)).analysis.diagnostics
        assert {each.code for each in told} <= {"ignored-rules"}


def test_every_form_of_a_field_occurs() -> None:
    seen = dict.fromkeys(path for document in documents() for path, _ in fields(document))
    rule = ("from", "to")
    peers = ("ipBlock.cidr", "ipBlock.except", "podSelector", "namespaceSelector")
    for side, direction in zip(rule, ("ingress", "egress"), strict=True):
        assert {f"spec.{direction}.{side}.{peer}" for peer in peers} <= {*seen}
        assert {f"spec.{direction}.ports.{name}" for name in ("port", "endPort", "protocol")} <= {*seen}
    more = ("hostNetwork", "nodeName", "initContainers", "policyTypes", "clusterIP", "ports.targetPort")
    assert {f"spec.{name}" for name in more} <= {*seen}


def test_every_meaning_of_a_left_out_or_empty_field_occurs() -> None:
    policies = [each["spec"] for each in documents() if each["kind"] == "NetworkPolicy"]
    rules = [rule for spec in policies for rule in (*spec.get("ingress", ()), *spec.get("egress", ()))]
    peers = [peer for rule in rules for peer in (*rule.get("from", ()), *rule.get("to", ()))]
    ports = [port for rule in rules for port in rule.get("ports", ())]
    types = {tuple(spec.get("policyTypes", ())) for spec in policies}
    assert types == {(), ("Ingress",), ("Egress",), ("Ingress", "Egress"), ("Egress", "Ingress")}
    assert {"ingress" in spec for spec in policies} == {True, False}
    for field in ("from", "to", "ports"):
        assert [] in [rule.get(field) for rule in rules]
    assert {} in rules
    assert {} in ports
    assert {type(port.get("port")) for port in ports} == {int, str, type(None)}
    assert {port.get("protocol") for port in ports} == {None, "TCP", "UDP", "SCTP"}
    both = {frozenset(peer) for peer in peers}
    assert frozenset(("podSelector", "namespaceSelector")) in both
    assert {} in [peer.get("podSelector") for peer in peers]
    selectors = [peer.get("podSelector") or {} for peer in peers]
    operators = {one["operator"] for each in selectors for one in each.get("matchExpressions", ())}
    assert operators == {"In", "NotIn", "Exists", "DoesNotExist"}
    kinds = {each["kind"] for each in documents()}
    assert kinds == {"Namespace", "Node", "Pod", "Deployment", "StatefulSet", "Service", "NetworkPolicy"}
    told = [each["status"]["podIP"] for each in documents() if each["kind"] == "Pod" and "status" in each]
    assert {":" in address for address in told} == {True, False}


@pytest.mark.lab
def test_random_clusters_one_after_the_other_in_a_running_lab_are_as_predicted(
    live: Inside, tmp_path: Path
) -> None:
    def story() -> None:
        fuzzer = Fuzzer(tmp_path)
        try:
            for number in range(21):
                assert fuzzer.attempt(fuzz.case(number)) is None, f"cluster {number}"
        finally:
            fuzzer.close()
        assert fuzzer.tally.clusters.total() == 21
        assert {*fuzzer.tally.findings} == {*PROFILES}
        assert sum(each[Status.AGREES] for each in fuzzer.tally.findings.values()) > 4_000
        assert not [name for name in running() if name.startswith(f"fuzz-{os.getpid()}-")]

    live(story)


@pytest.mark.lab
def test_a_wrong_rule_of_the_compiler_is_found_made_small_and_written(
    live: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = policing.Side._matches

    def wrong(self: Any, rule: Any, names: Any) -> Any:
        """Open all ports where a rule names some."""
        return ((peers, PortSet.all()) for peers, _ in right(self, rule, names))

    def story() -> None:
        monkeypatch.setattr(policing.Side, "_matches", wrong)
        fuzzer = Fuzzer(tmp_path)
        try:
            found = next(filter(None, map(fuzzer.attempt, map(fuzz.case, range(14)))))
            assert found[1].kind == "differs"
            case, failure = fuzzer.attempt(CASE) or (CASE, Failure(kind="none", lines=()))
            small = fuzzer.smallest(case, failure)
            again = fuzzer.afresh(small)
        finally:
            fuzzer.close()
        assert again is not None
        assert again.kind == "differs"
        folder = fuzz.write(small, again, tmp_path / "examples")
        written = [*yaml.safe_load_all((folder / "manifests.yaml").read_text(encoding="utf-8"))]
        assert written == small.steps[0]
        assert [each["kind"] for each in written] == ["Pod", "NetworkPolicy"]
        policy = written[1]["spec"]
        assert [len(rule["ports"]) for rule in policy["ingress"]] == [1]
        assert "from" not in policy["ingress"][0]
        readme = (folder / "README.md").read_text(encoding="utf-8")
        assert "--seed 70 --clusters 1" in readme
        assert "differs: " in readme

    live(story)


@pytest.mark.lab
def test_what_the_manifests_alone_promise_is_held_against_the_packets(live: Inside, tmp_path: Path) -> None:
    everything = tmp_path / "everything.yaml"
    everything.write_text(fuzz.text(CASE.steps[0]), encoding="utf-8")
    open_ = tmp_path / "open.yaml"
    open_.write_text(fuzz.text(CASE.steps[0][:2]), encoding="utf-8")

    def story() -> None:
        policed, unpoliced = read((str(everything),)), read((str(open_),))
        lab = EmbeddedLab.up(policed, f"promise-{os.getpid()}", Placing(nodes=("n1",)))
        try:
            comparison = probed(lab, Asked(every_pair=True))
        finally:
            lab.down()
        assert [*broken(policed, comparison)] == []
        wrong = [*broken(unpoliced, comparison)]
        assert {each.result.outcome for each in wrong} == {Outcome.DROPPED}
        assert {each.question.probe.expect for each in wrong} == {"default/a", "default/b"}

    live(story)


def test_shrinking_leaves_what_the_failure_needs_and_nothing_else() -> None:
    tree = {"a": [1, {"b": 2, "c": [3, 4, 5]}, 6], "d": {"e": 7}}

    def fails(smaller: Any) -> bool:
        return 4 in [leaf for _, leaf in fields(smaller)]

    assert shrink(tree, fails, time.monotonic() + 60) == {"a": [{"c": [4]}]}
    assert tree == {"a": [1, {"b": 2, "c": [3, 4, 5]}, 6], "d": {"e": 7}}
    assert shrink(tree, fails, time.monotonic()) == tree


def test_every_branch_can_be_left_out() -> None:
    tree = [{"a": [1, 2]}, 3]
    assert [without(tree, path) for path in branches(tree)] == [
        [3],
        [{}, 3],
        [{"a": [2]}, 3],
        [{"a": [1]}, 3],
        [{"a": [1, 2]}],
    ]


def test_what_is_written_never_replaces_what_is_there(tmp_path: Path) -> None:
    small = Case(number=3, cni="calico", families=(4,), steps=[[{"kind": "Pod"}]])
    failure = Failure(kind="differs", lines=("differs: a -> b",))
    first, second = (fuzz.write(small, failure, tmp_path) for _ in range(2))
    assert (first.name, second.name) == ("fuzz-3-calico", "fuzz-3-calico-2")
    assert {each.name for each in first.iterdir()} == {"README.md", "manifests.yaml"}


def test_a_case_of_several_deployments_is_written_in_their_order(tmp_path: Path) -> None:
    small = Case(number=3, cni="calico", families=(4, 6), steps=[[{"kind": "Pod"}], [{"kind": "Service"}]])
    folder = fuzz.write(small, Failure(kind="differs", lines=()), tmp_path)
    assert "kind: Pod" in (folder / "step-1" / "manifests.yaml").read_text(encoding="utf-8")
    assert "kind: Service" in (folder / "step-2" / "manifests.yaml").read_text(encoding="utf-8")
    assert "one after another" in (folder / "README.md").read_text(encoding="utf-8")
