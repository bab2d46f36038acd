"""A Kubernetes API server on 127.0.0.1, for tests: real sockets, answers as the real one gives them.

| module | what it is about |
|---|---|
| `wire` | requests, replies and broken connections, over HTTP |
| `kinds` | the kinds of objects that are served, and discovery |
| `statuses` | the `Status` objects that say what went wrong, in Kubernetes' own words |
| `store` | objects, their revisions, and what happened to them |
| `selectors`, `lists` | lists in pages, of what selectors choose |
| `server` | the server: who asks, what they may, which module answers |

What it says was taken from the sources of Kubernetes 1.36.
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
