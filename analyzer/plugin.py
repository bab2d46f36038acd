"""`kubectl reach`: the command line as a plugin of kubectl, which finds `kubectl-reach` on the PATH.

Comes in: arguments. Goes out: an exit code. Without a path the current context is read, as kubectl would.
"""

from __future__ import annotations

from typing import NoReturn

from analyzer.cli import process


def main() -> NoReturn:
    """Run one command, and leave."""
    process(live=True)
