"""Expectations decided by packets: what is asked for them, and what answers mean, whatever is predicted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import pytest

from analyzer import Match
from analyzer.commands import Exit
from analyzer.expect.expectation import Expectation
from analyzer.expect.reading import read_expectations
from analyzer.load import load
from lab import manifests
from lab.commands.expected import report
from lab.compare import Comparison
from lab.expectations import Answer, Decision, Expected
from lab.plan import Plan, Question, Wanted, plan
from lab.probes import Outcome, ProbeResult, Protocol
from lab.report.answers import table
from lab.world import Limits, Placing, realize
from tests.lab.seen import answer, true

_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: web}}}]
    ports: [{port: 5432}]
---
"""
_SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {type: NodePort, selector: {app: db}, ports: [{port: 80, targetPort: 5432, nodePort: 30080}]}
---
"""


def _workload(name: str, replicas: int = 1) -> str:
    labels = f"labels: {{app: {name}}}"
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: shop}}\n"
        f"spec: {{replicas: {replicas}, selector: {{matchLabels: {{app: {name}}}}},"
        f" template: {{metadata: {{{labels}}}, spec: {{containers: [{{name: c, image: i}}]}}}}}}\n---\n"
    )


_CLUSTER = _workload("web", 3) + _workload("db") + _workload("batch", 2) + _POLICY


@dataclass(frozen=True, slots=True)
class Lab:
    """What is expected of a world, and what must be asked."""

    expected: Expected
    found: tuple[Expectation, ...]
    plan: Plan

    @property
    def asked(self) -> set[tuple[str, str | None, str, int]]:
        """Source, destination (None: a Service), protocol and port of every probe."""
        probes = (each.probe for each in self.plan.questions)
        return {(each.source, each.expect, each.protocol.name, each.port) for each in probes}

    def seen(self, *outcomes: tuple[str, Outcome]) -> Answer:
        """Answer every probe as predicted, save those of some sources."""
        changed = dict(outcomes)
        results = [
            _answered(each, changed[each.probe.source]) if each.probe.source in changed else true(each)
            for each in self.plan.questions
        ]
        (found,) = self.expected.answers(Comparison(self.plan, results))
        return found


def _answered(question: Question, outcome: Outcome) -> ProbeResult:
    return answer(
        question, outcome, min(question.answering, default=None) if outcome is Outcome.OPEN else None
    )


def lab(
    tmp_path: Path,
    expectation: str,
    cluster: str = _CLUSTER,
    *,
    every_pair: bool = False,
    mute: tuple[str, ...] = (),
) -> Lab:
    """Bring a world to mind, and what is expected of it."""
    path = tmp_path / "cluster.yaml"
    path.write_text(cluster)
    world = realize(manifests.read((str(path),)).cluster, Placing(nodes=("n1", "n2")))
    world = replace(world, limits=Limits(mute=dict.fromkeys(mute, "it does not run")))
    head = "apiVersion: kubereach.dev/v1alpha1\nkind: Expectations\nexpectations: "
    found, _ = read_expectations(
        load(["-"], stdin=BytesIO(f"{head}[{{name: x, {expectation}}}]".encode())).documents
    )
    expected = Expected(world, found, every_pair=every_pair)
    return Lab(expected, found, plan(world, Wanted(focus=expected.focus, every_pair=every_pair)))


DENY = "from: shop/batch, to: shop/Deployment/db, ports: [5432/TCP], verdict: deny"
ALLOW = "from: shop/web, to: shop/db, ports: [5432/TCP], verdict: allow"
ONLY = "from: shop/web, to: shop/db, ports: [5432/TCP], verdict: only"


def test_the_pairs_and_ports_of_an_expectation_are_asked_and_no_others(tmp_path: Path) -> None:
    assert lab(tmp_path, DENY).asked == {("shop/batch-0", "shop/db-0", "TCP", 5432)}


def test_a_pod_that_cannot_ask_is_not_the_one_that_asks(tmp_path: Path) -> None:
    assert lab(tmp_path, DENY, mute=("shop/batch-0",)).asked == {("shop/batch-1", "shop/db-0", "TCP", 5432)}
    assert not lab(tmp_path, DENY, mute=("shop/batch-0", "shop/batch-1")).asked


def test_every_pod_is_asked_where_every_pair_is_wanted(tmp_path: Path) -> None:
    found = lab(tmp_path, ALLOW, every_pair=True).asked
    assert {source for source, *_ in found} == {"shop/web-0", "shop/web-1", "shop/web-2"}


def test_a_port_that_no_rule_tells_apart_is_asked_itself(tmp_path: Path) -> None:
    found = lab(tmp_path, "from: shop/web, to: shop/batch, ports: [7000-7002/UDP], verdict: allow").asked
    assert found == {("shop/web-0", "shop/batch-0", "UDP", port) for port in (7000, 7002)}


def test_only_asks_on_both_sides_of_what_is_allowed(tmp_path: Path) -> None:
    found = lab(tmp_path, ONLY).asked
    assert {port for *_, protocol, port in found if protocol == "TCP"} >= {5431, 5432, 5433}
    assert {protocol for *_, protocol, _ in found} == {"TCP", "UDP", "SCTP"}


def test_exceptions_are_not_asked(tmp_path: Path) -> None:
    unless = "unless: [{from: shop/web}, {ports: [53/UDP]}]"
    found = lab(tmp_path, f'from: "shop/*", to: shop/db, ports: [53/UDP, 80/TCP], verdict: deny, {unless}')
    assert found.asked == {("shop/batch-0", "shop/db-0", "TCP", 80)}


def test_replicas_of_one_workload_ask_each_other_and_never_themselves(tmp_path: Path) -> None:
    one = "from: shop/batch, to: shop/batch, ports: [80/TCP], verdict: allow"
    assert lab(tmp_path, one, every_pair=True).asked == {
        ("shop/batch-0", "shop/batch-1", "TCP", 80),
        ("shop/batch-1", "shop/batch-0", "TCP", 80),
    }
    assert len(lab(tmp_path, one).asked) == 1


def test_a_single_pod_asks_itself_when_nothing_else_is_meant(tmp_path: Path) -> None:
    found = lab(tmp_path, "from: shop/db, to: shop/db, ports: [80/TCP], verdict: allow")
    assert found.asked == {("shop/db-0", "shop/db-0", "TCP", 80)}


@pytest.mark.parametrize(
    ("expectation", "source", "outcome", "decision"),
    [
        (DENY, "shop/batch-0", Outcome.DROPPED, Decision.HOLDS),
        (DENY, "shop/batch-0", Outcome.REJECTED, Decision.HOLDS),
        (DENY, "shop/batch-0", Outcome.OPEN, Decision.FAILS),
        (DENY, "shop/batch-0", Outcome.REFUSED, Decision.FAILS),
        (DENY, "shop/batch-0", Outcome.ERROR, Decision.UNDECIDED),
        (DENY, "shop/batch-0", Outcome.UNREACHABLE, Decision.UNDECIDED),
        (DENY, "shop/batch-0", Outcome.WRONG_IDENTITY, Decision.UNDECIDED),
        (ALLOW, "shop/web-0", Outcome.OPEN, Decision.HOLDS),
        (ALLOW, "shop/web-0", Outcome.DROPPED, Decision.FAILS),
        (ALLOW, "shop/web-0", Outcome.ERROR, Decision.UNDECIDED),
        (ONLY, "shop/web-0", Outcome.OPEN, Decision.FAILS),
        (ONLY, "shop/web-0", Outcome.DROPPED, Decision.FAILS),
    ],
)
def test_packets_decide_and_not_the_prediction(
    tmp_path: Path, expectation: str, source: str, outcome: Outcome, decision: Decision
) -> None:
    found = lab(tmp_path, expectation).seen((source, outcome))
    assert found.decision is decision
    assert (found.finding is None) == (decision is Decision.HOLDS)


def test_only_holds_when_the_rest_is_stopped(tmp_path: Path) -> None:
    assert lab(tmp_path, ONLY).seen().decision is Decision.HOLDS


def test_the_connection_that_is_shown_is_one_that_is_not_as_expected(tmp_path: Path) -> None:
    found = lab(tmp_path, 'from: ["shop/*", external], to: shop/db, ports: [ALL], verdict: deny').seen()
    assert found.decision is Decision.FAILS
    assert found.finding
    assert found.finding.question.probe[:4] == (
        "shop/web-0",
        found.finding.question.probe.address,
        Protocol.TCP,
        5432,
    )
    assert (found.wrong, found.open) == (1, 0)


def test_what_the_manifests_leave_open_is_left_open(tmp_path: Path) -> None:
    found = lab(tmp_path, ALLOW.replace("allow", "unknown"))
    assert found.asked == set()
    assert found.seen().decision is Decision.OPEN


def test_what_the_api_leaves_open_is_not_decided_by_what_one_lab_shows(tmp_path: Path) -> None:
    made = lab(tmp_path, ALLOW)
    doubted = [each._replace(predicted=Match.MAYBE) for each in made.plan.questions]
    results = [answer(each, Outcome.OPEN, min(each.answering)) for each in doubted]
    comparison = Comparison(replace(made.plan, questions=tuple(doubted)), results)
    (found,) = made.expected.answers(comparison)
    assert found.decision is Decision.UNDECIDED


def test_who_means_nobody_fails(tmp_path: Path) -> None:
    found = lab(tmp_path, "from: shop/nobody, to: shop/db, ports: [ALL], verdict: deny").seen()
    assert found.decision is Decision.FAILS
    assert found.result.problem


def test_a_service_is_asked_at_its_own_address(tmp_path: Path) -> None:
    to_service = "to: {service: shop/db}, ports: [80/TCP]"
    made = lab(tmp_path, f"from: shop/web, {to_service}, verdict: allow", _CLUSTER + _SERVICE)
    assert {(source, port) for source, _, _, port in made.asked} == {(f"shop/web-{n}", 80) for n in range(3)}
    assert made.seen().decision is Decision.HOLDS
    assert made.seen(("shop/web-1", Outcome.DROPPED)).decision is Decision.FAILS


def test_a_service_is_asked_from_outside_at_a_node_port(tmp_path: Path) -> None:
    expectation = "from: external, to: {service: shop/db}, ports: [ALL], verdict: deny"
    # Policies see the client's own address.
    local = _SERVICE.replace("type: NodePort", "type: NodePort, externalTrafficPolicy: Local")
    made = lab(tmp_path, expectation, _CLUSTER + local)
    assert {port for *_, port in made.asked} == {30080}
    for outcome, decision in ((Outcome.OPEN, Decision.FAILS), (Outcome.ERROR, Decision.UNDECIDED)):
        assert made.seen(("external", outcome)).decision is decision


def test_a_node_without_backends_does_not_decide_about_a_service(tmp_path: Path) -> None:
    """With externalTrafficPolicy Local it drops what comes; a load balancer knows which nodes do not."""
    expectation = "from: external, to: {service: shop/web}, ports: [80/TCP], verdict: allow"
    spec = "type: NodePort, externalTrafficPolicy: Local, selector: {app: web}, ports: [{port: 80}]"
    service = (
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: web, namespace: shop}}\nspec: {{{spec}}}\n---\n"
    )
    made = lab(tmp_path, expectation, _workload("web", 1) + service)
    asked = {bool(each.answering): each.predicted for each in made.plan.questions}
    assert asked == {True: Match.YES, False: Match.NO}
    assert made.seen().decision is Decision.HOLDS
    assert made.seen(("external", Outcome.DROPPED)).decision is Decision.FAILS


def test_what_no_probe_can_ask_is_undecided(tmp_path: Path) -> None:
    expectation = "from: external, to: {service: shop/db}, ports: [80/TCP], verdict: deny"
    made = lab(
        tmp_path,
        expectation,
        _CLUSTER + _SERVICE.replace("type: NodePort, ", "").replace(", nodePort: 30080", ""),
    )
    found = made.seen()
    assert (found.decision, found.finding) == (Decision.UNDECIDED, None)
    comparison = Comparison(made.plan, [])
    told, code = report(comparison, made.found, every_pair=False)
    assert code is Exit.UNKNOWN
    assert "external -> service shop/db could not be probed" in "".join(table.render(told))
