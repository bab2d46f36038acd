"""IP addresses and CIDRs as the API server reads them, strictly or as it did before Kubernetes 1.36.

Comes in: text. Goes out: a canonical address or a set of addresses, and what is wrong with the text. Source
of the rules and their wording: k8s.io/apimachinery, pkg/util/validation/ip.go (KEP-4858).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from analyzer.sets import AddressSet

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address
    from types import ModuleType

NOT_AN_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
NOT_A_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
# Longer than any address or CIDR, zeros in front of each number included.
_LONGEST = 64


class Cidr(NamedTuple):
    """A CIDR as it was read: its addresses with host bits masked; the texts are "" where nothing is wrong.

    `strict`: why it is rejected from Kubernetes 1.36 on. `loose`: the warning that it earns where it is
    accepted. `canonical`: how it should be written.
    """

    addresses: AddressSet
    strict: str
    loose: str
    canonical: str


def address(text: str) -> str:
    """Return an IP address in canonical form, or "" when the text is none."""
    if ":" not in text:
        return text if _dotted_quad().fullmatch(text) else ""
    # A cluster may have 100,000 of them: the C library is ten times as fast as the ipaddress module.
    library = _socket()
    try:
        found = library.inet_ntop(library.AF_INET6, library.inet_pton(library.AF_INET6, text))
    except (OSError, ValueError):
        return ""
    # IPv4-mapped and IPv4-compatible addresses, which the API server does not take.
    return "" if "." in found else found


@lru_cache(maxsize=65536)
def cidr(text: str) -> Cidr | None:
    """Read a CIDR; None when it is none, not even for the lenient parser of older versions."""
    from ipaddress import IPv6Address, ip_network

    written, _, length = text.partition("/") if len(text) <= _LONGEST else ("", "", "")
    plain = written if ":" in written else re.sub(r"(?<![0-9])0+(?=[0-9])", "", written)
    ip = _parsed(plain)
    if ip is None or not re.fullmatch("[0-9]{1,4}", length) or int(length) > ip.max_prefixlen:
        return None
    bits = int(length)
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    if mapped and bits >= 96:
        ip, bits = mapped, bits - 96
    network = ip_network((ip, bits), strict=False)
    strict = loose = ""
    canonical = str(network)
    if network.network_address != ip:
        strict = "must not have bits set beyond the prefix length"
        loose = f'is ambiguous in this context (should be "{canonical}" or "{ip}/{ip.max_prefixlen}"?)'
    if mapped or plain != written or length != str(int(length)):
        strict = "must not have leading 0s in IP or prefix length"
        if mapped:
            strict = "must not have an IPv4-mapped IPv6 address"
        loose = f'will be considered invalid in a future Kubernetes release: use "{canonical}"'
    elif not strict and canonical != text:
        loose = f'should be in RFC 5952 canonical format ("{canonical}")'
    return Cidr(addresses=AddressSet.of(canonical), strict=strict, loose=loose, canonical=canonical)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    from ipaddress import IPv4Address, IPv6Address

    try:
        return IPv6Address(text) if ":" in text and "%" not in text else IPv4Address(text)
    except ValueError:
        return None


@cache
def _socket() -> ModuleType:
    import socket

    return socket


@cache
def _dotted_quad() -> re.Pattern[str]:
    octet = "(?:25[0-5]|2[0-4][0-9]|1?[1-9]?[0-9]|1[0-9][0-9])"
    return re.compile(rf"{octet}(?:\.{octet}){{3}}")
