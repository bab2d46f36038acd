"""Pods of a small network in which commands run as in containers: real shells, the programs of an image."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.providers.context.execution import Executed
from lab.providers.context.probing.sources import Seat
from lab.providers.netns.network import Network
from tests.fakes.kube_api.kubelet import Failed, Kubelet

_PR_SET_CHILD_SUBREAPER = 36


class Pods:
    """What can run commands in a network's pods, until it is closed: what they left running ends then."""

    def __init__(self, network: Network, folder: Path, image: str = "agnhost") -> None:
        self.kubelet = Kubelet(folder)
        self.environment: Mapping[str, str] = {}
        self._network, self._image = network, image
        self._entering = threading.Lock()
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_all()

    def seats(self) -> dict[str, Seat]:
        """Return where commands run in each pod."""
        found = {}
        for pod in self._network.topology.pods:
            namespace, _, name = pod.name.partition("/")
            found[pod.name] = Seat(
                namespace=namespace, pod=name, containers=("c",), ephemeral=True, ours=True, node=pod.node
            )
        return found

    def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        command: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float = 60.0,
        on_line: Callable[[str], object] | None = None,
    ) -> Executed:
        name = f"{namespace}/{pod}"
        node = next(each.node for each in self._network.topology.pods if each.name == name)
        spec = {"nodeName": node, "containers": [{"name": container, "image": self._image}]}
        shown = {"metadata": {"namespace": namespace, "name": pod}, "spec": spec, "status": {}}
        found = self.kubelet.command(shown, container, command)
        assert not isinstance(found, Failed), found
        words, environment = found
        with self._entering, self._network.place(name).namespace:
            running = subprocess.Popen(  # a thread is in one network at a time, its child in the same
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**environment, **self.environment},
            )
        out, err = running.communicate(stdin, timeout)
        lines = tuple(out.decode().splitlines())
        for line in lines if on_line else ():
            assert on_line
            on_line(line)
        return Executed(lines=lines, stderr=err.decode(), status=running.returncode)

    def end_all(self) -> None:
        """End what commands have left running."""
        while True:
            try:
                left = [pid for pid in _children() if os.waitpid(pid, os.WNOHANG)[0] == 0]
            except ChildProcessError:
                continue
            if not left:
                return
            for pid in left:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _children() -> list[int]:
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the thread has ended
            found += map(int, (task / "children").read_text().split())
    return found
