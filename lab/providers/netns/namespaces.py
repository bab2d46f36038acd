"""Network namespaces, held by file descriptors only.

Comes in: nothing but the right to make them. Goes out: `isolate`, the first act of every lab process, after
which it has no path to the host's network; and `Namespace`, which is entered with `with` and ends when its
descriptor is closed, or when the process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.errors import LabError
from lab.providers.netns import syscalls

_SELF = Path("/proc/thread-self/ns/net")


@dataclass(slots=True)
class _Whereabouts:
    """Where this process is: the descriptor of its namespace now, and which namespace is the host's."""

    now: int = -1
    host: tuple[int, int] | None = None
    rootless: bool = False


_process = _Whereabouts()


def isolate(extra: int = 0) -> None:
    """Leave the host's network for good: move this process into an empty network namespace of its own.

    As an ordinary user a user namespace comes with it, in which the process is root. `extra` are further
    CLONE_NEW* flags to unshare at once. Calling it again changes nothing. Raises LabError where the machine
    does not permit it.
    """
    if _process.host is not None:
        return
    host = _identity()
    try:
        syscalls.unshare(syscalls.CLONE_NEWNET | extra)
    except PermissionError:
        _unshare_as_user(syscalls.CLONE_NEWNET | extra)
        _process.rootless = True
    if _identity() == host:
        raise LabError("the lab's process is still in the host's network namespace", "report this as a bug")
    _process.now = os.open(_SELF, os.O_RDONLY | os.O_CLOEXEC)
    _process.host = host


def isolated() -> bool:
    """Tell whether this process has left the host's network."""
    return _process.host is not None


def here() -> int:
    """Return the descriptor of the namespace that this process is in now; it stays the owner's."""
    return _process.now


def descriptors() -> list[int]:
    """Return all descriptors that this process has open."""
    return [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]


def in_user_namespace() -> bool:
    """Tell whether this process is root only in a user namespace that `isolate` made for it."""
    return _process.rootless


class Namespace:
    """One network namespace: `with namespace:` works inside it, `close` gives it up.

    Sockets keep the namespace in which they were opened, so one process serves any number of them.
    """

    __slots__ = ("_previous", "descriptor")

    def __init__(self, descriptor: int) -> None:
        """Take over an open descriptor of a network namespace that is not the host's."""
        status = os.fstat(descriptor)
        if (status.st_dev, status.st_ino) == _process.host or not isolated():
            raise LabError("the host's network is no place for a lab", "call isolate() first")
        self.descriptor = descriptor
        self._previous: list[int] = []

    @classmethod
    def create(cls) -> Namespace:
        """Make an empty namespace; the caller stays where it is."""
        if not isolated():
            raise LabError("the host's network is no place for a lab", "call isolate() first")
        syscalls.unshare(syscalls.CLONE_NEWNET)
        try:
            descriptor = os.open(_SELF, os.O_RDONLY | os.O_CLOEXEC)
        finally:
            _return(_process.now)
        return cls(descriptor)

    def __enter__(self) -> Self:
        previous = _process.now
        _enter(self.descriptor)
        self._previous.append(previous)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _return(self._previous.pop())

    def close(self) -> None:
        """Give the descriptor up; the kernel removes the namespace with its last socket."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _enter(descriptor: int) -> None:
    syscalls.setns(descriptor)
    _process.now = descriptor


def _return(descriptor: int) -> None:
    """Go back where the caller was, or end the process: going on in the wrong place is never an option."""
    try:
        _enter(descriptor)
    except OSError as error:
        with contextlib.suppress(OSError):
            sys.stderr.write(f"kubereach lab: cannot leave a network namespace: {error}; giving up\n")
        os._exit(70)


def _identity() -> tuple[int, int]:
    status = _SELF.stat()
    return status.st_dev, status.st_ino


def _unshare_as_user(flags: int) -> None:
    uid, gid = os.geteuid(), os.getegid()
    try:
        syscalls.unshare(syscalls.CLONE_NEWUSER | flags)
        _map_to_root(uid, gid)
    except OSError as error:
        raise LabError(*_explain(error)) from error


def _map_to_root(uid: int, gid: int) -> None:
    for name, content in (
        ("setgroups", b"deny"),
        ("uid_map", b"0 %d 1\n" % uid),
        ("gid_map", b"0 %d 1\n" % gid),
    ):
        Path(f"/proc/self/{name}").write_bytes(content)


def _explain(error: OSError) -> tuple[str, str]:
    if error.errno == errno.EINVAL:
        return "the lab cannot start in a process that runs threads", "start it in a process of its own"
    if error.errno in (errno.ENOSPC, errno.EUSERS):
        return (
            "the machine's limit of user or network namespaces is reached",
            "raise it: `sysctl user.max_user_namespaces user.max_net_namespaces`",
        )
    return (
        f"this machine forbids unprivileged user namespaces: {error.strerror}",
        _ALLOW,
    )


_ALLOW = (
    "run as root, or allow them: `sysctl -w kernel.unprivileged_userns_clone=1` (Debian), "
    "`sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` (Ubuntu), "
    "`sysctl -w user.max_user_namespaces=10000` (others)"
)
