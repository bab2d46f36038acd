from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, strategies as st
from jsonschema import Draft202012Validator

import analyzer.expect
from analyzer.diagnostics import AnalyzerError
from analyzer.expect.reading import read_expectations
from analyzer.load import load

PROJECT = Path(__file__).parents[2]
SCHEMA = Draft202012Validator(
    json.loads(Path(str(analyzer.expect.__file__)).with_name("expectations.schema.json").read_text())
)
EXAMPLES = sorted((PROJECT / "examples").glob("*/expect.yaml"))
LABELS = {"matchLabels": {"app": "db"}}
GOOD_ENDS: tuple[Any, ...] = (
    "shop/db",
    "shop/Deployment/*",
    "external",
    {"cidr": "10.0.0.0/8"},
    {"namespace": "shop"},
    {"namespaceSelector": LABELS, "podSelector": {}},
    {"podSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}},
)
BAD_ENDS: tuple[Any, ...] = (
    7,
    "db",
    "a//b",
    "a/b/c/d",
    {},
    {"cidr": "nowhere"},
    {"cidr": 10},
    {"cidr": "10.0.0.0/8", "namespace": "shop"},
    {"podSelector": {"app": "db"}},
    {"podSelector": {"matchLabels": {"app": 1}}},
    {"podSelector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}},
    {"labels": {"app": "db"}},
)
SERVICE = {"service": "shop/web"}
ends = st.sampled_from((*GOOD_ENDS, *GOOD_ENDS, *BAD_ENDS, SERVICE, {"service": "web"}))
sides = st.one_of(st.sampled_from(GOOD_ENDS), ends, st.lists(ends, max_size=2))
ports = st.one_of(
    st.just(["80/TCP"]),
    st.lists(
        st.sampled_from(("80/TCP", "8-9/UDP", "ALL", "ALL/SCTP", "80", "80/tcp", "ALL/ICMP", 80)), max_size=2
    ),
    st.sampled_from(("80/TCP", {})),
)
exceptions = st.fixed_dictionaries(
    {}, optional={"from": sides, "to": sides, "ports": ports, "why": st.just("x")}
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(("a", "a", "", 7)),
        "from": sides,
        "to": sides,
        "ports": ports,
        "verdict": st.sampled_from(("allow", "deny", "only", "unknown", "Allow", True)),
        "unless": st.one_of(st.lists(exceptions, max_size=2), st.just({})),
        "reason": st.sampled_from(("r", 7)),
        "reasons": st.just("r"),
    },
)
WHOLE = {"name": "a", "from": "shop/web", "to": "shop/db", "ports": ["ALL"], "verdict": "deny"}


def document(*items: Any, **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "kubereach.dev/v1alpha1",
        "kind": "Expectations",
        "expectations": list(items),
        **more,
    }


def is_read(written: dict[str, Any]) -> bool:
    loaded = load(["-"], stdin=BytesIO(json.dumps(written).encode()))
    try:
        read_expectations(loaded.documents)
    except AnalyzerError:
        return False
    return True


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA.schema)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_every_example_follows_the_schema(path: Path) -> None:
    for found in yaml.safe_load_all(path.read_text()):
        SCHEMA.validate(found)


@given(fields, st.booleans())
@example(WHOLE, True)
@example({"to": SERVICE}, True)
@example({"from": SERVICE}, True)
@example({"unless": [{"from": "a/b"}] * 256}, True)
@example({"unless": [{"from": "a/b"}] * 257}, True)
@example({"unless": [{"to": SERVICE, "ports": ["ALL"]}]}, True)
def test_what_follows_the_schema_is_read_and_nothing_else_is(
    item: dict[str, Any],
    whole: bool,  # noqa: FBT001 - pytest's parameter
) -> None:
    written = document({**WHOLE, **item} if whole else item)
    assert is_read(written) == SCHEMA.is_valid(written)


@pytest.mark.parametrize(
    "written",
    [
        document(),
        document(metadata={"name": "guard", "labels": {"a": "b"}}),
        document(metadata={"nme": "guard"}),
        document(spec={}),
        {**document(), "apiVersion": "kubereach.dev/v1"},
        {**document(), "expectations": {}},
        {"apiVersion": "kubereach.dev/v1alpha1", "kind": "Expectations"},
    ],
)
def test_a_document_is_read_when_it_follows_the_schema(written: dict[str, Any]) -> None:
    assert is_read(written) == SCHEMA.is_valid(written)
