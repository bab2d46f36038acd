"""A small Kubernetes API server on 127.0.0.1, for tests: real sockets, answers as the real one gives them.

What it has: discovery, objects, lists of one namespace or of all, in pages with continue tokens that expire,
authentication by bearer token, permissions, `Status` objects for everything that goes wrong, compression. A
test scripts what else may happen to a request (`KubeApi.next`): an error, a slow answer, a broken connection.
Every request that arrives is kept.

A new verb is a method of `KubeApi` named in `_VERBS`; a new way to answer is a subclass of `Reply`.
"""

from __future__ import annotations

import base64
import gzip
import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import yaml

Object = dict[str, Any]

# The API server compresses larger answers where the client takes them compressed.
_COMPRESSED_FROM = 128 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of object that the server knows. Items of lists of built-in kinds do not repeat their kind."""

    group: str = ""
    version: str = "v1"
    plural: str
    kind: str
    namespaced: bool = True
    built_in: bool = True
    verbs: tuple[str, ...] = ("create", "delete", "get", "list", "patch", "update", "watch")

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


BUILT_IN = (
    Kind(plural="namespaces", kind="Namespace", namespaced=False),
    Kind(plural="nodes", kind="Node", namespaced=False),
    Kind(plural="pods", kind="Pod"),
    Kind(plural="services", kind="Service"),
    Kind(plural="configmaps", kind="ConfigMap"),
    Kind(plural="replicationcontrollers", kind="ReplicationController"),
    Kind(group="apps", plural="deployments", kind="Deployment"),
    Kind(group="apps", plural="statefulsets", kind="StatefulSet"),
    Kind(group="apps", plural="daemonsets", kind="DaemonSet"),
    Kind(group="apps", plural="replicasets", kind="ReplicaSet"),
    Kind(group="batch", plural="jobs", kind="Job"),
    Kind(group="batch", plural="cronjobs", kind="CronJob"),
    Kind(group="networking.k8s.io", plural="networkpolicies", kind="NetworkPolicy"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it arrived; names of headers are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer: a JSON object, or bytes as they are, after `delay` seconds."""

    status: int = 200
    body: Object | bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0

    def write(self, handler: Handler) -> None:
        """Send it."""
        time.sleep(self.delay)
        data, headers = self._encoded(handler)
        handler.send_response(self.status)
        for name, value in {**headers, **self.headers, "Content-Length": str(len(data))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    def _encoded(self, handler: Handler) -> tuple[bytes, dict[str, str]]:
        if isinstance(self.body, bytes):
            return self.body, {"Content-Type": "text/plain"}
        data = json.dumps(self.body).encode()
        headers = {"Content-Type": "application/json"}
        if len(data) > _COMPRESSED_FROM and "gzip" in handler.headers.get("Accept-Encoding", ""):
            return gzip.compress(data, 1), {**headers, "Content-Encoding": "gzip"}
        return data, headers


class Dropped(Reply):
    """No answer: the connection is closed after the request was read."""

    def write(self, handler: Handler) -> None:
        handler.close_connection = True


class Cut(Reply):
    """The beginning of an answer, after which the connection is closed."""

    def write(self, handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"kind": "PodList", "items": [')
        handler.close_connection = True


def status(code: int, reason: str, message: str, **headers: str) -> Reply:
    """Return a `Status` object, with which the API server says that something failed."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    return Reply(status=code, body=body, headers={name.replace("_", "-"): v for name, v in headers.items()})


TOO_MANY = status(
    429, "TooManyRequests", "the server is currently unable to handle the request", Retry_After="0"
)
INTERNAL = status(500, "InternalError", "etcdserver: request timed out")
UNAVAILABLE = status(503, "ServiceUnavailable", "the server is currently unable to handle the request")


class KubeApi:
    """The server. As a context manager it runs in a thread, until the block ends.

    `users`: who a bearer token is; None admits everybody as an administrator. `denied`: resources
    (`networkpolicies.networking.k8s.io`), or paths outside of resources, that nobody may list or get.
    """

    def __init__(self, *kinds: Kind, tls: ssl.SSLContext | None = None) -> None:
        self.kinds = [*BUILT_IN, *kinds]
        self.users: dict[str, str] | None = None
        self.denied: set[str] = set()
        self.requests: list[Request] = []
        self._objects: dict[tuple[str, str], dict[tuple[str, str], Object]] = {}
        self._scripts: dict[str, deque[Reply]] = {}
        self._revision = 1000
        self._compacted = 0
        self._lock = threading.Lock()
        self._tls = tls
        self._server = _Server(self, tls)

    def __enter__(self) -> Self:
        # Asked often whether to end, so that a test does not wait for it.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._server.server_port}"

    def add(self, *objects: Object) -> None:
        """Store objects, as if they had been created one after the other."""
        for given in objects:
            kind = next(
                k for k in self.kinds if (k.kind, k.api_version) == (given["kind"], given["apiVersion"])
            )
            namespace = given["metadata"].get("namespace", "default") if kind.namespaced else ""
            self._revision += 1
            stamp = {
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {}}}],
                "resourceVersion": str(self._revision),
                "uid": f"00000000-0000-4000-8000-{self._revision:012d}",
            }
            stored = {**given, "metadata": {**given["metadata"], **stamp}}
            if kind.namespaced:
                stored["metadata"]["namespace"] = namespace
            named = self._objects.setdefault((kind.group, kind.plural), {})
            named[namespace, given["metadata"]["name"]] = stored

    def next(self, path: str, *replies: Reply) -> None:
        """Answer the next requests for a path by these, one each; then as usual again."""
        self._scripts.setdefault(path, deque()).extend(replies)

    def compact(self) -> None:
        """Forget the past: continue tokens given out so far expire."""
        self._compacted = self._revision + 1
        self._revision += 1

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
        with self._lock:
            self.requests.append(request)
            if script := self._scripts.get(request.path):
                return script.popleft()
            user = self._user(request)
            if user is None:
                return status(401, "Unauthorized", "Unauthorized")
            verb = _VERBS.get(request.method)
            if verb is None:
                return status(
                    405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
                )
            return verb(self, request, user)

    def _user(self, request: Request) -> str | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token:
            return "system:anonymous"
        return "kubernetes-admin" if self.users is None else self.users.get(token)

    def _get(self, request: Request, user: str) -> Reply:
        if request.path in self.denied:
            return status(403, "Forbidden", f'forbidden: User "{user}" cannot get path "{request.path}"')
        discovery = self._discovery()
        if request.path in discovery:
            return Reply(body=discovery[request.path])
        found = self._resource(request.path)
        if found is None:
            return Reply(status=404, body=b"404 page not found\n")
        kind, namespace, name = found
        if kind.resource in self.denied:
            return _forbidden(user, "get" if name else "list", kind, namespace)
        if name:
            return self._one(kind, namespace, name)
        return self._list(kind, namespace, request.query)

    def _discovery(self) -> dict[str, Object]:
        """Return what is served about the API itself, by path."""
        versions: dict[str, dict[str, list[Kind]]] = {}
        for kind in self.kinds:
            versions.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)
        documents: dict[str, Object] = {
            "/version": {"major": "1", "minor": "36", "gitVersion": "v1.36.0"},
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {
                "kind": "APIGroupList",
                "apiVersion": "v1",
                "groups": [_group(name, tuple(of)) for name, of in versions.items() if name],
            },
        }
        for group, of in versions.items():
            for version, kinds in of.items():
                path = f"/apis/{group}/{version}" if group else f"/api/{version}"
                documents[path] = _resources(kinds)
        return documents

    def _resource(self, path: str) -> tuple[Kind, str, str] | None:
        """Return kind, namespace and name that a path means, "" for all and for none."""
        for kind in self.kinds:
            root = f"/{'apis' if kind.group else 'api'}/{kind.api_version}/"
            if not path.startswith(root):
                continue
            match path.removeprefix(root).split("/"):
                case [kind.plural]:
                    return kind, "", ""
                case [kind.plural, name] if not kind.namespaced:
                    return kind, "", name
                case ["namespaces", namespace, kind.plural]:
                    return kind, namespace, ""
                case ["namespaces", namespace, kind.plural, name]:
                    return kind, namespace, name
                case _:
                    continue
        return None

    def _one(self, kind: Kind, namespace: str, name: str) -> Reply:
        found = self._objects.get((kind.group, kind.plural), {}).get((namespace, name))
        if found is None:
            return status(404, "NotFound", f'{kind.resource} "{name}" not found')
        return Reply(body={**found, "apiVersion": kind.api_version, "kind": kind.kind})

    def _list(self, kind: Kind, namespace: str, query: Mapping[str, str]) -> Reply:
        stored = self._objects.get((kind.group, kind.plural), {})
        names = sorted(name for name in stored if namespace in ("", name[0]))
        limit, revision = int(query.get("limit", "0")), self._revision
        if token := query.get("continue"):
            revision, *start = json.loads(base64.urlsafe_b64decode(token))
            if revision < self._compacted:
                return status(
                    410,
                    "Expired",
                    "The provided continue parameter is too old to display a consistent list result.",
                )
            names = [name for name in names if name > tuple(start)]
        page = names[:limit] if limit else names
        metadata: Object = {"resourceVersion": str(revision)}
        if len(page) < len(names):
            left = [revision, *page[-1]]
            metadata["continue"] = base64.urlsafe_b64encode(json.dumps(left).encode()).decode()
            metadata["remainingItemCount"] = len(names) - len(page)
        items = [self._item(kind, stored[name]) for name in page]
        return Reply(
            body={
                "kind": f"{kind.kind}List",
                "apiVersion": kind.api_version,
                "metadata": metadata,
                "items": items,
            }
        )

    @staticmethod
    def _item(kind: Kind, stored: Object) -> Object:
        if kind.built_in:
            return {name: value for name, value in stored.items() if name not in ("apiVersion", "kind")}
        return {**stored, "apiVersion": kind.api_version, "kind": kind.kind}


_VERBS: dict[str, Callable[[KubeApi, Request, str], Reply]] = {"GET": KubeApi._get}


class Handler(BaseHTTPRequestHandler):
    """Reads requests off one connection and writes the answers."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_any(self) -> None:
        """Answer one request, whatever its method."""
        url = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=url.path,
            query=dict(parse_qsl(url.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length", "0"))),
        )
        try:
            self.server.api.answer(request).write(self)
        except ConnectionError:
            self.close_connection = True  # the client did not wait for the answer

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Take every method: that only some may be sent is for the tests to say."""
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: KubeApi, tls: ssl.SSLContext | None) -> None:
        self.api = api
        self._tls = tls
        super().__init__(("127.0.0.1", 0), Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the thread of the connection, so that a client that refuses stops nobody else."""
        if self._tls is None:
            super().finish_request(request, client_address)
            return
        try:
            with self._tls.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        except OSError:
            return  # the client does not trust the certificate

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a connection ended early."""


def _group(name: str, versions: tuple[str, ...]) -> Object:
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def _resources(kinds: list[Kind]) -> Object:
    def entries() -> Iterator[Object]:
        for kind in kinds:
            entry = {
                "name": kind.plural,
                "singularName": kind.kind.lower(),
                "namespaced": kind.namespaced,
                "kind": kind.kind,
                "verbs": list(kind.verbs),
            }
            yield entry
            yield {**entry, "name": f"{kind.plural}/status", "verbs": ["get", "patch", "update"]}

    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": kinds[0].api_version,
        "resources": list(entries()),
    }


def _forbidden(user: str, verb: str, kind: Kind, namespace: str) -> Reply:
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    message = (
        f'{kind.resource} is forbidden: User "{user}" cannot {verb} resource "{kind.plural}" '
        f'in API group "{kind.group}" {where}'
    )
    return status(403, "Forbidden", message)
