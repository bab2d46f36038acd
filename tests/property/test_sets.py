"""Interval sets obey the laws of sets, and agree with Python's own on small members."""

from __future__ import annotations

from hypothesis import given, strategies as st

from analyzer.sets import AddressSet, PortSet, Protocol

SMALL = 12
protocols = st.sampled_from((Protocol.TCP, Protocol.UDP))
pairs = st.tuples(protocols, st.integers(1, SMALL), st.integers(0, 4))


def build(drawn: list[tuple[Protocol, int, int]]) -> PortSet:
    found = PortSet.none()
    for protocol, first, length in drawn:
        found |= PortSet.of(protocol, first, first + length)
    return found


port_sets = st.one_of(
    st.lists(pairs, max_size=5).map(build), st.just(PortSet.all()), st.just(PortSet.of(Protocol.UDP))
)
texts = st.sampled_from(
    ("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "::/0", "fd00::/8", "255.255.255.255", "::")
)
address_sets = st.lists(texts, max_size=4).map(lambda drawn: AddressSet.union(map(AddressSet.of, drawn)))


def points(ports: PortSet) -> set[tuple[Protocol, int]]:
    return {(p, n) for p in Protocol for n in range(SMALL + 8) if ports.has(p, n)}


@given(port_sets, port_sets)
def test_operations_are_those_of_python_sets(left: PortSet, right: PortSet) -> None:
    assert points(left | right) == points(left) | points(right)
    assert points(left & right) == points(left) & points(right)
    assert points(left - right) == points(left) - points(right)
    assert (left <= right) == ((left - right) == PortSet.none())


@given(port_sets, port_sets, port_sets)
def test_equal_members_are_equal_sets(a: PortSet, b: PortSet, c: PortSet) -> None:
    assert a & (b | c) == (a & b) | (a & c)
    assert ~(a | b) == ~a & ~b
    assert ~~a == a
    assert a | ~a == PortSet.all()
    assert hash(a | b) == hash(b | a)


@given(address_sets, address_sets)
def test_addresses_obey_the_same_laws(a: AddressSet, b: AddressSet) -> None:
    assert (a - b) | (a & b) == a
    assert ~(a & b) == ~a | ~b
    assert AddressSet.union((a, b)) == a | b
    assert (a < b) == (a <= b and a != b)


@given(address_sets)
def test_cidrs_describe_a_set_exactly(addresses: AddressSet) -> None:
    assert AddressSet.union(map(AddressSet.of, addresses.cidrs())) == addresses
    assert {4, 6} >= set(addresses.families())
