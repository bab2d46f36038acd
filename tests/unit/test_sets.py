"""Sets of ports and of addresses: how they are written, and single members of them."""

from __future__ import annotations

import pickle
from copy import deepcopy

import pytest

from analyzer.sets import TRANSPORTS, AddressSet, IntervalSet, PortSet, Protocol, address_number

TCP_80 = PortSet.of(Protocol.TCP, 80)


@pytest.mark.parametrize(
    ("ports", "text"),
    [
        (PortSet.none(), "none"),
        (PortSet.all(), "all"),
        (TCP_80, "TCP 80"),
        (TCP_80 | PortSet.of(Protocol.TCP, 8000, 8100) | PortSet.of(Protocol.UDP), "TCP 80,8000-8100; UDP"),
        (PortSet.of(Protocol.ICMP, 8), "ICMP 8"),
        (PortSet.transports(), "TCP; UDP; SCTP"),
    ],
)
def test_ports_are_written_as_people_read_them(ports: PortSet, text: str) -> None:
    assert str(ports) == text
    assert repr(ports) == f"PortSet({text})"


@pytest.mark.parametrize(
    ("cidrs", "text"),
    [
        ([], "none"),
        (["10.0.0.0/9", "10.128.0.0/9"], "10.0.0.0/8"),
        (["::/0", "0.0.0.0/0"], "0.0.0.0/0,::/0"),
        (["10.0.0.7/8"], "10.0.0.0/8"),
        (["fd00::1"], "fd00::1/128"),
    ],
)
def test_addresses_are_written_as_the_fewest_cidrs(cidrs: list[str], text: str) -> None:
    assert str(AddressSet.union(map(AddressSet.of, cidrs))) == text


def test_members_are_the_numbers_between_both_ends() -> None:
    ports = PortSet.of(Protocol.TCP, 80, 90)
    assert [port for port in range(100) if ports.has(Protocol.TCP, port)] == list(range(80, 91))
    assert not ports.has(Protocol.UDP, 80)
    assert not ports.has(Protocol.TCP, 80 + (1 << 17))  # the same number on the line of another protocol
    assert not PortSet.all().has(Protocol.TCP, 0)
    assert PortSet.all().has(Protocol.ICMP, 0)
    assert address_number("10.0.0.1") in AddressSet.of("10.0.0.0/8")
    assert address_number("::a00:1") not in AddressSet.of("10.0.0.0/8")
    assert address_number("0.0.0.0") not in AddressSet.none()


def test_all_ports_of_a_protocol_are_those_that_it_has() -> None:
    assert [PortSet.of(protocol).size for protocol in TRANSPORTS] == [65535] * 3
    assert PortSet.of(Protocol.ICMP).size == 256
    assert PortSet.all().size == 3 * 65535 + 256
    assert not PortSet.of(Protocol.TCP, 90, 80)
    assert AddressSet.all().size == 2**32 + 2**128


def test_ranges_are_told_by_protocol() -> None:
    ports = TCP_80 | PortSet.of(Protocol.UDP, 53, 54)
    assert ports.by_protocol() == {"TCP": [[80, 80]], "UDP": [[53, 54]]}
    assert PortSet.none().by_protocol() == {}


def test_addresses_are_counted_up_from_the_smallest() -> None:
    addresses = AddressSet.of("10.0.0.254/31") | AddressSet.of("fd00::/127")
    assert list(addresses.addresses()) == ["10.0.0.254", "10.0.0.255", "fd00::", "fd00::1"]


def test_a_set_survives_being_copied_and_pickled() -> None:
    for each in (TCP_80, PortSet.none(), AddressSet.of("fd00::/8")):
        copies: list[IntervalSet] = [deepcopy(each), pickle.loads(pickle.dumps(each))]
        assert all(copy == each and hash(copy) == hash(each) and type(copy) is type(each) for copy in copies)


def test_sets_of_different_kinds_are_never_equal() -> None:
    assert PortSet.none() != AddressSet.none()
    assert PortSet.none() != ()


@pytest.mark.parametrize("text", ["", "10.0.0.0/33", "10.0.0", "fd00::/129", "a", "10.0.0.1/8/9"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        AddressSet.of(text)
    with pytest.raises(ValueError, match=r".*"):
        address_number(text)
