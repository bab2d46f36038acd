"""Expectations as docs/expectations.md describes them, read and compared with an analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from analyzer import AddressSet, Analysis, Bounds, Endpoint, PortSet, Protocol
from analyzer.model import Match
from analyzer.services import access, services

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIELDS = {"name", "from", "to", "ports", "verdict", "reason"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One item of a file. `source` and `destination` are as written: a name, a `cidr` or a `service`."""

    name: str
    source: str | dict[str, str]
    destination: str | dict[str, str]
    ports: PortSet
    verdict: str

    def holds(self, bounds: Bounds) -> bool:
        """Tell whether the verdict holds; ICMP has no ports and is not spoken of."""
        certain, possible = bounds.certain & PortSet.transports(), bounds.possible & PortSet.transports()
        match self.verdict:
            case "allow":
                return self.ports <= certain
            case "deny":
                return not self.ports & possible
            case "only":
                return certain == self.ports == possible
            case "unknown":
                return self.ports <= possible and not self.ports & certain
            case _:
                raise AssertionError(f"`{self.verdict}` is no verdict")


def read(path: Path) -> list[Expectation]:
    """Read a file of expectations; anything that its description does not know is an assertion."""
    document = yaml.safe_load(path.read_text())
    assert (document["apiVersion"], document["kind"]) == ("kubereach.dev/v1alpha1", "Expectations")
    assert document.keys() == {"apiVersion", "kind", "expectations"}
    return [_expectation(item) for item in document["expectations"]]


def _expectation(item: dict[str, object]) -> Expectation:
    assert item.keys() <= FIELDS, f"unknown fields: {item.keys() - FIELDS}"
    ports = item["ports"]
    assert isinstance(ports, list)
    assert ports, "`ports` must not be empty"
    return Expectation(
        name=str(item["name"]),
        source=_end(item["from"]),
        destination=_end(item["to"]),
        ports=_union(ports),
        verdict=str(item["verdict"]),
    )


def _end(value: object) -> str | dict[str, str]:
    assert isinstance(value, str | dict)
    return value


def _union(written: list[str]) -> PortSet:
    together = PortSet.none()
    for each in written:
        together |= _ports(each)
    return together


def _ports(written: str) -> PortSet:
    if written == "ALL":
        return PortSet.transports()
    numbers, _, protocol = written.partition("/")
    if numbers == "ALL":
        return PortSet.of(Protocol[protocol])
    first, _, last = numbers.partition("-")
    return PortSet.of(Protocol[protocol], int(first), int(last or first))


def connections(analysis: Analysis, expectation: Expectation) -> Iterator[Bounds]:
    """Yield the prediction for each pair of endpoints that the expectation speaks of."""
    to = expectation.destination
    for source in _endpoints(analysis, expectation.source):
        if isinstance(to, dict) and "service" in to:
            yield _to_service(analysis, source, to["service"])
            continue
        for destination in _endpoints(analysis, to):
            yield analysis.reachability.connection(source, destination)


def _to_service(analysis: Analysis, source: Endpoint, name: str) -> Bounds:
    """Return the Service's own ports that lead the source to a backend, whichever is chosen."""
    (found,) = (
        each
        for each in services(analysis.reachability)
        if f"{each.service.namespace}/{each.service.name}" == name
    )
    certain = possible = PortSet.none()
    for each in access(analysis.reachability, found):
        if each.source is source:
            port = PortSet.of(each.port.protocol, each.port.port, each.port.port)
            possible |= port
            certain |= port if each.match is Match.YES else PortSet.none()
    return Bounds(certain, possible)


def _endpoints(analysis: Analysis, end: str | dict[str, str]) -> list[Endpoint]:
    known = analysis.reachability.endpoints
    if isinstance(end, str):
        found = [each for each in known if end in (str(each), each.id)]
        assert len(found) == 1, f"`{end}` names {len(found)} endpoints"
        return found
    block = AddressSet.of(end["cidr"])
    outside = [each for each in known if each.external and each.addresses & block]
    assert AddressSet.union(each.addresses for each in outside) >= block, "addresses without an endpoint"
    return outside
