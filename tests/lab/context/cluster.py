"""A cluster of one kind of workload, the pod: an API server, and an embedded lab in which its pods live.

What is applied comes to life: pods get addresses and run, policies take hold in the kernel, ephemeral
containers start, and exec runs a command in a pod's network with the programs of the container's image. Real
packets decide what a probe sees.
"""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import yaml

from lab.manifests import read
from lab.providers.netns.provider import EmbeddedLab
from lab.world import Placing
from tests.fakes.kube_api import Handler, Kind, KubeApi, Reply, Request, status
from tests.fakes.kube_api.kinds import place
from tests.lab.context import channels

Object = dict[str, Any]
NODES = ("walk-worker", "walk-worker2")
# Which programs an image has, beside a shell and what it cannot do without.
IMAGES = {
    "agnhost": ("agnhost",),
    "nginx": ("curl",),
    "bash": ("bash", "timeout"),
    "busybox": (),
    "distroless": None,
}
_ALWAYS = ("sh", "sleep", "timeout", "kill")
_EXEC = re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/exec")
_EPHEMERAL = re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/ephemeralcontainers")
_EVENT = Kind(plural="events", kind="Event")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exec(Reply):
    """Runs a command behind a WebSocket: what `chosen` makes of the container and the words asked for."""

    chosen: Callable[[str, Sequence[str]], tuple[Sequence[str], Mapping[str, str]] | str]

    def write(self, handler: Handler) -> None:
        handler.close_connection = True
        asked = parse_qs(urlsplit(handler.path).query)
        found = self.chosen(asked["container"][0], asked["command"])
        headers = {name.lower(): value for name, value in handler.headers.items()}
        made = channels.Channels(handler.rfile, handler.wfile, headers)  # type: ignore[arg-type]
        if found == "dropped":
            return
        if isinstance(found, str):
            if found != "lost":
                told = {"status": "Failure", "reason": "InternalError", "message": found}
                made.send(3, json.dumps(told).encode())
            made.close()
            return
        channels.run(made, *found)


class Cluster(KubeApi):
    """The cluster. `folder` is where its images and manifests are kept; `name` the embedded lab's."""

    def __init__(self, folder: Path, name: str = "behind") -> None:
        super().__init__(_EVENT)
        self._folder, self._name = folder, name
        self._lab: EmbeddedLab | None = None
        self.trouble: dict[str, str] = {}
        self.unpullable: set[str] = set()
        self.pending: set[str] = set()
        self.foreign: set[tuple[str, str]] = set()
        for image, programs in IMAGES.items():
            self._image(image, programs)

    def __enter__(self) -> Self:
        for name in NODES:
            self.add({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        if self._lab:
            self._lab.down()

    def answer(self, request: Request) -> Reply:
        if request.method == "GET" and (found := _EXEC.fullmatch(request.path)):
            scripted = None if not self._scripts.get(request.path) else self._scripts[request.path].popleft()
            return scripted or self._exec(found[1], found[2], request)
        if request.method in ("PATCH", "DELETE"):
            with self.store.changed:
                self.requests.append(request)
                if script := self._scripts.get(request.path):
                    return script.popleft()
                return self._changed(request)
        return super().answer(request)

    def objects(self, plural: str, group: str = "") -> dict[tuple[str, str], Object]:
        return self.store.objects((group, plural))

    def have(self, *documents: Object) -> None:
        """Let objects be there that others made."""
        self.add(*documents)
        self._live()

    def _changed(self, request: Request) -> Reply:
        if found := _EPHEMERAL.fullmatch(request.path):
            return self._ephemeral(found[1], found[2], json.loads(request.body))
        where = place(self.kinds, request.path)
        if where is None:
            return Reply(status=404, body=b"404 page not found\n")
        kind, namespace, name = where.kind, where.namespace, where.name
        if kind.resource in self.denied:
            return forbidden(kind.resource, name, kind.plural)
        if request.method == "DELETE":
            return self._deleted(kind, namespace, name)
        terminating = self.objects("namespaces").get(("", namespace), {}).get("metadata", {})
        if "deletionTimestamp" in terminating:
            words = f"unable to create new content in namespace {namespace} because it is being terminated"
            return status(403, "Forbidden", f'{kind.plural} "{name}" is forbidden: {words}')
        self.add(json.loads(request.body))
        self._live()
        return self._one(where)

    def _deleted(self, kind: Kind, namespace: str, name: str) -> Reply:
        found = self.objects(kind.plural, kind.group)
        if (namespace, name) not in found:
            return status(404, "NotFound", f'{kind.resource} "{name}" not found')
        del found[namespace, name]
        if kind.plural == "namespaces":
            for _, objects in self.store.everything():
                for key in [key for key in objects if key[0] == name]:
                    del objects[key]
        self._live()
        return Reply(body={"kind": "Status", "status": "Success"})

    def _ephemeral(self, namespace: str, name: str, body: Object) -> Reply:
        if "pods/ephemeralcontainers" in self.denied:
            return forbidden("pods", name, "pods/ephemeralcontainers")
        pod = self.objects("pods")[namespace, name]
        for container in body["spec"]["ephemeralContainers"]:
            pod["spec"].setdefault("ephemeralContainers", []).append(container)
            state: Object = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
            if any(image in container["image"] for image in self.unpullable):
                words = f'Back-off pulling image "{container["image"]}"'
                state = {"waiting": {"reason": "ImagePullBackOff", "message": words}}
            told = {"name": container["name"], "state": state, "image": container["image"]}
            pod["status"].setdefault("ephemeralContainerStatuses", []).append(told)
        return Reply(body=copy.deepcopy(pod))

    def _exec(self, namespace: str, name: str, request: Request) -> Reply:
        with self.store.changed:
            self.requests.append(request)
        title = f"{namespace}/{name}"

        def chosen(container: str, words: Sequence[str]) -> tuple[Sequence[str], Mapping[str, str]] | str:
            if trouble := self.trouble.get(title):
                return trouble
            pod = self.objects("pods")[namespace, name]
            kinds = ("containers", "ephemeralContainers")
            containers = [each for kind in kinds for each in pod["spec"].get(kind, ())]
            running = next(each["image"] for each in containers if each["name"] == container)
            image = next(each for each in IMAGES if each in running)
            if IMAGES[image] is None:
                program = f'exec: "{words[0]}": executable file not found in $PATH'
                return f"OCI runtime exec failed: exec failed: unable to start container process: {program}"
            if words == ["kill", "1"]:
                for each in pod["status"]["ephemeralContainerStatuses"]:
                    if each["name"] == container:
                        each["state"] = {"terminated": {"exitCode": 0}}
                return ["true"], os.environ
            inside = [sys.executable, "-m", "tests.lab.context.inside", self._name, title]
            return [*inside, *words], {**os.environ, "PATH": str(self._folder / "images" / image)}

        return Exec(chosen=chosen)

    def _live(self) -> None:
        """Have the embedded lab show what is stored, and the pods say where they live."""
        kinds = {("", "namespaces"), ("", "pods"), ("", "services"), ("networking.k8s.io", "networkpolicies")}
        documents = []
        for of in kinds:
            for each in self.store.objects(of).values():
                plain = {name: value for name, value in each.items() if name != "status"}
                kept = ("name", "namespace", "labels")
                metadata = {key: value for key, value in plain["metadata"].items() if key in kept}
                spec = {k: v for k, v in plain.get("spec", {}).items() if k != "ephemeralContainers"}
                documents.append({**plain, "metadata": metadata, **({"spec": spec} if spec else {})})
        if not self.objects("pods"):
            return
        path = self._folder / "now.yaml"
        path.write_text(yaml.safe_dump_all(documents))
        manifests = read([str(path)])
        if self._lab is None:
            self._lab = EmbeddedLab.up(manifests, self._name, Placing(nodes=NODES))
        else:
            self._lab.deploy(manifests)
        self._lab.serve()
        for name, pod in self._lab.world.pods():
            self._run(self.objects("pods")[tuple(name.split("/"))], pod.node, pod.addresses)  # type: ignore[index]

    def _run(self, stored: Object, node: str, addresses: Sequence[str]) -> None:
        title = f"{stored['metadata']['namespace']}/{stored['metadata']['name']}"
        status_ = stored.setdefault("status", {})
        if title in self.pending:
            words = "0/2 nodes are available: 2 Insufficient cpu."
            told = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
            status_.update(phase="Pending", conditions=[told])
            return
        stored["spec"]["nodeName"] = node
        running = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        status_.update(
            phase="Running",
            podIPs=[{"ip": address} for address in addresses],
            podIP=addresses[0],
            conditions=[{"type": "Ready", "status": "True"}],
            containerStatuses=[
                {"name": each["name"], "state": running, "ready": True, "image": each["image"]}
                for each in stored["spec"]["containers"]
            ],
        )

    def _image(self, name: str, programs: Sequence[str] | None) -> None:
        folder = self._folder / "images" / name
        folder.mkdir(parents=True)
        for program in (*_ALWAYS, *(programs or ())):
            if program == "agnhost":
                script = Path(__file__).with_name("agnhost.py")
                (folder / program).write_text(f'#!/bin/sh\nexec {sys.executable} -S {script} "$@"\n')
                (folder / program).chmod(0o755)
            elif (found := shutil.which(program)) and not (folder / program).exists():
                (folder / program).symlink_to(found)


def forbidden(resource: str, name: str, what: str) -> Reply:
    words = f'User "jane" cannot patch resource "{what}"'
    return status(403, "Forbidden", f'{resource} "{name}" is forbidden: {words}')
