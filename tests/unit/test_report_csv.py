from __future__ import annotations

import csv

import pytest
from hypothesis import given

from analyzer import Analysis
from analyzer.filters import Filters, View
from analyzer.model import Cluster
from analyzer.reachability import Reachability
from analyzer.report import Report
from analyzer.report.csv import ANY, HEADER, render, safe
from analyzer.sets import PortSet, Protocol
from tests.property.strategies import clusters
from tests.unit.manifests import ALLOW_TCP_80, WITHIN_10, analysis, pod, policy

ASKED = PortSet.of(Protocol.TCP) | PortSet.of(Protocol.UDP, 53, 99)


def lines(found: Analysis, ports: PortSet | None = None) -> list[dict[str, str]]:
    ports = PortSet.transports() if ports is None else ports
    view = View(found.reachability, Filters(ports=ports))
    return list(csv.DictReader("".join(render(Report(analysis=found, view=view))).splitlines()))


def ports(line: dict[str, str], asked: PortSet) -> PortSet:
    if line["protocol"] == ANY:
        assert line["ports"] == ANY
        return asked
    protocol = Protocol(line["protocol"])
    if line["ports"] == ANY:
        return asked & PortSet.of(protocol)
    found = PortSet.none()
    for part in line["ports"].split(","):
        first, _, last = part.partition("-")
        found |= PortSet.of(protocol, int(first), int(last or first))
    return found


@given(clusters())
def test_the_lines_of_a_pair_hold_every_port_exactly_once(cluster: Cluster) -> None:
    reachability = Reachability(cluster)
    found = Analysis(files=(), cluster=cluster, reachability=reachability, diagnostics=(), other_kinds={})
    told: dict[tuple[str, str], dict[str, PortSet]] = {}
    for line in lines(found, ASKED):
        verdicts = told.setdefault((line["source"], line["destination"]), {})
        held = ports(line, ASKED)
        assert all(not held & other for other in verdicts.values())
        verdicts[line["verdict"]] = verdicts.get(line["verdict"], PortSet.none()) | held
    for source, destination, bounds in View(reachability, Filters(ports=ASKED)).connections():
        verdicts = told.pop((source.id, destination.id))
        assert verdicts.get("allowed", PortSet.none()) == bounds.certain
        assert verdicts.get("unknown", PortSet.none()) == bounds.unknown
        assert verdicts.get("denied", PortSet.none()) == ASKED - bounds.possible
    assert told == {}


def test_the_columns_have_names() -> None:
    assert tuple(lines(analysis(pod("a")))[0]) == HEADER


def test_a_pair_with_one_verdict_is_one_line() -> None:
    found = [line for line in lines(analysis(pod("a"), pod("b"))) if line["source"] == "shop/Pod/a"]
    assert [(line["protocol"], line["ports"], line["verdict"]) for line in found] == [
        (ANY, ANY, "allowed")
    ] * 3


def test_a_protocol_with_one_verdict_is_one_line() -> None:
    found = lines(analysis(pod("a", "office"), pod("b"), policy(ALLOW_TCP_80)))
    told = [
        (line["protocol"], line["ports"], line["verdict"])
        for line in found
        if (line["source"], line["destination"]) == ("office/Pod/a", "shop/Pod/b")
    ]
    assert told == [
        ("TCP", "80", "allowed"),
        ("TCP", "1-79,81-65535", "denied"),
        ("UDP", ANY, "denied"),
        ("SCTP", ANY, "denied"),
    ]


def test_names_with_commas_are_quoted() -> None:
    found = lines(analysis(pod("a"), policy(WITHIN_10)))
    assert any("," in line["source"] for line in found)
    assert all(None not in line for line in found)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize("text", ["\x1b[2J", "a\tb", "a\nb", "\u202e"])
def test_no_cell_has_control_characters(text: str) -> None:
    assert safe(text).isprintable()


def test_many_lines_come_in_pieces() -> None:
    found = analysis(*(pod(f"pod-{number}") for number in range(50)))
    pieces = list(render(Report(analysis=found, view=View(found.reachability))))
    assert len(pieces) > 2
    assert len("".join(pieces).splitlines()) == 1 + 51 * 51 - 1
