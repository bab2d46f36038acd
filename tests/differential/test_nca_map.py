"""The reader of NCA's map, on lines that NCA 2.1.0 printed."""

from __future__ import annotations

import pytest

from tests.differential.nca_map import connections, end, read_map
from tests.differential.reach import EVERY_PORT, EVERYTHING, FIRST_IPV6, address_range

RECORDED = """\
Warning: Missing named port http in the pod ns2/d3-1. Ignoring the pod
global: cluster has 4 unique endpoints, 2 namespaces
0.0.0.0-9.255.255.255 => ns1/p1 : All connections
10.0.0.0-10.0.255.255 => ns2/p2 : {protocols:TCP,dst_ports:8080}
10.0.0.0-10.0.255.255 => ns2/p2 : {protocols:UDP,dst_ports:100-200}
1.2.3.4 => a/y : {protocols:UDP, SCTP}
::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff => ns1/p1 : All connections
ns1/p1 => ns2/p2 : {protocols:TCP,dst_ports:8080}
ns1/p1 => ns2/p2 : {protocols:UDP,dst_ports:100-200}
ns2/d3-1 => 2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff : {protocols:SCTP,dst_ports:7}
a/x => a/y : {protocols:TCP,dst_ports:1-79,81-65535}
Total run time:   0.06 seconds
"""


def test_lines_about_one_pair_add_up() -> None:
    reach = read_map(RECORDED)
    assert reach.between("ns1/p1", "ns2/p2") == {"TCP": ((8080, 8080),), "UDP": ((100, 200),)}


def test_a_pair_without_a_line_has_no_connection() -> None:
    assert read_map(RECORDED).between("ns2/p2", "ns1/p1") == {}


def test_ranges_of_ports_keep_their_hole() -> None:
    assert read_map(RECORDED).between("a/x", "a/y") == {"TCP": ((1, 79), (81, 65535))}


def test_outside_addresses_are_ranges_in_both_directions() -> None:
    reach = read_map(RECORDED)
    assert reach.inward["ns1/p1"] == [
        (address_range("0.0.0.0", "9.255.255.255"), EVERYTHING),
        ((FIRST_IPV6, FIRST_IPV6 + 2**128 - 1), EVERYTHING),
    ]
    [(addresses, ports)] = reach.outward["ns2/d3-1"]
    assert addresses == address_range("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")
    assert ports == {"SCTP": ((7, 7),)}


def test_one_address_is_a_range_of_itself() -> None:
    assert end("1.2.3.4") == address_range("1.2.3.4", "1.2.3.4")


def test_messages_are_not_connections() -> None:
    assert read_map(RECORDED).names() == {"ns1/p1", "ns2/p2", "ns2/d3-1", "a/x", "a/y"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("All connections", EVERYTHING),
        ("No connections", {}),
        ("{protocols:TCP}", {"TCP": EVERY_PORT}),
        ("{protocols:ICMP}", {}),
        ("{protocols:all but TCP, ICMP}", {"UDP": EVERY_PORT, "SCTP": EVERY_PORT}),
        ("{dst_ports:53}", {"TCP": ((53, 53),), "UDP": ((53, 53),), "SCTP": ((53, 53),)}),
        (
            "{protocols:TCP, UDP,dst_ports:53,80-81}",
            {"TCP": ((53, 53), (80, 81)), "UDP": ((53, 53), (80, 81))},
        ),
        ("{protocols:TCP,dst_ports:1-5},{protocols:TCP,dst_ports:6-9}", {"TCP": ((1, 9),)}),
        (
            "All but {protocols:TCP,dst_ports:80}",
            {"TCP": ((1, 79), (81, 65535)), "UDP": EVERY_PORT, "SCTP": EVERY_PORT},
        ),
    ],
)
def test_every_way_to_write_connections_is_read(text: str, expected: dict[str, object]) -> None:
    assert connections(text) == expected


@pytest.mark.parametrize("text", ["some connections", "{methods:GET}", "{protocols:TCP}{protocols:UDP}"])
def test_an_unknown_form_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="not a "):
        connections(text)
