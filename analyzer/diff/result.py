"""What differs between two clusters, as data: every renderer and every test reads these.

Comes in: nothing (the comparison builds it). Goes out: frozen values, in a stable order.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

from analyzer.sets import AddressSet, PortSet, Protocol

if TYPE_CHECKING:
    from analyzer.diagnostics import Span
    from analyzer.endpoints import Endpoint
    from analyzer.model import Direction, Policy, Rule


class Verdict(IntEnum):
    """What is so of one port of one connection, from the least to the most."""

    DENIED = 0
    UNKNOWN = 1
    ALLOWED = 2


class Effect(Enum):
    """What a rule or a policy did, or does, to a connection that changed."""

    ALLOWS = "now allows"
    ALLOWED = "used to allow"
    DENIES = "now denies"
    DENIED = "used to deny"
    ISOLATES = "now isolates"
    ISOLATED = "used to isolate"

    @property
    def is_new(self) -> bool:
        """Whether the rule or policy is one of the new version."""
        return self in {Effect.ALLOWS, Effect.DENIES, Effect.ISOLATES}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cause:
    """The rule that changed a connection, or, with no `rule`, the policy that isolates.

    `edited` is False when the other version has the same rule: labels, addresses, ports or nodes changed.
    """

    effect: Effect
    direction: Direction
    policy: Policy
    rule: Rule | None
    edited: bool

    @property
    def span(self) -> Span:
        """Where the rule, or the policy, stands; `effect` tells in which version."""
        return self.rule.span if self.rule else self.policy.span


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Sources or destinations: endpoints, as the new version names them, and external addresses."""

    endpoints: tuple[Endpoint, ...]
    addresses: AddressSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Every source with every destination, on some ports; a pod that is alone not with itself."""

    ports: PortSet
    sources: Ends
    destinations: Ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """One connection that changed. An end is an endpoint's id or an address, as `explain` takes it."""

    source: str
    destination: str
    protocol: Protocol
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """All that one cause changed in one way.

    `causes`: one rule or policy; one for each direction when both had to change.
    """

    before: Verdict
    after: Verdict
    causes: tuple[Cause, ...]
    parts: tuple[Part, ...]
    witness: Witness

    @property
    def grows(self) -> bool:
        """Whether more is allowed than before, for certain or possibly."""
        return self.after > self.before

    @property
    def unknown(self) -> bool:
        """Whether a missing fact decides about one of the two verdicts."""
        return Verdict.UNKNOWN in {self.before, self.after}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The difference of two clusters.

    Endpoints that only one of them has are listed, and `changes` are about those that both have (`kept` of
    them) and about external addresses.
    """

    added: tuple[Endpoint, ...]
    removed: tuple[Endpoint, ...]
    changes: tuple[Change, ...]
    kept: int

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changes)
