"""The API server of a cluster: whatever a lab asks of it, with time limits everywhere.

Comes in: a kubeconfig and a context. Goes out: plain objects, what a command in a pod said; a
LabError or an AnalyzerError that says what went wrong. Each thread has an ApiClient of its own.
"""

from __future__ import annotations

import json
import socket
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import urllib3
from urllib3.exceptions import HTTPError, InsecureRequestWarning, ProtocolError

from analyzer.live.access import Access, connect
from analyzer.live.failures import not_accepted, unreachable
from lab.errors import LabError
from lab.providers.context.failures import ApiError, OwnershipError, refusal

if TYPE_CHECKING:
    from websocket import WebSocket

    from lab.providers.context.execution import Executed

Object = dict[str, Any]
MANAGER = "kubereach"
CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
PAGE = 500
PAUSES = (0.25, 0.5, 1.0, 2.0)
LONGEST_PAUSE = 30.0
# Nothing was carried out: the server, or what stands before it, has no time.
_BUSY = frozenset((429, 502, 503, 504))
_IDEMPOTENT = frozenset(("GET", "DELETE"))
# These say what is to be; a JSON patch says what is to be done.
_SAME_AGAIN = frozenset(("apply", "merge", "strategic"))
_TYPES = {
    "apply": "application/apply-patch+yaml",
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}
_one_at_a_time = threading.Lock()


class Client:
    """One cluster. Threads may share it."""

    def __init__(self, kubeconfig: str, context: str) -> None:
        """Take the context of a kubeconfig; "" for the user's own and the current one. Nothing is sent yet.

        Raises AnalyzerError when they are not there.
        """
        self._kubeconfig, self._context = kubeconfig or None, context or None
        self._threads = threading.local()
        self._first: Access | None = None
        self._resources: dict[str, dict[str, Object]] = {}
        self._talks: set[WebSocket] = set()
        self._hung_up = threading.Event()
        self._lock = threading.Lock()
        self.context = self.access.context

    @property
    def access(self) -> Access:
        """This thread's own way into the cluster."""
        found: Access | None = getattr(self._threads, "access", None)
        if found is None:
            with _one_at_a_time:  # credential plug-ins may ask the user: once is enough
                if self._first is None:
                    self._first = found = connect(self._context, self._kubeconfig)
                else:
                    found = self._first.another()
            self._threads.access = found
        return found

    def credentials(self) -> Mapping[str, str]:
        """Return the headers that say who asks."""
        access = self.access
        with _one_at_a_time:
            return access.credentials()

    def get(self, path: str, **query: str | int) -> Object:
        """Return the object at `path`. Raises ApiError."""
        return self._json("GET", path, query)

    def find(self, path: str) -> Object | None:
        """Return the object at `path`; None when there is none."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list_all(self, path: str, **query: str | int) -> list[Object]:
        """Return all objects of a list, page by page."""
        try:
            return self._pages(path, {"limit": PAGE, **query})
        except ApiError as error:
            if error.status != 410:
                raise
        return self._pages(path, query)  # the continue token expired: all at once needs none

    def _pages(self, path: str, query: Mapping[str, str | int]) -> list[Object]:
        found: list[Object] = []
        asked = dict(query)
        while True:
            answer = self.get(path, **asked)
            found += answer.get("items") or []
            metadata = answer.get("metadata") or {}
            if not metadata.get("continue"):
                return found
            asked["continue"] = metadata["continue"]

    def apply(self, document: Mapping[str, Any], *, dry_run: bool = False, force: bool = False) -> Object:
        """Apply a document on the server's side, and return what it made.

        Raises OwnershipError when it would change what others manage, unless by `force`; ApiError, LabError.
        """
        try:
            return self._applied(document, dry_run=dry_run, force=force)
        except OwnershipError as error:
            if force or set(error.fields) != {MANAGER}:
                raise
        # What we changed by a patch is managed by us as one who patches, who is another for the server.
        return self._applied(document, dry_run=dry_run, force=True)

    def _applied(self, document: Mapping[str, Any], *, dry_run: bool, force: bool) -> Object:
        query: dict[str, str | int] = {"fieldManager": MANAGER, "force": "true" if force else "false"}
        if dry_run:
            query["dryRun"] = "All"
        return self._json("PATCH", self.path_of(document), query, document, _TYPES["apply"])

    def patch(self, path: str, body: Any, kind: str = "merge") -> Object:
        """Change an object; `kind` is `merge`, `json` or `strategic`."""
        return self._json("PATCH", path, {"fieldManager": MANAGER}, body, _TYPES[kind])

    def delete(self, path: str, **options: Any) -> bool:
        """Delete an object; False when there is none. `options` are those of DeleteOptions."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background", **options}
        try:
            self._json("DELETE", path, {}, body)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def text(self, path: str, **query: str | int) -> str:
        """Return what is at `path` as text, such as the log of a container."""
        return self._send("GET", path, query, None, None).data.decode("utf-8", "replace")

    def exec(  # noqa: PLR0913 - one parameter an option of the request
        self,
        namespace: str,
        pod: str,
        container: str,
        command: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float = READ_SECONDS,
        on_line: Callable[[str], object] | None = None,
    ) -> Executed:
        """Run a command in a container; each line of its output is told as it comes. See `execution`."""
        from lab.providers.context.execution import execute

        return execute(
            self, (namespace, pod, container), command, stdin=stdin, timeout=timeout, on_line=on_line
        )

    def begun(self, talk: WebSocket) -> None:
        """Remember a connection to a command, to be ended by `hang_up`."""
        with self._lock:
            self._talks.add(talk)

    def ended(self, talk: WebSocket) -> None:
        """Forget it."""
        with self._lock:
            self._talks.discard(talk)

    def rest(self, seconds: float) -> bool:
        """Wait before a command is tried again; False when nobody wants it any more."""
        return not self._hung_up.wait(seconds)

    def hang_up(self) -> None:
        """End all connections to commands, whoever is waiting for them."""
        self._hung_up.set()
        with self._lock:
            talks, self._talks = self._talks, set()
        for talk in talks:
            # Closing a descriptor does not wake the thread that reads from it; the end of the stream does.
            if talk.sock is not None:
                with suppress(OSError):
                    socket.socket.shutdown(talk.sock, socket.SHUT_RDWR)

    def path_of(self, document: Mapping[str, Any]) -> str:
        """Return where an object belongs, by what the server says of its kind. Raises LabError."""
        version, kind = str(document.get("apiVersion")), str(document.get("kind"))
        resource = self._resource(version, kind)
        metadata = document.get("metadata") or {}
        where = f"/{'apis' if '/' in version else 'api'}/{version}"
        if resource.get("namespaced"):
            where += f"/namespaces/{quote(str(metadata.get('namespace') or 'default'), safe='')}"
        return f"{where}/{resource['name']}/{quote(str(metadata.get('name')), safe='')}"

    def _resource(self, version: str, kind: str) -> Object:
        if kind not in self._resources.get(version, {}):
            root = f"/{'apis' if '/' in version else 'api'}/{version}"
            try:
                entries = self.get(root).get("resources") or []
            except ApiError as error:
                if error.status != 404:
                    raise
                entries = []
            known = {str(each.get("kind")): each for each in entries if "/" not in str(each.get("name"))}
            self._resources[version] = known
        try:
            return self._resources[version][kind]
        except KeyError:
            raise LabError(
                f"the cluster does not know the kind {kind} of `{version}`",
                "install what defines it, or look at `apiVersion`",
            ) from None

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int],
        body: Any = None,
        content: str | None = None,
    ) -> Object:
        data = None if body is None else json.dumps(body).encode()
        response = self._send(method, path, query, data, content)
        answer = _object(response.data)
        if answer is None:
            raise LabError(
                f"{self.access} does not answer `{method} {path}` as an API server does",
                "`server` of the kubeconfig must lead to an API server",
            )
        return answer

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int],
        data: bytes | None,
        content: str | None,
    ) -> urllib3.BaseHTTPResponse:
        """Send, again where nothing can have been carried out, and return an answer that is no refusal."""
        target = f"{path}?{urlencode(query)}" if query else path
        again = method in _IDEMPOTENT or content in {_TYPES[each] for each in _SAME_AGAIN}
        pauses = iter(PAUSES)
        while True:
            pause = next(pauses, None)
            try:
                response = self._request(method, target, data, content)
            except ProtocolError as error:
                if pause is None or not again:
                    raise unreachable(self.access, error) from None
            else:
                if response.status < 300:
                    return response
                if pause is None or response.status not in _BUSY:
                    raise self._refusal(method, path, response)
                pause = told_to_wait(response.headers, pause)
            time.sleep(pause)

    def _refusal(self, method: str, path: str, response: urllib3.BaseHTTPResponse) -> Exception:
        answer = _object(response.data) or {}
        if response.status == 401:
            return not_accepted(self.access)
        reason = response.data.decode("utf-8", "replace") if _is_text(response) else response.reason
        return refusal(response.status, f"{method} {path}", answer, reason or "")

    def _request(
        self, method: str, target: str, data: bytes | None, content: str | None
    ) -> urllib3.BaseHTTPResponse:
        access = self.access
        headers = {"Accept": "application/json", "User-Agent": MANAGER, **self.credentials()}
        if data is not None:
            headers["Content-Type"] = content or "application/json"
        with warnings.catch_warnings():
            # Whoever wrote insecure-skip-tls-verify into the kubeconfig knows.
            warnings.simplefilter("ignore", InsecureRequestWarning)
            try:
                response: urllib3.BaseHTTPResponse = access.client.rest_client.pool_manager.request(
                    method,
                    access.context.server + target,
                    body=data,
                    headers=headers,
                    timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
                    retries=False,
                    redirect=False,
                )
            except ProtocolError:
                raise
            except HTTPError as error:
                raise unreachable(access, error) from None
        return response


def _object(data: bytes) -> Object | None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _is_text(response: urllib3.BaseHTTPResponse) -> bool:
    """Tell whether an answer is a line of text, as of what stands before the handlers of the API server."""
    return bool(response.data) and response.headers.get("Content-Type", "").startswith("text/plain")


def told_to_wait(headers: Mapping[str, str], otherwise: float) -> float:
    """Return the seconds that the server asks to wait, or `otherwise`."""
    text = headers.get("Retry-After") or headers.get("retry-after") or ""
    return min(float(text), LONGEST_PAUSE) if text.isascii() and text.isdigit() else otherwise
