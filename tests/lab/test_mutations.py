"""One rule wrong on either side, in the engine or in what the kernel enforces, and the packets tell."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analyzer import AddressPeer, AddressSet, Direction, Peer, Pod, Policy, Ports, PortSet, Rule, engine
from analyzer.bitmaps import Bitmap
from analyzer.console import Console
from analyzer.matching import Matched, Matcher
from lab import canary
from lab.commands import Reading
from lab.compare import Comparison
from lab.errors import LabError
from lab.providers.netns import policing
from lab.providers.netns.peers import Peers
from lab.verify import verified

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("a_lab")]

_MANIFESTS = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop}}
---
apiVersion: v1
kind: Namespace
metadata: {name: other, labels: {team: other}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: i, ports: [{containerPort: 8080, name: http}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop, labels: {app: client}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: other, labels: {app: client}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress:
  - from:
    - namespaceSelector: {matchLabels: {team: shop}}
      podSelector: {matchLabels: {app: client}}
    ports:
    - {port: http}
    - {port: 9000, endPort: 9010}
  - from: [{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.128/25]}}]
    ports: [{port: 53, protocol: UDP}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: client, namespace: other}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - to: [{namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}]
  - to: [{ipBlock: {cidr: 192.0.2.0/24}}]
    ports: [{port: 443}]
"""


def compared(folder: Path) -> Comparison:
    (folder / "cluster.yaml").write_text(_MANIFESTS)
    return verified(Console(sys.stderr, color=False), Reading(paths=(str(folder),)), "mutants")


def test_without_an_error_everything_agrees(tmp_path: Path) -> None:
    assert compared(tmp_path).verified


def _changes_one_class_less(monkeypatch: pytest.MonkeyPatch) -> None:
    change = engine._change

    def wrong(row: engine.Row, where: Bitmap, operation: Callable[[Any], Any]) -> engine.Row:
        return change(row, where & (where - 1) if where else where, operation)

    monkeypatch.setattr(engine, "_change", wrong)


def _selects_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Matcher, "subject", lambda *_: 0)


def _selects_every_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Matcher, "subject", lambda self, _: self.pods)


def _means_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Matcher, "peer", lambda self, _: Matched(self.everybody, self.everybody))


def _ignores_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Matcher, "namespaces", lambda self, _: self.everybody)


def _begins_ranges_a_port_late(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(ports: Ports) -> Ports:
        return replace(ports, numbers=PortSet((min(a + 1, b), b) for a, b in ports.numbers.intervals))

    _with_rules_ports(monkeypatch, late)


def _ignores_port_names(monkeypatch: pytest.MonkeyPatch) -> None:
    _with_rules_ports(monkeypatch, lambda ports: replace(ports, named=()))


def _with_rules_ports(monkeypatch: pytest.MonkeyPatch, bent: Callable[[Ports], Ports]) -> None:
    lower = engine.Engine.lower

    def wrong(self: engine.Engine, rule: Rule, direction: Direction, subject: int) -> Iterable[engine.Step]:
        return lower(self, replace(rule, ports=bent(rule.ports)), direction, subject)

    monkeypatch.setattr(engine.Engine, "lower", wrong)


_OF_THE_ENGINE = [
    _changes_one_class_less,
    _selects_nobody,
    _selects_every_pod,
    _means_everybody,
    _ignores_namespaces,
    _begins_ranges_a_port_late,
    _ignores_port_names,
]


@pytest.mark.parametrize("mutate", _OF_THE_ENGINE)
def test_packets_catch_an_engine_that(
    mutate: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch)
    assert not compared(tmp_path).verified


def _opens_a_port_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    _with_ports(monkeypatch, lambda first, last: (first, last + 1))


def _opens_a_port_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    _with_ports(monkeypatch, lambda first, last: (first, max(first, last - 1)))


def _with_ports(monkeypatch: pytest.MonkeyPatch, bent: Callable[[int, int], tuple[int, int]]) -> None:
    matches = policing.Side._matches

    def wrong(self: policing.Side, rule: Rule, names: policing.Names) -> Iterator[tuple[AddressSet, PortSet]]:
        for addresses, ports in matches(self, rule, names):
            whole = ports == PortSet.all() or self.direction is Direction.EGRESS
            yield addresses, ports if whole else PortSet(bent(*each) for each in ports.intervals)

    monkeypatch.setattr(policing.Side, "_matches", wrong)


def _forgets_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    of_peer = Peers._of_peer

    def wrong(self: Peers, peer: Peer) -> AddressSet:
        found = of_peer(self, peer)
        return AddressSet.of("192.0.2.0/24") if isinstance(peer, AddressPeer) else found

    monkeypatch.setattr(Peers, "_of_peer", wrong)


def _forgets_the_last_address(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = Peers.addresses

    def wrong(self: Peers, peers: tuple[Peer, ...]) -> AddressSet:
        found = addresses(self, peers)
        end = found.intervals[-1][1]
        return found - AddressSet([(end, end)])

    monkeypatch.setattr(Peers, "addresses", wrong)


def _admits_all_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Peers, "_labelled", lambda self, _: iter(self._cluster.pods))


def _polices_one_pod_less(monkeypatch: pytest.MonkeyPatch) -> None:
    subjects = Peers.subjects

    def wrong(self: Peers, policy: Policy) -> list[Pod]:
        found = [*subjects(self, policy)]
        return found if policy.namespace == canary.NAMESPACE else found[1:]

    monkeypatch.setattr(Peers, "subjects", wrong)


def _knows_no_port_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policing, "resolve", lambda *_: PortSet.none())


def _polices_one_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    selected = policing.Side._selected

    def wrong(self: policing.Side) -> dict[int, Any]:
        return {} if self.direction is Direction.EGRESS else selected(self)

    monkeypatch.setattr(policing.Side, "_selected", wrong)


_OF_THE_COMPILER = [
    _opens_a_port_too_many,
    _opens_a_port_too_few,
    _forgets_exceptions,
    _forgets_the_last_address,
    _admits_all_pods,
    _polices_one_pod_less,
    _knows_no_port_name,
    _polices_one_direction,
]


@pytest.mark.parametrize("mutate", _OF_THE_COMPILER)
def test_packets_catch_a_compiler_that(
    mutate: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch)
    found = compared(tmp_path)
    assert not found.verified


def test_a_lab_that_stops_nothing_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policing.Side, "_deny", lambda *_: iter(("accept",)))
    with pytest.raises(LabError, match="a connection that a policy forbids was open"):
        compared(tmp_path)


def test_a_lab_that_stops_everything_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Peers, "subjects", lambda self, _: iter(self._cluster.pods))
    with pytest.raises(LabError, match="a connection that nothing forbids was dropped"):
        compared(tmp_path)
