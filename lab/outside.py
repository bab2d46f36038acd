"""Which addresses stand for all those outside the cluster that no policy tells apart.

Comes in: a set of addresses as the policies' CIDRs cut it, and what is used inside. Goes out: a few of its
addresses: those next to each cut, where an error of one would show, else one that is meant for documentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer import AddressSet

# Addresses that cannot be those of a single remote host, and those that the lab's own routers have.
_UNUSABLE = AddressSet.union(
    map(
        AddressSet.of,
        (
            "0.0.0.0/8",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "224.0.0.0/4",
            "255.255.255.255/32",
            "::/127",
            "::ffff:0:0/96",
            "fd6b:7265:6163:68::/64",
            "fe80::/10",
            "ff00::/8",
        ),
    )
)
# RFC 5737 and RFC 3849.
_DOCUMENTATION = tuple(map(AddressSet.of, ("203.0.113.0/24", "2001:db8::/32")))
_MOST = 8
"""Addresses for one set and IP family."""


def representatives(
    addresses: AddressSet, taken: AddressSet, families: Sequence[int] = (4, 6)
) -> tuple[str, ...]:
    """Return addresses that stand for a set, IPv4 first; () when none of it can be used."""
    usable = addresses - taken - _UNUSABLE
    found: list[str] = []
    for version in families:
        family = AddressSet.family(version)
        if here := usable & family:
            edges = list(dict.fromkeys(_edges(addresses & family, here)))
            found += edges[:_MOST] or [_usual(here)]
    return tuple(found)


def _edges(addresses: AddressSet, usable: AddressSet) -> Iterator[str]:
    """Yield the usable addresses at the ends of the set, but not at the ends of the address space."""
    ends = {end for interval in AddressSet.UNIVERSE for end in interval}
    for first, last in addresses.intervals:
        for end in (first, last):
            if end not in ends and end in usable:
                yield _text(end)


def _usual(usable: AddressSet) -> str:
    """Return an address for documentation if there is one in the set, else its first one."""
    for documentation in _DOCUMENTATION:
        if here := usable & documentation:
            first, last = here.intervals[0]
            return _text(min(first + 1, last))
    return _text(usable.intervals[0][0])


def _text(number: int) -> str:
    return next(AddressSet([(number, number)]).addresses())
