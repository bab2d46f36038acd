"""A program that runs in the lab, next to everything else the loop serves.

Comes in: a command, started in the namespace that the caller is in. Goes out: its exit status and what it
wrote.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence

from lab.errors import LabError
from lab.providers.netns import syscalls
from lab.providers.netns.loop import READ, Loop


class Command:
    """One running program. It is killed when its time is over, and when the lab ends, however it ends."""

    def __init__(self, loop: Loop, command: Sequence[str], timeout: float | None = None) -> None:
        """Start it; raises LabError when there is no such program. `timeout` is in seconds."""
        self.done = False
        self._loop = loop
        self._command = command
        self._output, self._errors = os.memfd_create("output"), os.memfd_create("errors")
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._errors,
                preexec_fn=_die_with_the_lab,  # noqa: PLW1509 - the lab runs one thread only
            )
        except OSError as error:
            self._close()
            raise LabError(f"cannot run `{command[0]}`: {error.strerror}") from error
        self._waiting = os.pidfd_open(self._process.pid)
        loop.watch(self._waiting, READ, self._ended)
        self._timer = None if timeout is None else loop.at(time.monotonic() + timeout, self._process.kill)

    def result(self) -> subprocess.CompletedProcess[str]:
        """Return the exit status (negative: the signal that ended it) and what it wrote, once it is done."""
        assert self.done, "a command's result is asked for when it is done"
        return self._result

    def _ended(self, mask: int) -> None:
        self._loop.forget(self._waiting)
        os.close(self._waiting)
        if self._timer is not None:
            self._timer.cancel()
        code = self._process.wait()
        self._result = subprocess.CompletedProcess(
            self._command, code, _written(self._output), _written(self._errors)
        )
        self._close()
        self.done = True

    def _close(self) -> None:
        os.close(self._output)
        os.close(self._errors)


def _die_with_the_lab() -> None:
    syscalls.die_with_parent(signal.SIGKILL)


def _written(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0).decode("utf-8", "replace")
