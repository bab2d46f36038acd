"""Ports: of containers, of Services and of policies, and the protocol that they have in common.

Comes in: fields that hold ports. Goes out: numbers, names and port sets, checked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from analyzer.decode import schema
from analyzer.decode.addresses import address
from analyzer.decode.metadata import judge
from analyzer.decode.names import label, mended, port_name
from analyzer.decode.scope import END_PORT
from analyzer.model import ContainerPort, ServicePort
from analyzer.sets import TRANSPORTS, PortSet, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from analyzer.decode.field import Field
    from analyzer.decode.scope import Scope

OUT_OF_RANGE = "must be between 1 and 65535, inclusive"
_TEXT = (str, type(None))
_RANGE = re.compile(r"([0-9]{1,5})\s*[-:]\s*([0-9]{1,5})", re.ASCII)
_EVERY_PORT = (0, "", "*", "0-65535", "1-65535", "All", "Any", "ALL", "ANY")
_PROTOCOLS = {protocol.value: protocol for protocol in TRANSPORTS}
_MISPLACED_IN_CONTAINER = {
    "port": "write `containerPort`",
    "targetPort": "write `containerPort`; `targetPort` is a field of Services",
}
_MISPLACED_IN_POLICY = {
    "name": "write the name of the port as `port`",
    "targetPort": "write the port of the pod as `port`; `targetPort` is a field of Services",
    "containerPort": "write the port of the pod as `port`",
    "range": "write the first port as `port` and the last one as `endPort`",
    "from": "`from` belongs beside `ports`: indent it less",
    "to": "`to` belongs beside `ports`: indent it less",
    "ports": "`ports` is the list itself: write its items as `port` and `protocol`",
}


def read_protocol(field: Field, *, empty: bool = True) -> Protocol:
    """Read `protocol`: "TCP", "UDP" or "SCTP"; "If this field is not specified, this defaults to TCP".

    `empty`: whether "" is the same as not specified, as it is where the field is no pointer in the API.
    """
    written = field.text("protocol")
    protocol = _PROTOCOLS.get(written)
    if protocol is None and (written or (not empty and field.value.get("protocol") == "")):
        field.child("protocol", written).unsupported(*_PROTOCOLS)
    return protocol or Protocol.TCP


def read_container_ports(container: Field, scope: Scope) -> tuple[ContainerPort, ...]:
    """Read `ports` of a container; those without a valid number are reported and left out."""
    written = container.value.get("ports")
    if written is None:
        return ()
    # Among the containers of a large cluster there are few different lists of ports.
    key = _plain(written)
    known = scope.container_ports.get(key)
    if known is not None:
        return known
    problems = len(scope.problems.found)
    ports = tuple(_container_ports(container))
    if key and len(scope.problems.found) == problems:
        scope.container_ports[key] = ports
    return ports


def _plain(ports: object) -> tuple[object, ...]:
    """Return what tells lists of ports apart, () for a list that has to be looked at field by field."""
    if type(ports) is not list:
        return ()
    key: list[object] = []
    for port in ports:
        if type(port) is not dict:
            return ()
        name, number, protocol = port.get("name"), port.get("containerPort"), port.get("protocol")
        given = (name is not None) + (number is not None) + (protocol is not None)
        # True and 80.0 are keys equal to 1 and 80.
        if (
            type(number) is not int
            or len(port) != given
            or type(name) not in _TEXT
            or type(protocol) not in _TEXT
        ):
            return ()
        key += name, number, protocol
    return tuple(key)


def _container_ports(container: Field) -> Iterator[ContainerPort]:
    names: set[str] = set()
    for item in container.mappings("ports"):
        port = _container_port(item)
        if port is None:
            continue
        if port.name in names:
            item.child("name", port.name).duplicate("give each port of a container a name of its own")
        if port.name:
            names.add(port.name)
        yield port


def _container_port(field: Field) -> ContainerPort | None:
    field.known(schema.CONTAINER_PORT, _MISPLACED_IN_CONTAINER)
    name = field.text("name")
    if name:
        judge(field, "name", name, port_name)
    protocol = read_protocol(field)
    number = field.integer("containerPort")
    if not number:
        if number == 0 or field.value.get("containerPort") is None:
            field.child("containerPort").required(hint="write the number that the container listens on")
        return None
    if not in_range(field, "containerPort", number):
        return None
    return ContainerPort(name=name, protocol=protocol, number=number, host_port=_host_port(field))


def _host_port(field: Field) -> int:
    """Read `hostPort`; 0 where there is none, or where only the node itself can use it."""
    number = field.integer("hostPort")
    if not number or not in_range(field, "hostPort", number):
        return 0
    host = address(field.text("hostIP"))
    return 0 if host.startswith("127.") or host == "::1" else number


def read_service_port(field: Field, *, named: bool) -> ServicePort | None:
    """Read one item of `ports` of a Service; None when it has no valid number.

    `named`: the Service has several, so that each needs a name.
    """
    field.known(schema.SERVICE_PORT)
    name = field.text("name")
    if name:
        judge(field, "name", name, label)
    elif named:
        field.child("name").required(hint="a Service of several ports needs a name for each")
    protocol = read_protocol(field)
    port = 0 if field.value.get("port") is None else field.integer("port")
    if port is None or not in_range(field, "port", port):
        return None
    # "If this is not specified, the value of the 'port' field is used"; zero and "" are the same.
    given = field.value.get("targetPort") not in ("", 0)
    target = _number_or_name(field, "targetPort") if given else None
    node_port = field.integer("nodePort") or None
    if node_port:
        in_range(field, "nodePort", node_port)
    return ServicePort(name=name, protocol=protocol, port=port, target=target or port, node_port=node_port)


def read_policy_port(field: Field, scope: Scope) -> tuple[PortSet, str, Protocol]:
    """Read one item of `ports` of a rule: its numbers, or its name ("" when it has none)."""
    field.known(schema.POLICY_PORT, _MISPLACED_IN_POLICY)
    protocol = read_protocol(field, empty=False)
    last = field.integer("endPort")
    port = _number_or_name(field, "port", _meant)
    end = field.child("endPort", last)
    if last is not None and not scope.at_least(END_PORT):
        end.warning("ignored-end-port", "`endPort` is ignored before Kubernetes 1.22")
        last = None
    match port:
        case None:
            if last is not None and field.value.get("port") is None:
                end.invalid("may not be specified when `port` is not specified", "write the first `port`")
            return PortSet.of(protocol), "", protocol
        case str():
            if last is not None:
                hint = "leave out `endPort`, or write the first port as a number"
                end.invalid("may not be specified when `port` is non-numeric", hint)
            return PortSet.none(), port, protocol
        case _:
            if last is not None and last < port:
                hint = "`port` is the first and `endPort` the last one of the range"
                end.invalid("must be greater than or equal to `port`", hint)
            if last is not None:
                in_range(field, "endPort", last)
            return PortSet.of(protocol, port, last), "", protocol


def in_range(field: Field, key: str, number: int, hint: str = "") -> bool:
    """Report a port that is no port number; tell whether it is one."""
    if 1 <= number <= 65535:
        return True
    field.child(key, number).invalid(OUT_OF_RANGE, hint)
    return False


def _number_or_name(
    field: Field, key: str, meant: Callable[[object], str] = lambda _: ""
) -> int | str | None:
    """Read an IntOrString; None when it is absent or wrong. `meant` says what a wrong one stands for."""
    value = field.value.get(key)
    if value is None:
        return None
    if isinstance(value, str):
        for message in port_name(value):
            hint = f"write {value} without quotes for the number" if value.isdecimal() else meant(value)
            field.child(key, value).invalid(message, hint or mended(value, port_name))
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        field.child(key, value).wrong_type("integer or string", meant(value))
        return None
    return value if in_range(field, key, value, "" if value else meant(value)) else None


def _meant(value: object) -> str:
    """Say how a NetworkPolicy says what is no port of it: a range, several ports, every port."""
    if isinstance(value, list):
        return "write an item of `ports` for each of them"
    if value in _EVERY_PORT:
        return "leave `port` out: then every port of the protocol is meant"
    found = _RANGE.fullmatch(value) if isinstance(value, str) else None
    return f"write `port: {found[1]}` and `endPort: {found[2]}`" if found else ""
