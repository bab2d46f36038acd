"""A difference for spreadsheets: one line for each part of a change and protocol.

Comes in: a difference. Goes out: CSV. Several endpoints or CIDRs in one field are separated by spaces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.report.csv import ANY, quoted, safe
from analyzer.sets import Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.diff import Cause, Change, Ends, Part
    from analyzer.report.difference import DifferenceReport

HEADER = ("before", "after", "protocol", "ports", "sources", "destinations", "effect", "policy", "place")


def render(report: DifferenceReport) -> Iterator[str]:
    """Yield the lines; endpoints that only one version has stand in lines without ports."""
    yield _line(HEADER)
    found = report.difference
    for before, after, those in (("absent", "present", found.added), ("present", "absent", found.removed)):
        for each in those:
            yield _line((before, after, "", "", each.id, "", "", "", ""))
    for change in found.changes:
        for part in change.parts:
            yield from _part(change, part)


def _part(change: Change, part: Part) -> Iterator[str]:
    verdicts = (change.before.name.lower(), change.after.name.lower())
    causes = (
        " and ".join(each.effect.value for each in change.causes),
        " and ".join(map(_policy, change.causes)),
        " and ".join(str(each.span) for each in change.causes),
    )
    ends = (_ends(part.sources), _ends(part.destinations))
    for protocol in Protocol:
        if ranges := part.ports.ranges(protocol):
            text = ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
            ports = ANY if ranges == (protocol.span,) else text
            yield _line((*verdicts, protocol.value, ports, *ends, *causes))


def _policy(cause: Cause) -> str:
    return f"{cause.policy.kind} {cause.policy}"


def _ends(ends: Ends) -> str:
    return " ".join((*(each.id for each in ends.endpoints), *ends.addresses.cidrs()))


def _line(texts: tuple[str, ...]) -> str:
    return ",".join(quoted(safe(text)) for text in texts) + "\n"
