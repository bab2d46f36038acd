"""What the firewall logs: packets that rules with `log group N` let the kernel report over nfnetlink.

Comes in: a namespace and group numbers. Goes out: an `Event` for each packet that such a rule met, with the
rule's prefix. Events may get lost when they come faster than they are read; nobody may rely on one.
Formats: linux/netfilter/nfnetlink_log.h.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from collections.abc import Iterable
from typing import NamedTuple

from lab.errors import LabError
from lab.providers.netns.namespaces import Namespace

DROPS, REJECTS = 1, 2
"""The groups: packets that were dropped, and packets that were rejected with a RST or an ICMP error."""

_NETLINK_NETFILTER = 12
_NFNL_SUBSYS_ULOG = 4
_MSG_PACKET, _MSG_CONFIG = _NFNL_SUBSYS_ULOG << 8, _NFNL_SUBSYS_ULOG << 8 | 1
_CFG_CMD, _CFG_MODE, _CFG_TIMEOUT, _CFG_QTHRESH = 1, 2, 4, 5
_CMD_BIND, _COPY_PACKET = 1, 2
_PAYLOAD, _PREFIX = 9, 10
_REQUEST_ACK = 0x1 | 0x4
_COPY_BYTES = 64
"""Enough for an IPv6 header, an extension header and the ports."""
_TOGETHER, _FLUSH = 16, 1
"""The kernel sends events when it has 16 of them, or after 10 ms."""
_BUFFER = 4 << 20
_SO_RCVBUFFORCE = 33

_HEAD = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_PORTS4 = struct.Struct("!9xB2x4s4sHH")


class Event(NamedTuple):
    """A logged packet: which rule met it, and its addresses (bytes) and ports."""

    group: int
    prefix: str
    protocol: int
    source: bytes
    source_port: int
    destination: bytes
    destination_port: int


class PacketLog:
    """A socket that receives the events of one namespace."""

    def __init__(self, namespace: Namespace, groups: Iterable[int] = (DROPS, REJECTS)) -> None:
        with namespace:
            self._socket = socket.socket(
                socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, _NETLINK_NETFILTER
            )
        self._prefixes: dict[bytes, str] = {}
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        with contextlib.suppress(PermissionError):  # beyond the machine's limit, for root only
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        for group in groups:
            self._configure(group, _attribute(_CFG_CMD, bytes((_CMD_BIND,))))
            mode = _attribute(_CFG_MODE, struct.pack("!IBx", _COPY_BYTES, _COPY_PACKET))
            timing = _attribute(_CFG_TIMEOUT, struct.pack("!I", _FLUSH))
            self._configure(group, mode + timing + _attribute(_CFG_QTHRESH, struct.pack("!I", _TOGETHER)))

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._socket.fileno()

    def close(self) -> None:
        """Receive no more."""
        self._socket.close()

    def read(self) -> list[Event]:
        """Return the events that have come; lost ones are passed over in silence."""
        found: list[Event] = []
        while len(found) < 1000:
            try:
                data = self._socket.recv(1 << 16)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                continue  # the kernel says that it had to drop some
            self._parse(data, found)
        return found

    def _configure(self, group: int, content: bytes) -> None:
        head = _HEAD.pack(_HEAD.size + 4 + len(content), _MSG_CONFIG, _REQUEST_ACK, 0, 0)
        self._socket.send(head + struct.pack("!BBH", socket.AF_UNSPEC, 0, group) + content)
        answer = self._socket.recv(4096)  # netlink answers a request before send returns
        code = struct.unpack_from("=i", answer, 16)[0]
        if code:
            raise LabError(
                f"the kernel cannot report dropped packets (nflog group {group}): error {-code}",
                "load the module `nfnetlink_log`, or use a kernel that has it",
            )

    def _parse(self, data: bytes, found: list[Event]) -> None:
        offset, end = 0, len(data)
        while offset + 16 <= end:
            length, kind, _, _, _ = _HEAD.unpack_from(data, offset)
            if length < 16:
                return
            if kind == _MSG_PACKET:
                event = self._packet(data, offset + 20, offset + length)
                if event is not None:
                    found.append(event)
            offset += (length + 3) & ~3

    def _packet(self, data: bytes, offset: int, end: int) -> Event | None:
        group = data[offset - 2] << 8 | data[offset - 1]
        prefix = ""
        while offset + 4 <= end:
            length, kind = _ATTRIBUTE.unpack_from(data, offset)
            if kind == _PREFIX:
                prefix = self._text(data[offset + 4 : offset + length])
            elif kind == _PAYLOAD:
                return _event(group, prefix, data, offset + 4, offset + length)
            offset += (max(length, 4) + 3) & ~3
        return None

    def _text(self, prefix: bytes) -> str:
        text = self._prefixes.get(prefix)
        if text is None:
            text = self._prefixes[prefix] = prefix.rstrip(b"\0").decode("utf-8", "replace")
        return text


def _event(group: int, prefix: str, data: bytes, start: int, end: int) -> Event | None:
    """Read addresses and ports from a packet; the kernel logs the prefix before the payload."""
    version = data[start] >> 4 if start < end else 0
    if version == 4 and data[start] == 0x45 and end - start >= 24:
        protocol, source, destination, port, to_port = _PORTS4.unpack_from(data, start)
        return Event(group, prefix, protocol, source, port, destination, to_port)
    if version == 6 and end - start >= 44:
        port, to_port = struct.unpack_from("!HH", data, start + 40)
        source, destination = data[start + 8 : start + 24], data[start + 24 : start + 40]
        return Event(group, prefix, data[start + 6], source, port, destination, to_port)
    return None


def _attribute(kind: int, content: bytes) -> bytes:
    return _ATTRIBUTE.pack(4 + len(content), kind) + content + bytes(-len(content) % 4)
