"""The API server of one cluster, asked by GET and by nothing else: answers as JSON, lists in pages.

Comes in: an `Access`. Goes out: plain data, or an error. The calls of the `kubernetes` client are passed by:
they build an object a field, rename fields, and change their signatures between releases; its connections
and its credentials are used.
"""

from __future__ import annotations

import json
import time
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError, InsecureRequestWarning, ProtocolError

from analyzer.live.failures import StatusError, failure, not_accepted, one_line, unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from analyzer.diagnostics import AnalyzerError
    from analyzer.live.access import Access

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
PAGE = 500  # objects; kubectl's own number
# Seconds before the second, third and fourth attempt, where the server does not say how long to wait.
PAUSES = (0.25, 0.5, 1.0)
LONGEST_PAUSE = 30.0
# "Too many requests", and what a server or a load balancer in front of it answers while it restarts.
AGAIN = frozenset({429, 500, 502, 503, 504})

HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "kubereach"}


class Server:
    """Asks the API server of one cluster."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._pool = access.client.rest_client.pool_manager

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """Return the object at `path`.

        Raises StatusError when the server says no, AnalyzerError when it cannot be spoken with.
        """
        response = self._patiently(f"{path}?{urlencode(query)}" if query else path)
        answer = _json(response.data)
        if response.status == 200 and isinstance(answer, dict):
            return answer
        if response.status == 200:
            raise self._strange(path)
        words = answer.get("message") if isinstance(answer, dict) else None
        if response.status == 401:
            raise not_accepted(self._access)
        raise StatusError(response.status, one_line(words or response.reason or "no reason given"))

    def list_all(self, path: str, seen: Callable[[int], None]) -> list[dict[str, Any]]:
        """Return all objects at `path`; `seen` is told after each page how many there are by now.

        The token that continues a list may expire (410 Gone). Then all is asked for at once, as client-go's
        pager does: that needs no token.
        """
        try:
            return self._collect(path, seen, PAGE)
        except StatusError as error:
            if error.status != 410:
                raise
        return self._collect(path, seen, 0)

    def _collect(self, path: str, seen: Callable[[int], None], limit: int) -> list[dict[str, Any]]:
        objects: list[dict[str, Any]] = []
        for page in self._pages(path, limit):
            objects += page
            seen(len(objects))
        return objects

    def _pages(self, path: str, limit: int) -> Iterator[list[dict[str, Any]]]:
        query: dict[str, str | int] = {"limit": limit} if limit else {}
        while True:
            answer = self.get(path, **query)
            items = answer.get("items") or []  # Go writes an empty list as null
            metadata = answer.get("metadata") or {}
            if not isinstance(metadata, dict) or not _objects(items):
                raise self._strange(path)
            yield items
            if not metadata.get("continue"):
                return
            query["continue"] = str(metadata["continue"])

    def _patiently(self, target: str) -> urllib3.BaseHTTPResponse:
        """Ask again where that may help: when told to come later, and when the connection broke."""
        pauses = iter(PAUSES)
        while True:
            pause = next(pauses, None)
            try:
                response = self._send(target)
            except ProtocolError as error:
                if pause is None:
                    raise unreachable(self._access, error) from None
            else:
                if pause is None or response.status not in AGAIN:
                    return response
                pause = _told_to_wait(response, pause)
            time.sleep(pause)

    def _send(self, target: str) -> urllib3.BaseHTTPResponse:
        headers = {**HEADERS, **self._access.credentials()}
        with warnings.catch_warnings():
            # Whoever wrote insecure-skip-tls-verify into the kubeconfig knows.
            warnings.simplefilter("ignore", InsecureRequestWarning)
            try:
                return self._pool.request(
                    "GET",
                    self._access.context.server + target,
                    headers=headers,
                    timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
                    retries=False,
                    redirect=False,
                )
            except ProtocolError:
                raise
            except HTTPError as error:
                raise unreachable(self._access, error) from None

    def _strange(self, path: str) -> AnalyzerError:
        return failure(
            "not-an-api-server",
            f"{self._access} does not answer `{path}` as an API server does",
            "`server` of the kubeconfig must lead to an API server, not to a page or a proxy before it",
        )


def _json(data: bytes) -> Any:
    """Return the value, or None for what is no JSON; objects nested too deep to be read are none either."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _objects(items: Any) -> bool:
    return isinstance(items, list) and all(isinstance(item, dict) for item in items)


def _told_to_wait(response: urllib3.BaseHTTPResponse, otherwise: float) -> float:
    """Return the seconds of Retry-After, which Kubernetes gives as a number, or `otherwise`."""
    told = response.headers.get("Retry-After", "")
    return min(float(told), LONGEST_PAUSE) if told.isascii() and told.isdigit() else otherwise
