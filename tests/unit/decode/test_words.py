"""Names, addresses, and how the user's values are shown."""

from __future__ import annotations

import datetime as dt

import pytest

from analyzer.decode.addresses import address, cidr
from analyzer.decode.names import label, label_1035, label_key, label_value, mended, port_name, subdomain
from analyzer.decode.shown import plain, shown, type_name


@pytest.mark.parametrize("name", ["a", "a.b", "1", "a-b.c-d", "a" * 253])
def test_subdomains(name: str) -> None:
    assert subdomain(name) == ()


@pytest.mark.parametrize("name", ["", "A", "a_b", "-a", "a-", "a..b", ".a", "a\n", "ä", "a" * 254])
def test_no_subdomains(name: str) -> None:
    assert subdomain(name)


def test_a_name_that_is_too_long_and_wrong_has_two_faults() -> None:
    assert len(subdomain("A" * 254)) == len(label("A" * 64)) == len(label_value("-" * 64)) == 2


@pytest.mark.parametrize(("name", "allowed"), [("a1", True), ("1a", False), ("a.b", False), ("", False)])
def test_labels_of_rfc_1035_start_with_a_letter(name: str, *, allowed: bool) -> None:
    assert (label_1035(name) == ()) is allowed


@pytest.mark.parametrize("key", ["a", "A_b.c-d", "example.com/a", "a" * 63, f"{'a.' * 126}a/{'b' * 63}"])
def test_label_keys(key: str) -> None:
    assert label_key(key) == ()


@pytest.mark.parametrize("key", ["", "/a", "a/", "a/b/c", "A.com/a", "a b", "-a", "a" * 64, f"{'a' * 254}/a"])
def test_no_label_keys(key: str) -> None:
    assert label_key(key)


def test_a_length_is_counted_in_bytes() -> None:
    assert label_value("ä" * 32)[0] == "must be no more than 63 bytes"
    assert "must be no more than 15 characters" in port_name("ä" * 8)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("My_App", "`my-app` would be valid"),
        (" web ", "`web` would be valid"),
        ("!", ""),
    ],
)
def test_a_valid_name_like_a_wrong_one(name: str, hint: str) -> None:
    assert mended(name, subdomain) == hint


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("255.255.255.255", "255.255.255.255"),
        ("FD00::0001", "fd00::1"),
        ("010.0.0.1", ""),
        ("10.0.0.256", ""),
        ("10.0.0", ""),
        ("10.0.0.1\n", ""),
        ("::ffff:10.0.0.1", ""),
        ("fe80::1%eth0", ""),
        ("a:b", ""),
        ("1:\ud800", ""),
        ("1:\0", ""),
        ("", ""),
    ],
)
def test_addresses(text: str, canonical: str) -> None:
    assert address(text) == canonical


@pytest.mark.parametrize(
    "text",
    ["", "/", "10.0.0.0", "10.0.0.0/", "10.0.0.0/a", "10.0.0.0/-1", "::/129", "\u0661.0.0.0/8", "1" * 99],
)
def test_no_cidrs(text: str) -> None:
    assert cidr(text) is None


def test_a_mapped_address_with_a_short_prefix_is_of_ipv6() -> None:
    found = cidr("::ffff:1.2.3.4/64")
    assert found
    assert (found.canonical, found.strict) == ("::/64", "must not have an IPv4-mapped IPv6 address")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('a"b\\', '"a\\"b\\\\"'),
        ("a\nb\u202e", '"a\\nb\\u202e"'.replace("\\", "\\\\")),
        ("x" * 200, f'"{"x" * 80}..."'),
        (True, "true"),
        (None, "null"),
        (7, "7"),
        pytest.param(10**5000, "a number of more than 19 digits", id="huge"),
        pytest.param(-(10**5000), "a number of more than 19 digits", id="huge and negative"),
        (1.5, "1.5"),
        ({"a": {"b": None}}, '{"a":{"b":null}}'),
        ([1, "a"], '[1,"a"]'),
        (list(range(9)), "[0,1,2,3,4,...]"),
        (["x" * 99] * 3, '["' + "x" * 80 + '...","' + "x" * 73 + "...]"),
        (dt.date(2026, 1, 2), "2026-01-02"),
    ],
)
def test_values_are_shown_on_one_line_and_cut(value: object, text: str) -> None:
    assert shown(value) == text


def test_deep_values_are_shown_in_bounded_length() -> None:
    value: object = "x"
    for _ in range(300):
        value = [value, value]
    assert len(shown(value)) < 1000


def test_types_have_the_names_of_json() -> None:
    values: tuple[object, ...] = ({}, [], "", True, 1, 1.5, None, dt.date(2026, 1, 2))
    assert [type_name(each) for each in values] == [
        "object",
        "array",
        "string",
        "boolean",
        "integer",
        "number",
        "null",
        "date",
    ]


def test_text_is_shown_without_control_characters() -> None:
    assert plain("a\tb\x1b[0m") == "a\\tb\\x1b[0m"
