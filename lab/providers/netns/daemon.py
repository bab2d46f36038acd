"""The background process that holds a lab: one Network, and the socket by which its owner speaks to it.

Comes in: requests as messages, one of `Daemon.requests` each. Goes out: to each an answer, `ok` or `error`,
and before it `progress` where it takes long. What changes the lab, and what probes it, is done one after the
other.
"""

from __future__ import annotations

import gc
import os
import socket
import struct
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn

from analyzer.collection import paused
from lab.errors import LabError
from lab.probes import Protocol
from lab.providers.netns import namespaces
from lab.providers.netns.columns import read_probes
from lab.providers.netns.crew import Crew
from lab.providers.netns.loop import READ, Loop
from lab.providers.netns.network import Network
from lab.providers.netns.plain import (
    plain_topology,
    read_host,
    read_patience,
    read_pod,
    read_topology,
)
from lab.providers.netns.rundir import LabFiles
from lab.providers.netns.wire import Connection, Message

VERSION = 4
_CREDENTIALS = struct.Struct("3i")
_AT_ONCE = {"status", "enter", "recall", "down"}
"""What is answered while others wait: it changes nothing, or ends everything."""


class Daemon:
    """Serves requests for one lab, by one loop, until it is told to end, or its owner has left."""

    def __init__(self, files: LabFiles, listener: socket.socket) -> None:
        self.ended = False
        self._files, self._listener, self._loop = files, listener, Loop()
        self._network: Network | None = None
        self._owner: Connection | None = None
        """With whom the lab ends; None: it goes on until it is told to end."""
        self._since = time.time()
        self._memory: dict[str, Any] = {}
        self._connections: set[Connection] = set()
        self._queue: deque[tuple[Connection, Message]] = deque()
        self._probing: tuple[Connection, Crew] | None = None
        self.requests: dict[str, Callable[[Connection, Message], Any]] = {
            "status": self._status,
            "create": self._create,
            "change": self._change,
            "listen": self._listen,
            "load": self._load,
            "build": self._build,
            "list": self._list,
            "probe": self._probe,
            "enter": self._enter,
            "remember": self._remember,
            "recall": self._recall,
            "down": self._down,
        }
        listener.setblocking(False)
        self._loop.watch(listener.fileno(), READ, self._accept)

    def serve(self) -> None:
        """Serve until somebody says `down`, or leaves whose lab it is, or before there is one."""
        with paused():  # it would take a third of the time of probing; nobody waits when somebody has left
            self._loop.run(lambda: self.ended)

    @property
    def network(self) -> Network:
        """The lab. Raises LabError before there is one."""
        if self._network is None:
            raise LabError(f"the lab `{self._files.name}` is not built yet")
        return self._network

    def _accept(self, mask: int) -> None:
        try:
            one, _ = self._listener.accept()
        except OSError:
            return  # it has gone again
        options = one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        if _CREDENTIALS.unpack(options)[1] != os.geteuid():
            one.close()
            return
        self._connections.add(Connection(self._loop, one, self._asked, self._left))

    def _asked(self, connection: Connection, message: Message) -> None:
        if str(message.get("do")) in _AT_ONCE:
            self._answer(connection, message)
        else:
            self._queue.append((connection, message))
            self._go_on()

    def _go_on(self) -> None:
        while self._queue and self._probing is None:
            connection, message = self._queue.popleft()
            if connection.open:
                self._answer(connection, message)

    def _answer(self, connection: Connection, message: Message) -> None:
        try:
            answer = self.requests.get(str(message.get("do")), _unknown)(connection, message)
        except LabError as error:
            connection.send({"error": error.message, "help": error.help})
        except Exception as error:  # noqa: BLE001 - the lab and its other users go on
            traceback.print_exc()
            help_ = f"this is a mistake in the lab itself; {self._files.log} has more"
            connection.send({"error": f"the lab failed: {error!r}", "help": help_})
        else:
            if answer is not None:
                connection.send({"ok": answer})

    def _left(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if self._probing is not None and self._probing[0] is connection:
            self._probing[1].close()
            self._probing = None
            self._loop.at(0.0, self._go_on)
        if connection is self._owner or (self._network is None and not self._connections):
            self.ended = True
        if self._probing is None:
            gc.collect()

    def _status(self, connection: Connection, message: Message) -> Message:
        network = self.network
        return {
            "version": VERSION,
            "name": self._files.name,
            "since": self._since,
            "rootless": namespaces.in_user_namespace(),
            "topology": plain_topology(network.topology),
            "listening": [(name, protocol.name, port) for name, protocol, port in network.listening],
            "busy": self._probing is not None,
        }

    def _create(self, connection: Connection, message: Message) -> bool:
        if self._network is not None:
            raise LabError(f"the lab `{self._files.name}` is built already")
        self._network = Network.create(read_topology(message["topology"]), self._loop)
        self._owner = connection if message["temporary"] else None
        return True

    def _change(self, connection: Connection, message: Message) -> bool:
        self.network.remove(message["remove"])
        self.network.add(
            pods=[read_pod(pod) for pod in message["pods"]],
            hosts=[read_host(host) for host in message["hosts"]],
        )
        return True

    def _listen(self, connection: Connection, message: Message) -> bool:
        self.network.listen((name, Protocol[protocol], port) for name, protocol, port in message["listeners"])
        return True

    def _load(self, connection: Connection, message: Message) -> bool:
        self.network.load_rulesets(message["rulesets"])
        return True

    def _build(self, connection: Connection, message: Message) -> bool:
        self.network.build_ruleset(message["node"], message["commands"])
        return True

    def _list(self, connection: Connection, message: Message) -> str:
        return self.network.list_table(message["node"], message["table"])

    def _probe(self, connection: Connection, message: Message) -> list[Any] | None:
        probes = read_probes(message["probes"])
        if not probes:
            return []

        def further(done: int, of: int) -> None:
            connection.send({"progress": [done, of]})
            if crew.done:
                self._loop.at(0.0, lambda: self._probed(connection, crew))

        crew = self.network.start(probes, read_patience(message["patience"]), further)
        self._probing = connection, crew
        return None

    def _probed(self, connection: Connection, crew: Crew) -> None:
        if self._probing is not None and self._probing[1] is crew:
            self._probing = None
            connection.send({"ok": crew.packed()})
            crew.close()
            self._go_on()

    def _enter(self, connection: Connection, message: Message) -> None:
        """Pass on what a process needs to come in: the namespaces, by which it also ends with the lab."""
        place = self.network.place(message["name"])
        kinds = ["user"] if namespaces.in_user_namespace() else []
        descriptors = [_namespace(kind) for kind in (*kinds, "pid")]
        connection.send({"ok": [*kinds, "pid", "net"]}, [*descriptors, os.dup(place.namespace.descriptor)])

    def _remember(self, connection: Connection, message: Message) -> bool:
        self._memory[message["key"]] = message["value"]
        return True

    def _recall(self, connection: Connection, message: Message) -> Message:
        return {"value": self._memory.get(message["key"])}

    def _down(self, connection: Connection, message: Message) -> None:
        connection.send({"ok": True})
        connection.flush()
        self.ended = True


def _unknown(_: Connection, message: Message) -> NoReturn:
    raise LabError(f"the lab does not know `{message.get('do')}`", "restart it: `down`, then `up`")


def _namespace(kind: str) -> int:
    return os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
