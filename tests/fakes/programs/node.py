"""What `docker exec NODE` runs on a node of kind: crictl and nsenter, for the pods that the API server shows.

A sandbox's process is a number made from its pod's UID. Who enters it is taken into the network that the file
`inside.json` of the test's folder leads to: words to put before the pod's name and the command, and a PATH.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.request import ProxyHandler, build_opener

from tests.fakes.programs.state import State, fail

_UID = "io.kubernetes.pod.uid="


@dataclass(frozen=True)
class Sandbox:
    """The sandbox of a pod on a node."""

    pod: str
    uid: str

    @property
    def id(self) -> str:
        return hashlib.sha256(self.uid.encode()).hexdigest()

    @property
    def pid(self) -> int:
        return int(self.id[:5], 16) + 300


def main(state: State, engine: str, words: list[str]) -> None:
    """Run a command on a node: `[-i] NODE PROGRAM ARGUMENT ...`."""
    node, program, *arguments = words[1:] if words[0] == "-i" else words
    if not any(node in nodes for nodes in state.clusters.values()):
        absent = f'Error: no container with name or ID "{node}" found: no such container'
        fail(absent if engine == "podman" else f"Error response from daemon: No such container: {node}")
    if f"no-{program}" in state.troubles:
        started = "exec failed: unable to start container process"
        absent = f'exec: "{program}": executable file not found in $PATH'
        fail(f"OCI runtime exec failed: {started}: {absent}: unknown", 127)
    sandboxes = {each.pid: each for each in _sandboxes(state, node)}
    match program, arguments:
        case "crictl", ["pods", "-q", "--state", "ready", "--label", label] if label.startswith(_UID):
            found = [each.id for each in sandboxes.values() if each.uid == label.removeprefix(_UID)]
            print("\n".join(found))
        case "crictl", ["inspectp", "-o", "json", wanted]:
            print(json.dumps(_inspected(state, next(e for e in sandboxes.values() if e.id == wanted))))
        case "nsenter", ["-t", pid, "-n", *command]:
            if "sandbox-gone" in state.troubles or int(pid) not in sandboxes:
                fail(f"nsenter: cannot open /proc/{pid}/ns/net: No such file or directory")
            _enter(state, sandboxes[int(pid)], command)
        case _:
            fail(f"{program}: no such option: {' '.join(arguments)}")


def _sandboxes(state: State, node: str) -> Iterator[Sandbox]:
    """Yield the sandboxes of a node: those of the pods that the API server says run there."""
    server = re.search(r"server: (\S+)", (state.folder / "kubeconfig").read_text())
    assert server, "the test's kubeconfig leads to an API server"
    with build_opener(ProxyHandler({})).open(f"{server[1]}/api/v1/pods") as answer:
        pods: list[dict[str, Any]] = json.load(answer)["items"]
    for pod in pods:
        metadata = pod["metadata"]
        if pod.get("spec", {}).get("nodeName") == node:
            yield Sandbox(pod=f"{metadata['namespace']}/{metadata['name']}", uid=metadata["uid"])


def _inspected(state: State, sandbox: Sandbox) -> dict[str, Any]:
    pid = 0 if "no-pid" in state.troubles else sandbox.pid
    return {"status": {"id": sandbox.id, "state": "SANDBOX_READY"}, "info": {"pid": pid}}


def _enter(state: State, sandbox: Sandbox, command: list[str]) -> None:
    if "nsenter-hangs" in state.troubles:
        time.sleep(60)
    inside = state.read("inside")
    if inside:
        command = [*inside["words"], sandbox.pod, *command]
        os.environ["PATH"] = inside["path"]
    sys.stdout.flush()
    os.execvp(command[0], command)
