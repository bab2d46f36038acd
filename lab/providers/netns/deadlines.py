"""When flights are over that nothing else ends.

Comes in: flights with their deadlines. Goes out: a call for each whose time has come. Flights that have the
same time to live end in the order in which they began, so a queue for each such time does, and one timer a
queue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from lab.providers.netns.flights import Flight
from lab.providers.netns.loop import Loop, Timer


class Deadlines:
    """The flights that still have time; `expired` is called for each that has none left."""

    def __init__(self, loop: Loop, expired: Callable[[Flight], object]) -> None:
        self._loop = loop
        self._expired = expired
        self._queues: dict[float, deque[Flight]] = {}
        self._timers: dict[float, Timer] = {}

    def add(self, flight: Flight) -> None:
        """Take a flight into care."""
        life = flight.life
        queue = self._queues.setdefault(life, deque())
        queue.append(flight)
        if life not in self._timers:
            self._timers[life] = self._loop.at(flight.started + life, lambda: self._sweep(life))

    def close(self) -> None:
        """Call for nobody any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._queues.clear()

    def _sweep(self, life: float) -> None:
        del self._timers[life]
        queue = self._queues[life]
        while queue:
            flight = queue[0]
            if not flight.over and flight.started + life > self._loop.now:
                self._timers[life] = self._loop.at(flight.started + life, lambda: self._sweep(life))
                return
            queue.popleft()
            if not flight.over:
                self._expired(flight)
