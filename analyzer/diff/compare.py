"""The comparison: pairs of groups whose verdict differs, as rectangles of sources and destinations.

Comes in: the joint groups of two clusters. Goes out: pieces, each with one transition of some ports and its
causes; no pair, port and transition is in two of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, assert_never

from analyzer.bitmaps import Bitmap, members
from analyzer.bounds import Bounds
from analyzer.diff.causes import Causes
from analyzer.diff.result import Verdict
from analyzer.diff.rows import Profile, profiles
from analyzer.model import Direction, Match
from analyzer.reachability import EVERYTHING, exemption
from analyzer.sets import PortSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.diff.joint import Joint, Version
    from analyzer.diff.result import Cause


class Piece(NamedTuple):
    """Every source group with every destination group: `ports` went from `before` to `after`."""

    before: Verdict
    after: Verdict
    ports: PortSet
    sources: Bitmap
    destinations: Bitmap
    causes: tuple[Cause, ...]


class Side(NamedTuple):
    """One direction of some pairs: whose policies, what they say before and after, of which peers."""

    profile: Profile
    before: Bounds
    after: Bounds
    subjects: Bitmap
    peers: Bitmap


class Comparison:
    """Compares two clusters; `pieces` yields what differs."""

    def __init__(self, joint: Joint) -> None:
        self._joint = joint
        self._profiles = {direction: profiles(joint, direction) for direction in Direction}
        self._causes = Causes(joint)
        self._met: dict[int, Bitmap] = {}

    def pieces(self) -> Iterator[Piece]:
        """Yield everything that differs: first where ingress does, then where only egress does."""
        for direction in (Direction.INGRESS, Direction.EGRESS):
            for profile in self._profiles[direction]:
                for before, after, peers in profile.differing():
                    yield from self._with_others(profile, before, after, peers)
        yield from self._of_hosts()

    def _with_others(self, profile: Profile, before: Bounds, after: Bounds, peers: Bitmap) -> Iterator[Piece]:
        """Combine a difference in one direction with what the other direction of each pair says."""
        hosts, subjects = self._joint.hosts, profile.subjects
        if profile.direction is Direction.INGRESS:
            for source in members(peers & hosts):
                self._met[source] = self._met.get(source, 0) | subjects
            peers &= ~hosts
            other_direction = Direction.EGRESS
        else:
            subjects &= ~hosts
            other_direction = Direction.INGRESS
        for other in self._profiles[other_direction]:
            if not (those := other.subjects & peers):
                continue
            for early, late, these in other.cells(subjects):
                here = Side(profile, before, after, these, those)
                there = Side(other, early, late, those, these)
                if profile.direction is Direction.INGRESS:
                    yield from self._piece(there, here)
                elif early == late:  # what differs in both directions was found from the other end
                    yield from self._piece(here, there)

    def _piece(self, egress: Side, ingress: Side) -> Iterator[Piece]:
        before = _both(egress.before, ingress.before)
        after = _both(egress.after, ingress.after)
        if before != after:
            yield from self._explained(before, after, egress, ingress)

    def _explained(self, before: Bounds, after: Bounds, egress: Side, ingress: Side) -> Iterator[Piece]:
        """Divide a difference by transition, by the direction that made it, and by cause."""
        for early, late, ports in _transitions(before, after):
            grows = late > early
            level = max(early, late)
            sent, received = (_lacking(side, ports, level, grows=grows) for side in (egress, ingress))
            assert ports <= sent | received, "what a pair is denied, one of its directions denies"
            only_in, only_out, both = received - sent, sent - received, received & sent
            for found, sources in self._divide(ingress, only_in, grows=grows):
                yield Piece(early, late, found[1], sources, ingress.subjects, found[0])
            for found, destinations in self._divide(egress, only_out, grows=grows):
                yield Piece(early, late, found[1], egress.subjects, destinations, found[0])
            for one, sources in self._divide(ingress, both, grows=grows):
                for two, destinations in self._divide(egress, one[1], grows=grows):
                    yield Piece(early, late, two[1], sources, destinations, one[0] + two[0])

    def _divide(
        self, side: Side, ports: PortSet, *, grows: bool
    ) -> Iterator[tuple[tuple[tuple[Cause, ...], PortSet], Bitmap]]:
        if ports:
            for causes, peers, part in self._causes.divide(side.profile, side.peers, ports, grows=grows):
                yield (causes, part), peers

    def _of_hosts(self) -> Iterator[Piece]:
        """Yield what differs of connections from the host network, some of which are exempt, pair by pair."""
        joint = self._joint
        of = {
            direction: {number: each for each in found for number in members(each.subjects)}
            for direction, found in (self._profiles.items() if joint.hosts else ())
        }
        for source in members(joint.hosts):
            moved = joint.moved >> source & 1
            for destination in members(joint.everything if moved else self._met.get(source, 0) | joint.moved):
                before, after = (self._verdict(v, source, destination) for v in (joint.old, joint.new))
                if before != after:
                    egress = self._side(of[Direction.EGRESS][source], source, destination)
                    ingress = self._side(of[Direction.INGRESS][destination], destination, source)
                    yield from self._explained(before, after, egress, ingress)

    def _verdict(self, version: Version, source: int, destination: int) -> Bounds:
        groups = self._joint.groups
        one, two = groups[source].stays[0], groups[destination].stays[0]
        if version is self._joint.old:
            here, there = one.old, two.old
        else:
            here, there = one.new, two.new
        bounds = version.engine.between(here.number, there.number)
        exempt = Match.NO if here is there else exemption(here, there)
        if exempt is not Match.NO:
            certain = EVERYTHING.certain if exempt is Match.YES else bounds.certain
            bounds = Bounds(certain, EVERYTHING.possible)
        return version.asked(bounds)

    def _side(self, profile: Profile, subject: int, peer: int) -> Side:
        (before, after, _), *_ = profile.cells(1 << peer)
        return Side(profile, before, after, 1 << subject, 1 << peer)


def _both(egress: Bounds, ingress: Bounds) -> Bounds:
    return Bounds(egress.certain & ingress.certain, egress.possible & ingress.possible)


def _transitions(before: Bounds, after: Bounds) -> Iterator[tuple[Verdict, Verdict, PortSet]]:
    """Yield the ports whose verdict changed, by what it was and what it is."""
    for early in Verdict:
        for late in Verdict:
            if early is not late and (ports := _at(before, early) & _at(after, late)):
                yield early, late, ports


def _at(bounds: Bounds, verdict: Verdict) -> PortSet:
    match verdict:
        case Verdict.ALLOWED:
            return bounds.certain
        case Verdict.UNKNOWN:
            return bounds.unknown
        case Verdict.DENIED:
            return ~bounds.possible
        case never:
            assert_never(never)


def _lacking(side: Side, ports: PortSet, level: Verdict, *, grows: bool) -> PortSet:
    """Return the ports that this direction kept from the verdict of the more open version."""
    closed = side.before if grows else side.after
    return ports - (closed.certain if level is Verdict.ALLOWED else closed.possible)
