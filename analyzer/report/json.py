"""The report for programs: JSON in the form of reachability.schema.json.

Comes in: an analysis and the view of it that was asked for. Goes out: pieces of one JSON document, made
one connection at a time, so that a large cluster needs no more memory than a small one.
"""

from __future__ import annotations

from itertools import islice
from json import dumps
from typing import TYPE_CHECKING

from analyzer.model import Direction, Match

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from analyzer.bounds import Bounds
    from analyzer.filters import View
    from analyzer.model import Policy
    from analyzer.report import Report
    from analyzer.services import Access, PortBackends, ServicePorts

SCHEMA = "kubereach.dev/reachability"
VERSION = 1
# Pieces that are written at once: a line each would cost a call each.
_AT_ONCE = 1000


def render(report: Report) -> Iterator[str]:
    """Yield the document, one object a line."""
    cluster, view = report.analysis.cluster, report.view
    yield f'{{\n  "schema": "{SCHEMA}",\n  "version": {VERSION},\n'
    yield f'  "cni": {dumps(cluster.profile)},\n'
    yield from _array("endpoints", _endpoints(view))
    yield from _array("policies", map(_policy, cluster.policies))
    yield from _array("services", (_service(view, each) for each in view.services()))
    yield from _array("connections", _connections(view), last=True)
    yield "}\n"


def _array(name: str, items: Iterable[object], *, last: bool = False) -> Iterator[str]:
    """Yield a field that is an array: one item a line, many lines at a time."""
    yield f'  "{name}": ['
    between, end = "\n    ", ""
    for batch in _batches(item if isinstance(item, str) else dumps(item) for item in items):
        yield between + ",\n    ".join(batch)
        between, end = ",\n    ", "\n  "
    yield f"{end}]{'' if last else ','}\n"


def _batches(lines: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(lines)
    while batch := list(islice(rest, _AT_ONCE)):
        yield batch


def _endpoints(view: View) -> Iterator[object]:
    policies = _Selecting(view)
    for each in view.endpoints:
        found: dict[str, object] = {
            "id": each.id,
            "kind": each.kind,
            "namespace": each.namespace,
            "name": each.name,
        }
        if each.external:
            yield found | {"cidrs": each.cidrs}
        else:
            host = {"hostNetwork": True} if each.host_network else {}
            yield found | {
                "replicas": each.replicas,
                "labels": dict(each.labels),
                **host,
                "policies": policies.of(each.number),
            }


class _Selecting:
    """The policies that select the members of each class."""

    def __init__(self, view: View) -> None:
        self._engine = view.reachability.engine
        self._found: dict[int, dict[str, list[str]]] = {}

    def of(self, number: int) -> dict[str, list[str]]:
        """Return their ids by direction."""
        if (found := self._found.get(number)) is None:
            found = self._found[number] = {
                direction.value: [_policy_id(each) for each in self._engine.policies(direction, number)]
                for direction in Direction
            }
        return found


def _policy_id(policy: Policy) -> str:
    return "/".join(part for part in (policy.namespace, policy.kind, policy.name) if part)


def _policy(policy: Policy) -> dict[str, object]:
    return {
        "id": _policy_id(policy),
        "kind": policy.kind,
        "namespace": policy.namespace,
        "name": policy.name,
        "file": policy.span.file,
        "line": policy.span.line,
    }


def _service(view: View, found: ServicePorts) -> dict[str, object]:
    service = found.service
    got: dict[int, list[Access]] = {}
    for each in view.access(found):
        got.setdefault(id(each.port), []).append(each)
    return {
        "namespace": service.namespace,
        "name": service.name,
        "type": service.type.value,
        "headless": service.headless,
        "clusterIPs": service.cluster_ips,
        "ports": [_port(each, got.get(id(each.port), [])) for each in found.ports],
    }


def _port(found: PortBackends, got: list[Access]) -> dict[str, object]:
    port = found.port
    node = {} if port.node_port is None else {"nodePort": port.node_port}
    return {
        "name": port.name,
        "protocol": port.protocol.value,
        "port": port.port,
        "targetPort": port.target,
        **node,
        "backends": [
            {"endpoint": each.endpoint.id, "ports": each.targets.ranges(port.protocol)}
            for each in found.backends
        ],
        "sources": [_access(each) for each in got],
    }


def _access(got: Access) -> dict[str, object]:
    verdict = "allowed" if got.match is Match.YES else "some" if got.some else "unknown"
    return {"source": got.source.id, "verdict": verdict} | ({"facts": got.facts} if got.facts else {})


def _connections(view: View) -> Iterator[str]:
    """Yield every pair of which some port is allowed or unknown; each verdict is written out once."""
    ids = {each.id: dumps(each.id) for each in view.endpoints}
    texts: dict[Bounds, str] = {}
    for source, destination, bounds in view.connections():
        if not bounds.possible:
            continue
        if (text := texts.get(bounds)) is None:
            text = texts[bounds] = _verdict(bounds)
        yield f'{{"source": {ids[source.id]}, "destination": {ids[destination.id]}, {text}}}'


def _verdict(bounds: Bounds) -> str:
    allowed = f'"allowed": {dumps(bounds.certain.by_protocol())}'
    unknown = bounds.unknown.by_protocol()
    return f'{allowed}, "unknown": {dumps(unknown)}' if unknown else allowed
