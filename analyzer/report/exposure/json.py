"""The exposure report for programs: JSON in the form of exposure.schema.json.

Comes in: a report. Goes out: pieces of one JSON document, one workload a line.
"""

from __future__ import annotations

from json import dumps
from typing import TYPE_CHECKING

from analyzer.model import Match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.bounds import Bounds
    from analyzer.edge import Arrival, DeadEnd
    from analyzer.exposure import Exposure, Group, HostPort, Published, Side
    from analyzer.model import Policy
    from analyzer.report.exposure import ExposureReport
    from analyzer.selectors import Selector

SCHEMA = "kubereach.dev/exposure"
VERSION = 1
_VERDICTS = {Match.YES: "open", Match.NO: "closed", Match.MAYBE: "unknown"}


def render(report: ExposureReport) -> Iterator[str]:
    """Yield the document."""
    yield f'{{\n  "schema": "{SCHEMA}",\n  "version": {VERSION},\n'
    yield f'  "cni": {dumps(report.analysis.cluster.profile)},\n  "workloads": ['
    sides = _Sides()
    between = "\n    "
    for endpoint in report.endpoints:
        yield between + _workload(report.exposures.of(endpoint), sides)
        between = ",\n    "
    yield '\n  ],\n  "deadEnds": ['
    dead = [dumps(_dead_end(each)) for each in report.exposures.dead_ends]
    yield "\n    " + ",\n    ".join(dead) + "\n  ]\n}\n" if dead else "]\n}\n"


class _Sides:
    """Sides as JSON: many workloads share one, which is kept beside its text."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Side, str]] = {}

    def of(self, side: Side) -> str:
        """Return the text of a side."""
        if (found := self._known.get(id(side))) is None:
            found = self._known[id(side)] = (side, dumps(_side(side)))
        return found[1]


def _workload(exposure: Exposure, sides: _Sides) -> str:
    endpoint = exposure.endpoint
    head = {
        "id": endpoint.id,
        "kind": endpoint.kind,
        "namespace": endpoint.namespace,
        "name": endpoint.name,
        **({"hostNetwork": True} if endpoint.host_network else {}),
    }
    tail = {
        "services": [_published(each) for each in exposure.published],
        **({"hostPorts": [*map(_host_port, exposure.host_ports)]} if exposure.host_ports else {}),
        "routes": [_arrival(each) for each in exposure.arrivals],
    }
    middle = f'"exposes": {sides.of(exposure.ingress)}, "uses": {sides.of(exposure.egress)}'
    return f"{dumps(head)[:-1]}, {middle}, {dumps(tail)[1:]}"


def _side(side: Side) -> dict[str, object]:
    return {
        "policies": [_policy(each) for each in side.policies],
        "outside": _outside(side),
        "anyPod": _bounds(side.anyone),
        "otherPods": _bounds(side.others),
        "groups": [_group(each) for each in side.groups],
    }


def _outside(side: Side) -> list[dict[str, object]]:
    """Return addresses, those with equal verdicts together."""
    alike: dict[Bounds, list[str]] = {}
    for each in side.outside:
        alike.setdefault(each.bounds, []).append(each.endpoint.id)
    return [{"endpoints": ids, **_bounds(bounds)} for bounds, ids in alike.items()]


def _policy(policy: Policy) -> str:
    return "/".join(part for part in (policy.namespace, policy.kind, policy.name) if part)


def _bounds(bounds: Bounds) -> dict[str, object]:
    unknown = {"unknown": bounds.unknown.by_protocol()} if bounds.unknown else {}
    return {"allowed": bounds.certain.by_protocol(), **unknown}


def _group(group: Group) -> dict[str, object]:
    return {
        "namespaces": _selector(group.pods.namespaces),
        "pods": _selector(group.pods.pods),
        **_bounds(group.bounds),
        "always": group.certain.by_protocol(),
        **({"ownPorts": list(group.names)} if group.names else {}),
        "now": group.now,
    }


def _selector(selector: Selector) -> list[dict[str, object]]:
    return [
        {"key": each.key, "operator": each.operator.value, "values": sorted(each.values)}
        for each in selector.requirements
    ]


def _published(published: Published) -> dict[str, object]:
    service, port = published.service.service, published.port.port
    return {
        "namespace": service.namespace,
        "name": service.name,
        "type": service.type.value,
        "port": port.port,
        "protocol": port.protocol.value,
        **({"nodePort": port.node_port} if port.node_port else {}),
        **({"externalIPs": list(service.external_ips)} if service.external_ips else {}),
        "from": [
            {"endpoint": each.source.id, "verdict": _VERDICTS[each.match], "facts": list(each.facts)}
            for each in published.access
        ],
    }


def _host_port(found: HostPort) -> dict[str, object]:
    port = found.port
    return {
        "port": port.number,
        "protocol": port.protocol.value,
        "hostPort": port.host_port,
        "from": [
            {"endpoint": each.id, "verdict": _VERDICTS[match], "facts": []} for each, match in found.access
        ],
    }


def _arrival(arrival: Arrival) -> dict[str, object]:
    return {
        **_end(arrival),
        "ports": arrival.backend.targets.by_protocol(),
        "via": [each.id for each in arrival.via],
        "verdict": _VERDICTS[arrival.match],
        "facts": list(arrival.facts),
    }


def _dead_end(end: DeadEnd) -> dict[str, object]:
    return {**_end(end), "reason": end.reason}


def _end(end: Arrival | DeadEnd) -> dict[str, object]:
    route, target = end.route, end.target
    return {
        "kind": route.kind,
        "namespace": route.namespace,
        "name": route.name,
        "hosts": list(route.hosts),
        "match": target.match,
        "service": f"{target.namespace}/{target.service}",
        "port": target.port,
        "file": target.span.file,
        "line": target.span.line,
    }
