"""What runs pods: they are scheduled and run at once, and commands run with the programs of their images.

Here they run on this machine, in its network; who has networks for pods derives from it.
"""

from __future__ import annotations

import copy
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.kube_api import containers
from tests.fakes.kube_api.containers import ENDED, RUNNING
from tests.fakes.kube_api.kinds import BUILT_IN, Object

if TYPE_CHECKING:
    from tests.fakes.kube_api.server import KubeApi

# Which programs an image has, beside a shell and what it cannot do without.
IMAGES: Mapping[str, Sequence[str] | None] = {
    "agnhost": ("agnhost",),
    "nginx": ("curl",),
    "bash": ("bash", "timeout"),
    "busybox": (),
    "distroless": None,
}
PODS = next(kind for kind in BUILT_IN if kind.kind == "Pod")
_ALWAYS = ("sh", "sleep", "timeout", "kill", "cat", "env")
_TASK = "e4b1f0c6" * 8
_UNSCHEDULABLE = "0/2 nodes are available: 2 Insufficient cpu."

Command = tuple[Sequence[str], Mapping[str, str]]
"""Words, and the environment in which they are run."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A command that cannot be run, and what the container runtime says."""

    words: str


class Kubelet:
    """Runs the pods of a cluster. `folder` is where its images are made.

    By a pod's name (`shop/web`): `pending`, which no node takes; `trouble`, what happens to its commands;
    `held`, the state in which its containers stay.
    `unpullable`: parts of the names of images that cannot be pulled. `crashing`: what containers of a name
    say before they end, again and again. `old`: nodes whose kernel has no SCTP.
    """

    def __init__(self, folder: Path, nodes: Sequence[str] = ("worker",)) -> None:
        self.nodes = tuple(nodes)
        self.pending: set[str] = set()
        self.unpullable: set[str] = set()
        self.crashing: dict[str, str] = {}
        self.old: set[str] = set()
        self.trouble: dict[str, str] = {}
        self.held: dict[str, Object] = {}
        self._images = folder / "images"
        self._given: dict[str, int] = {}
        self._mine: set[str] = set()
        for image, programs in IMAGES.items():
            self._make(image, programs)
        self._write(self._images / "old", "NO_SCTP=yes")

    def settle(self, api: KubeApi) -> None:
        """Run the pods that are there and do not run yet."""
        for (namespace, name), pod in list(api.store.objects(PODS.stored).items()):
            number = self._given.setdefault(f"{namespace}/{name}", len(self._given) + 1)
            node = self.nodes[number % len(self.nodes)]
            self.run(api, pod, node, (f"10.244.{number // 250}.{number % 250 + 1}",))

    def run(self, api: KubeApi, pod: Object, node: str, addresses: Sequence[str]) -> None:
        """Let a pod be where it is to be, with its containers as they are to be.

        One that came with a status is left as it is: a test says how it fares.
        """
        uid = pod["metadata"]["uid"]
        if uid not in self._mine and (pod.get("status") or {}).get("phase"):
            return
        self._mine.add(uid)
        found = copy.deepcopy(pod)
        status = found.setdefault("status", {})
        if words := self.unschedulable(api, pod, node):
            told = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
            status.update(phase="Pending", conditions=[{**told, "message": words}])
        else:
            found["spec"]["nodeName"] = found["spec"].get("nodeName") or node
            self._status(found, addresses)
        if found != pod:
            api.store.put(PODS, found)
            self._tell(api, found)

    def unschedulable(self, api: KubeApi, pod: Object, node: str) -> str:
        """Say why no node takes a pod, "" when one does."""
        return _UNSCHEDULABLE if title(pod) in self.pending else ""

    def _tell(self, api: KubeApi, pod: Object) -> None:
        """Write the events of a pod, and the logs of its containers that ended."""
        for event in containers.events(pod):
            if not api.store.find(
                containers.EVENTS, event["metadata"]["namespace"], event["metadata"]["name"]
            ):
                api.store.put(containers.EVENTS, event)
        for name, words in self.crashing.items():
            api.past[pod["metadata"]["namespace"], pod["metadata"]["name"], name] = words

    def _status(self, pod: Object, addresses: Sequence[str]) -> None:
        spec, status = pod["spec"], pod["status"]
        first = [
            containers.told(each, self._state(pod, each), early=True)
            for each in spec.get("initContainers") or ()
        ]
        own = [containers.told(each, self._state(pod, each)) for each in spec["containers"]]
        status.update(
            podIPs=[{"ip": address} for address in addresses],
            podIP=addresses[0],
            **containers.fared(first, own),
        )
        known = {each["name"]: each for each in status.get("ephemeralContainerStatuses") or ()}
        for each in spec.get("ephemeralContainers") or ():
            known.setdefault(each["name"], containers.told(each, self._state(pod, each)))
        if known:
            status["ephemeralContainerStatuses"] = list(known.values())

    def _state(self, pod: Object, container: Object) -> Object:
        if held := self.held.get(title(pod)):
            return copy.deepcopy(held)
        image = str(container["image"])
        if any(part in image for part in self.unpullable):
            return containers.unpulled(image)
        if container["name"] in self.crashing:
            return containers.crashed(pod, container)
        program = (container.get("command") or [""])[0]
        if program and not (self._images / _named(image) / program).exists():
            return containers.unstarted(_missing(program))
        return copy.deepcopy(RUNNING)

    def command(self, pod: Object, container: str, words: Sequence[str]) -> Command | Failed:
        """Return what runs words in a container, or why they cannot be run."""
        if trouble := self.trouble.get(title(pod)):
            return Failed(trouble)
        kinds = ("containers", "ephemeralContainers")
        found = [each for kind in kinds for each in pod["spec"].get(kind) or ()]
        wanted = next(str(each["image"]) for each in found if each["name"] == container)
        image = _named(wanted)
        if not (self._images / image / words[0]).exists():
            runc = f"OCI runtime exec failed: exec failed: {_missing(words[0])}"
            return Failed(f'failed to exec in container: failed to start exec "{_TASK}": {runc}')
        if tuple(words) == ("kill", "1"):
            for each in pod["status"].get("ephemeralContainerStatuses") or ():
                if each["name"] == container:
                    each["state"] = copy.deepcopy(ENDED)
            return ["true"], os.environ
        environment = {**os.environ, "PATH": str(self._images / image)}
        if pod["spec"].get("nodeName") in self.old:
            environment["PATH"] = f"{self._images / 'old'}:{environment['PATH']}"
        return [*self.way(pod), *words], environment

    def way(self, pod: Object) -> Sequence[str]:
        """Return the words that run others where a pod is."""
        return ()

    def _make(self, name: str, programs: Sequence[str] | None) -> None:
        folder = self._images / name
        folder.mkdir(parents=True)
        for program in () if programs is None else (*_ALWAYS, *programs):
            if program == "agnhost":
                self._write(folder)
            elif (found := shutil.which(program)) and not (folder / program).exists():
                (folder / program).symlink_to(found)

    def _write(self, folder: Path, *settings: str) -> None:
        """Put what stands in for agnhost into a folder."""
        folder.mkdir(exist_ok=True)
        script = Path(__file__).with_name("agnhost.py")
        words = [sys.executable, "-IS", str(script), '"$@"']
        (folder / "agnhost").write_text("#!/bin/sh\n" + " ".join((*settings, "exec", *words)) + "\n")
        (folder / "agnhost").chmod(0o755)


def _named(image: str) -> str:
    """Return which of the known images one is."""
    return next((each for each in IMAGES if each in image), "busybox")


def _missing(program: str) -> str:
    return (
        f'unable to start container process: exec: "{program}": executable file not found in $PATH: unknown'
    )


def title(pod: Object) -> str:
    """Return what a pod is called: its namespace and name."""
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
