"""Where a lab can live: one folder a provider, all with the interface of `Provider`.

Comes in: a World to bring to life, probes to carry out. Goes out: what the probes saw. What a provider cannot
do is a LabError that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from lab.manifests import Manifests
from lab.plan import Plan
from lab.probes import Patience, ProbeResult
from lab.world import World

Progress = Callable[[int, int], object]
"""Is told how many probes are done, and of how many."""


class Provider(Protocol):
    """One running lab, or a cluster."""

    @property
    def world(self) -> World:
        """What lives in it now, with real addresses."""
        ...

    def deploy(self, manifests: Manifests) -> None:
        """Change what lives in it into what the manifests say; what is in both stays as it is."""
        ...

    def observe(self, plan: Plan, patience: Patience, progress: Progress | None = None) -> list[ProbeResult]:
        """Carry out the probes of a plan, and return a result for each, in order.

        Raises LabError when the canaries do not behave: then no verdict would mean anything.
        """
        ...

    def shell(self, name: str, command: Sequence[str]) -> int:
        """Run a command in a pod's network on the caller's terminal; return its exit status."""
        ...

    def down(self) -> bool:
        """Remove everything that was made; False when there was nothing."""
        ...
