"""The commands of the command line, one module each: its arguments, and what it does with them."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes, the same for every command."""

    FINE = 0
    FINDING = 1
    WRONG = 2
    NOTHING = 3
    UNKNOWN = 4
    INTERNAL = 70
    INTERRUPTED = 130
