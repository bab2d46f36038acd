"""Expectations as a file: compact YAML that `reading` reads back as the same.

Comes in: expectations with ends of the forms that `proposal` makes: names and addresses. Goes out: text.
"""

from __future__ import annotations

import re
from json import dumps
from typing import TYPE_CHECKING

from analyzer.expect.expectation import Named, Outside
from analyzer.expect.reading import KIND, VERSION
from analyzer.sets import TRANSPORTS, AddressSet, PortSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.expect.expectation import End, Expectation

_HEAD = f"""\
# What is, not what should be: keep what is meant, give it a reason, and delete the rest.
apiVersion: {VERSION}
kind: {KIND}
expectations:
"""
# Texts that YAML reads as texts wherever they stand.
_PLAIN = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_./*]*")
# The same for texts that stand alone behind a key.
_PLAIN_LINE = re.compile(r"[A-Za-z][-A-Za-z0-9_./ ,;>*]*[A-Za-z0-9]")
_WIDEST = 100


def render(expectations: Sequence[Expectation]) -> Iterator[str]:
    """Yield the file."""
    yield _HEAD
    for each in expectations:
        name = each.name if _PLAIN_LINE.fullmatch(each.name) else dumps(each.name)
        yield f"- name: {name}\n"
        yield from _ends("  ", "from", each.sources)
        yield from _ends("  ", "to", each.destinations)
        yield f"  ports: [{', '.join(ports(each.ports))}]\n  verdict: {each.verdict.value}\n"
        yield from ("  unless:\n",) if each.unless else ()
        for exempt in each.unless:
            yield from _ends("  - ", "from", exempt.sources) if exempt.sources else ()
            yield from _ends("  - ", "to", exempt.destinations) if exempt.destinations else ()


def ports(found: PortSet) -> Iterator[str]:
    """Yield ports of TCP, UDP and SCTP as a file has them."""
    if found == PortSet.transports():
        yield "ALL"
        return
    for protocol in TRANSPORTS:
        for first, last in found.ranges(protocol):
            numbers = (
                "ALL"
                if (first, last) == protocol.span
                else f"{first}"
                if first == last
                else f"{first}-{last}"
            )
            yield f"{numbers}/{protocol.value}"


def _ends(margin: str, key: str, ends: Sequence[End]) -> Iterator[str]:
    """Yield the lines of one side: one end, a list on one line, or a list."""
    found = list(map(_end, ends))
    line = f"{margin}{key}: {found[0] if len(found) == 1 else '[' + ', '.join(found) + ']'}\n"
    if len(line) <= _WIDEST:
        yield line
        return
    yield f"{margin}{key}:\n"
    yield from (f"{' ' * len(margin)}- {each}\n" for each in found)


def _end(end: End) -> str:
    if isinstance(end, Named):
        return _quoted(str(end))
    assert isinstance(end, Outside), "only names and addresses are proposed"
    return "external" if end.addresses == AddressSet.all() else f"{{cidr: {_quoted(str(end.addresses))}}}"


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else dumps(text)
