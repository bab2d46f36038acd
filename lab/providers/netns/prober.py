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

from lab.providers.netns import flights
from lab.providers.netns.aims import Aims, Start
from lab.providers.netns.deadlines import Deadlines
from lab.providers.netns.flights import Flight, Sighting
from lab.providers.netns.loop import READ, Loop
from lab.providers.netns.nflog import REJECTS, Event
from lab.providers.netns.probes import Attempt, Outcome, Patience, Probe, ProbeResult, Protocol
from lab.providers.netns.sctpprober import SctpProber
from lab.providers.netns.topology import address_text
from lab.providers.netns.wiring import Place

_BATCH = 128
_SETTLE = 0.03
"""Seconds to wait for the log's word on a rejected probe: three times what the kernel holds an event back."""
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
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
    """One list of probes under way. `done` is true when every probe has its result."""

    def __init__(
        self,
        loop: Loop,
        ground: Ground,
        probes: Sequence[Probe],
        patience: Patience,
        on_result: Callable[[], object] | None = None,
    ) -> None:
        """Prepare probes that have been checked: see Aims.check. `on_result` is called after each result."""
        self._loop, self._ground, self._probes, self._patience = loop, ground, probes, patience
        self._on_result = on_result
        self._results: list[ProbeResult | None] = [None] * len(probes)
        self._earlier: dict[int, tuple[Attempt, ...]] = {}
        self._aims = Aims(ground.places)
        self._queue = deque(_by_source(probes).items())
        self._again: dict[str, deque[int]] = {}
        self._fresh: list[Flight] = []
        self._flying: dict[flights.Key, Flight] = {}
        self._rewritten: dict[flights.Sender, Flight | None] = {}
        """Flights to Services and nodes, logged with the pod they were sent on to; None: two are alike."""
        self._deadlines = Deadlines(loop, self._expired)
        self._window = ground.window
        self._in_air = self._finished = 0
        self._working = self._full = False
        self._begun = time.monotonic()
        self._sctp = SctpProber(loop, self._sighted)

    @property
    def done(self) -> bool:
        """Tell whether every probe has its result."""
        return self._finished == len(self._probes)

    @property
    def finished(self) -> int:
        """How many probes have their result."""
        return self._finished

    def start(self) -> None:
        """Begin; the loop does the rest."""
        self._begun = time.monotonic()
        self._work()

    def close(self) -> None:
        """Give up what is still open."""
        for flight in self._flying.values():
            self._land(flight)
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
            if not flight.over and not self._look(flight):
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
        probe = self._probes[number]
        flight = Flight(number, time.monotonic(), self._patience.life(len(self._earlier.get(number, ()))))
        start = self._aims.start(probe)
        if probe.protocol is Protocol.SCTP and self._sctp.full:
            return False
        if start is None:
            self._in_air += 1
            self._end(
                flight, Sighting(Outcome.UNREACHABLE, reason="the source has no address of this family")
            )
            return True
        try:
            self._open(flight, probe, start)
        except OSError as error:
            if error.errno in _NO_ROOM and self._in_air:
                self._window = self._in_air
                return False
            self._in_air += 1
            self._end(flight, flights.failed(error))
            return True
        self._in_air += 1
        self._register(flight, probe, start)
        self._deadlines.add(flight)
        return True

    def _register(self, flight: Flight, probe: Probe, start: Start) -> None:
        """Make a flight known by the names that the firewall's log may give it."""
        target = self._aims.target(probe).address
        sender = (probe.protocol.value, start.address, flight.port)
        flight.key = (*sender, target, probe.port)
        self._flying[flight.key] = flight
        if target not in self._ground.direct:
            self._rewritten[sender] = None if sender in self._rewritten else flight

    def _open(self, flight: Flight, probe: Probe, start: Start) -> None:
        target = self._aims.target(probe).text
        match probe.protocol:
            case Protocol.UDP:
                flight.socket = flights.send(target, probe.port, start.bind)
            case Protocol.SCTP if not self._ground.sctp_sockets:
                asked = (flight, target, self._aims.expected(probe))
                self._sctp.launch(start.namespace, start.text, (target, probe.port), asked)
                return
            case _:
                flight.socket = flights.connect(probe.protocol, target, probe.port, start.bind)
        flight.port = flight.socket.getsockname()[1]
        self._fresh.append(flight)

    def _look(self, flight: Flight, mask: int = 0) -> bool:
        """Read what a flight's socket has; tell whether that ended it."""
        probe, one = self._probes[flight.task], flight.socket
        if one is None or flight.over:
            return True
        target, sighting = self._aims.target(probe).text, None
        if mask & select.EPOLLERR:
            sighting = flights.look_for_errors(one, target, probe.protocol)
        sighting = sighting or flights.look(one, target, probe.protocol, self._aims.answer(probe))
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
        if self._ground.logged and sighting.outcome in _REFUSALS and flight.rule is None:
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
        if flight.over:
            return
        flight.over = True
        self._land(flight)
        self._in_air -= 1
        self._full = False
        if flight.key is not None:
            self._flying.pop(flight.key, None)
            if self._rewritten and self._rewritten.get(flight.key[:3]) is flight:
                del self._rewritten[flight.key[:3]]
            if flight.key[0] == Protocol.SCTP.value and not self._ground.sctp_sockets:
                self._sctp.forget(address_text(flight.key[1]), flight.port)
        self._note(flight, sighting)
        if not self._working and (self._queue or self._again):
            self._work()

    def _note(self, flight: Flight, sighting: Sighting) -> None:
        """Record an attempt, and either the result or another try."""
        number = flight.task
        probe = self._probes[number]
        attempts = (*self._earlier.pop(number, ()), self._attempt(flight, sighting))
        outcome = self._patience.verdict(attempts)
        if outcome is None:
            self._earlier[number] = attempts
            self._again.setdefault(probe.source, deque()).append(number)
            return
        self._results[number] = ProbeResult(probe=probe, outcome=outcome, attempts=attempts)
        self._finished += 1
        if self._on_result is not None:
            self._on_result()

    def _attempt(self, flight: Flight, sighting: Sighting) -> Attempt:
        outcome, identity = sighting.outcome, sighting.identity
        if outcome is Outcome.REFUSED and flight.rule is not None:
            outcome = Outcome.REJECTED  # the firewall says that the refusal was its own
        if outcome is Outcome.OPEN and identity is None:
            identity = self._aims.expected(self._probes[flight.task])
        return Attempt(
            outcome=outcome,
            started=flight.started - self._begun,
            took=time.monotonic() - flight.started,
            source_port=flight.port,
            identity=identity,
            icmp=sighting.icmp,
            rule=flight.rule,
            reason=sighting.reason,
        )


def _by_source(probes: Sequence[Probe]) -> dict[str, deque[int]]:
    groups: dict[str, deque[int]] = {}
    for number, probe in enumerate(probes):
        groups.setdefault(probe.source, deque()).append(number)
    return groups
