from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from analyzer.commands.ports import port, port_set
from analyzer.sets import PortSet, Protocol

TCP, UDP, SCTP, ICMP = Protocol


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("80", PortSet.of(TCP, 80)),
        ("80/TCP", PortSet.of(TCP, 80)),
        ("80/tcp", PortSet.of(TCP, 80)),
        ("udp/53", PortSet.of(UDP, 53)),
        ("8000-8100/UDP", PortSet.of(UDP, 8000, 8100)),
        ("1-65535", PortSet.of(TCP)),
        ("SCTP", PortSet.of(SCTP)),
        ("icmp", PortSet.of(ICMP)),
    ],
)
def test_ports_are_read_as_people_write_them(text: str, ports: PortSet) -> None:
    assert port_set(text) == ports


@pytest.mark.parametrize(
    ("text", "one"),
    [("80", (TCP, 80)), ("53/udp", (UDP, 53)), ("65535/SCTP", (SCTP, 65535)), ("ICMP", (ICMP, 8))],
)
def test_one_port_is_a_number_of_a_protocol(text: str, one: tuple[Protocol, int]) -> None:
    assert port(text) == one


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "0",
        "65536",
        "80/80",
        "TCP/UDP",
        "80/TCP/UDP",
        "http",
        "8/icmp",
        "-1",
        "80-",
        "٣",
        "9" * 5000,
        "\x1b",
    ],
)
def test_what_is_no_port_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ArgumentTypeError) as caught:
        port_set(text)
    assert "80/TCP" in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_range_goes_upwards() -> None:
    with pytest.raises(ArgumentTypeError, match="greater than the last"):
        port_set("90-80")


@pytest.mark.parametrize("text", ["SCTP", "80-90/TCP"])
def test_a_range_is_not_one_port(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is no port"):
        port(text)
