"""Removes a lab with all that belongs to it. Doing so twice is no mistake."""

from __future__ import annotations

from analyzer.commands import Exit
from analyzer.console import Console
from lab.commands import tell
from lab.providers.netns.provider import end


def run(console: Console, *, name: str) -> int:
    """End a lab."""
    tell(f"lab `{name}` is down" if end(name) else f"no lab `{name}` is running")
    return Exit.FINE
