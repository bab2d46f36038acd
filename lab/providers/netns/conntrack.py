"""What nodes remember of connections, and how they are made to forget it.

Comes in: the namespaces of nodes. Goes out: nothing. A connection that is known passes whatever the policies
say now, and a new one from the same port to the same place cannot be told from it. Format:
linux/netfilter/nfnetlink_conntrack.h.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from contextlib import suppress

from lab.providers.netns.namespaces import Namespace

_NETLINK_NETFILTER = 12
_DELETE = 1 << 8 | 2
"""NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE: all of them, when no connection is named."""
_REQUEST, _ACK = 0x1, 0x4
_MESSAGE = struct.Struct("=IHHIIBBH")


def forget(namespaces: Iterable[Namespace]) -> None:
    """Have namespaces forget all connections, so that each packet is judged as the first of a new one.

    Where the kernel has no such request, connections are forgotten when the lab's timeouts say so: 2 seconds.
    """
    message = _MESSAGE.pack(_MESSAGE.size, _DELETE, _REQUEST | _ACK, 1, 0, socket.AF_UNSPEC, 0, 0)
    for namespace in namespaces:
        with suppress(OSError), namespace, _socket() as one:
            one.bind((0, 0))
            one.send(message)
            one.recv(4096)


def _socket() -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
