"""NetworkPolicies of a generated cluster: every form that the API server accepts.

All peer kinds, ports by number, range, name and protocol, all operators, all ways to write
`policyTypes`; nothing that validation rejects.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import ip_network

from bench.emit import Document, Value
from bench.parameters import Draw, Parameters
from bench.topology import ENVIRONMENTS, PORT_NAMES, TEAMS, label_values, namespace_names

WELL_KNOWN = (
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/8",
    "10.64.0.0/10",
    "10.244.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "2001:db8::/32",
    "fd00::/8",
)
NUMBERS = (22, 53, 80, 443, 3306, 5432, 6379, 8080, 9090, 27017)
RANGES = ((1, 1023), (1024, 65535), (8000, 8999), (30000, 32767), (53, 443), (1, 65535))
PROTOCOLS = ("TCP", "UDP", "SCTP")
KEY_OPERATORS = ("Exists", "DoesNotExist")
VALUE_OPERATORS = ("In", "NotIn")
ODD_TYPES = (("Ingress",), ("Egress",), ("Ingress", "Ingress"))


@lru_cache(maxsize=4)
def blocks(parameters: Parameters) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the CIDRs that policies name, each with the parts that may be excepted from it.

    A pool of limited size, as in a real cluster, where the same offices, proxies and services recur.
    """
    draw = Draw(parameters, "blocks")
    cidrs = list(WELL_KNOWN[: parameters.blocks])
    while len(cidrs) < parameters.blocks:
        if draw.chance(0.2):
            cidrs.append(f"2001:db8:{draw.between(1, 65535):x}::/48")
        else:
            length = draw.between(16, 30)
            host = draw.between(0, (1 << 24) - 1) << 8
            cidrs.append(str(ip_network((0x08000000 + host & 0xDFFFFFFF, length), strict=False)))
    return tuple((cidr, tuple(part_of(cidr, draw) for _ in range(3))) for cidr in cidrs)


def part_of(cidr: str, draw: Draw) -> str:
    """Return a CIDR of the same family that lies inside `cidr` and is smaller."""
    whole = ip_network(cidr)
    length = min(whole.prefixlen + draw.between(1, 8), whole.max_prefixlen)
    offset = draw.between(0, (1 << length - whole.prefixlen) - 1) << whole.max_prefixlen - length
    return str(type(whole)((int(whole.network_address) + offset, length)))


def policies(parameters: Parameters) -> Iterator[Document]:
    """Yield the policies, spread evenly over the namespaces."""
    draw = Draw(parameters, "policies")
    names = namespace_names(parameters)
    author = Author(parameters, draw)
    for number in range(parameters.policies):
        yield {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": f"policy-{number}", "namespace": names[number % len(names)]},
            "spec": author.plain_spec() if parameters.plain else author.spec(),
        }


class Author:
    """Writes policy specs from one stream of choices."""

    def __init__(self, parameters: Parameters, draw: Draw) -> None:
        self.draw = draw
        self.compatible = parameters.compatible
        self.blocks = blocks(parameters)
        self.pod_values = {
            key: tuple(value for value in values if value is not None)
            for key, values in label_values(parameters).items()
        }
        filled = tuple(value for value in TEAMS if value or not parameters.compatible)
        self.namespace_values = {
            "environment": tuple(value for value in ENVIRONMENTS if value is not None),
            "kubernetes.io/metadata.name": tuple(namespace_names(parameters)),
            "team": filled,
        }

    def spec(self) -> dict[str, Value]:
        """Return a spec with one of the ways to write its types."""
        selector = {} if self.draw.chance(0.1) else self.selector(self.pod_values)
        form = self.draw.between(0, 19)
        if form >= 17 and not self.compatible:
            return {"podSelector": selector, **self.odd_types(form)}
        if form < 7:
            return {"podSelector": selector, **self.rules("ingress", "from"), "policyTypes": ["Ingress"]}
        if form < 10:
            return {"podSelector": selector, **self.rules("egress", "to"), "policyTypes": ["Egress"]}
        if form < 14:
            directions = {**self.rules("egress", "to"), **self.rules("ingress", "from")}
            return {"podSelector": selector, **directions, "policyTypes": ["Ingress", "Egress"]}
        if form < 16:
            return {"podSelector": selector, **self.rules("ingress", "from")}
        return {"podSelector": selector, "egress": [self.rule("to")], **self.rules("ingress", "from")}

    def plain_spec(self) -> dict[str, Value]:
        """Return a spec as most people write it: an application, who may reach it and on which port."""
        labels: dict[str, Value] = {"app": self.draw.pick(self.pod_values["app"])}
        if self.draw.chance(0.5):
            labels |= self.plain_label()
        subject: dict[str, Value] = {"matchLabels": labels}
        ingress: list[Value] = [self.plain_rule("from") for _ in range(self.draw.between(1, 2))]
        if self.draw.chance(0.7):
            return {"podSelector": subject, "ingress": ingress, "policyTypes": ["Ingress"]}
        egress: list[Value] = [self.plain_rule("to")]
        return {
            "podSelector": subject,
            "egress": egress,
            "ingress": ingress,
            "policyTypes": ["Ingress", "Egress"],
        }

    def plain_rule(self, peers: str) -> dict[str, Value]:
        """Return a rule with one or two peers and one port."""
        ports: list[Value] = [{"port": self.draw.pick(NUMBERS), "protocol": "TCP"}]
        chosen: list[Value] = [self.plain_peer() for _ in range(self.draw.between(1, 2))]
        return {peers: chosen, "ports": ports}

    def plain_peer(self) -> dict[str, Value]:
        """Return a peer: pods of the namespace, another namespace, or a block of addresses."""
        match self.draw.between(0, 9):
            case 0 | 1 | 2 | 3 | 4:
                return {"podSelector": {"matchLabels": self.plain_label()}}
            case 5 | 6 | 7:
                key = "kubernetes.io/metadata.name"
                return {
                    "namespaceSelector": {"matchLabels": {key: self.draw.pick(self.namespace_values[key])}}
                }
            case _:
                return {"ipBlock": self.block()}

    def plain_label(self) -> dict[str, Value]:
        """Return one label of pods with one of its values."""
        key = self.draw.pick(tuple(self.pod_values))
        return {key: self.draw.pick(self.pod_values[key])}

    def odd_types(self, form: int) -> dict[str, Value]:
        """Return types and rules as few people write them, though the API server accepts them."""
        directions = {**self.rules("egress", "to"), **self.rules("ingress", "from")}
        match form:
            case 17:
                return {**directions, "policyTypes": ["Egress", "Ingress"]}
            case 18:
                types: list[Value] = list(self.draw.pick(ODD_TYPES))
                return {**directions, "policyTypes": types}
            case _:
                return {**self.rules("ingress", "from"), "egress": []}

    def rules(self, direction: str, peers: str) -> dict[str, Value]:
        """Return the rules of a direction; without any, the field is empty or left out."""
        rules: list[Value] = [self.rule(peers) for _ in range(self.draw.between(0, 3))]
        if not rules and self.draw.chance(0.5):
            return {}
        return {direction: rules}

    def rule(self, peers: str) -> dict[str, Value]:
        """Return a rule; of its two fields either may be empty or missing."""
        rule: dict[str, Value] = {}
        if self.draw.chance(0.85):
            rule[peers] = [self.peer() for _ in range(self.draw.between(0, 3))]
        if self.draw.chance(0.75):
            rule["ports"] = [self.port() for _ in range(self.draw.between(0, 3))]
        return rule

    def peer(self) -> dict[str, Value]:
        """Return a peer of one of the four kinds."""
        match self.draw.between(0, 9):
            case 0 | 1 | 2:
                return {"podSelector": self.pod_selector()}
            case 3 | 4:
                return {"namespaceSelector": self.namespace_selector()}
            case 5 | 6 | 7:
                pods = self.selector(self.pod_values, on_keys=not self.compatible)
                return {"namespaceSelector": self.namespace_selector(), "podSelector": pods}
            case _:
                return {"ipBlock": self.block()}

    def block(self) -> dict[str, Value]:
        """Return an ipBlock, with up to three excepts, which may overlap."""
        cidr, parts = self.draw.pick(self.blocks)
        block: dict[str, Value] = {"cidr": cidr}
        if self.draw.chance(0.4):
            block["except"] = list(self.draw.some(parts, 3))
        return block

    def pod_selector(self) -> dict[str, Value]:
        """Return a selector of pods, sometimes empty."""
        return {} if self.draw.chance(0.15) else self.selector(self.pod_values)

    def namespace_selector(self) -> dict[str, Value]:
        """Return a selector of namespaces, sometimes empty."""
        return {} if self.draw.chance(0.15) else self.selector(self.namespace_values)

    def selector(self, values: dict[str, tuple[str, ...]], *, on_keys: bool = True) -> dict[str, Value]:
        """Return a selector by labels, expressions or both; `on_keys` admits operators on keys alone."""
        form = self.draw.between(0, 9)
        selector: dict[str, Value] = {}
        keys = self.draw.some(tuple(values), 2)
        if form < 7:
            labels: dict[str, Value] = {key: self.draw.pick(values[key]) for key in keys}
            selector["matchLabels"] = labels
        if form >= 5:
            operators = KEY_OPERATORS + VALUE_OPERATORS if on_keys else VALUE_OPERATORS
            selector["matchExpressions"] = [self.expression(key, values[key], operators) for key in keys]
        return selector

    def expression(self, key: str, values: tuple[str, ...], operators: tuple[str, ...]) -> dict[str, Value]:
        """Return a requirement with one of the operators."""
        operator = self.draw.pick(operators)
        if operator in KEY_OPERATORS:
            return {"key": key, "operator": operator}
        return {"key": key, "operator": operator, "values": list(self.draw.some(values, 3))}

    def port(self) -> dict[str, Value]:
        """Return a port: a number, a range, a name, a whole protocol or the empty object."""
        protocol = self.draw.pick(PROTOCOLS)
        match self.draw.between(0, 9):
            case 0 | 1 | 2:
                return {"port": self.draw.pick(NUMBERS), "protocol": protocol}
            case 3:
                return {"port": self.draw.between(1, 65535)}
            case 4 | 5:
                first, last = self.draw.pick(RANGES)
                return {"endPort": last, "port": first, "protocol": protocol}
            case 6 | 7:
                return {"port": self.draw.pick(PORT_NAMES), "protocol": protocol}
            case 8:
                return {"protocol": protocol}
            case _:
                return {}
