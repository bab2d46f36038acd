"""What went wrong in the lab, in the user's words: one message and what to do about it."""

from __future__ import annotations

import errno

_PROCESSES = "there is no room for another process: end some, or raise the limit (`ulimit -u`)"


class LabError(Exception):
    """Something the user can read and act on: `message` says what is wrong, `help` what is right.

    `seen` is what was found where it went wrong, a line each.
    """

    def __init__(self, message: str, help_: str | None = None, *, seen: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.help = help_
        self.seen = seen

    def __str__(self) -> str:
        return f"{self.message}\n  help: {self.help}" if self.help else self.message


def not_running(name: str) -> LabError:
    """Return the error for a lab that is asked for and is not there."""
    return LabError(f"no lab `{name}` is running", "start it with `invoke up`")


def up_already(name: str) -> LabError:
    """Return the error for a lab that is to be brought up and is there."""
    return LabError(
        f"the lab `{name}` is up already", "use it, end it with `invoke down`, or give another `--name`"
    )


def unable(what: str, error: OSError) -> LabError:
    """Return an error that says what the operating system did not let us do, and what would help."""
    full = error.errno == errno.EAGAIN
    return LabError(f"cannot {what}: {error.strerror}", _PROCESSES if full else None)
