"""An expectation: whose connections to whom must have which verdict.

Comes in: nothing (`reading` builds them). Goes out: frozen data, and what a verdict means for two bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, assert_never

from analyzer.selectors import EVERYTHING, Selector
from analyzer.sets import AddressSet, PortSet

if TYPE_CHECKING:
    from analyzer.bounds import Bounds
    from analyzer.diagnostics import Span


class Verdict(Enum):
    """What is expected of the ports of an expectation; ONLY: they are allowed and all others are denied."""

    ALLOW = "allow"
    DENY = "deny"
    ONLY = "only"
    UNKNOWN = "unknown"


class Outcome(Enum):
    """Whether something holds; UNKNOWN: a fact that the manifests do not hold decides."""

    HOLDS = "holds"
    UNKNOWN = "unknown"
    FAILS = "fails"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Workloads and pods by name; each part may be a glob pattern, an empty `kind` is any."""

    namespace: str
    kind: str
    name: str
    span: Span = field(compare=False)

    def __str__(self) -> str:
        return "/".join(part for part in (self.namespace, self.kind, self.name) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Pods by their labels and their namespace: its name, which may be a pattern, and its labels."""

    namespace: str = "*"
    namespaces: Selector = EVERYTHING
    pods: Selector = EVERYTHING
    span: Span = field(compare=False)

    def __str__(self) -> str:
        where = [] if self.namespace == "*" else [f"namespace {self.namespace}"]
        where += [] if self.namespaces == EVERYTHING else [f"namespaces labelled {self.namespaces}"]
        who = "pods" if self.pods == EVERYTHING else f"pods labelled {self.pods}"
        return f"{who} in {' and '.join(where)}" if where else who


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Addresses outside the cluster."""

    addresses: AddressSet
    span: Span = field(compare=False)

    def __str__(self) -> str:
        return "external" if self.addresses == AddressSet.all() else str(self.addresses)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToService:
    """A Service by its own address; the ports are the Service's ports."""

    namespace: str
    name: str
    span: Span = field(compare=False)

    def __str__(self) -> str:
        return f"service {self.namespace}/{self.name}"


End = Named | Chosen | Outside | ToService
EVERY_POD = "*/*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exempt:
    """Connections that an expectation does not speak of, on some ports; no ends: from, or to, anybody."""

    sources: tuple[End, ...]
    destinations: tuple[End, ...]
    ports: PortSet
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One item of a file: for every source and destination, `ports` have `verdict`."""

    name: str
    sources: tuple[End, ...]
    destinations: tuple[End, ...]
    ports: PortSet
    verdict: Verdict
    unless: tuple[Exempt, ...] = ()
    reason: str = ""
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is expected of one connection; nothing is said of ports outside `mask`, nor of ICMP."""

    verdict: Verdict
    ports: PortSet
    mask: PortSet

    @property
    def asked(self) -> PortSet:
        """The ports of the expectation that are not exempt."""
        return self.ports & self.mask

    @property
    def empty(self) -> bool:
        """Whether nothing is left to be asked."""
        return not (self.mask if self.verdict is Verdict.ONLY else self.asked)

    def outcome(self, bounds: Bounds) -> Outcome:
        """Tell whether what is expected is so."""
        if not self.against(bounds, Outcome.UNKNOWN):
            return Outcome.HOLDS
        exact = bounds.certain == bounds.possible
        return Outcome.FAILS if exact or self.against(bounds, Outcome.FAILS) else Outcome.UNKNOWN

    def against(self, bounds: Bounds, outcome: Outcome) -> PortSet:
        """Return the ports that are not as expected for certain (FAILS), or that may not be (UNKNOWN)."""
        ports, certain, possible = self.asked, bounds.certain & self.mask, bounds.possible & self.mask
        doubted = outcome is Outcome.UNKNOWN
        match self.verdict:
            case Verdict.ALLOW:
                return ports - (certain if doubted else possible)
            case Verdict.DENY:
                return ports & (possible if doubted else certain)
            case Verdict.ONLY if doubted:
                return (ports - certain) | (possible - ports)
            case Verdict.ONLY:
                return (ports - possible) | (certain - ports)
            case Verdict.UNKNOWN:
                return ports - (possible - certain)
            case never:
                assert_never(never)
