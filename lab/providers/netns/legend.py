"""What the short ids mean that rules carry, as prefixes of log lines and comments of counters.

Comes in: what decides on a packet: a rule, policies that have no rule for it, a Service without a backend.
Goes out: an id for each, and what the ids mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from analyzer import Direction, Policy, Rule, Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Who decided on a packet; `span` is where that is written, as `file:line`.

    `policies` are `kind namespace/name`: the one whose rule it was, or those that isolate the pod when no
    rule admits (`rule` is "" then). `rule` is the rule's field path. Without a direction it was no policy
    but a Service, named there, that has no ready backend.
    """

    direction: Direction | None
    policies: tuple[str, ...]
    rule: str
    span: str

    def __str__(self) -> str:
        """Say it in a line."""
        names = ", ".join(self.policies)
        where = f" ({self.span})" if self.span else ""
        if self.direction is None:
            return f"no ready backend of {names}{self.rule}{where}"
        if self.rule:
            return f"{self.direction.value}: {names} {self.rule}{where}"
        return f"{self.direction.value}: no rule of {names}{where} admits it"


@dataclass(slots=True)
class Legend:
    """Ids for verdicts, one each; other generations have others."""

    generation: int
    _ids: dict[Verdict, str] = field(default_factory=dict)

    def meanings(self) -> Mapping[str, Verdict]:
        """Return what each id means."""
        return {each: verdict for verdict, each in self._ids.items()}

    def of_rule(self, direction: Direction, policy: Policy, rule: Rule) -> str:
        """Return the id of what a rule decides."""
        span = f"{rule.span.file}:{rule.span.line}"
        return self._id(
            Verdict(direction=direction, policies=(_name(policy),), rule=rule.span.field, span=span)
        )

    def of_isolation(self, direction: Direction, policies: Sequence[Policy]) -> str:
        """Return the id of what policies decide by having no rule that matches."""
        span = f"{policies[0].span.file}:{policies[0].span.line}"
        return self._id(
            Verdict(direction=direction, policies=tuple(map(_name, policies)), rule="", span=span)
        )

    def of_service(self, service: Service, where: str = "") -> str:
        """Return the id of what a Service does not take for want of a backend, at all or somewhere."""
        name = f"Service {service.namespace}/{service.name}"
        span = f"{service.span.file}:{service.span.line}"
        return self._id(Verdict(direction=None, policies=(name,), rule=where, span=span))

    def _id(self, verdict: Verdict) -> str:
        return self._ids.setdefault(verdict, f"g{self.generation}-{len(self._ids)}")


def _name(policy: Policy) -> str:
    return f"{policy.kind} {policy}"
