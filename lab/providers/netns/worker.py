"""One forked process of a crew: probes its share, and answers at the lab's listeners meanwhile.

Comes in: probes, a ground and shared listeners; the firewall's events, from the lab's process. Goes out: how
many probes are done, as it goes, and the attempts of each at the end.
"""

from __future__ import annotations

import gc
import marshal
import os
import signal
import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from lab.probes import Attempt, Outcome, Patience, Probe, ProbeResult
from lab.providers.netns import namespaces, syscalls
from lab.providers.netns.columns import Columns, pack_results
from lab.providers.netns.listeners import Listeners
from lab.providers.netns.loop import READ, WRITE, Loop
from lab.providers.netns.nflog import Event
from lab.providers.netns.prober import Ground, Run

_COUNT = struct.Struct("=I")
_EVENTS_AT_ONCE = 256
_LONGEST = 1 << 17
_TOLD_EVERY = 500
_LOST = Attempt(outcome=Outcome.ERROR, started=0.0, took=0.0, reason="the probing process ended early")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one process is to probe, and what it needs for it."""

    probes: Sequence[Probe]
    ground: Ground
    patience: Patience
    listeners: Listeners


class Worker:
    """The lab's side of a forked process. `done` is true when its results are there, or it has ended."""

    def __init__(self, loop: Loop, share: Share, on_change: Callable[[], object]) -> None:
        """Fork it; `on_change` is called whenever it has come further."""
        self.done = self._gone = False
        self.finished = 0
        self._loop, self._probes, self._on_change = loop, share.probes, on_change
        self._untold: list[tuple[object, ...]] = []
        self._behind = False
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._memory = os.memfd_create("results")
        parent = os.getpid()
        try:
            self._pid = os.fork()
        except OSError:
            self._socket.close()
            os.close(self._memory)
            raise
        if self._pid == 0:
            _be_worker(share, other, self._memory, parent)
        other.close()
        self._socket.setblocking(False)
        loop.watch(self._socket.fileno(), READ, self._hear)

    def tell(self, events: Sequence[Event]) -> None:
        """Pass on what the firewall did."""
        if not self.done:
            self._untold.extend(map(tuple, events))
            self._tell()

    def results(self) -> Columns:
        """Return the results as lists, once it is done."""
        size = os.fstat(self._memory).st_size
        with suppress(EOFError, ValueError):
            if size:
                found: Columns = marshal.loads(os.pread(self._memory, size, 0))  # noqa: S302 - our own fork
                return found
        return pack_results([ProbeResult(probe, Outcome.ERROR, (_LOST,)) for probe in self._probes])

    def close(self) -> None:
        """End it, if it has not ended by itself, and give up what belonged to it."""
        if not self._gone:
            os.kill(self._pid, signal.SIGKILL)
            self._end()
        if self._memory >= 0:
            os.close(self._memory)
            self._memory = -1

    def _tell(self) -> None:
        """Send what the other has room for, and the rest when it has room again."""
        behind = self._behind
        try:
            while self._untold:
                self._socket.send(marshal.dumps(self._untold[:_EVENTS_AT_ONCE]))
                del self._untold[:_EVENTS_AT_ONCE]
            self._behind = False
        except BlockingIOError:
            self._behind = True
        except OSError:
            return  # it has ended; the loop will say so
        if behind is not self._behind:
            self._loop.change(self._socket.fileno(), READ | WRITE if self._behind else READ)

    def _hear(self, mask: int) -> None:
        if mask & WRITE:
            self._tell()
        try:
            data = self._socket.recv(_COUNT.size)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.finished = _COUNT.unpack(data)[0]
            self.done = self.finished == len(self._probes)
        else:
            self._end()
        self._on_change()

    def _end(self) -> None:
        self._loop.forget(self._socket.fileno())
        self._socket.close()
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)
        self.finished = len(self._probes)
        self.done = self._gone = True


def _be_worker(share: Share, lab: socket.socket, memory: int, parent: int) -> NoReturn:
    """Live as the forked process: never return, and leave nothing of the lab's own to run in it."""
    status = 1
    try:
        syscalls.die_with_parent(signal.SIGKILL)
        if os.getppid() == parent:
            _work(share, lab, memory)
            status = 0
    finally:
        os._exit(status)


def _work(share: Share, lab: socket.socket, memory: int) -> None:
    gc.disable()  # it ends before garbage could matter
    places = {place.namespace.descriptor for place in share.ground.places.values()}
    _close_all_but({0, 1, 2, lab.fileno(), memory} | places | share.listeners.descriptors())
    loop = Loop()
    share.listeners.share(loop)
    run = Run(loop, share.ground, share.probes, share.patience)
    loop.watch(lab.fileno(), READ, lambda _: run.logged(_events(lab)))
    run.start()
    told = 0
    while not run.done:
        loop.turn()
        if run.finished - told >= _TOLD_EVERY and not run.done:
            told = run.finished
            lab.send(_COUNT.pack(told))
    packed = pack_results(run.results())
    with open(memory, "wb", closefd=False) as file:
        file.write(marshal.dumps(packed))
    lab.send(_COUNT.pack(run.finished))  # that all are done: it takes a while to end


def _events(lab: socket.socket) -> list[Event]:
    """Read all that the lab has to tell: events are worth most while their probes still wait."""
    found: list[Event] = []
    with suppress(BlockingIOError):
        while True:
            some = marshal.loads(lab.recv(_LONGEST, socket.MSG_DONTWAIT))  # noqa: S302 - from our own process
            found.extend(Event(*event) for event in some)
    return found


def _close_all_but(kept: Iterable[int]) -> None:
    """Close what else the lab has open: its clients would wait for an end that does not come."""
    keep = {*kept, namespaces.here()}
    for descriptor in namespaces.descriptors():
        if descriptor not in keep:
            with suppress(OSError):
                os.close(descriptor)
