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
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
STDIN, STDOUT, STDERR, STATUS, END = 0, 1, 2, 3, 255
# Between version 5 and the kubelet the API server translates; version 4 goes to the kubelet as it is.
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")


class Channels:
    """One connection, taken over from an HTTP server after the request was read."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO, headers: Mapping[str, str], protocol: str) -> None:
        self.protocol = protocol
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
        self.send(STDOUT, b"")

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
            opcode = first[0] & 0x0F if len(first) == 2 else _CLOSE
            if opcode == _CLOSE:
                return None
            size = first[1] & 0x7F
            if size > 125:
                size = int.from_bytes(self._reader.read(2 if size == 126 else 8))
            mask = self._reader.read(4)
            data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self._reader.read(size)))
        except (OSError, ValueError):
            return None
        if opcode == _PING:
            self._frame(_PONG, data)
        return (data[0], data[1:]) if data and opcode in (_TEXT, _BINARY) else self.receive()


def chosen(offered: str, known: Sequence[str]) -> str:
    """Return the first protocol that a client offers and the server knows; "" for none."""
    return next((each for each in map(str.strip, offered.split(",")) if each in known), "")


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
            for to, stream in ((STDOUT, process.stdout), (STDERR, process.stderr))
        ]
        threading.Thread(target=_feed, args=(channels, process.stdin), daemon=True).start()
        for each in outputs:
            each.start()
        for each in outputs:
            each.join()
        channels.send(STATUS, json.dumps(status(process.wait(), channels.protocol, words)).encode())
    channels.close()


def status(code: int, protocol: str, words: Sequence[str]) -> dict[str, Any]:
    """Return the Status of a command that ran; a signal that ended it is 128 and its number."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    code = code if code > 0 else 128 - code
    told = f"command terminated with exit code {code}"
    if protocol != PROTOCOLS[0]:
        told = f"error executing command [{' '.join(words)}], exit code {code}"
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: {told}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def _copy(stream: Any, to: Callable[[bytes], None]) -> None:
    while data := stream.read1(32 * 1024):
        to(data)


def _feed(channels: Channels, stdin: Any) -> None:
    try:
        while (message := channels.receive()) is not None:
            channel, data = message
            if channel == END:
                # Version 4 has no such channel: there the standard input never ends.
                if channels.protocol == PROTOCOLS[0] and data == bytes((STDIN,)):
                    break
                continue
            stdin.write(data)
            stdin.flush()
        stdin.close()
    except (OSError, ValueError):
        return  # the command has ended
