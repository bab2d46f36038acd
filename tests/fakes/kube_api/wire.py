"""Requests and replies over HTTP, on real sockets; and the ways in which a connection breaks.

Another way to answer is a subclass of `Reply`.
"""

from __future__ import annotations

import gzip
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

# The API server compresses larger answers where the client takes them compressed.
_COMPRESSED_FROM = 128 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it arrived; names of headers are in lower case. `pairs` has what a query repeats."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    pairs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer: a JSON object, or bytes as they are, after `delay` seconds."""

    status: int = 200
    body: dict[str, Any] | bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0

    def write(self, handler: Handler) -> None:
        """Send it."""
        if self.delay:
            time.sleep(self.delay)
        data, headers = self._encoded(handler)
        handler.send_response(self.status)
        for name, value in {**headers, **self.headers, "Content-Length": str(len(data))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    def _encoded(self, handler: Handler) -> tuple[bytes, dict[str, str]]:
        if isinstance(self.body, bytes):
            return self.body, {"Content-Type": "text/plain; charset=utf-8"}
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


class Handler(BaseHTTPRequestHandler):
    """Reads requests off one connection and writes the answers."""

    protocol_version = "HTTP/1.1"
    server: Server

    def handle_any(self) -> None:
        """Answer one request, whatever its method."""
        url = urlsplit(self.path)
        pairs = tuple(parse_qsl(url.query, keep_blank_values=True))
        request = Request(
            method=self.command,
            path=url.path,
            query=dict(pairs),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length", "0"))),
            pairs=pairs,
        )
        try:
            self.server.answer(request).write(self)
        except ConnectionError:
            self.close_connection = True  # the client did not wait for the answer

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Take every method: that only some may be sent is for the tests to say."""
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Listens on a free port, and has each connection served in a thread."""

    daemon_threads = True

    def __init__(self, answer: Callable[[Request], Reply], tls: ssl.SSLContext | None) -> None:
        self.answer = answer
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
