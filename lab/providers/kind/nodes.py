"""A pod's network, entered on the pod's node: the nodes of a kind cluster are containers that we may enter.

Comes in: a cluster, the pod to stand for, a command. Goes out: what the command said, run with the node's own
programs in the network of the pod's sandbox. kind's node image has crictl, which finds the sandbox, nsenter,
curl and bash (https://github.com/kubernetes-sigs/kind/blob/main/images/base/Dockerfile). Names are arguments
of programs, never part of a shell's command.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.programs import Ended, Process, run
from lab.providers.context.execution import Executed
from lab.providers.kind.troubles import of_engine

if TYPE_CHECKING:
    from lab.providers.context.probing.sources import Seat
    from lab.providers.kind.cluster import KindCluster

_SECONDS = 20.0
"""Seconds for a question to the node's container runtime."""
_UID = re.compile(r"[0-9a-zA-Z-]+")
_ENDED = "it was ended"


class Nodes:
    """The nodes of a kind cluster. Threads may share it."""

    def __init__(self, cluster: KindCluster) -> None:
        """Take a cluster; nothing is run yet."""
        self._cluster = cluster
        self._engine = cluster.engine.name
        self._lock, self._naming = threading.Lock(), threading.Lock()
        self._names: frozenset[str] | None = None
        self._running: set[Process] = set()
        self._over = False

    def exec(
        self,
        seat: Seat,
        command: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float = 60.0,
        on_line: Callable[[str], object] | None = None,
    ) -> Executed:
        """Run a command in a pod's network on its node, at most `timeout` seconds.

        That it could not be run is told as the `trouble` of what is returned.
        """
        lines: list[str] = []

        def hear(line: str) -> None:
            lines.append(line)
            if on_line:
                on_line(line)

        try:
            # Asked anew each time: a pod's sandbox may be another one by now.
            enter = ("nsenter", "-t", str(self._pid(seat)), "-n", *command)
            ended = self._run(("-i", seat.node, *enter), stdin.decode(), timeout, hear)
        except LabError as error:
            return Executed(lines=tuple(lines), stderr="", status=None, trouble=error.message)
        lost = self._over or ended.code < 0
        return Executed(
            lines=tuple(lines),
            stderr=ended.err,
            status=None if lost else ended.code,
            trouble=_ENDED if lost else "",
        )

    def hang_up(self) -> None:
        """End all commands, whoever is waiting for them, and begin no other."""
        with self._lock:
            self._over = True
            for each in self._running:
                each.terminate()

    def _pid(self, seat: Seat) -> int:
        """Return the process on its node that holds a pod's network. Raises LabError."""
        if seat.node not in self._known():
            raise LabError(f"`{seat.node}` is no node of the kind cluster `{self._cluster.name}`")
        if not _UID.fullmatch(seat.uid):
            raise LabError("the pod has no UID by which its node knows it")
        # A name would be taken for a regular expression; the label is exact, and no later pod of that name's.
        label = f"io.kubernetes.pod.uid={seat.uid}"
        found = self._ask(seat.node, "crictl", "pods", "-q", "--state", "ready", "--label", label).split()
        if not found:
            raise LabError(f"the node `{seat.node}` has no sandbox of the pod that is ready")
        told = self._ask(seat.node, "crictl", "inspectp", "-o", "json", found[0])
        try:
            pid = json.loads(told)["info"]["pid"]
        except (ValueError, KeyError, TypeError):
            pid = None
        if not isinstance(pid, int) or pid <= 0:
            raise LabError(f"crictl on the node `{seat.node}` does not tell the process of the pod's sandbox")
        return pid

    def _known(self) -> frozenset[str]:
        """Return what kind calls nodes of this cluster: no other container is entered."""
        with self._naming:
            if self._names is None:
                self._names = frozenset(self._cluster.nodes())
            return self._names

    def _ask(self, node: str, *words: str) -> str:
        ended = self._run((node, *words), "", _SECONDS)
        if ended.code:
            raise of_engine(self._engine, ended)
        return ended.out

    def _run(
        self,
        words: Sequence[str],
        stdin: str,
        seconds: float,
        heard: Callable[[str], object] | None = None,
    ) -> Ended:
        mine: list[Process] = []

        def begun(process: Process) -> None:
            mine.append(process)
            with self._lock:
                self._running.add(process)
                if self._over:
                    process.terminate()

        try:
            return run((self._engine, "exec", *words), stdin=stdin, seconds=seconds, heard=heard, begun=begun)
        finally:
            with self._lock:
                self._running.difference_update(mine)
