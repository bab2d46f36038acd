"""What this machine can do for the lab, and how to get what it cannot.

Comes in: nothing. Goes out: `Capabilities`, found out by trying, in a process of its own so that nothing of
the trial is left.
"""

from __future__ import annotations

import errno
import json
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass

from lab.errors import LabError

_SCTP = 132
_TRIAL = "table inet kubereach_trial { chain c { ct state established accept; log group 1; }; }\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What was found. `problem` says why no lab can be built here, and `help` what to do; None: it can."""

    nft: str | None
    rootless: bool
    sctp_sockets: bool
    ipv6: bool
    problem: str | None = None
    help: str | None = None

    def require(self) -> None:
        """Raise LabError unless a lab can be built here."""
        if self.problem is not None:
            raise LabError(self.problem, self.help)

    @property
    def notes(self) -> tuple[str, ...]:
        """What goes another way here, one sentence each."""
        found = []
        if not self.sctp_sockets:
            found.append("the kernel has no SCTP sockets: SCTP is probed by INIT and INIT-ACK packets")
        if not self.ipv6:
            found.append("the kernel has no IPv6: IPv6 addresses cannot be probed")
        return tuple(found)


def has_sctp_sockets() -> bool:
    """Tell whether the kernel offers SCTP sockets, loading its module where it may."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, _SCTP).close()
    except OSError as error:
        if error.errno in (errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT, errno.EACCES):
            return False
        raise
    return True


def has_ipv6() -> bool:
    """Tell whether the kernel speaks IPv6."""
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_STREAM).close()
    except OSError:
        return False
    return True


def detect() -> Capabilities:
    """Find out what a lab could do here, by trying in another process."""
    done = subprocess.run(
        [sys.executable, "-m", "lab.providers.netns.kernel"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        return Capabilities(
            nft=None,
            rootless=False,
            sctp_sockets=False,
            ipv6=False,
            problem=f"the trial failed: {done.stderr}",
        )
    return Capabilities(**json.loads(done.stdout))


def trial() -> Capabilities:
    """Find out by trying in this process, which thereby leaves the host's network."""
    from lab.providers.netns import namespaces, nft
    from lab.providers.netns.nflog import PacketLog

    path = problem = help_ = None
    try:
        namespaces.isolate()
        path = nft.find()
        namespace = namespaces.Namespace.create()
        nft.apply({"trial": (namespace, _TRIAL)})
        PacketLog(namespace).close()
    except LabError as error:
        problem, help_ = error.message, error.help
    return Capabilities(
        nft=path,
        rootless=namespaces.in_user_namespace(),
        sctp_sockets=has_sctp_sockets(),
        ipv6=has_ipv6(),
        problem=problem,
        help=help_,
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(trial())))
