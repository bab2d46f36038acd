"""`kubectl reach`: the command line as a plugin of kubectl, which finds `kubectl-reach` on the PATH.

Comes in: arguments. Goes out: an exit code. Without a path the current context is read, as kubectl would.
"""

from __future__ import annotations

from analyzer.cli import main as command_line


def main() -> int:
    """Run one command."""
    return command_line(live=True)
