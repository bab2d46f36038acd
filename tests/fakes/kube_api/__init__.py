"""A Kubernetes API server on 127.0.0.1, for tests: real sockets, answers as the real one gives them.

| module | what it is about |
|---|---|
| `wire` | requests, replies and broken connections, over HTTP |
| `kinds` | the kinds of objects that are served, and discovery |
| `statuses` | the `Status` objects that say what went wrong, in Kubernetes' own words |
| `store` | objects, their revisions, and what happened to them |
| `labels`, `selectors` | selectors in text, and what they choose |
| `lists`, `watches` | lists in pages, and what happens, of what selectors choose |
| `schema`, `typed`, `custom` | fields and types of kinds; what is said of documents that have others |
| `merging`, `managed` | patches; server-side apply, and who manages what |
| `validation`, `ephemeral` | defaults, and what is refused |
| `admission`, `podsecurity` | who is let in; what the Pod Security Standards forbid |
| `options`, `writes`, `removal` | what becomes of an object on its way into the store, and out of it |
| `controllers`, `kubelet` | what a cluster does about it: pods for workloads, kinds, pods that run |
| `containers` | how the containers of pods fare: their states, events and logs |
| `execs`, `channels`, `agnhost` | commands in containers, behind a WebSocket; a program of an image |
| `server` | the server: who asks, what they may, which module answers |

What it says is what the API server of Kubernetes 1.36 was heard to say to the same requests, where tests
depend on it, and what the sources say elsewhere. Nothing but what is stored is listed: the namespaces that
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
