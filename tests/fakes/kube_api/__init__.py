"""A Kubernetes API server on 127.0.0.1, for tests: real sockets, answers as the real one gives them.

| module | what it is about |
|---|---|
| `wire` | requests, replies and broken connections, over HTTP |
| `kinds` | the kinds of objects that are served, and discovery |
| `statuses` | the `Status` objects that say what went wrong, in Kubernetes' own words |
| `store` | objects, their revisions, and what happened to them |
| `selectors`, `lists`, `watches` | lists in pages, and what happens, of what selectors choose |
| `schema`, `merging`, `managed` | the fields of kinds; patches; server-side apply, and who manages what |
| `validation`, `admission`, `ephemeral` | defaults, and what is refused |
| `writes`, `removal` | what becomes of an object on its way into the store, and out of it |
| `controllers`, `kubelet` | what a cluster does about it: pods for workloads, kinds, pods that run |
| `containers` | how the containers of pods fare: their states, events and logs |
| `execs`, `channels`, `agnhost` | commands in containers, behind a WebSocket; a program of an image |
| `server` | the server: who asks, what they may, which module answers |

What it says is what the sources of Kubernetes say. Nothing but what is stored is listed: the namespaces that
every cluster has are there without being listed, until a test adds them.
"""

from tests.fakes.kube_api.kinds import BUILT_IN, Kind, Object
from tests.fakes.kube_api.server import KubeApi
from tests.fakes.kube_api.statuses import INTERNAL, TOO_MANY, UNAVAILABLE, status
from tests.fakes.kube_api.wire import Cut, Dropped, Handler, Reply, Request

__all__ = [
    "BUILT_IN",
    "INTERNAL",
    "TOO_MANY",
    "UNAVAILABLE",
    "Cut",
    "Dropped",
    "Handler",
    "Kind",
    "KubeApi",
    "Object",
    "Reply",
    "Request",
    "status",
]
