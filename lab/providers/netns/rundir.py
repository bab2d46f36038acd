"""Where the sockets of running labs are: a directory that only its user can enter.

Comes in: a lab's name. Goes out: paths, and the lock that makes sure that a name has one lab.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

DEFAULT_NAME = "kubereach"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")
_LONGEST_SOCKET = 107
"""Bytes that the path of a Unix socket can have."""


def directory() -> Path:
    """Return the user's directory for labs, making it where it is missing.

    It is `kubereach` in $XDG_RUNTIME_DIR or /run/user/UID, else /tmp/kubereach-UID. Raises LabError when that
    is not the user's own, or open to others.
    """
    uid = os.geteuid()
    for parent in (os.environ.get("XDG_RUNTIME_DIR"), f"/run/user/{uid}"):
        if parent and _is_private(Path(parent)):
            return _made(Path(parent, "kubereach"))
    return _made(Path("/tmp", f"kubereach-{uid}"))  # noqa: S108 - its owner and mode are checked


@dataclass(frozen=True, slots=True, kw_only=True)
class LabFiles:
    """What a running lab has in its user's directory, and a killed lab leaves there until `clear`."""

    name: str
    socket: Path
    log: Path
    hosts: Path
    lock: Path

    def take(self) -> int | None:
        """Take the lock and return its descriptor; None while a lab of this name runs.

        The lock goes with the process that holds the descriptor, however it ends.
        """
        while True:
            descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return None
            if os.fstat(descriptor).st_nlink:
                return descriptor
            os.close(descriptor)  # its last owner removed it while we waited

    def clear(self) -> None:
        """Remove the files; for the holder of the lock."""
        for path in (self.socket, self.log, self.hosts, self.lock):
            path.unlink(missing_ok=True)


def check_name(name: str) -> None:
    """Raise LabError when a name cannot be a lab's."""
    if not _NAME.fullmatch(name):
        raise LabError(
            f"`{name}` cannot be the name of a lab",
            "a name has up to 40 lower-case letters, digits and `-`, and `-` neither first nor last",
        )


def files(name: str) -> LabFiles:
    """Return where a lab's files are. Raises LabError when the name cannot be one."""
    check_name(name)
    base = directory()
    paths = {kind: base / f"{name}.{kind}" for kind in ("socket", "log", "hosts", "lock")}
    if len(os.fsencode(paths["socket"])) > _LONGEST_SOCKET:
        raise LabError(
            f"`{paths['socket']}` is too long for a socket", "set XDG_RUNTIME_DIR to a shorter path"
        )
    return LabFiles(name=name, **paths)


def names() -> list[str]:
    """Return the names of all labs that were started and not cleanly ended, running or not."""
    return sorted(path.stem for path in directory().glob("*.socket"))


def _is_private(path: Path) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _made(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise LabError(f"cannot make `{path}`: {error.strerror}", "set XDG_RUNTIME_DIR") from error
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise LabError(
            f"`{path}` is not a directory of yours alone", "remove it, or set XDG_RUNTIME_DIR to one that is"
        )
    return path
