"""The few Linux calls that Python 3.11 lacks: unshare, setns, prctl, mount.

Comes in: flags and descriptors. Goes out: nothing, or OSError with the kernel's errno.
"""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

PR_SET_PDEATHSIG = 1
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Move the calling thread into new namespaces (the CLONE_NEW* of `flags`)."""
    if _libc.unshare(flags):
        _fail("unshare")


def setns(descriptor: int, kind: int = CLONE_NEWNET) -> None:
    """Move the calling thread into the namespace that `descriptor` refers to."""
    if _libc.setns(descriptor, kind):
        _fail("setns")


def die_with_parent(signal: int) -> None:
    """Have the kernel send `signal` to this process when the thread that forked it ends."""
    if _libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0):
        _fail("prctl")


def mount_over(source: str, target: str) -> None:
    """Have `target` show the file `source`, in the mount namespace of the caller only."""
    none = None
    if _libc.mount(none, b"/", none, _MS_REC | _MS_PRIVATE, none):
        _fail("mount")
    if _libc.mount(os.fsencode(source), os.fsencode(target), none, _MS_BIND, none):
        _fail("mount")


def _fail(call: str) -> None:
    number = ctypes.get_errno()
    raise OSError(number, f"{call}: {os.strerror(number)}")
