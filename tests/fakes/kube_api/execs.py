"""The subresource `exec` of pods: what is checked before a connection is upgraded, and what comes after."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fakes.kube_api import channels, statuses
from tests.fakes.kube_api.channels import PROTOCOLS, STATUS, Channels
from tests.fakes.kube_api.containers import check_log
from tests.fakes.kube_api.kinds import Object, Place
from tests.fakes.kube_api.kubelet import Failed, Kubelet
from tests.fakes.kube_api.statuses import Refused
from tests.fakes.kube_api.wire import Handler, Reply, Request

if TYPE_CHECKING:
    from tests.fakes.kube_api.server import KubeApi

LOST = "lost"
DROPPED = "dropped"
"""What may happen to an exec: its status is lost; the connection ends."""
_FAILED = "error executing command in container: "
_INTERNAL = "Internal error occurred: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Exec(Reply):
    """Runs a command behind a WebSocket."""

    kubelet: Kubelet
    pod: Object
    container: str
    words: tuple[str, ...]
    protocol: str

    def write(self, handler: Handler) -> None:
        handler.close_connection = True
        headers = {name.lower(): value for name, value in handler.headers.items()}
        made = Channels(handler.rfile, handler.wfile, headers, self.protocol)  # type: ignore[arg-type]
        found = self.kubelet.command(self.pod, self.container, self.words)
        if not isinstance(found, Failed):
            channels.run(made, *found)
        elif found.words != DROPPED:
            if found.words != LOST:
                made.send(STATUS, json.dumps(self._failure(found.words)).encode())
            made.close()

    def _failure(self, words: str) -> Object:
        """Return the Status of a command that did not run; who translates wraps it once more."""
        message = f"{_INTERNAL}{_FAILED}{words}"
        if self.protocol == PROTOCOLS[0]:
            message = _INTERNAL + message
        causes = [{"message": message.removeprefix(_INTERNAL)}]
        return statuses.body(500, "InternalError", message, {"causes": causes})


def answered(api: KubeApi, place: Place, request: Request, user: str) -> Reply:
    """Answer a request for exec. Raises Refused."""
    # Since Kubernetes 1.35 a WebSocket, which is a GET, needs what a POST always needed.
    api.permit(user, "get", place)
    api.permit(user, "create", place)
    pod = api.store.find(place.kind, place.namespace, place.name)
    if pod is None:
        raise Refused(statuses.not_found(place))
    container = named(place, pod, request)
    if not (pod.get("spec") or {}).get("nodeName"):
        raise Refused(statuses.bad(f"pod {place.name} does not have a host assigned"))
    if request.headers.get("upgrade", "").lower() != "websocket":
        raise Refused(statuses.bad("Upgrade request required"))
    protocol = channels.chosen(request.headers.get("sec-websocket-protocol", ""), api.protocols)
    if not protocol:
        raise Refused(Reply(status=403))
    if api.kubelet is None or not running(pod, container):
        # The kubelet's words, as they are.
        raise Refused(Reply(status=500, body=f'container not found ("{container}")'.encode()))
    words_asked = tuple(value for name, value in request.pairs if name == "command")
    return Exec(kubelet=api.kubelet, pod=pod, container=container, words=words_asked, protocol=protocol)


def logged(api: KubeApi, place: Place, request: Request) -> Reply:
    """Answer a request for the log of a container. Raises Refused."""
    pod = api.store.find(place.kind, place.namespace, place.name)
    if pod is None:
        raise Refused(statuses.not_found(place))
    container = named(place, pod, request)
    previous = request.query.get("previous") in ("true", "1")
    check_log(pod, container, previous=previous)
    kept = api.past if previous or not running(pod, container) else api.logs
    key = place.namespace, place.name, container
    lines = (kept.get(key) or api.logs.get(key, "")).splitlines(keepends=True)
    last = int(request.query.get("tailLines") or len(lines) or 1)
    return Reply(body="".join(lines[-last:]).encode())


def named(place: Place, pod: Object, request: Request) -> str:
    """Return which container is meant. Raises Refused."""
    names = [each["name"] for each in containers(pod)]
    container = request.query.get("container", "")
    if container:
        if container not in names:
            raise Refused(statuses.bad(f"container {container} is not valid for pod {place.name}"))
        return container
    own: Sequence[Object] = (pod.get("spec") or {}).get("containers") or ()
    if len(own) == 1:
        return str(own[0]["name"])
    words = f"a container name must be specified for pod {place.name}"
    raise Refused(statuses.bad(f"{words}, choose one of: [{' '.join(names)}]" if own else words))


def containers(pod: Object) -> list[Object]:
    """Return all containers of a pod, of whatever sort."""
    kinds = ("initContainers", "containers", "ephemeralContainers")
    return [each for kind in kinds for each in (pod.get("spec") or {}).get(kind) or ()]


def running(pod: Object, container: str) -> bool:
    """Tell whether a container runs."""
    status = pod.get("status") or {}
    kinds = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
    told = [each for kind in kinds for each in status.get(kind) or ()]
    return any(each["name"] == container and "running" in (each.get("state") or {}) for each in told)
