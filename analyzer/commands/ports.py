"""Ports as a user writes them: `80/TCP`, `8000-8100/UDP`, `SCTP`, `icmp`.

Comes in: text from the command line. Goes out: a set of ports, or one port; argparse tells the user when
it is neither.
"""

from __future__ import annotations

from argparse import ArgumentTypeError

from analyzer.sets import PortSet, Protocol

# What `ping` sends.
_ECHO_REQUEST = 8


def port_set(text: str) -> PortSet:
    """Return the ports that a filter means; a number without a protocol is a TCP port."""
    protocol, numbers = _parts(text)
    if not numbers:
        return PortSet.of(protocol)
    first, dash, last = numbers.partition("-")
    low, high = _number(first, text), _number(last if dash else first, text)
    if low > high:
        raise ArgumentTypeError(f"`{text}`: the first port is greater than the last")
    return PortSet.of(protocol, low, high)


def port(text: str) -> tuple[Protocol, int]:
    """Return the one port that a question is about; `icmp` is an echo request."""
    protocol, numbers = _parts(text)
    if protocol is Protocol.ICMP:
        return protocol, _ECHO_REQUEST
    return protocol, _number(numbers, text)


def _parts(text: str) -> tuple[Protocol, str]:
    """Split `80/TCP` and `tcp/80`, in upper or lower case."""
    words = text.upper().split("/")
    names = [word for word in words if word in Protocol.__members__]
    numbers = [word for word in words if word not in Protocol.__members__]
    if len(names) > 1 or len(numbers) > 1 or "" in numbers or (numbers and "ICMP" in names):
        raise _wrong(text)
    return Protocol(names[0]) if names else Protocol.TCP, "".join(numbers)


def _number(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= 65535):
        raise _wrong(whole)
    return int(text)


def _wrong(text: str) -> ArgumentTypeError:
    shown = text if text.isprintable() else ascii(text)
    return ArgumentTypeError(
        f"`{shown[:80]}` is no port; write it as `80/TCP`, `8000-8100/UDP`, `SCTP` or `icmp`"
    )
