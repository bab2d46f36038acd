"""From documents to verdicts: random objects, as users write them, against a second reading of the API."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO
from ipaddress import ip_address
from typing import Any

from hypothesis import given, note, settings, strategies as st

from analyzer import AddressSet, Endpoint, Protocol, analyze
from tests.property.api import Api, Object, Packet

Draw = st.DrawFn
NAMESPACES = (None, "a", "b")
OUTSIDE = ("192.0.2.1", "192.0.2.200", "198.51.100.1", "2001:db8::1", "2001:db8:1::1", "10.244.9.9")
BLOCKS = {
    "0.0.0.0/0": ("192.0.2.0/24", "10.244.0.0/16", "10.244.0.2/32"),
    "10.244.0.0/16": ("10.244.0.0/30", "10.244.0.1/32"),
    "10.244.0.0/30": ("10.244.0.2/31",),
    "192.0.2.0/24": ("192.0.2.128/25", "192.0.2.200/32"),
    "::/0": ("fd00::/64", "2001:db8::/32"),
    "fd00::/126": ("fd00::2/127",),
    "2001:db8::/32": ("2001:db8:1::/48",),
}
FAMILIES = (["10.244.0.{}", "fd00::{}"], ["10.244.0.{}"], ["fd00::{}"])
NUMBERS = (79, 80, 81, 53, 8080)
NAMED = ("http", "dns")
PROTOCOLS = ("TCP", "UDP", "SCTP")
MISSING = object()


def written(**fields: Any) -> Object:
    """An object with the fields that are not MISSING."""
    return {name: value for name, value in fields.items() if value is not MISSING}


def maybe(*values: Any) -> st.SearchStrategy[Any]:
    """One of some values, or the field left out."""
    return st.sampled_from([MISSING, *values])


@st.composite
def labels(draw: Draw) -> Any:
    found = draw(st.dictionaries(st.sampled_from(["app", "tier"]), st.sampled_from(["", "x", "y"])))
    return found or draw(maybe({}, None))


@st.composite
def requirements(draw: Draw) -> Object:
    operator = draw(st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]))
    key = draw(st.sampled_from(["app", "tier", "kubernetes.io/metadata.name"]))
    words = ["a", "b", "default"] if "/" in key else ["", "x", "y"]
    values: Any = draw(maybe([], None))
    if operator.endswith("In"):
        values = draw(st.lists(st.sampled_from(words), min_size=1, max_size=2))
    return written(key=key, operator=operator, values=values)


@st.composite
def selectors(draw: Draw) -> Object:
    expressions = draw(st.lists(requirements(), max_size=2)) or draw(maybe([], None))
    return written(matchLabels=draw(labels()), matchExpressions=expressions)


@st.composite
def peers(draw: Draw) -> Object:
    if draw(st.booleans()):
        cidr = draw(st.sampled_from(sorted(BLOCKS)))
        excepts = draw(st.lists(st.sampled_from(BLOCKS[cidr]), unique=True)) or draw(maybe([], None))
        return {"ipBlock": written(**{"cidr": cidr, "except": excepts})}
    which = draw(st.sampled_from(["n", "p", "np"]))
    other = draw(maybe(None))
    return written(
        namespaceSelector=draw(selectors()) if "n" in which else other,
        podSelector=draw(selectors()) if "p" in which else other,
    )


@st.composite
def ports(draw: Draw) -> Object:
    protocol = draw(maybe(*PROTOCOLS, None))
    port = draw(maybe(*NUMBERS, *NAMED, None))
    last = draw(maybe(None, 81, 8080)) if isinstance(port, int) else MISSING
    if isinstance(last, int) and last < port:
        last = MISSING
    return written(protocol=protocol, port=port, endPort=last)


def some(each: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A list of one or two, or none: left out, null or empty."""
    return st.lists(each, min_size=1, max_size=2) | maybe([], None)


@st.composite
def rules(draw: Draw, side: str) -> Any:
    if draw(st.integers(0, 9)) == 0:
        return {}
    return written(**{side: draw(some(peers())), "ports": draw(some(ports()))})


@st.composite
def policies(draw: Draw, number: int) -> Object:
    types = draw(maybe(None, [], ["Ingress"], ["Egress"], ["Ingress", "Egress"], ["Egress", "Egress"]))
    spec = written(
        podSelector=draw(selectors()),
        policyTypes=types,
        ingress=draw(some(rules("from"))),
        egress=draw(some(rules("to"))),
    )
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": written(name=f"np-{number}", namespace=draw(st.sampled_from(NAMESPACES)) or MISSING),
        "spec": spec,
    }


@st.composite
def containers(draw: Draw, name: str) -> Object:
    numbers = draw(st.lists(st.sampled_from(NUMBERS), max_size=2, unique=True))
    names = draw(st.permutations(NAMED))
    made = [
        written(
            name=draw(st.sampled_from([names[at], MISSING])),
            containerPort=number,
            protocol=draw(maybe(*PROTOCOLS, None)),
        )
        for at, number in enumerate(numbers)
    ]
    return written(name=name, image="i", ports=made or draw(maybe([], None)))


@st.composite
def pods(draw: Draw, number: int, addresses: Sequence[str]) -> Object:
    sidecar = {**draw(containers("s")), **written(restartPolicy=draw(maybe("Always")))}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": written(
            name=f"pod-{number}",
            namespace=draw(st.sampled_from(NAMESPACES)) or MISSING,
            labels=draw(labels()),
        ),
        "spec": {"containers": [draw(containers("c"))], "initContainers": [sidecar]},
        "status": {
            "phase": draw(st.sampled_from(["Running", "Running", "Running", "Pending", "Failed"])),
            "podIPs": [{"ip": address.format(number)} for address in addresses],
        },
    }


@st.composite
def namespaces(draw: Draw, name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": written(name=name, labels=draw(labels()))}


@st.composite
def objects(draw: Draw) -> list[Object]:
    addresses = draw(st.sampled_from(FAMILIES))
    made = [draw(pods(number, addresses)) for number in range(1, draw(st.integers(2, 4)) + 1)]
    made += [draw(policies(number)) for number in range(draw(st.integers(1, 3)))]
    made += [draw(namespaces(name)) for name in draw(st.sets(st.sampled_from(["a", "b", "default"])))]
    return list(draw(st.permutations(made)))


def ends(endpoint: Endpoint) -> list[str]:
    """The addresses that stand for an endpoint, one a family where it has both."""
    if endpoint.external:
        return [each for each in OUTSIDE if AddressSet.of(each) <= endpoint.addresses]
    return list(endpoint.pods[0].addresses)


@settings(max_examples=2 * settings.get_profile("kubereach").max_examples)
@given(objects())
def test_verdicts_are_those_that_the_api_gives_each_packet(found: list[Object]) -> None:
    text = "".join(json.dumps(each) + "\n" for each in found)
    note(text)
    analysis = analyze(["-"], stdin=BytesIO(text.encode()))
    api, reachability = Api(found), analysis.reachability
    living = sum(each["kind"] == "Pod" and each["status"]["phase"] != "Failed" for each in found)
    assert sum(not each.external for each in reachability.endpoints) == living
    for source in reachability.endpoints:
        for destination in reachability.endpoints:
            bounds = reachability.connection(source, destination)
            inside = not (source.external or destination.external)
            pairs = [
                (here, there)
                for here in map(ip_address, ends(source))
                for there in map(ip_address, ends(destination))
                if here.version == there.version and here != there
            ]
            for protocol in Protocol.TCP, Protocol.UDP, Protocol.SCTP:
                for port in (*NUMBERS, 1, 65535):
                    passed = {api.passes(Packet(here, there, protocol.value, port)) for here, there in pairs}
                    if not passed:
                        continue
                    got = bounds.certain.has(protocol, port), bounds.possible.has(protocol, port)
                    if got == (False, True) and len(pairs) > 1 and inside:
                        continue  # what each family needs may stand in another rule, or on the other side
                    assert got == (all(passed), any(passed)), (source.id, destination.id, protocol, port)
