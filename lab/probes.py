"""Probes and what became of them, as data.

Comes in: who tries to reach which address and port. Goes out: one outcome for each, with every attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Protocol(Enum):
    """The transport of a probe; the value is its number in the IP header."""

    TCP = 6
    UDP = 17
    SCTP = 132

    __hash__ = object.__hash__  # an Enum's own hashes its name, in Python, for each of thousands of probes


class Outcome(Enum):
    """What a probe saw. The set is closed: whatever happens is one of these.

    UNDECIDABLE: what was seen fits both, arrived and stopped; `reason` of the attempt says why.
    """

    OPEN = "open"
    REFUSED = "refused"
    DROPPED = "dropped"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    WRONG_IDENTITY = "wrong-identity"
    UNDECIDABLE = "undecidable"
    ERROR = "error"

    __hash__ = object.__hash__  # as above


class Probe(NamedTuple):
    """One question: can `source` (a name of the lab) reach this address, protocol and port.

    A tuple, as are Attempt and ProbeResult, since a lab makes hundreds of thousands of them in seconds.

    `expect` is the name whose identity must answer; with None every answer is right. `source_address` picks
    one of several addresses of the source; by default its first of the right family.
    """

    source: str
    address: str
    protocol: Protocol
    port: int
    expect: str | None = None
    source_address: str | None = None


class Icmp(NamedTuple):
    """An ICMP or ICMPv6 error that came back, and who sent it."""

    sender: str
    type: int
    code: int


class Attempt(NamedTuple):
    """One try.

    Times are in seconds, `started` since the run began. `identity` is who answered, `rule` the log prefix of
    the rule that dropped or rejected it, `reason` the operating system's words where it had some.
    """

    outcome: Outcome
    started: float
    took: float
    source_port: int = 0
    identity: str | None = None
    icmp: Icmp | None = None
    rule: str | None = None
    reason: str | None = None

    @property
    def conclusive(self) -> bool:
        """Tell whether this try shows what happened; silence and failure do not, they may be chance."""
        if self.outcome is Outcome.DROPPED:
            return self.rule is not None or self.reason is not None
        return self.outcome is not Outcome.ERROR


class ProbeResult(NamedTuple):
    """A probe's outcome and all the attempts that led to it, first to last."""

    probe: Probe
    outcome: Outcome
    attempts: tuple[Attempt, ...]

    def told(self, rules: Mapping[str, str]) -> ProbeResult:
        """Return the same with the rules in its attempts written out, where they are in `rules`."""
        if len(self.attempts) < 2 and not self.rule:
            return self
        attempts = (each._replace(rule=rules.get(each.rule or "", each.rule)) for each in self.attempts)
        return self._replace(attempts=tuple(attempts))

    @property
    def rule(self) -> str | None:
        """The log prefix of the rule that decided, where one said so."""
        return self.attempts[-1].rule if self.attempts else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long and how often to try. The answer that is expected plays no part in it.

    `timeout` is the first attempt's, in seconds. A conclusive attempt ends a probe. Otherwise attempts go on
    until `agree` in a row are alike; when `attempts` are spent before that, the outcome is ERROR.
    """

    timeout: float = 1.0
    agree: int = 2
    attempts: int = 5

    def life(self, earlier: int) -> float:
        """Return how long the next attempt may take: twice as long each, lest a busy machine misleads."""
        return self.timeout * 2.0**earlier

    def verdict(self, attempts: tuple[Attempt, ...]) -> Outcome | None:
        """Return the outcome that the attempts so far decide, None to try again."""
        last = attempts[-1]
        if last.conclusive:
            return last.outcome
        recent = attempts[-self.agree :]
        if len(recent) == self.agree and all(one.outcome is last.outcome for one in recent):
            return last.outcome
        return Outcome.ERROR if len(attempts) >= self.attempts else None
