"""IPBlock: a CIDR and the parts of it that are excepted.

Comes in: a field that holds one. Goes out: sets of addresses. Source of the rules and their wording:
k8s.io/kubernetes, ValidateIPBlock.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from analyzer.decode import schema
from analyzer.decode.addresses import NOT_A_CIDR, Cidr, cidr
from analyzer.decode.scope import STRICT_CIDRS
from analyzer.decode.shown import shown

if TYPE_CHECKING:
    from analyzer.decode.field import Field
    from analyzer.decode.scope import Scope
    from analyzer.diagnostics import Span
    from analyzer.sets import AddressSet

_MISPLACED = {
    "podSelector": "`podSelector` belongs into an item of its own",
    "namespaceSelector": "`namespaceSelector` belongs into an item of its own",
    "ports": "`ports` belongs beside `from` or `to`: indent it less",
    "ipBlock": "`ipBlock` holds `cidr` and `except`",
}


_HOST_NAME = re.compile(r"[-A-Za-z0-9_.*]*[G-Zg-z][^:]*\Z")


class Block(NamedTuple):
    """An ipBlock as written: the addresses of its CIDR, and of each of its excepts."""

    addresses: AddressSet
    excepts: tuple[AddressSet, ...]
    span: Span


def read_block(block: Field, peer: Field, scope: Scope) -> Block | None:
    """Read the ipBlock of a peer; None when it has no valid CIDR."""
    block.known(schema.IP_BLOCK, _MISPLACED)
    written = block.text("cidr")
    if not written:
        if block.value.get("cidr") in (None, ""):
            block.child("cidr").required(hint="write the addresses that are meant, `cidr: 10.0.0.0/8`")
        return None
    found = _cidr(block.child("cidr", written), scope)
    if found is None:
        return None
    excepts = []
    for each in block.strings("except"):
        part = _cidr(each, scope)
        if part and _is_strict_subset(part, found):
            excepts.append(part.addresses)
        elif part:
            hint = f"`except` takes parts out of {found.canonical}; leave out what lies outside"
            each.invalid("must be a strict subset of `cidr`", hint)
    return Block(addresses=found.addresses, excepts=tuple(excepts), span=peer.span)


def _is_strict_subset(part: Cidr, whole: Cidr) -> bool:
    """Compare as the API does; of one CIDR to another, "longer prefix" and "fewer addresses" are one."""
    return part.addresses < whole.addresses


def _cidr(written: Field, scope: Scope) -> Cidr | None:
    """Read a CIDR by the rules of the cluster's version."""
    found = cidr(written.value)
    if found is None:
        written.invalid(NOT_A_CIDR, _nearest(written.value))
        return None
    if found.strict and scope.at_least(STRICT_CIDRS):
        written.invalid(found.strict, f"write {found.canonical}")
    elif found.loose:
        text = f"CIDR value {shown(written.value)} {found.loose}"
        written.warning("loose-cidr", text, f"write {found.canonical}")
    return found


def _nearest(text: str) -> str:
    """Say what is missing when the text is an address alone, or one with a netmask or spaces."""
    base, _, mask = text[:80].strip().partition("/")
    if _HOST_NAME.match(base):
        return "NetworkPolicies know addresses only, no host names"
    alone = cidr(f"{base}/{128 if ':' in base else 32}")
    if alone is None or mask:
        return "write an address, `/` and the length of the prefix"
    return f"write {alone.canonical} for this one address"
