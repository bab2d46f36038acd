"""A command that a user runs in a lab, on the user's own terminal.

Comes in: descriptors of namespaces, by kind, and a command. Goes out: its exit status. The command stays the
user's process, with the terminal, the directory and the environment; it is in the lab's process namespace as
well, and so ends with the lab.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from lab.providers.netns import syscalls

_KINDS = {"user": syscalls.CLONE_NEWUSER, "pid": syscalls.CLONE_NEWPID, "net": syscalls.CLONE_NEWNET}
_NOT_FOUND, _FAILED = 127, 126


def run(namespaces: Mapping[str, int], command: Sequence[str], hosts: str | None = None) -> int:
    """Run a command in these namespaces, and return its status as a shell gives it: 128 + signal when killed.

    `hosts` is a file that it sees as /etc/hosts. The descriptors are closed here.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _enter(namespaces, command, hosts)
    for descriptor in namespaces.values():
        os.close(descriptor)
    return _wait(child)


def _enter(namespaces: Mapping[str, int], command: Sequence[str], hosts: str | None) -> NoReturn:
    """Go into the namespaces, and start the command from there: only a child is in the process namespace."""
    status = _FAILED
    try:
        for kind, flag in _KINDS.items():
            if kind in namespaces:
                syscalls.setns(namespaces[kind], flag)
        child = os.fork()
        if child == 0:
            _execute(command, hosts)
        status = _wait(child)
    except OSError as error:  # ENOMEM: the process namespace has ended, and the lab with it
        reason = "it has ended" if error.errno == errno.ENOMEM else error.strerror
        sys.stderr.write(f"cannot enter the lab: {reason}\n")
    finally:
        os._exit(status)


def _execute(command: Sequence[str], hosts: str | None) -> NoReturn:
    status = _FAILED
    try:
        if hosts is not None:
            syscalls.unshare(syscalls.CLONE_NEWNS)
            syscalls.mount_over(hosts, "/etc/hosts")
        os.execvp(command[0], list(command))  # noqa: S606 - the user's own command line
    except FileNotFoundError:
        status = _NOT_FOUND
        sys.stderr.write(f"there is no program `{command[0]}`\n")
    except OSError as error:
        sys.stderr.write(f"cannot run `{command[0]}`: {error.strerror}\n")
    finally:
        os._exit(status)


def _wait(child: int) -> int:
    """Wait for a child; what the user's keys say (SIGINT, SIGQUIT) is for the command, not for us."""
    kept = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code
