"""The server's end of exec: a WebSocket with a channel a stream, around a process."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_BINARY, _CLOSE = 2, 8


class Channels:
    """One connection, taken over from an HTTP server after the request was read."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO, headers: Mapping[str, str]) -> None:
        offered = [each.strip() for each in headers["sec-websocket-protocol"].split(",")]
        self.protocol = offered[0]
        self._reader, self._writer = reader, writer
        self._lock = threading.Lock()
        digest = hashlib.sha1((headers["sec-websocket-key"] + _GUID).encode()).digest()
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}",
            f"Sec-WebSocket-Protocol: {self.protocol}",
        ]
        writer.write("\r\n".join((*lines, "", "")).encode())
        writer.flush()

    def send(self, channel: int, data: bytes) -> None:
        self._frame(_BINARY, bytes((channel,)) + data)

    def close(self) -> None:
        self._frame(_CLOSE, struct.pack("!H", 1000))

    def _frame(self, opcode: int, data: bytes) -> None:
        size = len(data)
        head = bytes((0x80 | opcode, size)) if size < 126 else struct.pack("!BBH", 0x80 | opcode, 126, size)
        with self._lock:
            try:
                self._writer.write(head + data)
                self._writer.flush()
            except (OSError, ValueError):
                return  # the client has hung up

    def receive(self) -> tuple[int, bytes] | None:
        """Return a message's channel and data; None when the client has hung up."""
        try:
            first = self._reader.read(2)
            if len(first) < 2 or first[0] & 0x0F == _CLOSE:
                return None
            size = first[1] & 0x7F
            if size > 125:
                size = int.from_bytes(self._reader.read(2 if size == 126 else 8))
            mask = self._reader.read(4)
            data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self._reader.read(size)))
        except (OSError, ValueError):
            return None
        return (data[0], data[1:]) if data else self.receive()


def run(channels: Channels, words: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run a command behind a connection, and tell how it ended."""
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(environment)
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        outputs = [
            threading.Thread(target=_copy, args=(stream, lambda data, to=to: channels.send(to, data)))
            for to, stream in ((1, process.stdout), (2, process.stderr))
        ]
        threading.Thread(target=_feed, args=(channels, process.stdin), daemon=True).start()
        for each in outputs:
            each.start()
        for each in outputs:
            each.join()
        channels.send(3, json.dumps(status(process.wait())).encode())
    channels.close()


def status(code: int) -> dict[str, Any]:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def _copy(stream: Any, to: Callable[[bytes], None]) -> None:
    while data := stream.read1(32 * 1024):
        to(data)


def _feed(channels: Channels, stdin: Any) -> None:
    try:
        while (message := channels.receive()) is not None:
            channel, data = message
            if channel == 255:
                break
            stdin.write(data)
            stdin.flush()
        stdin.close()
    except (OSError, ValueError):
        return  # the command has ended
