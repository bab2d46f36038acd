from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

import analyzer.expect
from analyzer.diagnostics import AnalyzerError
from analyzer.expect.expectation import Chosen, Named, Outside, ToService, Verdict
from analyzer.expect.reading import is_expectations, read_expectations
from analyzer.selectors import EVERYTHING, Operator, Requirement, Selector
from analyzer.sets import AddressSet, PortSet, Protocol
from tests.unit.expect.expecting import HEAD, documents, expected, file, item

PROJECT = Path(__file__).parents[3]
SCHEMA = Draft202012Validator(
    json.loads(Path(str(analyzer.expect.__file__)).with_name("expectations.schema.json").read_text())
)
EXAMPLES = sorted((PROJECT / "examples").glob("*/expect.yaml"))
A, B = "shop/a", "shop/b"


def refused(text: str) -> list[str]:
    """Return what is wrong with a file: line, column, and the rest, help included."""
    with pytest.raises(AnalyzerError) as caught:
        read_expectations(documents(text))
    return [each.render().removeprefix("<stdin>:") for each in caught.value.diagnostics]


def test_a_whole_expectation() -> None:
    (found,) = expected(
        item(A, B, "only", "reason: because, unless: [{from: shop/c, ports: [1/UDP]}]", "80/TCP, 90-91/SCTP")
    )
    assert (found.name, found.reason, found.verdict) == ("fact", "because", Verdict.ONLY)
    assert found.ports == PortSet.of(Protocol.TCP, 80) | PortSet.of(Protocol.SCTP, 90, 91)
    assert (found.span.line, found.span.field) == (4, "expectations[0]")
    (exempt,) = found.unless
    assert [str(each) for each in exempt.sources] == ["shop/c"]
    assert exempt.destinations == ()
    assert exempt.ports == PortSet.of(Protocol.UDP, 1)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ALL", PortSet.transports()),
        ("ALL/UDP", PortSet.of(Protocol.UDP)),
        ("1-65535/TCP", PortSet.of(Protocol.TCP)),
        ("80/TCP, 80/TCP", PortSet.of(Protocol.TCP, 80)),
    ],
)
def test_ports(written: str, meant: PortSet) -> None:
    assert expected(item(A, B, ports=written))[0].ports == meant


def test_every_form_of_an_end() -> None:
    forms = (
        "shop/a, shop/Deployment/a, external, {cidr: 10.0.0.0/8}, {namespace: shop}, {podSelector: {}},"
        " {namespaceSelector: {matchLabels: {team: x}}, podSelector: {matchExpressions:"
        " [{key: app, operator: Exists}]}}"
    )
    (found,) = expected(item(f"[{forms}]", f"[{forms}, {{service: shop/a}}]"))
    span = found.span
    team = Selector.labels(team="x")
    app = Selector.of(Requirement("app", Operator.EXISTS))
    ends = (
        Named(namespace="shop", kind="", name="a", span=span),
        Named(namespace="shop", kind="Deployment", name="a", span=span),
        Outside(addresses=AddressSet.all(), span=span),
        Outside(addresses=AddressSet.of("10.0.0.0/8"), span=span),
        Chosen(namespace="shop", span=span),
        Chosen(span=span),
        Chosen(namespaces=team, pods=app, span=span),
    )
    assert found.sources == ends
    assert found.destinations == (*ends, ToService(namespace="shop", name="a", span=span))
    assert [str(each) for each in found.destinations] == [
        "shop/a",
        "shop/Deployment/a",
        "external",
        "10.0.0.0/8",
        "pods in namespace shop",
        "pods",
        "pods labelled app in namespaces labelled team=x",
        "service shop/a",
    ]


def test_an_empty_selector_of_namespaces_is_every_namespace() -> None:
    (end,) = expected(item("{namespaceSelector: {}}", A))[0].sources
    assert isinstance(end, Chosen)
    assert (end.namespaces, end.pods) == (EVERYTHING, EVERYTHING)


def test_metadata_is_allowed_for_tools_that_want_a_name() -> None:
    found, _ = read_expectations(documents(f"{HEAD}metadata: {{name: guard}}\nexpectations: []\n"))
    assert found == ()


def test_only_our_own_kind_is_read() -> None:
    (ours,) = documents(file(item(A, B)))
    assert is_expectations(ours)
    assert documents("apiVersion: example.org/v1\nkind: Expectations\n") == []


def test_all_errors_of_a_file_are_told_at_once() -> None:
    text = (
        f"{HEAD}expectations:\n"
        "- name: one\n  form: shop/a\n  to: shop\n  ports: [80, http/TCP]\n  verdict: Deny\n"
        "- name: one\n  from: shop/a\n  to: [{cidr: 10.0.0.1/8}, {podSelecter: {}}]\n  ports: [0/TCP]\n"
    )
    assert [each.split(" ")[0::2][:2] for each in refused(text)] == [
        ["5:3:", "expectations[0].form:"],
        ["4:3:", "expectations[0].from:"],
        ["6:3:", "expectations[0].to:"],
        ["7:11:", "expectations[0].ports[0]:"],
        ["7:15:", "expectations[0].ports[1]:"],
        ["8:3:", "expectations[0].verdict:"],
        ["9:3:", "expectations[1].name:"],
        ["11:9:", "expectations[1].to[0].cidr:"],
        ["11:29:", "expectations[1].to[1].podSelecter:"],
        ["12:11:", "expectations[1].ports[0]:"],
        ["9:3:", "expectations[1].verdict:"],
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (file(item(A, B).replace("to:", "too:")), "did you mean `to`?"),
        (file(item(A, B, more="except: []")), "write `unless`"),
        (
            file(item("{labels: {a: b}}", B)),
            "labels belong into a selector: `podSelector: {matchLabels: ...}`",
        ),
        (file(item("10.0.0.0/8", B)), "write `{cidr: 10.0.0.0/8}`"),
        (file(item("/a", B)), "write `namespace/name`, `namespace/Kind/name`, `external`"),
        (file(item("x" * 2000, B)), "is no name of an endpoint"),
        (file(item("7", B)), "Invalid value: 7: is no endpoint"),
        (file(item("[]", B)), "from: Required value: must say who is meant"),
        (file(item("{}", B)), "from: Required value: must say who is meant"),
        (file(item("{cidr: nonsense}", B)), "must be a valid CIDR value"),
        (file(item("{cidr: 10.1.2.3/8}", B)), "write `10.0.0.0/8`"),
        (file(item("{cidr: 7}", B)), "from.cidr: Invalid type: expected string, got integer"),
        (file(item("{cidr: 10.0.0.0/8, podSelector: {}}", B)), "may not be combined"),
        (file(item("{service: shop/a}", B)), "Forbidden: a Service opens no connections"),
        (file(item(A, "{service: a}")), "is no name of a Service"),
        (file(item(A, "{service: 7}")), "to.service: Invalid type: expected string, got integer"),
        (file(item("{podSelector: {matchLabels: {app: 1}}}", B)), "expected string, got integer"),
        (file(item(A, B, ports="80")), "write `80/TCP`"),
        (file(item(A, B, ports="'8000-8100'")), "write `8000-8100/TCP`"),
        (file(item(A, B, ports="9-8/TCP")), "the first not greater than the last"),
        (file(item(A, B, ports="true")), "write `80/TCP`, `8000-8100/UDP`, `ALL/SCTP` or `ALL`"),
        (file(item(A, B, ports="")), "ports: Required value"),
        (file(item(A, B).replace("[ALL]", "ALL")), "ports: Invalid type: expected array, got string"),
        (file(item(A, B).replace("name: fact, ", "")), "name: Required value"),
        (
            file(item(A, B).replace("name: fact", "name: [fact]")),
            "name: Invalid type: expected string, got array",
        ),
        (file(item(A, B, "7")), "verdict: Invalid type: expected string, got integer"),
        (file(item(A, B, more="unless: [{}]")), "unless[0]: Required value: must say who is exempt"),
        (
            file(item(A, B, more="unless: [{from: []}]")),
            "unless[0].from: Required value: must say who is meant",
        ),
        (file(item(A, B, more="unless: [{from: shop/a, reason: x}]")), "unknown field `reason`"),
        (HEAD, "expectations: Required value"),
        (f"{HEAD}expectations: {{}}\n", "expectations: Invalid type: expected array, got object"),
        (f"{HEAD}metadata: {{nme: x}}\nexpectations: []\n", "did you mean `name`?"),
        (HEAD.replace("v1alpha1", "v1") + "expectations: []\n", 'supported values: "kubereach.dev/v1alpha1"'),
    ],
)
def test_what_is_wrong_is_told_with_what_would_be_right(text: str, told: str) -> None:
    found = refused(text)
    assert any(told in each for each in found), found
    # Programs that follow the schema refuse it too; what only a reader can judge is in the other list.
    beyond = ("nonsense", "10.1.2.3", "9-8/TCP", "10.0.0.0/8, ", "x: 10.0.0.0/8")
    if not any(each in text for each in beyond):
        loaded = yaml.safe_load(text)
        assert not SCHEMA.is_valid(loaded) or "from: 10.0.0.0/8" in text


def test_a_null_label_is_a_warning() -> None:
    text = file(item("{podSelector: {matchLabels: {app: }}}", B))
    _, warnings = read_expectations(documents(text))
    assert [each.code for each in warnings] == ["null-label"]


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA.schema)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_every_example_follows_the_schema(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        SCHEMA.validate(document)


@pytest.mark.parametrize(
    "written",
    [
        item("[external, '*/*']", "{service: shop/a}", "allow", "unless: [{from: shop/c, ports: [1/UDP]}]"),
        item("{namespace: shop, podSelector: {}}", "{cidr: '2001:db8::/32'}", "unknown", "reason: r"),
    ],
)
def test_what_is_read_follows_the_schema(written: str) -> None:
    assert expected(written)
    SCHEMA.validate(yaml.safe_load(file(written)))
