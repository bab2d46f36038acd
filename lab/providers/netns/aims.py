"""From where to where a probe goes: names turned into namespaces, addresses and expected answers.

Comes in: probes and the places of the lab. Goes out: an `Aim` each, or LabError for a name or an address that
does not exist. What many probes share is worked out once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lab.errors import LabError
from lab.probes import Probe, Protocol
from lab.providers.netns.identity import datagram_answer, stream_answer
from lab.providers.netns.namespaces import Namespace
from lab.providers.netns.topology import address_text, packed
from lab.providers.netns.wiring import Place


@dataclass(frozen=True, slots=True)
class Start:
    """One address that probes start from: in bytes, as text, and whether a socket must be bound to it."""

    namespace: Namespace
    address: bytes
    text: str
    bind: str | None


@dataclass(frozen=True, slots=True)
class Target:
    """One address that probes go to, in bytes and as the usual text.

    `direct` says that packets keep it all the way; a Service's or a node's may be rewritten.
    """

    address: bytes
    text: str
    direct: bool


class Aims:
    """Resolves probes, and remembers."""

    def __init__(self, places: Mapping[str, Place], direct: frozenset[bytes] = frozenset()) -> None:
        """Take the places by name, and the addresses that packets keep all the way."""
        self._places = places
        self._direct = direct
        self._starts: dict[tuple[str, str | None, bool], Start | None] = {}
        self._targets: dict[str, Target] = {}
        self._answers: dict[tuple[str, bool], bytes] = {}

    def check(self, probes: Iterable[Probe]) -> None:
        """Raise LabError unless every probe can be aimed."""
        different = {(probe.source, probe.address, probe.source_address): probe for probe in probes}
        for probe in different.values():
            self.place(probe)
            self.target(probe)
            self.start(probe)

    def place(self, probe: Probe) -> Place:
        """Return where a probe starts. Raises LabError when nothing has that name."""
        place = self._places.get(probe.source)
        if place is None:
            raise LabError(f"there is no `{probe.source}` in this lab to probe from")
        return place

    def start(self, probe: Probe) -> Start | None:
        """Return the address that a probe starts from; None when its source has none of that family."""
        key = (probe.source, probe.source_address, ":" in probe.address)
        try:
            return self._starts[key]
        except KeyError:
            start = self._starts[key] = _start(self.place(probe), probe.source_address, 16 if key[2] else 4)
            return start

    def target(self, probe: Probe) -> Target:
        """Return the address that a probe goes to. Raises LabError when it is none."""
        target = self._targets.get(probe.address)
        if target is None:
            address = packed(probe.address)
            target = self._targets[probe.address] = Target(
                address, address_text(address), address in self._direct
            )
        return target

    def expected(self, probe: Probe) -> str | None:
        """Return the identity that must answer: a pod in its node's network answers as the node."""
        place = None if probe.expect is None else self._places.get(probe.expect)
        return probe.expect if place is None else place.name

    def answer(self, probe: Probe) -> bytes | None:
        """Return the bytes that must come back over a socket; None when every answer is right."""
        if probe.expect is None:
            return None
        key = (probe.expect, probe.protocol is Protocol.UDP)
        answer = self._answers.get(key)
        if answer is None:
            name = self.expected(probe) or ""
            answer = self._answers[key] = datagram_answer(name) if key[1] else stream_answer(name)
        return answer


def _start(place: Place, wanted: str | None, length: int) -> Start | None:
    fitting = [address for address in place.addresses if len(address) == length]
    if wanted is not None:
        address = packed(wanted)
        if address not in fitting:
            raise LabError(
                f"`{place.name}` cannot probe from `{wanted}`",
                "its own addresses are " + ", ".join(map(address_text, place.addresses)),
            )
        return Start(place.namespace, address, address_text(address), wanted)
    if not fitting:
        return None
    text = address_text(fitting[0])
    return Start(place.namespace, fitting[0], text, text if len(fitting) > 1 else None)
