"""A command inside a pod's network, to play around with."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.console import Console
from lab.errors import LabError
from lab.providers import running
from lab.world import World


def run(console: Console, pod: str, words: Sequence[str], *, name: str) -> int:
    """Run a command (by default a shell) where a pod is, and return its exit status."""
    with running.connect(name) as lab:
        return lab.shell(resident(lab.world, pod), words)


def resident(world: World, text: str) -> str:
    """Return the name in the lab of a pod or an outside host. Raises LabError when it is not exactly one."""
    names = [*world.names, *(each.name for each in world.outside)]
    if text in names:
        return text
    found = [name for name in names if name.rpartition("/")[2] == text]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(found or names[:10])
    raise LabError(
        f"`{text}` may be one of several" if found else f"nobody in this lab is called `{text}`",
        f"write one of {listed}",
    )
