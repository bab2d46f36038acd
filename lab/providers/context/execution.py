"""Commands in containers, through the API server: a WebSocket with a channel a stream.

Comes in: a container, a command, its standard input. Goes out: `Executed`: how it ended, with no guess where
that was lost. The protocols are Kubernetes' `v5.channel.k8s.io` and `v4.channel.k8s.io`: the first byte of
every message is the number of its channel, and the last message on channel 3 is a `Status`. Version 4 cannot
end the standard input, so a command must know by itself when it has read all of it.
"""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from analyzer.live.failures import one_line
from lab.errors import LabError
from lab.providers.context.client import PAUSES, told_to_wait
from lab.providers.context.failures import ApiError

if TYPE_CHECKING:
    from websocket import WebSocket

    from lab.providers.context.client import Client

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDIN, _STDOUT, _STDERR, _STATUS, _CLOSE = 0, 1, 2, 3, 255
_PIECE = 32 * 1024
_CONNECT_SECONDS = 10.0
_BUSY = frozenset((429, 503))
_LONGEST_PAUSE = 5.0  # a probe that waits is in the way of the others
# What every server on the way says before the words of the container runtime.
_WRAPPED = re.compile(
    r"^(?:Internal error occurred: )*(?:error executing command in container: )?"
    r'(?:failed to exec in container: )?(?:failed to start exec "[^"]*": )?'
)
_MOST_KEPT = 64 * 1024  # bytes of standard error


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """How a command ended.

    `status` is its exit status; None when it was lost, or the command could not be started, or ran out of
    time; `trouble` says which. `lines` are those of its standard output.
    """

    lines: tuple[str, ...]
    stderr: str
    status: int | None
    trouble: str = ""


def execute(
    client: Client,
    place: tuple[str, str, str],
    command: Sequence[str],
    *,
    stdin: bytes,
    timeout: float,
    on_line: Callable[[str], object] | None = None,
) -> Executed:
    """Run a command in a container (namespace, pod, name of the container), at most `timeout` seconds.

    Raises ApiError when the server refuses it, LabError when it cannot be reached.
    """
    ends = time.monotonic() + timeout
    socket = _patiently(client, place, command, stdin=bool(stdin), ends=ends)
    talk = _Talk(on_line)
    client.begun(socket)
    try:
        _feed(socket, stdin)
        return talk.until(socket, ends)
    finally:
        client.ended(socket)
        socket.shutdown()  # type: ignore[no-untyped-call]  # its types are incomplete


class _Talk:
    """What came so far."""

    def __init__(self, on_line: Callable[[str], object] | None) -> None:
        self._on_line = on_line
        self._lines: list[str] = []
        self._rest = b""
        self._stderr = b""
        self._status = b""

    def until(self, socket: WebSocket, ends: float) -> Executed:
        """Listen until the command has ended, the connection has, or the time is up."""
        import websocket

        while True:
            left = ends - time.monotonic()
            if left <= 0:
                return self._ended("no end in time")
            socket.settimeout(left)
            try:
                opcode, data = socket.recv_data()
            except websocket.WebSocketTimeoutException:
                return self._ended("no end in time")
            except (websocket.WebSocketException, OSError) as error:
                return self._ended(f"the connection broke: {one_line(error)}")
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return self._ended("")
            if data:
                self._take(data[0], data[1:])

    def _take(self, channel: int, data: bytes) -> None:
        if channel == _STDOUT:
            *whole, self._rest = (self._rest + data).split(b"\n")
            for line in whole:
                self._line(line)
        elif channel == _STDERR:
            self._stderr = (self._stderr + data)[:_MOST_KEPT]
        elif channel == _STATUS:
            self._status += data

    def _line(self, data: bytes) -> None:
        text = data.decode("utf-8", "replace").removesuffix("\r")
        self._lines.append(text)
        if self._on_line:
            self._on_line(text)

    def _ended(self, trouble: str) -> Executed:
        if self._rest:
            self._line(self._rest)
        status, words = exit_status(self._status)
        return Executed(
            lines=tuple(self._lines),
            stderr=self._stderr.decode("utf-8", "replace"),
            status=status,
            trouble="" if status is not None else words or trouble or "its exit status was lost",
        )


def exit_status(data: bytes) -> tuple[int | None, str]:
    """Return the exit status that a `Status` tells, or None and why there is none; ("" when nothing came).

    A command that ran tells its exit status among the causes; one that could not be started tells in words.
    """
    if not data.strip():
        return None, ""
    try:
        status = json.loads(data)
        if status.get("status") == "Success":
            return 0, ""
        causes = (status.get("details") or {}).get("causes") or []
        for cause in causes:
            if cause.get("reason") == "ExitCode":
                return int(cause["message"]), ""
        return None, one_line(_WRAPPED.sub("", str(status.get("message") or "it failed for no reason given")))
    except (ValueError, AttributeError, TypeError, KeyError):
        return None, f"its status cannot be read: {one_line(data.decode('utf-8', 'replace'))}"


def _feed(socket: WebSocket, data: bytes) -> None:
    import websocket

    try:
        for start in range(0, len(data), _PIECE):
            socket.send_binary(bytes((_STDIN,)) + data[start : start + _PIECE])
        if data and socket.getsubprotocol() == PROTOCOLS[0]:
            socket.send_binary(bytes((_CLOSE, _STDIN)))
    except (websocket.WebSocketException, OSError):
        return  # a command that ended at once does not read; what it said is still there


def _patiently(
    client: Client, place: tuple[str, str, str], command: Sequence[str], *, stdin: bool, ends: float
) -> WebSocket:
    """Open the connection, again where the server has no time. Raises ApiError, LabError."""
    import websocket

    pauses = iter(PAUSES)
    while True:
        pause = next(pauses, None)
        try:
            return _connected(client, place, command, stdin=stdin)
        except websocket.WebSocketBadStatusException as error:
            busy = error.status_code in _BUSY
            if pause is not None:
                pause = min(told_to_wait(error.resp_headers or {}, pause), _LONGEST_PAUSE)
            late = pause is None or time.monotonic() + pause > ends
            if pause is None or late or not busy or not client.rest(pause):
                raise _refused(error, f"exec {place[0]}/{place[1]}") from None


def _connected(
    client: Client, place: tuple[str, str, str], command: Sequence[str], *, stdin: bool
) -> WebSocket:
    """Open the connection. Raises WebSocketBadStatusException when it is refused, LabError."""
    import websocket

    namespace, pod, container = place
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/exec"
    query = [("container", container), ("stdout", "true"), ("stderr", "true"), ("tty", "false")]
    query += [("stdin", "true" if stdin else "false"), *(("command", word) for word in command)]
    access = client.access
    server = access.context.server
    url = ("wss" if server.startswith("https") else "ws") + server[server.index(":") :]
    headers = [f"{name}: {value}" for name, value in client.credentials().items()]
    socket = websocket.WebSocket(sslopt=_tls(access.client.configuration), enable_multithread=False)
    socket.settimeout(_CONNECT_SECONDS)
    try:
        socket.connect(  # type: ignore[no-untyped-call]  # its types are incomplete
            f"{url}{path}?{urlencode(query)}",
            header=headers,
            subprotocols=list(PROTOCOLS),
            suppress_origin=True,
            **_proxy(access.client.configuration),
        )
    except websocket.WebSocketBadStatusException:
        raise
    except (websocket.WebSocketException, OSError) as error:
        raise LabError(
            f"cannot run a command in {namespace}/{pod}: {one_line(error)}",
            "what stands before the API server must let WebSockets through",
        ) from None
    return socket


def _refused(error: Any, request: str) -> ApiError:
    words = error.resp_body or b""
    try:
        words = json.loads(words)["message"]
    except (ValueError, KeyError, TypeError):
        words = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    return ApiError(int(error.status_code), request, one_line(words or "the connection is not upgraded"))


def _tls(configuration: Any) -> dict[str, Any]:
    if not configuration.verify_ssl:
        found: dict[str, Any] = {"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    else:
        found = {"cert_reqs": ssl.CERT_REQUIRED}
        if configuration.ssl_ca_cert:
            found["ca_certs"] = configuration.ssl_ca_cert
    if configuration.cert_file:
        found["certfile"] = configuration.cert_file
    if configuration.key_file:
        found["keyfile"] = configuration.key_file
    if getattr(configuration, "tls_server_name", None):
        found["server_hostname"] = configuration.tls_server_name
    return found


def _proxy(configuration: Any) -> dict[str, Any]:
    if not configuration.proxy:
        return {"http_no_proxy": ["*"]}
    proxy = urlsplit(configuration.proxy)
    found: dict[str, Any] = {"http_proxy_host": proxy.hostname, "http_proxy_port": proxy.port}
    found["proxy_type"] = "http"
    if proxy.username:
        found["http_proxy_auth"] = (proxy.username, proxy.password or "")
    return found
