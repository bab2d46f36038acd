"""A port by name that no pod at the receiving end has.

What:
    The rule names a port, and none of the pods that would be connected to (those that the policy selects,
    or for egress those that the rule's peers mean) has a container port of that name and protocol.

Why:
    The name stands for nothing, so the rule allows nothing on it. Engines differ here: kube-router then
    allows every port, OVN-Kubernetes the whole protocol.

Example:
    ingress: [{ports: [{port: htttp}]}]

Instead:
    Name the port in the pod's template (ports: [{name: http, containerPort: 8080}]), or write its number. The
    protocol must be the same too; it is TCP when it is left out.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from analyzer.diagnostics import Severity, Span
from analyzer.lint.evidence import listed, raw
from analyzer.lint.finding import Finding
from analyzer.load.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.bitmaps import Bitmap
    from analyzer.lint.evidence import Evidence
    from analyzer.model import NamedPort, Ports

SEVERITY = Severity.WARNING


def check(evidence: Evidence) -> Iterator[Finding]:
    """Yield the names that stand for nothing."""
    for policy in evidence.policies:
        for written in evidence.written(policy):
            for rule in written.rules:
                found = evidence.destinations(written, rule)
                for named in rule.ports.named if found else ():
                    if not found & _defining(evidence, named):
                        yield _finding(evidence, rule.ports, named, found)


def _defining(evidence: Evidence, named: NamedPort) -> Bitmap:
    found = 0
    for _, classes in evidence.matcher.named(named):
        found |= classes
    return found


def _finding(evidence: Evidence, ports: Ports, named: NamedPort, found: Bitmap) -> Finding:
    name, protocol = named.name, named.protocol.value
    names = evidence.declared.by(found).names
    return Finding(
        code="KR106",
        name="undefined-named-port",
        severity=SEVERITY,
        span=_place(ports, name, protocol),
        message=f"{evidence.named(found)} has no {protocol} port called {shown(name)}: it stands for nothing",
        help=_help(name, names),
    )


def _help(name: str, names: Sequence[str]) -> str:
    if name in names:
        return "the port of that name has another protocol: write `protocol`"
    if close := get_close_matches(name, names, n=1):
        return f"did you mean {shown(close[0])}?"
    if names:
        return f"there is {listed([shown(each) for each in names])}"
    return "name the port in the pod's template, or write its number"


def _place(ports: Ports, name: str, protocol: str) -> Span:
    """Return the place of the item that names a port."""
    items = raw(ports.span)
    found = (
        ports.span.child(index)
        for index, item in enumerate(items if isinstance(items, list) else ())
        if isinstance(item, dict) and item.get("port") == name and (item.get("protocol") or "TCP") == protocol
    )
    return next(found, ports.span)
