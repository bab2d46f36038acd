"""What went wrong in the lab, in the user's words: one message and what to do about it."""

from __future__ import annotations


class LabError(Exception):
    """Something the user can read and act on: `message` says what is wrong, `help` what is right."""

    def __init__(self, message: str, help_: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help_

    def __str__(self) -> str:
        return f"{self.message}\n  help: {self.help}" if self.help else self.message
