"""One event loop for listeners, probers, logs and the lab's own socket.

Comes in: descriptors with what to call when they are ready, times with what to call then, and work to do
while nothing is. Goes out: calls, one after the other, in one thread. asyncio would do too, at twice the time
a probe.
"""

from __future__ import annotations

import heapq
import itertools
import select
import time
from collections.abc import Callable

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
SHARED = getattr(select, "EPOLLEXCLUSIVE", 1 << 28)
"""For a listener that several processes serve: wake one of them, not all."""

Handler = Callable[[int], object]
"""Is told what its descriptor is ready for: a mask of EPOLL bits."""
_EVENTS = 512


class Timer:
    """A call at a time; `cancel` takes it back."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], object] | None) -> None:
        self.call = call

    def cancel(self) -> None:
        """Do not call."""
        self.call = None


class Loop:
    """Waits on everything at once. Times are those of time.monotonic, in seconds."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self._idle: list[Callable[[], bool]] = []
        self.now = time.monotonic()
        """When the current round began."""
        self.rounds = 0
        """How many there were."""

    def close(self) -> None:
        """Watch nothing any more."""
        self._epoll.close()
        self._handlers.clear()

    def watch(self, descriptor: int, mask: int, handler: Handler) -> None:
        """Call `handler` whenever the descriptor is ready for something in `mask`, or broken."""
        self._handlers[descriptor] = handler
        self._epoll.register(descriptor, mask)

    def change(self, descriptor: int, mask: int) -> None:
        """Watch for something else."""
        self._epoll.modify(descriptor, mask)

    def forget(self, descriptor: int) -> None:
        """Watch a descriptor no longer; it must still be open."""
        del self._handlers[descriptor]
        self._epoll.unregister(descriptor)

    def forget_closed(self, descriptor: int) -> None:
        """Drop what is left of a descriptor that is closed already, and was nobody else's."""
        self._handlers.pop(descriptor, None)

    def at(self, when: float, call: Callable[[], object]) -> Timer:
        """Call once, at a time."""
        timer = Timer(call)
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def work(self, step: Callable[[], bool]) -> None:
        """Call `step` between events, again and again, until it returns False."""
        self._idle.append(step)

    def run(self, until: Callable[[], bool]) -> None:
        """Serve until the condition holds; it is looked at after every round."""
        while not until():
            self.turn()

    def turn(self, limit: float | None = None) -> None:
        """Do one round: wait for events, at most `limit` seconds, handle them, then timers, then work.

        What was ready before a deadline is handled before that deadline is, however late the round comes.
        """
        before = time.monotonic()
        ready = self._epoll.poll(self._patience(before, limit), _EVENTS)
        self.now = time.monotonic()
        self.rounds += 1
        for descriptor, mask in ready:
            handler = self._handlers.get(descriptor)
            if handler is not None:
                handler(mask)
        while self._timers and self._timers[0][0] <= before:
            call = heapq.heappop(self._timers)[2].call
            if call is not None:
                call()
        if self._idle:
            self._idle = [step for step in self._idle if step()]

    def _patience(self, now: float, limit: float | None) -> float:
        while self._timers and self._timers[0][2].call is None:
            heapq.heappop(self._timers)
        if self._idle:
            return 0
        times = [max(0.0, self._timers[0][0] - now)] if self._timers else []
        if limit is not None:
            times.append(limit)
        return min(times) if times else -1
