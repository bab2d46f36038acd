"""Messages between a lab and those who use it: JSON with its length before it, over a Unix socket.

Comes in: objects, and descriptors to pass along. Goes out: the same at the other end.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from lab.errors import LabError
from lab.providers.netns.loop import READ, WRITE, Loop

_LENGTH = struct.Struct("!I")
_LONGEST = 1 << 30
_MOST_DESCRIPTORS = 8
_PIECE = 1 << 18

Message = dict[str, Any]


def encode(message: Message) -> bytes:
    """Return the bytes of a message."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return _LENGTH.pack(len(body)) + body


def send(one: socket.socket, message: Message) -> None:
    """Send a message by a blocking socket."""
    one.sendall(encode(message))


class Inbox:
    """Puts messages together from the pieces that come."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.descriptors: list[int] = []

    def read(self, one: socket.socket) -> bool:
        """Take what has come; False when nothing will come any more."""
        data, descriptors, _, _ = socket.recv_fds(one, _PIECE, _MOST_DESCRIPTORS)
        self.descriptors += descriptors
        self._data += data
        return bool(data)

    def take(self) -> Message | None:
        """Return the next whole message; None when there is none yet. Raises LabError for a broken one."""
        if len(self._data) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._data)
        if length > _LONGEST:
            raise LabError(f"a message of {length} bytes is too long")
        end = _LENGTH.size + length
        if len(self._data) < end:
            return None
        body = bytes(self._data[_LENGTH.size : end])
        del self._data[:end]
        try:
            message = json.loads(body)
        except ValueError as error:
            raise LabError(f"a message is no JSON: {error}") from error
        if not isinstance(message, dict):
            raise LabError("a message is no JSON object")
        return message


class Connection:
    """One client of a lab, served by the lab's loop."""

    def __init__(
        self,
        loop: Loop,
        one: socket.socket,
        on_message: Callable[[Connection, Message], object],
        on_end: Callable[[Connection], object],
    ) -> None:
        one.setblocking(False)
        self._loop, self._socket, self._on_message, self._on_end = loop, one, on_message, on_end
        self._inbox = Inbox()
        self._waiting: deque[tuple[memoryview, Sequence[int]]] = deque()
        self.open = True
        loop.watch(one.fileno(), READ, self._ready)

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send, at once or when there is room; descriptors are passed along, and closed here."""
        if not self.open:
            _close(descriptors)
        else:
            self._waiting.append((memoryview(encode(message)), descriptors))
            self._write()

    def flush(self) -> None:
        """Wait until everything is sent."""
        if self.open:
            self._socket.setblocking(True)
            self._write()
        if self.open:
            self._socket.setblocking(False)

    def close(self) -> None:
        """Hang up."""
        if self.open:
            self.open = False
            self._loop.forget(self._socket.fileno())
            self._socket.close()
            for _, descriptors in self._waiting:
                _close(descriptors)
            self._waiting.clear()
            self._inbox = Inbox()
            self._on_end(self)

    def _ready(self, mask: int) -> None:
        if mask & WRITE:
            self._write()
        if not self.open or not mask & ~WRITE:
            return
        try:
            more = self._inbox.read(self._socket)
            while (message := self._inbox.take()) is not None:
                self._on_message(self, message)
        except BlockingIOError:
            return
        except LabError as error:
            self.send({"error": error.message})
            more = False
        except OSError:
            more = False
        if not more:
            self.close()

    def _write(self) -> None:
        try:
            while self._waiting:
                data, descriptors = self._waiting[0]
                if descriptors:
                    sent = socket.send_fds(self._socket, [data[:_PIECE]], list(descriptors))
                    _close(descriptors)
                else:
                    sent = self._socket.send(data[:_PIECE])
                if sent < len(data):
                    self._waiting[0] = (data[sent:], ())
                else:
                    self._waiting.popleft()
        except BlockingIOError:
            self._loop.change(self._socket.fileno(), READ | WRITE)
            return
        except OSError:
            self.close()
            return
        self._loop.change(self._socket.fileno(), READ)


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
