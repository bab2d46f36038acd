"""The ports that the containers of pods declare.

Comes in: classes of pods. Goes out: for some classes the ports that somebody declares, and whether every pod
declares one. A port that is not declared may be served all the same: containerPort is "primarily
informational" (Container.ports), so who declares nothing at all proves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analyzer.bitmaps import members
from analyzer.sets import PortSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer.bitmaps import Bitmap
    from analyzer.classes import PeerClass


class Ports(NamedTuple):
    """What some pods declare: numbers, and names; `all_declare` is False when some declare nothing."""

    numbers: PortSet
    names: tuple[str, ...]
    all_declare: bool


class Declared:
    """What the pods of each class declare."""

    def __init__(self, classes: Sequence[PeerClass]) -> None:
        self._classes = classes
        self._known: dict[Bitmap, Ports] = {}

    def by(self, classes: Bitmap) -> Ports:
        """Return what the pods of some classes declare."""
        if (found := self._known.get(classes)) is None:
            ports: dict[tuple[object, ...], PortSet] = {}
            names: dict[str, None] = {}
            all_declare = True
            for number in members(classes):
                for pod in self._classes[number].pods:
                    all_declare &= bool(pod.ports)
                    for port in pod.ports:
                        key = (port.protocol, port.number)
                        if key not in ports:
                            ports[key] = PortSet.of(port.protocol, port.number)
                        if port.name:
                            names[port.name] = None
            numbers = PortSet(interval for each in ports.values() for interval in each.intervals)
            found = self._known[classes] = Ports(numbers, tuple(sorted(names)), all_declare)
        return found
