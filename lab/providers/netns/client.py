"""A running lab, as seen from a command: what a Network can do, by way of the process that holds it.

Comes in: a lab's name. Goes out: `Lab`, whose methods ask that process and raise LabError with its words.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from lab.errors import LabError, not_running
from lab.probes import Patience, Probe, ProbeResult, Protocol
from lab.providers.netns import launch, rundir, shell
from lab.providers.netns.columns import NO_RULES, pack_probes, read_results
from lab.providers.netns.plain import plain_patience, plain_topology, read_topology
from lab.providers.netns.rundir import DEFAULT_NAME, LabFiles
from lab.providers.netns.topology import LabPod, OutsideHost, Topology
from lab.providers.netns.wire import Inbox, send

_CREDENTIALS = struct.Struct("3i")


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a lab says of itself. `since` is in seconds since 1970; `pid` is its process on the host."""

    name: str
    pid: int
    since: float
    rootless: bool
    busy: bool
    topology: Topology
    listening: tuple[tuple[str, Protocol, int], ...]


class Lab:
    """A connection to a running lab. Several may be open at a time; the lab serves them in turn."""

    def __init__(self, files: LabFiles) -> None:
        """Connect; raises LabError when no lab of this name runs."""
        self._files = files
        self._inbox = Inbox()
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(str(files.socket))
        except (FileNotFoundError, ConnectionRefusedError) as error:
            self._socket.close()
            raise not_running(files.name) from error
        except OSError as error:
            self._socket.close()
            raise LabError(f"cannot reach the lab `{files.name}`: {error.strerror}") from error

    @classmethod
    def start(cls, topology: Topology, name: str = DEFAULT_NAME, *, temporary: bool = False) -> Self:
        """Bring a lab up, and connect to it. Raises LabError when that fails, and leaves nothing then.

        A `temporary` one ends with this connection, and so with this process, however that ends.
        """
        topology.check()
        files = rundir.files(name)
        launch.launch(files)
        lab = cls(files)
        try:
            plain = plain_topology(topology)
            lab._ask({"do": "create", "topology": plain, "temporary": temporary})
        except BaseException:
            lab.close()  # a lab that nobody is connected to and that is not built ends itself
            raise
        return lab

    @property
    def name(self) -> str:
        """The lab's name."""
        return self._files.name

    @classmethod
    def connect(cls, name: str = DEFAULT_NAME) -> Self:
        """Connect to a lab that runs. Raises LabError when none does."""
        return cls(rundir.files(name))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; the lab goes on, unless it is a temporary one of this connection's."""
        self._socket.close()

    def status(self) -> Status:
        """Return what the lab says of itself."""
        said = self._ask({"do": "status"})
        credentials = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        return Status(
            name=said["name"],
            pid=_CREDENTIALS.unpack(credentials)[0],
            since=said["since"],
            rootless=said["rootless"],
            busy=said["busy"],
            topology=read_topology(said["topology"]),
            listening=tuple((name, Protocol[protocol], port) for name, protocol, port in said["listening"]),
        )

    def change(
        self, *, remove: Iterable[str] = (), pods: Sequence[LabPod] = (), hosts: Sequence[OutsideHost] = ()
    ) -> None:
        """Remove pods and hosts, then add others."""
        added = plain_topology(Topology(nodes=(), pods=tuple(pods), hosts=tuple(hosts)))
        self._ask({"do": "change", "remove": list(remove), "pods": added["pods"], "hosts": added["hosts"]})

    def listen(self, listeners: Iterable[tuple[str, Protocol, int]]) -> None:
        """Have endpoints answer on ports, with their own names."""
        plain = [(name, protocol.name, port) for name, protocol, port in listeners]
        self._ask({"do": "listen", "listeners": plain})

    def load_rulesets(self, rulesets: Mapping[str, str]) -> None:
        """Load a ruleset on each of several nodes."""
        self._ask({"do": "load", "rulesets": dict(rulesets)})

    def build_ruleset(self, node: str, commands: Sequence[str]) -> None:
        """Carry out nft commands on a node in as many transactions as needed."""
        self._ask({"do": "build", "node": node, "commands": list(commands)})

    def list_table(self, node: str, table: str) -> str:
        """Return a table of a node's nftables as JSON."""
        return str(self._ask({"do": "list", "node": node, "table": table}))

    def probe(
        self,
        probes: Sequence[Probe],
        patience: Patience | None = None,
        on_progress: Callable[[int, int], object] | None = None,
        rules: Mapping[str, str] = NO_RULES,
    ) -> list[ProbeResult]:
        """Probe, and return a result for each, in order; with the rules written out that are in `rules`."""
        how = plain_patience(patience or Patience())
        request = {"do": "probe", "probes": pack_probes(probes), "patience": how}
        return read_results(probes, self._ask(request, on_progress), rules)

    def shell(self, name: str, command: Sequence[str], hosts: str | None = None) -> int:
        """Run a command in somebody's network, on the caller's terminal, and return its exit status.

        `hosts` is what /etc/hosts says in there. The command ends when the lab does.
        """
        kinds = self._ask({"do": "enter", "name": name})
        descriptors, self._inbox.descriptors = self._inbox.descriptors, []
        return shell.run(dict(zip(kinds, descriptors, strict=True)), command, self._hosts_file(hosts))

    def remember(self, key: str, value: object) -> None:
        """Have the lab keep a value (anything that JSON can say) for as long as it runs."""
        self._ask({"do": "remember", "key": key, "value": value})

    def recall(self, key: str) -> Any:
        """Return a value that the lab keeps; None when it has none of that key."""
        return self._ask({"do": "recall", "key": key})["value"]

    def down(self) -> None:
        """End the lab, and return when its process has gone."""
        self._ask({"do": "down"})
        with suppress(OSError):
            while self._inbox.read(self._socket):
                pass
        self.close()

    def _hosts_file(self, hosts: str | None) -> str | None:
        if hosts is None:
            return None
        self._files.hosts.write_text(hosts, encoding="utf-8")
        return str(self._files.hosts)

    def _ask(self, message: dict[str, Any], on_progress: Callable[[int, int], object] | None = None) -> Any:
        try:
            send(self._socket, message)
            while True:
                answer = self._inbox.take()
                if answer is None:
                    if not self._inbox.read(self._socket):
                        raise LabError(launch.last_words(self._files))
                elif "ok" in answer:
                    return answer["ok"]
                elif "error" in answer:
                    raise LabError(answer["error"], answer.get("help"))
                elif on_progress is not None:
                    on_progress(*answer["progress"])
        except (BrokenPipeError, ConnectionResetError) as error:
            raise LabError(launch.last_words(self._files)) from error


def down(name: str = DEFAULT_NAME) -> bool:
    """End a lab and remove what is left of it; False when there was none. May be called twice."""
    files = rundir.files(name)
    lock = files.take()
    if lock is None:
        Lab(files).down()
        return True
    files.clear()
    os.close(lock)
    return False


def running() -> list[str]:
    """Return the names of the labs that answer."""
    found = []
    for name in rundir.names():
        with suppress(LabError), Lab(rundir.files(name)):
            found.append(name)
    return found
