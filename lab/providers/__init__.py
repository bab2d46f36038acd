"""Where a lab can live: one folder a provider, all with the interface of `Provider`.

Comes in: a World to bring to life, probes to carry out. Goes out: what the probes saw. What a provider cannot
do is a LabError that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from lab.probes import Patience, Probe, ProbeResult

if TYPE_CHECKING:  # what `down` need not wait for
    from lab.manifests import Manifests
    from lab.plan import Plan
    from lab.world import World


class Progress(Protocol):
    """Is told how many of so many are done: probes, or what else is being done in words."""

    def __call__(self, done: int, of: int, doing: str = "probing") -> object:
        """Take note of it."""
        ...


OnResult = Callable[[int, ProbeResult], object]
"""Is told the number of a probe in its plan, and its result, as soon as it is decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the user wants it done, where a provider has a choice.

    `agreed`: what is not the lab's own may be changed as far as probing needs it, and things may be made in a
    cluster that others use. `concurrency` is how many pods ask at a time, `image` what an ephemeral container
    runs ("": the usual).
    """

    agreed: bool = False
    concurrency: int = 16
    image: str = ""


class Provider(Protocol):
    """One running lab, or a cluster. As a context manager it hangs up at the end; the lab goes on."""

    def __enter__(self) -> Self:
        """Use it."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        ...

    @property
    def pace(self) -> int | None:
        """About how many probes it carries out in a second; None where that depends on others."""
        ...

    @property
    def world(self) -> World:
        """What lives in it now, with real addresses."""
        ...

    def deploy(self, manifests: Manifests) -> None:
        """Change what lives in it into what the manifests say; what is in both stays as it is."""
        ...

    def serve(self) -> None:
        """Have pods answer on the ports that they declare, where they do not by themselves."""
        ...

    def observe(
        self,
        plan: Plan,
        patience: Patience,
        progress: Progress | None = None,
        on_result: OnResult | None = None,
    ) -> list[ProbeResult]:
        """Carry out the probes of a plan, and return a result for each, in order.

        Raises LabError when the canaries do not behave: then no verdict would mean anything.
        """
        ...

    def trace(self, probe: Probe) -> tuple[ProbeResult, Sequence[str] | None]:
        """Make one connection; with it what let it pass or stopped it, in words, or None where none tell."""
        ...

    def notes(self) -> Sequence[str]:
        """Return what is to be said about the last observation or removal: how it was done, what is left."""
        ...

    def shell(self, name: str, command: Sequence[str]) -> int:
        """Run a command in a pod's network on the caller's terminal; return its exit status."""
        ...

    def down(self) -> bool:
        """Remove everything that was made; False when there was nothing."""
        ...
