"""Runs a test's story in a process of its own, which leaves the host's network: as root, or as nobody."""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

# What a process that has become nobody may not be able to read any more.
from lab.providers.netns import kernel, network  # noqa: F401 - only to be loaded

NOBODY = 65534
_PR_SET_DUMPABLE = 4
_SECONDS = 120

Story = Callable[[], Any]
Inside = Callable[[Story], Any]


def inside(*, rootless: bool) -> Inside:
    """Return what runs stories with these rights, or skip (in CI: fail) where the machine cannot."""
    if not rootless and os.geteuid() != 0:
        pytest.skip("only root can try what root can")
    problem = _problem(rootless=rootless)
    if problem is not None:
        message = f"no lab on this machine: {problem}"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return lambda story: run(story, rootless=rootless)


def run(story: Story, *, rootless: bool) -> Any:
    """Call the story in a forked process and return what it returns; what it raises is raised here."""
    return begin(story, rootless=rootless)()


def begin(story: Story, *, rootless: bool = False) -> Story:
    """Begin a story in a forked process; what is returned waits for its end, as `run` does."""
    ours, its = os.pipe()
    pid = os.fork()
    if pid == 0:
        _tell(story, its, rootless=rootless)
    os.close(its)
    return lambda: _finish(pid, ours)


def _finish(pid: int, ours: int) -> Any:
    with os.fdopen(ours, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(pid, 0)
    assert told, f"the story ended early: {os.waitstatus_to_exitcode(status)}"
    result, problem = pickle.loads(told)
    if problem is not None:
        raise AssertionError(problem)
    return result


def become_nobody() -> None:
    """Give up root, as if an ordinary user had started this process."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)  # as after exec: /proc/self is ours again
    if not os.access(sys.executable, os.X_OK):  # root's own Python: take one that everybody may run
        sys.executable = "/usr/bin/python3"


def _tell(story: Story, pipe: int, *, rootless: bool) -> None:
    answer: tuple[Any, str | None] = (None, "no answer")
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_SECONDS)
        if rootless and os.geteuid() == 0:
            become_nobody()
        answer = story(), None
    except BaseException:  # noqa: BLE001 - all of it is told to the parent
        answer = None, traceback.format_exc()
    finally:
        with os.fdopen(pipe, "wb") as file:
            file.write(pickle.dumps(answer))
        os._exit(0)


@cache
def _problem(*, rootless: bool) -> str | None:
    found = run(lambda: kernel.trial().problem, rootless=rootless)
    return None if found is None else str(found)
