"""The server: who asks, what they may, and which module answers.

A test scripts what else may happen to a request (`KubeApi.next`): an error, a slow answer, a broken
connection. Every request that arrives is kept.
"""

from __future__ import annotations

import copy
import ssl
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any, Self

import yaml

from tests.fakes.kube_api import execs, lists, managed, statuses, writes
from tests.fakes.kube_api.channels import PROTOCOLS
from tests.fakes.kube_api.controllers import Controllers
from tests.fakes.kube_api.kinds import BUILT_IN, Kind, Object, Place, discovery, place
from tests.fakes.kube_api.kubelet import Kubelet
from tests.fakes.kube_api.managed import Manager
from tests.fakes.kube_api.selectors import chosen
from tests.fakes.kube_api.statuses import Refused
from tests.fakes.kube_api.store import Key, Store, shown
from tests.fakes.kube_api.watches import Watch
from tests.fakes.kube_api.wire import Dropped, Reply, Request, Server

_VERBS = {
    ("GET", True): "get",
    ("GET", False): "list",
    ("POST", False): "create",
    ("PUT", True): "update",
    ("PATCH", True): "patch",
    ("DELETE", True): "delete",
}


def _number(text: str, otherwise: int) -> int:
    if text and not text.isdigit():
        raise Refused(statuses.bad(f'strconv.ParseInt: parsing "{text}": invalid syntax'))
    return int(text or otherwise)


_NOBODY = "system:anonymous"
_ALIVE = ("/healthz", "/livez", "/readyz")


class KubeApi:
    """The server. As a context manager it runs in a thread, until the block ends.

    `users`: who a bearer token is; None admits everybody as an administrator. `denied`: what nobody may do:
    a resource (`networkpolicies.networking.k8s.io`, `pods/exec`), one verb of it (`list pods`), or a path
    outside of resources.
    """

    def __init__(self, *kinds: Kind, tls: ssl.SSLContext | None = None) -> None:
        self.kinds = [*BUILT_IN, *kinds]
        self.users: dict[str, str] | None = None
        self.denied: set[str] = set()
        self.requests: list[Request] = []
        self.store = Store()
        self.controllers = Controllers()
        self.kubelet: Kubelet | None = None
        self._settling = False
        self.protocols: tuple[str, ...] = PROTOCOLS
        """Of channels, for exec."""
        self.logs: dict[tuple[str, str, str], str] = {}
        """Of containers, by namespace, pod and name."""
        self.past: dict[tuple[str, str, str], str] = {}
        """Logs of containers that ended before those that are there now."""
        self.bookmarks = 0.2
        """Seconds of quiet after which a watch that asks for bookmarks is told one."""
        self._scripts: dict[str, deque[Reply]] = {}
        self._lost: list[str] = []
        self._tls = tls
        self._server = Server(self.answer, tls)

    def __enter__(self) -> Self:
        # Asked often whether to end, so that a test does not wait for it.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.store.end()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._server.server_port}"

    def objects(self, plural: str, group: str = "") -> dict[Key, Object]:
        """Return the objects of a kind, by namespace and name."""
        return self.store.objects((group, plural))

    def add(self, *objects: Object, by: str = "kubectl") -> None:
        """Store objects as they are, as if others had applied them one after the other."""
        for given in objects:
            kind = self.kind(given)
            namespace = given["metadata"].get("namespace", "default") if kind.namespaced else ""
            uid = f"00000000-0000-4000-8000-{self.store.revision + 1:012d}"
            stored = copy.deepcopy(dict(given))
            stored["metadata"].update(creationTimestamp=writes.NOW, uid=uid)
            if kind.namespaced:
                stored["metadata"]["namespace"] = namespace
            managed.updated(
                None, stored, Manager(name=by, operation="Apply", version=kind.api_version), writes.NOW
            )
            self.store.put(kind, stored)

    def kind(self, given: Mapping[str, Any]) -> Kind:
        """Return the kind of an object."""
        wanted = (given["kind"], given["apiVersion"])
        return next(each for each in self.kinds if (each.kind, each.api_version) == wanted)

    def next(self, path: str, *replies: Reply) -> None:
        """Answer the next requests for a path by these, one each; then as usual again."""
        self._scripts.setdefault(path, deque()).extend(replies)

    def lose(self, path: str) -> None:
        """Carry out the next request for a path, and let its answer be lost."""
        self._lost.append(path)

    def compact(self) -> None:
        """Forget the past: continue tokens and revisions given out so far expire."""
        self.store.compact()

    def expire_watches(self) -> None:
        """Let every watch that runs end with the 410 that tells its client to list again."""
        self.store.cut()

    def kubeconfig(self, *, context: str = "kind-kubereach", **parts: Mapping[str, Any]) -> str:
        """Return a kubeconfig with one context; `cluster` and `user` are merged into its entries."""
        text: str = yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": context, "cluster": {"server": self.url, **parts.get("cluster", {})}}],
                "users": [{"name": "jane", "user": {"token": "secret", **parts.get("user", {})}}],
                "contexts": [{"name": context, "context": {"cluster": context, "user": "jane"}}],
                "current-context": context,
            }
        )
        return text

    def answer(self, request: Request) -> Reply:
        """Return what a request is answered with."""
        with self.store.changed:
            self.requests.append(request)
            if script := self._scripts.get(request.path):
                return script.popleft()
            user = self._user(request)
            if user is None:
                return statuses.UNAUTHORIZED
            try:
                reply = self._answer(request, user)
            except Refused as refused:
                reply = refused.reply
            if request.path in self._lost:
                self._lost.remove(request.path)
                return Dropped()
            return reply

    def _answer(self, request: Request, user: str) -> Reply:
        found = place(self.kinds, request.path)
        nobody = user == _NOBODY and self.users is not None
        if nobody and found:
            verb = _VERBS.get((request.method, bool(found.name)), "create")
            return statuses.not_permitted(user, verb, found)
        if request.path in self.denied or (nobody and request.path not in (*_ALIVE, "/version")):
            return statuses.path_not_permitted(user, request.path)
        if found is None:
            return self._outside(request)
        return self._at(found, request, user)

    def _outside(self, request: Request) -> Reply:
        """Answer what is not about objects."""
        if request.path in _ALIVE:
            return Reply(body=b"ok")
        documents = discovery(self.kinds)
        document = documents.get(request.path)
        if document is None:
            group = "/".join(request.path.split("/")[:3])
            served = request.path.startswith("/api/") or group in documents
            return statuses.NOT_SERVED if served else statuses.NO_SUCH_PATH
        return Reply(body=document) if request.method == "GET" else statuses.NO_SUCH_METHOD

    def _at(self, found: Place, request: Request, user: str) -> Reply:
        verb = _VERBS.get((request.method, bool(found.name)))
        if verb is None:
            return statuses.NO_SUCH_METHOD
        if verb == "list" and request.query.get("watch", "false") not in ("false", "0"):
            verb = "watch"
        if found.subresource == "exec":
            return execs.answered(self, found, request, user)
        self.permit(user, verb, found)
        if found.subresource == "log":
            return execs.logged(self, found, request)
        if verb in ("get", "list", "watch"):
            return self._read(verb, found, request)
        return writes.written(self, verb, found, request, user)

    def _read(self, verb: str, found: Place, request: Request) -> Reply:
        if verb == "list":
            return lists.page(self.store, found.kind, found.namespace, request.query)
        if verb == "watch":
            return self._watch(found, request.query)
        return self._one(found)

    def _watch(self, found: Place, query: Mapping[str, str]) -> Watch:
        return Watch(
            store=self.store,
            kind=found.kind,
            namespace=found.namespace,
            chosen=chosen(found.kind, query),
            revision=_number(query.get("resourceVersion", ""), 0),
            seconds=_number(query.get("timeoutSeconds", ""), 1800),
            bookmarks=self.bookmarks if query.get("allowWatchBookmarks") in ("true", "1") else 0,
        )

    def happened(self) -> None:
        """Let the cluster see what was written: what it does about it is done at once."""
        if self._settling:
            return  # it is the cluster itself that writes
        self._settling = True
        try:
            self.controllers.make(self)
            if self.kubelet:
                self.kubelet.settle(self)
            self.controllers.tell(self)
        finally:
            self._settling = False

    def permit(self, user: str, verb: str, found: Place) -> None:
        """Raise Refused when nobody may do that."""
        subresource = f"/{found.subresource}" if found.subresource else ""
        group = f".{found.kind.group}" if found.kind.group else ""
        resource = f"{found.kind.plural}{group}{subresource}"
        if self.denied & {resource, f"{verb} {resource}"}:
            raise Refused(statuses.not_permitted(user, verb, found))

    def _user(self, request: Request) -> str | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token:
            return _NOBODY
        return "kubernetes-admin" if self.users is None else self.users.get(token)

    def _one(self, found: Place) -> Reply:
        if found.kind.kind == "CustomResourceDefinition":
            self.controllers.looked(self, found.name)
        stored = self.store.find(found.kind, found.namespace, found.name)
        if stored is None:
            return statuses.not_found(found)
        return Reply(body=shown(found.kind, stored))
