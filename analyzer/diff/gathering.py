"""Pieces of a difference, gathered so that one cause is told once.

Comes in: pieces over joint groups. Goes out: changes in a stable order, each with the fewest parts that say
exactly what changed, and a connection as a witness.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.bitmaps import Bitmap, members
from analyzer.diff.result import Change, Ends, Part, Verdict, Witness
from analyzer.sets import AddressSet, PortSet, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analyzer.diff.compare import Piece
    from analyzer.diff.joint import Joint, Stay
    from analyzer.diff.result import Cause

    Rectangles = dict[Bitmap, Bitmap]

# Addresses that nobody would try: "this network", loopback, link-local, multicast and reserved.
_ODD = AddressSet.union(
    map(
        AddressSet.of,
        ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/8", "fe80::/10", "ff00::/8"),
    )
)
# Ports that a witness has where it may be any, to be read at a glance.
_FAMILIAR = (80, 443, 53)


def gather(joint: Joint, pieces: Iterable[Piece]) -> tuple[Change, ...]:
    """Join pieces by transition and causes, and within them by ports, sources and destinations."""
    found: dict[tuple[Verdict, Verdict, tuple[Cause, ...]], dict[PortSet, Rectangles]] = {}
    for piece in pieces:
        by_ports = found.setdefault((piece.before, piece.after, piece.causes), {})
        rectangles = by_ports.setdefault(piece.ports, {})
        rectangles[piece.sources] = rectangles.get(piece.sources, 0) | piece.destinations
    changes = []
    for (before, after, causes), by_ports in found.items():
        parts = [
            (ports, sources, destinations)
            for ports, rectangles in by_ports.items()
            for sources, destinations in _joined(joint, rectangles)
        ]
        if parts:
            changes.append(_change(joint, before, after, causes, parts))
    return tuple(sorted(changes, key=_order))


def _joined(joint: Joint, rectangles: Rectangles) -> list[tuple[Bitmap, Bitmap]]:
    """Join rectangles with equal sources or equal destinations; leave out a pod alone with itself."""
    by_destinations: Rectangles = {}
    for sources, destinations in rectangles.items():
        by_destinations[destinations] = by_destinations.get(destinations, 0) | sources
    by_sources: Rectangles = {}
    for destinations, sources in by_destinations.items():
        here, there = _without_itself(joint, sources, destinations)
        if here and there:
            by_sources[here] = by_sources.get(here, 0) | there
    return list(by_sources.items())


def _without_itself(joint: Joint, sources: Bitmap, destinations: Bitmap) -> tuple[Bitmap, Bitmap]:
    """Take the one end that is a pod alone out of the other ends."""
    if _is_alone(joint, destinations):
        return sources & ~destinations, destinations
    if _is_alone(joint, sources):
        return sources, destinations & ~sources
    return sources, destinations


def _is_alone(joint: Joint, groups: Bitmap) -> bool:
    if groups.bit_count() != 1:
        return False
    stays = joint.groups[groups.bit_length() - 1].stays
    return len(stays) == 1 and stays[0].alone


def _change(
    joint: Joint,
    before: Verdict,
    after: Verdict,
    causes: tuple[Cause, ...],
    parts: list[tuple[PortSet, Bitmap, Bitmap]],
) -> Change:
    made = [
        Part(ports=ports, sources=_ends(joint, sources), destinations=_ends(joint, destinations))
        for ports, sources, destinations in parts
    ]
    made.sort(key=_order_of_part)
    return Change(
        before=before,
        after=after,
        causes=causes,
        parts=tuple(made),
        witness=_witness(joint, *parts[0]),
    )


def _stays(joint: Joint, groups: Bitmap) -> Iterable[Stay]:
    return (stay for number in members(groups) for stay in joint.groups[number].stays)


def _ends(joint: Joint, groups: Bitmap) -> Ends:
    stays = list(_stays(joint, groups))
    inside = {each.new.id: each.new for each in stays if not each.new.external}
    return Ends(
        endpoints=tuple(inside[name] for name in sorted(inside)),
        addresses=AddressSet.union(each.addresses for each in stays),
    )


def _witness(joint: Joint, ports: PortSet, sources: Bitmap, destinations: Bitmap) -> Witness:
    """Return one of the connections, between two ends that are not the same pod."""
    source, destination = next(
        (one, two)
        for one in _stays(joint, sources)
        for two in _stays(joint, destinations)
        if one is not two or not one.alone
    )
    protocol = next(each for each in Protocol if ports.ranges(each))
    return Witness(
        source=_name(joint, source),
        destination=_name(joint, destination),
        protocol=protocol,
        port=next((n for n in _FAMILIAR if ports.has(protocol, n)), ports.ranges(protocol)[0][0]),
    )


def _name(joint: Joint, stay: Stay) -> str:
    if not stay.new.external:
        return stay.new.id
    pods = joint.old.reachability.cluster.pod_addresses | joint.new.reachability.cluster.pod_addresses
    outside = stay.addresses - pods or stay.addresses
    return next((outside - _ODD or outside).addresses())


def _order_of_part(part: Part) -> tuple[object, ...]:
    ends = (part.sources, part.destinations)
    return (
        *((tuple(e.id for e in each.endpoints), each.addresses.intervals) for each in ends),
        part.ports.intervals,
    )


def _order(change: Change) -> tuple[object, ...]:
    """Put what was opened before what was closed, and each by file and place."""
    places = tuple((each.span.file, tuple(map(str, each.span.path))) for each in change.causes)
    return (
        not change.grows,
        places,
        -change.after,
        -change.before,
        _order_of_part(change.parts[0]),
    )
