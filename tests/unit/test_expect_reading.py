from __future__ import annotations

from io import BytesIO

import pytest

from analyzer.diagnostics import AnalyzerError, Diagnostic
from analyzer.expect.expectation import Chosen, Expectation, Named, Outside, ToService, Verdict
from analyzer.expect.reading import is_expectations, read_expectations
from analyzer.load import Document, load
from analyzer.sets import AddressSet, PortSet, Protocol

HEAD = "apiVersion: kubereach.dev/v1alpha1\nkind: Expectations\n"
BASE = {"name": "it holds", "from": "shop/web", "to": "shop/db", "ports": "[80/TCP]", "verdict": "deny"}


def documents(*texts: str) -> tuple[Document, ...]:
    return tuple(load(["-"], stdin=BytesIO("---\n".join(texts).encode())).documents)


def read(*texts: str) -> tuple[Expectation, ...]:
    found, warnings = read_expectations(documents(*texts))
    assert not warnings
    return found


def item(**changes: str | None) -> str:
    """One expectation, some fields of which are others, or left out where they are None."""
    fields = {**BASE, **{key.rstrip("_"): value for key, value in changes.items()}}
    return "{" + ", ".join(f"{key}: {value}" for key, value in fields.items() if value is not None) + "}"


def listed(*items: str) -> str:
    return HEAD + "expectations: [" + ", ".join(items) + "]\n"


def one(**changes: str | None) -> Expectation:
    (found,) = read(listed(item(**changes)))
    return found


def wrong(*texts: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(AnalyzerError) as caught:
        read_expectations(documents(*texts))
    return caught.value.diagnostics


def mistake(**changes: str | None) -> tuple[str, str, str]:
    """Return field, message and help of the one mistake of an expectation."""
    (found,) = wrong(listed(item(**changes)))
    assert found.span
    return found.span.field.removeprefix("expectations[0]").lstrip("."), found.message, found.help


def test_an_expectation_has_the_fields_that_are_written() -> None:
    found = one(reason="so it is")
    assert (found.name, found.verdict, found.reason, found.unless) == (
        "it holds",
        Verdict.DENY,
        "so it is",
        (),
    )
    assert [str(end) for end in (*found.sources, *found.destinations)] == ["shop/web", "shop/db"]
    assert found.ports == PortSet.of(Protocol.TCP, 80)
    assert found.span.line == 3


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_is_read(verdict: Verdict) -> None:
    assert one(verdict=verdict.value).verdict is verdict


def test_a_document_is_ours_by_its_kind_and_group() -> None:
    ours = HEAD + "expectations: []\n"
    assert [
        is_expectations(each)
        for each in documents(
            ours, ours.replace("v1alpha1", "v9"), ours.replace("kubereach.dev", "other.example")
        )
    ] == [True, True, False]


def test_ends_are_read_in_every_form() -> None:
    found = one(
        **{
            "from": "[shop/web, shop/Deployment/db, external, {cidr: 10.0.0.0/8}, {namespace: s-*}, "
            "{namespaceSelector: {matchLabels: {a: b}}, podSelector: {matchLabels: {c: d}}}]",
            "to": "{service: shop/api}",
        }
    )
    named, kind, external, block, namespace, chosen = found.sources
    assert isinstance(named, Named)
    assert (named.namespace, named.kind, named.name) == ("shop", "", "web")
    assert isinstance(kind, Named)
    assert (kind.namespace, kind.kind, kind.name) == ("shop", "Deployment", "db")
    assert isinstance(external, Outside)
    assert external.addresses == AddressSet.all()
    assert isinstance(block, Outside)
    assert block.addresses == AddressSet.of("10.0.0.0/8")
    assert isinstance(namespace, Chosen)
    assert (namespace.namespace, str(namespace)) == ("s-*", "pods in namespace s-*")
    assert isinstance(chosen, Chosen)
    assert chosen.namespaces.matches({"a": "b"})
    assert not chosen.namespaces.matches({})
    assert chosen.pods.matches({"c": "d"})
    assert not chosen.pods.matches({})
    (service,) = found.destinations
    assert isinstance(service, ToService)
    assert str(service) == "service shop/api"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("6379/TCP", PortSet.of(Protocol.TCP, 6379)),
        ("32000-32768/SCTP", PortSet.of(Protocol.SCTP, 32000, 32768)),
        ("ALL/UDP", PortSet.of(Protocol.UDP)),
        ("ALL", PortSet.transports()),
        ("1/TCP, 65535/TCP", PortSet.of(Protocol.TCP, 1) | PortSet.of(Protocol.TCP, 65535)),
    ],
)
def test_ports_are_read_in_every_form(written: str, meant: PortSet) -> None:
    assert one(ports=f"[{written}]").ports == meant


def test_an_exception_without_ports_is_about_all_and_without_an_end_about_anybody() -> None:
    one_, other = one(unless="[{from: shop/a}, {to: [shop/b, external], ports: [53/UDP]}]").unless
    assert (len(one_.sources), one_.destinations, one_.ports) == (1, (), PortSet.transports())
    assert (other.sources, len(other.destinations)) == ((), 2)
    assert other.ports == PortSet.of(Protocol.UDP, 53)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": None}, ("name", "Required value", "one sentence")),
        ({"name": "''"}, ("name", "Required value", "one sentence")),
        ({"name": "[a]"}, ("name", "string", "")),
        ({"from_": None}, ("from", "must say who is meant", "namespace/name")),
        ({"to": "[]"}, ("to", "must say who is meant", "namespace/name")),
        ({"to": "7"}, ("to", "is no endpoint", "namespace/name")),
        ({"to": "[shop/db, 7]"}, ("to[1]", "is no endpoint", "namespace/name")),
        ({"to": "db"}, ("to", "is no name of an endpoint", "namespace/name")),
        ({"to": "shop//db"}, ("to", "is no name of an endpoint", "namespace/name")),
        ({"to": "a/b/c/d"}, ("to", "is no name of an endpoint", "namespace/name")),
        ({"to": "a/" + "b" * 1000}, ("to", "is no name of an endpoint", "namespace/name")),
        ({"to": "10.0.0.0/8"}, ("to", "is no name of an endpoint", "write `{cidr: 10.0.0.0/8}`")),
        ({"to": "{}"}, ("to", "must say who is meant", "namespace/name")),
        ({"to": "{cidr: 10.0.0.0/8, service: a/b}"}, ("to", "may not be combined", "after dashes")),
        ({"to": "{cidr: 10.0.0.0/8, namespace: a}"}, ("to", "may not be combined", "after dashes")),
        ({"to": "{cidr: [a]}"}, ("to.cidr", "string", "")),
        ({"to": "{cidr: nowhere}"}, ("to.cidr", "CIDR", "")),
        ({"to": "{cidr: 10.0.0.7/8}"}, ("to.cidr", "", "10.0.0.0/8")),
        ({"to": "{service: a}"}, ("to.service", "is no name of a Service", "`namespace/name`")),
        ({"to": "{service: a/b/c}"}, ("to.service", "is no name of a Service", "`namespace/name`")),
        ({"to": "{service: [a]}"}, ("to.service", "string", "")),
        ({"from_": "{service: a/b}"}, ("from.service", "opens no connections", "the pods behind it")),
        ({"to": "{namespaces: a}"}, ("to.namespaces", "unknown field", "did you mean")),
        ({"to": "{ipBlock: {cidr: 10.0.0.0/8}}"}, ("to.ipBlock", "unknown field", "write `cidr: ")),
        ({"ports": None}, ("ports", "Required value", "80/TCP")),
        ({"ports": "[]"}, ("ports", "Required value", "80/TCP")),
        ({"ports": "80/TCP"}, ("ports", "array", "")),
        ({"ports": "[80]"}, ("ports[0]", "is no port with its protocol", "write `80/TCP`")),
        ({"ports": "['8-9']"}, ("ports[0]", "is no port with its protocol", "write `8-9/TCP`")),
        ({"ports": "[0]"}, ("ports[0]", "is no port with its protocol", "8000-8100/UDP")),
        ({"ports": "[80/ICMP]"}, ("ports[0]", "is no port with its protocol", "8000-8100/UDP")),
        ({"ports": "[0/TCP]"}, ("ports[0]", "between 1 and 65535", "")),
        ({"ports": "[9-8/TCP]"}, ("ports[0]", "between 1 and 65535", "")),
        ({"ports": "[65536/TCP]"}, ("ports[0]", "between 1 and 65535", "")),
        ({"verdict": None}, ("verdict", "Required value", "allow, deny, only, unknown")),
        ({"verdict": "maybe"}, ("verdict", '"allow", "deny", "only", "unknown"', "")),
        ({"verdict": "[allow]"}, ("verdict", "string", "")),
        (
            {"unless": f"[{', '.join(['{from: a/b}'] * 257)}]"},
            ("unless", "Too many: 257: must have at most 256 items", "by labels, or by a pattern"),
        ),
        ({"unless": "[{}]"}, ("unless[0]", "must say who is exempt", "`from`, `to` or both")),
        ({"unless": "[{from: []}]"}, ("unless[0].from", "must say who is meant", "namespace/name")),
        ({"unless": "[{from: a/b, ports: []}]"}, ("unless[0].ports", "Required value", "80/TCP")),
        ({"verdikt": "deny"}, ("verdikt", "unknown field", "did you mean `verdict`")),
        ({"source": "a/b"}, ("source", "unknown field", "write `from`")),
    ],
)
def test_a_mistake_is_told_with_its_field_and_what_would_be_right(
    changes: dict[str, str | None], told: tuple[str, str, str]
) -> None:
    field, message, hint = mistake(**changes)
    assert field == told[0]
    assert told[1] in message
    assert told[2] in hint


def test_a_name_is_unique_in_its_file() -> None:
    (found,) = wrong(listed(item(), item(name="another"), item()))
    assert found.span
    assert (found.span.field, found.message) == ("expectations[2].name", 'Duplicate value: "it holds"')


def test_a_mistake_in_one_expectation_hides_none_in_another() -> None:
    found = wrong(listed(item(verdict="maybe"), item(name="b", ports="[80]")), listed(item(name="c", to="7")))
    assert [each.span and each.span.field for each in found] == [
        "expectations[0].verdict",
        "expectations[1].ports[0]",
        "expectations[0].to",
    ]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (HEAD, "expectations"),
        (HEAD + "expectations:\n", "expectations"),
        (HEAD + "expectations: {}\n", "expectations"),
        (HEAD.replace("v1alpha1", "v2") + f"expectations: [{item()}]\n", "apiVersion"),
        (HEAD + f"spec: {{}}\nexpectations: [{item()}]\n", "spec"),
        (HEAD + f"metadata: {{nam: a}}\nexpectations: [{item()}]\n", "metadata.nam"),
    ],
)
def test_a_mistake_in_a_document_is_told(text: str, field: str) -> None:
    (found,) = wrong(text)
    assert found.span
    assert found.span.field == field


def test_a_document_may_have_metadata() -> None:
    assert read(HEAD + f"metadata: {{name: mine, labels: {{a: b}}}}\nexpectations: [{item()}]\n")


def test_an_empty_list_has_no_expectations() -> None:
    assert read(listed()) == ()
