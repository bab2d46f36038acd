"""Carries out a list of probes: many at once, on one event loop, each repeated until it is certain.

Comes in: probes, the places they start from, and how patient to be. Goes out: a result for each, in order. A
drop that the firewall logs ends its probe at once; without that a probe is over when its time is.
"""

from __future__ import annotations

import errno
import select
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from lab.probes import Attempt, Outcome, Patience, Probe, ProbeResult, Protocol
from lab.providers.netns import flights
from lab.providers.netns.aims import Aims
from lab.providers.netns.deadlines import Deadlines
from lab.providers.netns.flights import Flight, Sighting
from lab.providers.netns.loop import READ, Loop
from lab.providers.netns.nflog import REJECTS, Event
from lab.providers.netns.sctpprober import SctpProber
from lab.providers.netns.topology import address_text
from lab.providers.netns.wiring import Place

_BATCH = 128
_SETTLE = 0.03
"""Seconds to wait for the log's word on a rejected probe: three times what the kernel holds an event back."""
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_NUMBERS = {protocol: protocol.value for protocol in Protocol}
_ERRORS = int(select.EPOLLERR)
_NO_ADDRESS = Sighting(Outcome.UNREACHABLE, reason="the source has no address of this family")
_REFUSALS = (Outcome.REFUSED, Outcome.REJECTED, Outcome.UNREACHABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where probes run: the places by name, how many sockets may be open, and what the kernel offers.

    `direct` are the addresses that packets keep all the way (no Service's, no node's); `logged` says whether
    a firewall may have something to say.
    """

    places: Mapping[str, Place]
    direct: frozenset[bytes]
    window: int
    sctp_sockets: bool
    logged: bool


class Run:
    """One list of probes under way: `finished` of them have their result, and when all have it is `done`."""

    def __init__(
        self,
        loop: Loop,
        ground: Ground,
        probes: Sequence[Probe],
        patience: Patience,
        on_done: Callable[[], object] | None = None,
    ) -> None:
        """Prepare probes that have been checked (Aims.check). `on_done` is called after the last result."""
        self._loop, self._ground, self._probes, self._patience = loop, ground, probes, patience
        self._on_done = on_done
        self._results: list[ProbeResult | None] = [None] * len(probes)
        self._earlier: dict[int, tuple[Attempt, ...]] = {}
        self._aims = Aims(ground.places, ground.direct)
        self._queue = deque(_by_source(probes).items())
        self._again: dict[str, deque[int]] = {}
        self._fresh: list[Flight] = []
        self._flying: dict[flights.Key, Flight] = {}
        self._rewritten: dict[flights.Sender, Flight | None] = {}
        """Flights to Services and nodes, logged with the pod they were sent on to; None: two are alike."""
        self._deadlines = Deadlines(loop, self._expired)
        self._window = ground.window
        self._first_life = patience.life(0)
        self._in_air = self.finished = 0
        self._working = self._full = False
        self._begun = time.monotonic()
        self._sctp = None if ground.sctp_sockets else SctpProber(loop, self._sighted)

    @property
    def done(self) -> bool:
        """Tell whether every probe has its result."""
        return self.finished == len(self._probes)

    def start(self) -> None:
        """Begin; the loop does the rest."""
        self._begun = time.monotonic()
        self._work()

    def close(self) -> None:
        """Give up what is still open."""
        for flight in self._flying.values():
            self._land(flight)
        if self._sctp is not None:
            self._sctp.close()
        self._deadlines.close()
        self._queue.clear()
        self._again.clear()

    def results(self) -> list[ProbeResult]:
        """Return the results in the order of the probes, once all are done."""
        assert self.done, "results are asked for when the run is done"
        return [result for result in self._results if result is not None]

    def logged(self, events: Iterable[Event]) -> None:
        """Hear what the firewall did."""
        for event in events:
            flight = self._flying.get(event[2:]) or self._rewritten.get(event[2:5])
            if flight is None or flight.over:
                continue
            flight.rule = event.prefix
            if flight.sighting is not None:
                self._end(flight, flight.sighting)
            elif event.group != REJECTS:
                self._end(flight, Sighting(Outcome.DROPPED))

    def _work(self) -> None:
        if not self._working:
            self._working = True
            self._loop.work(self._step)

    def _step(self) -> bool:
        """Look after those just launched, then launch some more; tell whether there is more to do at once."""
        fresh, self._fresh = self._fresh, []
        for flight in fresh:
            if not self._look(flight):
                self._watch(flight)
        if not self._queue and self._again:
            self._queue.extend(self._again.items())
            self._again = {}
        if self._queue and not self._full:
            self._full = not self._launch_some() or self._in_air >= self._window
        self._working = bool(self._fresh) or (not self._full and bool(self._queue or self._again))
        return self._working

    def _launch_some(self) -> bool:
        """Launch a batch from one source; False when there was no room for all of it."""
        source, numbers = self._queue[0]
        room = True
        with self._ground.places[source].namespace:
            for _ in range(min(_BATCH, len(numbers), self._window - self._in_air)):
                room = self._launch(numbers[0])
                if not room:
                    break
                numbers.popleft()
        if not numbers:
            self._queue.popleft()
        return room

    def _launch(self, number: int) -> bool:
        """Launch one flight; False when the machine has no room for it now."""
        probe, aims = self._probes[number], self._aims
        target = aims.target(probe)
        life = (
            self._patience.life(len(self._earlier[number])) if number in self._earlier else self._first_life
        )
        flight = Flight(number, probe.protocol, target.text, aims.answer(probe), life)
        start = aims.start(probe)
        if start is None:
            self._in_air += 1
            self._end(flight, _NO_ADDRESS)
            return True
        try:
            if probe.protocol is Protocol.SCTP and self._sctp is not None:
                if self._sctp.full:
                    return False
                expected = aims.expected(probe)
                self._sctp.launch(start.namespace, start.text, probe.port, (flight, target.text, expected))
            else:
                flight.open(probe.port, start.bind)
                self._fresh.append(flight)
        except OSError as error:
            if error.errno in _NO_ROOM and self._in_air:
                self._window = self._in_air
                return False
            self._in_air += 1
            self._end(flight, flights.failed(error))
            return True
        self._in_air += 1
        key = flight.key = (_NUMBERS[probe.protocol], start.address, flight.port, target.address, probe.port)
        self._flying[key] = flight
        if not target.direct:
            self._rewritten[key[:3]] = None if key[:3] in self._rewritten else flight
        self._deadlines.add(flight)
        return True

    def _look(self, flight: Flight, mask: int = 0) -> bool:
        """Read what a flight's socket has; tell whether that ended it."""
        one = flight.socket
        if one is None:
            return True
        sighting = None
        if mask & _ERRORS:
            sighting = flights.look_for_errors(one, flight.target, flight.protocol)
        sighting = sighting or flight.look(one)
        if sighting is None:
            return False
        self._sighted(flight, sighting)
        return True

    def _watch(self, flight: Flight) -> None:
        assert flight.socket is not None, "a flight that is looked after has a socket"
        self._loop.watch(flight.socket.fileno(), READ, partial(self._look, flight))
        flight.watched = True

    def _sighted(self, flight: Flight, sighting: Sighting) -> None:
        """End a flight; one that was turned away waits a moment for the log's word on who did it."""
        if flight.over or flight.sighting is not None:
            return
        if self._ground.logged and flight.rule is None and sighting.outcome in _REFUSALS:
            flight.sighting = sighting
            self._land(flight)
            self._loop.at(time.monotonic() + _SETTLE, partial(self._end, flight, sighting))
        else:
            self._end(flight, sighting)

    def _expired(self, flight: Flight) -> None:
        """End a flight whose time is over, unless its answer is there and only waits to be read."""
        if flight.sighting is None and not (flight.socket and self._look(flight)):
            self._end(flight, flights.silence(flight.socket))

    def _land(self, flight: Flight) -> None:
        """Close a flight's socket."""
        one, flight.socket = flight.socket, None
        if one is None:
            return
        if flight.watched:
            self._loop.forget_closed(one.fileno())
        one.close()

    def _end(self, flight: Flight, sighting: Sighting) -> None:
        """Record an attempt, and either the result or another try."""
        if flight.over:
            return
        flight.over = True
        self._land(flight)
        self._in_air -= 1
        self._full = False
        if flight.key is not None:
            self._forget(flight, flight.key)
        number = flight.task
        attempts: tuple[Attempt, ...] = (self._attempt(flight, sighting),)
        if number in self._earlier:
            attempts = self._earlier.pop(number) + attempts
        outcome = self._patience.verdict(attempts)
        if outcome is None:
            self._earlier[number] = attempts
            self._again.setdefault(self._probes[number].source, deque()).append(number)
        else:
            self._results[number] = ProbeResult(self._probes[number], outcome, attempts)
            self.finished += 1
            if self.done and self._on_done is not None:
                self._on_done()
        if not self._working and (self._queue or self._again):
            self._work()

    def _forget(self, flight: Flight, key: flights.Key) -> None:
        """Take a flight off the lists that the firewall's log is looked up in."""
        self._flying.pop(key, None)
        if self._rewritten and self._rewritten.get(key[:3]) is flight:
            del self._rewritten[key[:3]]
        if self._sctp is not None and flight.protocol is Protocol.SCTP:
            self._sctp.forget(address_text(key[1]), flight.port)

    def _attempt(self, flight: Flight, sighting: Sighting) -> Attempt:
        outcome, identity, icmp, reason = sighting
        if outcome is Outcome.OPEN and identity is None:
            identity = self._aims.expected(self._probes[flight.task])
        elif outcome is Outcome.REFUSED and flight.rule is not None:
            outcome = Outcome.REJECTED  # the firewall says that the refusal was its own
        started = flight.started
        return Attempt(
            outcome,
            started - self._begun,
            time.monotonic() - started,
            flight.port,
            identity,
            icmp,
            flight.rule,
            reason,
        )


def _by_source(probes: Sequence[Probe]) -> dict[str, deque[int]]:
    groups: dict[str, deque[int]] = {}
    for number, probe in enumerate(probes):
        groups.setdefault(probe.source, deque()).append(number)
    return groups
