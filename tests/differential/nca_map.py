"""The connectivity map of network-config-analyzer: its text in, `Reach` out.

The text is that of `--connectivity --output_format txt_no_fw_rules --output_endpoints pods`: a line for
each source, destination and set of connections, `ns/pod => 10.0.0.0-10.255.255.255 : {protocols:TCP}`.
A set of connections is `All connections`, or cubes `{dimension:values,...}` one of which must match, or
`All but` cubes. A dimension that a cube leaves out is unrestricted.
"""

from __future__ import annotations

import re

from tests.differential.reach import (
    EVERY_PORT,
    EVERYTHING,
    NOTHING,
    PROTOCOLS,
    Interval,
    Intervals,
    Ports,
    Reach,
    address_range,
    minus,
    together,
    union,
)

LINE = re.compile(r"(?P<source>\S+) => (?P<destination>\S+) : (?P<connections>.+)")
CUBE = re.compile(r"\{([^{}]*)\}")
DIMENSION = re.compile(r"(?:^|,)([a-z_]+):")
OTHER_PROTOCOLS = "all but "


def read_map(text: str) -> Reach:
    """Return the connections that NCA printed; lines of other kinds are skipped.

    Raises ValueError for a connection in a form that is not known here.
    """
    reach = Reach()
    for line in text.splitlines():
        match = LINE.fullmatch(line)
        if match:
            reach.add(end(match["source"]), end(match["destination"]), connections(match["connections"]))
    return reach


def end(text: str) -> str | Interval:
    """Return a pod as its `namespace/name`, or a range of addresses."""
    if "/" in text:
        return text
    first, _, last = text.partition("-")
    return address_range(first, last or first)


def connections(text: str) -> Ports:
    """Return the ports of TCP, UDP and SCTP in a set of connections; other protocols are left aside."""
    if text == "All connections":
        return EVERYTHING
    if text == "No connections":
        return NOTHING
    if text.startswith("All but "):
        excluded = cubes(text.removeprefix("All but "))
        return {
            protocol: rest
            for protocol in PROTOCOLS
            if (rest := minus(EVERY_PORT, excluded.get(protocol, ())))
        }
    return cubes(text)


def cubes(text: str) -> Ports:
    """Return the union of cubes that are joined by commas."""
    found = CUBE.findall(text)
    if ",".join(f"{{{cube}}}" for cube in found) != text:
        raise ValueError(f"not a list of cubes: `{text}`")
    ports = NOTHING
    for cube in found:
        ports = together(ports, one_cube(cube))
    return ports


def one_cube(text: str) -> Ports:
    """Return the ports of one cube: `protocols:TCP, UDP,dst_ports:80,100-200`."""
    parts = DIMENSION.split(text)
    dimensions = dict(zip(parts[1::2], parts[2::2], strict=True))
    protocols = protocol_names(dimensions.pop("protocols", "*"))
    ports = port_ranges(dimensions.pop("dst_ports", "1-65535"))
    if parts[0] or dimensions:
        raise ValueError(f"not a cube of protocols and destination ports: `{text}`")
    return dict.fromkeys((protocol for protocol in PROTOCOLS if protocol in protocols), ports)


def protocol_names(text: str) -> set[str]:
    """Return those of TCP, UDP and SCTP that are meant by `*`, by a list or by `all but` and a list."""
    if text == "*":
        return set(PROTOCOLS)
    if text.startswith(OTHER_PROTOCOLS):
        return set(PROTOCOLS) - set(text.removeprefix(OTHER_PROTOCOLS).split(", "))
    return set(PROTOCOLS) & set(text.split(", "))


def port_ranges(text: str) -> Intervals:
    """Return ports and ranges that are joined by commas."""
    ranges = (item.partition("-") for item in text.split(","))
    return union((int(first), int(last or first)) for first, _, last in ranges)
