"""Which probes are made: both sides of each boundary, every pair that policies tell apart, every family."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer import AnalyzerError, Filters, Match, PortSet, Protocol
from lab.kinds import kind_of_pair
from lab.plan import Plan, TooManyProbesError, Wanted
from lab.probes import Protocol as Transport
from tests.lab.labs import EXAMPLES, ROOT
from tests.lab.seen import of_paths, planned

_TCP, _UDP, _SCTP = Transport.TCP, Transport.UDP, Transport.SCTP


def pod(name: str, more: str = "", labels: str = "") -> str:
    metadata = f"{{name: {name}, namespace: shop, labels: {{{labels}}}}}"
    container = f"{{name: c, image: i{more}}}"
    return f"apiVersion: v1\nkind: Pod\nmetadata: {metadata}\nspec: {{containers: [{container}]}}\n---\n"


def policy(spec: str) -> str:
    return (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n"
        f"spec: {{{spec}}}\n---\n"
    )


_TWO = pod("web", labels="app: web") + pod("client")


def asked(plan: Plan, source: str, destination: str, protocol: Transport) -> dict[int, Match]:
    return {
        each.probe.port: each.predicted
        for each in plan.questions
        if (each.probe.source, each.probe.expect, each.probe.protocol) == (source, destination, protocol)
    }


def test_both_sides_of_each_boundary_are_asked(tmp_path: Path) -> None:
    ranges = "podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 8000, endPort: 8010}]}]"
    found = asked(planned(_TWO + policy(ranges), tmp_path), "shop/client", "shop/web", _TCP)
    for port in (7999, 8011):
        assert found[port] is Match.NO
    for port in (8000, 8010):
        assert found[port] is Match.YES


@pytest.mark.parametrize(("first", "last"), [(1, 1), (1, 80), (65535, 65535), (80, 65535), (1, 65535)])
def test_boundaries_at_the_ends_of_the_ports_are_asked(tmp_path: Path, first: int, last: int) -> None:
    rule = f"ports: [{{port: {first}, endPort: {last}}}]"
    text = _TWO + policy(f"podSelector: {{matchLabels: {{app: web}}}}, ingress: [{{{rule}}}]")
    found = asked(planned(text, tmp_path), "shop/client", "shop/web", _TCP)
    assert all((verdict is Match.YES) == (first <= port <= last) for port, verdict in found.items())
    assert Match.YES in found.values()
    assert (Match.NO in found.values()) == ((first, last) != (1, 65535))
    assert not set(asked(planned(text, tmp_path), "shop/client", "shop/web", _UDP).values()) - {Match.NO}


def test_what_no_policy_speaks_of_is_asked_on_declared_ports_and_one_nobody_speaks_of(
    tmp_path: Path,
) -> None:
    declared = ", ports: [{containerPort: 5432}, {containerPort: 53, protocol: UDP}]"
    plan = planned(pod("db", declared) + pod("client"), tmp_path, Wanted(every_pair=True))
    assert set(asked(plan, "shop/client", "shop/db", _TCP)) == {5432, 9}
    assert set(asked(plan, "shop/client", "shop/db", _UDP)) == {53, 9}
    assert set(asked(plan, "shop/db", "shop/client", _TCP)) == {80, 9}


def test_port_names_are_asked_where_they_are_declared(tmp_path: Path) -> None:
    named = ", ports: [{name: http, containerPort: 8080}]"
    rule = "podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: http}]}]"
    plan = planned(pod("web", named, "app: web") + pod("client") + policy(rule), tmp_path)
    found = asked(plan, "shop/client", "shop/web", _TCP)
    assert found[8080] is Match.YES
    assert found[8079] is found[8081] is Match.NO


@pytest.mark.parametrize("folder", [ROOT / "manifests", *EXAMPLES], ids=lambda path: path.name)
def test_every_pair_that_policies_tell_apart_is_asked(folder: Path) -> None:
    plan = of_paths((str(folder),))
    pairs = {kind_of_pair(each.source, each.destination) for each in plan.questions if not each.service}
    left_out = 0
    for source, destination, _ in plan.view.connections():
        left_out += kind_of_pair(source, destination) not in pairs
    assert left_out == sum(plan.impossible.values())


def test_predictions_are_those_of_the_analyzer() -> None:
    plan = of_paths((str(ROOT / "examples" / "and-or-selectors"),))
    for each in plan.questions:
        bounds = plan.view.verdict(each.source, each.destination)
        port = Protocol[each.probe.protocol.name], each.probe.port
        assert (each.predicted is Match.YES) == bounds.certain.has(*port)
        assert (each.predicted is Match.NO) == (not bounds.possible.has(*port))
        assert each.ports.has(*port)


def test_replicas_that_policies_see_alike_are_asked_once_unless_every_pair_is_wanted(tmp_path: Path) -> None:
    text = "".join(pod(f"p{number}") for number in range(5))
    few, all_ = planned(text, tmp_path), planned(text, tmp_path, Wanted(every_pair=True))
    between = {(each.probe.source, each.probe.expect) for each in all_.questions}
    assert len([pair for pair in between if "external" not in pair]) == 25
    assert len(few.questions) < len(all_.questions)


def test_filters_leave_out_what_they_do_not_name(tmp_path: Path) -> None:
    wanted = Wanted(filters=Filters(sources=("client",)), ports=PortSet.of(Protocol.TCP, 80, 82))
    plan = planned(_TWO, tmp_path, wanted)
    assert {each.probe.source for each in plan.questions} == {"shop/client"}
    assert {(each.probe.protocol, each.probe.port) for each in plan.questions} == {(_TCP, 80), (_TCP, 82)}
    with pytest.raises(AnalyzerError, match="no endpoint is called"):
        planned(_TWO, tmp_path, Wanted(filters=Filters(sources=("nobody",))))


def test_every_address_of_a_dual_stack_pod_is_asked() -> None:
    plan = of_paths((str(ROOT / "examples" / "dual-stack"),))
    families = {":" in each.probe.address for each in plan.questions}
    assert families == {True, False}
    for each in plan.questions:
        if each.probe.source_address:
            assert (":" in each.probe.source_address) == (":" in each.probe.address)


def test_every_address_outside_is_asked_and_asks(tmp_path: Path) -> None:
    block = "podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]"
    plan = planned(pod("web") + policy(block), tmp_path)
    hosts = [each for each in plan.world.outside if "192.0.2.0" in each.addresses]
    from_outside = {each.probe.source_address: each.predicted for each in plan.questions}
    to_outside = {each.probe.address for each in plan.questions}
    for host in hosts:
        assert to_outside.issuperset(host.addresses)
        assert all(from_outside[address] is Match.YES for address in host.addresses)
    assert from_outside["192.0.1.255"] is from_outside["192.0.3.0"] is Match.NO


def test_whoever_is_asked_listens(tmp_path: Path) -> None:
    service = (
        "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\n"
        "spec: {selector: {app: web}, ports: [{port: 1234, targetPort: 7070}]}\n"
    )
    plan = planned(_TWO + service, tmp_path)
    listeners = set(plan.listeners())
    for each in plan.questions:
        if not each.service:
            assert (each.probe.expect, each.probe.protocol, each.probe.port) in listeners
    assert ("shop/web", _TCP, 7070) in listeners
    (one, *_) = [each for each in plan.questions if each.service]
    assert (one.service, one.probe.port, one.answering) == ("shop/s", 1234, frozenset(["shop/web"]))


@pytest.mark.parametrize("folder", [ROOT / "manifests", *EXAMPLES], ids=lambda path: path.name)
def test_more_probes_than_are_wanted_are_counted_and_not_made(folder: Path) -> None:
    count = len(of_paths((str(folder),)).questions)
    assert len(of_paths((str(folder),), Wanted(most=count)).questions) == count
    with pytest.raises(TooManyProbesError, match=r"more than 1$") as caught:
        of_paths((str(folder),), Wanted(most=1))
    assert caught.value.count == count


def test_a_namespace_called_external_is_inside(tmp_path: Path) -> None:
    text = (pod("web") + pod("client")).replace("namespace: shop", "namespace: external-dns")
    plan = planned(text, tmp_path, Wanted(every_pair=True))
    for each in plan.questions:
        assert (each.probe.source_address is None) == each.probe.source.startswith("external-dns/")
