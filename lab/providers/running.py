"""The lab of a name, wherever it lives.

Comes in: a name. Goes out: the provider, connected. Commands need not know which one it is.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from analyzer import AnalyzerError
from lab import records
from lab.errors import LabError, not_running
from lab.providers.netns import client, rundir

if TYPE_CHECKING:
    from lab.providers import Manner, Provider


def connect(name: str, manner: Manner | None = None) -> Provider:
    """Connect to the lab of that name. Raises LabError when there is none."""
    from lab.providers.netns.provider import EmbeddedLab

    if rundir.files(name).socket.exists():
        try:
            return EmbeddedLab.connect(name)
        except LabError:
            if records.load(name) is None:
                raise
    record = records.load(name)
    if record is None:
        raise not_running(name)
    module = importlib.import_module(f"lab.providers.{record.provider}.provider")
    connected: Provider = module.connect(record, manner)
    return connected


def sources(lab: Provider, name: str) -> tuple[str, ...]:
    """Return the paths that a lab was made from; () when nothing was deployed."""
    record = records.load(name)
    return record.sources if record else lab.world.sources


def exists(name: str) -> bool:
    """Tell whether there is a lab of that name."""
    return name in client.running() or records.load(name) is not None


def end(name: str) -> tuple[bool, Sequence[str]]:
    """Remove a lab, and what is left of one; False when there was none. What it had to leave is told."""
    ended = client.down(name)
    record = records.load(name)
    if record is None:
        return ended, ()
    if record.provider == "kind":  # as a whole, even when its API server is beyond reach
        from lab.providers.kind.provider import remove

        return remove(record) or ended, ()
    try:
        lab = connect(name)
    except AnalyzerError:
        if record.settings.get("applied"):
            raise
        return records.forget(name), (
            f"the context `{record.context}` is gone: nothing was looked for there",
        )
    with lab:
        return lab.down() or ended, lab.notes()
