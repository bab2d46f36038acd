"""Removes a lab with all that belongs to it. Doing so twice is no mistake."""

from __future__ import annotations

from analyzer.commands import Exit
from analyzer.console import Console
from lab.commands import tell
from lab.providers import running


def run(console: Console, *, name: str) -> int:
    """End a lab."""
    ended, left = running.end(name)
    tell(f"lab `{name}` is down" if ended else f"no lab `{name}` is running")
    for each in left:
        tell(f"left: {each}")
    return Exit.FINE
