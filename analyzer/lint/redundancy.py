"""Policies and rules without effect: what the others let pass is the same without them.

Comes in: the evaluated cluster. Goes out: those that can be removed, all of them at once, each with what
covers it. Not one full evaluation a policy: in a union a contribution has no effect when, for each class that
the policy selects, the others keep the class isolated and let pass what it lets pass, whatever the missing
facts are; one class in which that is not so settles it, and classes of one profile are looked at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from analyzer.bitmaps import lowest, members
from analyzer.lint.evidence import isolates
from analyzer.model import AddressPeer, AnyPeer, Direction, Match, PodPeer
from analyzer.selectors import EVERYTHING
from analyzer.sets import AddressSet, PortSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from analyzer.bitmaps import Bitmap
    from analyzer.engine import Engine, Row, Step
    from analyzer.lint.evidence import Evidence, Written
    from analyzer.model import Peer, Policy, Rule


# Rules that match no more classes are found by these; all others are looked at one by one.
_NARROW = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What makes something redundant: rules of policies. A policy without a rule covers by isolating.

    Empty when nothing is needed: what a policy that allows everything does, no policy does as well.
    """

    by: tuple[tuple[Policy, Rule | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Redundancies:
    """What has no effect, in the order of the policies."""

    policies: tuple[tuple[Policy, Cover], ...]
    rules: tuple[tuple[Written, Cover], ...]


class _Entry(NamedTuple):
    """A rule of a policy that selects a class, and what it lets pass there."""

    policy: Policy
    rule: Rule
    steps: tuple[Step, ...]


class _Need(NamedTuple):
    """What must be let pass: ports, with some peers; with the `unsure` ones only when `rule` matches them."""

    ports: PortSet
    peers: Bitmap
    unsure: Bitmap = 0
    rule: Rule | None = None


class _Entries:
    """The rules of the policies that select a class, found by what they let pass and to whom."""

    def __init__(self, entries: Iterable[_Entry]) -> None:
        self._all = tuple(entries)
        self.of_rule: dict[int, list[_Entry]] = {}
        self._wide: list[int] = []
        self._narrow: dict[int, list[int]] = {}
        for number, each in enumerate(self._all):
            self.of_rule.setdefault(id(each.rule), []).append(each)
            peers = 0
            for step in each.steps:
                peers |= step.matched.may
            if peers.bit_count() > _NARROW:
                self._wide.append(number)
            else:
                for peer in members(peers):
                    self._narrow.setdefault(peer, []).append(number)

    def meeting(self, peers: Bitmap) -> Iterator[_Entry]:
        """Yield the entries that may match one of some peers, and others, in their order."""
        if peers.bit_count() > _NARROW:
            yield from self._all
        else:
            found = {number for peer in members(peers) for number in self._narrow.get(peer, ())}
            yield from (self._all[number] for number in sorted(found.union(self._wide)))


class Contributions:
    """What each policy and rule adds to what the others let pass."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._entries: dict[tuple[object, ...], _Entries] = {}
        self._one_each: dict[tuple[Direction, Bitmap], tuple[int, ...]] = {}
        self._places: dict[int, dict[Direction, dict[int, int]]] = {}
        self.gone: set[int] = set()  # the `id` of policies and rules that count as removed

    def policy(self, policy: Policy) -> Cover | None:
        """Return what makes a policy redundant, None when removing it changes what passes somewhere."""
        parts = [(each, policy.rules(each)) for each in Direction if each in policy.directions]
        return self._redundant(policy, parts, whole=True)

    def rules(self, policy: Policy, rules: tuple[Rule, ...]) -> Cover | None:
        """Return what makes some rules of a policy redundant, all of them together."""
        return self._redundant(policy, list(self._by_direction(policy, rules)), whole=False)

    def speaks(self, policy: Policy, rules: tuple[Rule, ...]) -> bool:
        """Tell whether some rules let anything pass at all: their peers and ports match something here."""
        for direction, found in self._by_direction(policy, rules):
            for subject in self._profiles(direction, self._engine.matcher.subject(policy)):
                if any(True for rule in found for _ in self._engine.lower(rule, direction, subject)):
                    return True
        return False

    def adds(self, policy: Policy, rules: tuple[Rule, ...], peers: Bitmap) -> bool:
        """Tell whether some rules let pass, with some peers, what no other rule would let pass.

        The rules count as if they matched these peers, whether they do or not.
        """
        engine = self._engine
        mine = {id(rule) for rule in rules}
        for direction, found in self._by_direction(policy, rules):
            for subject in self._profiles(direction, engine.matcher.subject(policy)):
                entries = self._of(direction, subject)
                for rule in found:
                    for step in engine.lower(rule, direction, subject):
                        ports = engine.algebra.cells[step.ports].certain
                        left = (each for each in entries.meeting(peers) if id(each.rule) not in mine)
                        if self._union(_Need(ports, peers), left) is None:
                            return True
        return False

    def _redundant(
        self, policy: Policy, parts: list[tuple[Direction, tuple[Rule, ...]]], *, whole: bool
    ) -> Cover | None:
        by: dict[tuple[int, int], tuple[Policy, Rule | None]] = {}
        for direction, rules in parts:
            for subject in self._profiles(direction, self._engine.matcher.subject(policy)):
                found = self._here(direction, subject, policy, rules, whole=whole)
                if found is None:
                    return None
                by.update({(id(p), id(r)): (p, r) for p, r in found})
        return Cover(by=_without_bare(by.values()))

    def _by_direction(
        self, policy: Policy, rules: tuple[Rule, ...]
    ) -> Iterator[tuple[Direction, tuple[Rule, ...]]]:
        """Yield some rules of a policy by their direction, in the policy's order."""
        if (places := self._places.get(id(policy))) is None:
            places = self._places[id(policy)] = {
                direction: {id(rule): place for place, rule in enumerate(policy.rules(direction))}
                for direction in Direction
            }
        for direction, of_rule in places.items():
            here = {of_rule[id(rule)]: rule for rule in rules if id(rule) in of_rule}
            if here:
                yield direction, tuple(here[place] for place in sorted(here))

    def _profiles(self, direction: Direction, subjects: Bitmap) -> Iterable[int]:
        """Return one class of each profile."""
        if (found := self._one_each.get((direction, subjects))) is None:
            by_profile: dict[tuple[object, ...], int] = {}
            for subject in members(subjects):
                by_profile.setdefault(self._engine.profile(direction, subject), subject)
            found = self._one_each[direction, subjects] = tuple(by_profile.values())
        return found

    def _here(
        self, direction: Direction, subject: int, policy: Policy, rules: tuple[Rule, ...], *, whole: bool
    ) -> list[tuple[Policy, Rule | None]] | None:
        """Return what covers it for one class, None when nothing does."""
        engine = self._engine
        selecting = [each for each in engine.policies(direction, subject) if not (whole and each is policy)]
        others = [each for each in selecting if id(each) not in self.gone]
        tiers = engine.selecting(direction, subject)
        if len(tiers) > 1 or not isolates(tiers[0][0]):
            gone = self.gone | ({id(policy)} if whole else {id(rule) for rule in rules})
            row = engine.row(direction, subject)
            # Equal bounds may stand for different facts.
            decided = not any(engine.algebra.cells[cell].unknown for cell in row)
            same = decided and self._without(direction, subject, gone) == row
            return [(each, None) for each in others if each is not policy] if same else None
        if not others:
            # Nothing is needed, unless it makes up for policies that stay where only it is removed.
            return [] if not selecting and engine.row(direction, subject) == engine.open else None
        return self._in_union(direction, subject, policy, rules, others[0], whole=whole)

    def _without(self, direction: Direction, subject: int, gone: set[int]) -> Row:
        """Return the row that a class has without some policies and rules."""
        tiers = []
        for tier, policies in self._engine.selecting(direction, subject):
            if left := [each for each in policies if id(each) not in gone]:
                rules = (rule for each in left for rule in each.rules(direction))
                tiers.append((tier, [rule for rule in rules if id(rule) not in gone]))
        return self._engine.fold(direction, subject, tiers)

    def _in_union(
        self,
        direction: Direction,
        subject: int,
        policy: Policy,
        rules: tuple[Rule, ...],
        other: Policy,
        *,
        whole: bool,
    ) -> list[tuple[Policy, Rule | None]] | None:
        mine = {id(rule): rule for rule in rules if id(rule) not in self.gone}
        entries = self._of(direction, subject)

        def left(peers: Bitmap) -> Iterator[_Entry]:
            for each in entries.meeting(peers):
                removed = id(each.rule) in self.gone or id(each.policy) in self.gone
                if not removed and id(each.rule) not in mine and not (whole and each.policy is policy):
                    yield each

        ignored = self._ignored(direction)
        cells = self._engine.algebra.cells
        by: list[tuple[Policy, Rule | None]] = []
        for each in (each for rule in mine for each in entries.of_rule[rule]):
            for step in each.steps:
                peers = step.matched.may & ~ignored
                need = _Need(cells[step.ports].certain, peers, peers & ~step.matched.must, each.rule)
                found = self._union(need, left(peers))
                if found is None:
                    return None
                by += found
        return by or ([(other, None)] if whole else [])

    def _of(self, direction: Direction, subject: int) -> _Entries:
        profile = self._engine.profile(direction, subject)
        if (found := self._entries.get(profile)) is None:
            found = self._entries[profile] = _Entries(
                _Entry(policy, rule, tuple(self._engine.lower(rule, direction, subject)))
                for policy in self._engine.policies(direction, subject)
                for rule in policy.rules(direction)
            )
        return found

    def _ignored(self, direction: Direction) -> Bitmap:
        """Return the peers that are admitted whatever the policies say."""
        admitted = direction is Direction.INGRESS and self._engine.cluster.other_nodes is Match.YES
        return self._engine.matcher.hosts if admitted else 0

    def _union(self, need: _Need, left: Iterable[_Entry]) -> list[tuple[Policy, Rule | None]] | None:
        """Return the rules that let pass what is needed, None when they do not, whatever is not known."""
        ports, where = need.ports, need.peers
        if not where:
            return []
        cells = self._engine.algebra.cells
        witness = 1 << lowest(where)
        rest = ports
        by: list[tuple[Policy, Rule | None]] = []
        parts: list[tuple[_Entry, Bitmap, PortSet]] = []
        for each in left:
            for step in each.steps:
                matched = step.matched.must & where
                doubtful = step.matched.may & where & need.unsure & ~matched
                if doubtful and need.rule and _meets_all_of(each.rule, need.rule):
                    matched |= doubtful
                if not matched:
                    continue
                offered = cells[step.ports].certain
                if ports <= offered:
                    by.append((each.policy, each.rule))
                    where &= ~matched
                    if not where:
                        return by
                else:
                    parts.append((each, matched, offered))
                if matched & witness:
                    rest = rest - offered
        if rest and where & witness:
            return None
        return self._in_parts(ports, where, parts, by)

    def _in_parts(
        self,
        ports: PortSet,
        where: Bitmap,
        parts: list[tuple[_Entry, Bitmap, PortSet]],
        by: list[tuple[Policy, Rule | None]],
    ) -> list[tuple[Policy, Rule | None]] | None:
        """Cover what is left by several rules together, each with some of the ports."""
        missing = {ports: where}
        for each, matched, offered in parts:
            changed: dict[PortSet, Bitmap] = {}
            helped = False
            for needed, classes in missing.items():
                smaller = needed - offered
                inside = classes & matched if smaller != needed else 0
                helped |= bool(inside)
                if inside and smaller:
                    changed[smaller] = changed.get(smaller, 0) | inside
                if outside := classes & ~inside:
                    changed[needed] = changed.get(needed, 0) | outside
            missing = changed
            if helped:
                by.append((each.policy, each.rule))
        return None if missing else by


def _meets_all_of(wide: Rule, rule: Rule) -> bool:
    """Tell whether a rule matches a peer whenever another one does that may match it.

    The missing facts are whether a rule exists, whether selectors mean nodes, whether blocks are compared
    with pods and nodes, and which address a pod has or uses.
    """
    if wide.doubt not in ("", rule.doubt):
        return False
    if any(isinstance(peer, AnyPeer) for peer in wide.peers):
        return True
    blocks = _blocks(wide)
    held = all(
        addresses <= blocks.get(compared, AddressSet.none()) for compared, addresses in _blocks(rule).items()
    )
    return held and all(peer in wide.peers for peer in rule.peers if rule.doubt or _may_mean_hosts(peer))


def _may_mean_hosts(peer: Peer) -> bool:
    return isinstance(peer, PodPeer) and peer.on_hosts is Match.MAYBE


def _blocks(rule: Rule) -> dict[tuple[Match, Match], AddressSet]:
    """Return the addresses that a rule names, by what they are compared with."""
    found: dict[tuple[Match, Match], AddressSet] = {}
    for peer in rule.peers:
        if isinstance(peer, AddressPeer):
            compared = peer.on_pods, peer.on_hosts
            found[compared] = found.get(compared, AddressSet.none()) | peer.addresses
    return found


def _without_bare(
    by: Iterable[tuple[Policy, Rule | None]],
) -> tuple[tuple[Policy, Rule | None], ...]:
    """Leave out policies that cover by isolating when a rule of theirs is named too."""
    found = list(by)
    speaking = {id(policy) for policy, rule in found if rule is not None}
    return tuple((policy, rule) for policy, rule in found if rule is not None or id(policy) not in speaking)


def is_default_deny(policy: Policy) -> bool:
    """Tell whether a policy allows nothing and protects every pod of its namespace, future ones included."""
    return policy.subject_pods == EVERYTHING and not any(policy.rules(direction) for direction in Direction)


def find(evidence: Evidence) -> Redundancies:
    """Find what can be removed: whole policies first, then rules of the policies that stay.

    Of policies that make each other redundant the one with fewer conditions stays, else the first. What
    matches nothing is left out (it is told by other rules of lint), and so is a default deny: it protects
    pods that are not there yet.
    """
    contributions = Contributions(evidence.engine)
    policies = []
    standing = [each for each in evidence.policies if evidence.subjects(each)]
    for _, policy in sorted(enumerate(standing), key=lambda each: (_width(each[1]), -each[0])):
        rules = tuple(rule for direction in Direction for rule in policy.rules(direction))
        if is_default_deny(policy) or (rules and not contributions.speaks(policy, rules)):
            continue
        if (cover := contributions.policy(policy)) is not None:
            contributions.gone.add(id(policy))
            policies.append((policy, cover))
    found = []
    for policy in standing:
        if id(policy) not in contributions.gone:
            for written in reversed(evidence.written(policy)):
                if not contributions.speaks(policy, written.rules):
                    continue
                if (cover := contributions.rules(policy, written.rules)) is not None:
                    contributions.gone |= {id(rule) for rule in written.rules}
                    found.append((written, cover))
    places = {id(policy): number for number, policy in enumerate(standing)}
    policies.sort(key=lambda each: places[id(each[0])])
    return Redundancies(policies=tuple(policies), rules=tuple(found))


def _width(policy: Policy) -> int:
    """Return how few conditions a policy has: negative numbers, so that the narrowest come first."""
    rules = [rule for direction in Direction for rule in policy.rules(direction)]
    peers = [peer for rule in rules for peer in rule.peers]
    named = [peer for peer in peers if isinstance(peer, PodPeer)]
    selectors = [policy.subject_pods, *(each for peer in named for each in (peer.namespaces, peer.pods))]
    limited = sum(rule.ports.numbers != PortSet.all() for rule in rules)
    return -sum(len(each.requirements) for each in selectors) - len(peers) + len(named) - limited
