"""Whatever stands wherever in a document: an answer or an AnalyzerError, whose text can be printed."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from analyzer.decode import Options, decode
from analyzer.diagnostics import AnalyzerError, Span
from analyzer.profiles import PROFILES

POLICY: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "p", "namespace": "shop", "labels": {"a": "b"}},
    "spec": {
        "podSelector": {"matchLabels": {"app": "web"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                "from": [
                    {"podSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}},
                    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
                ],
                "ports": [{"protocol": "TCP", "port": 80, "endPort": 90}, {"port": "web"}],
            }
        ],
        "egress": [{"to": [{"namespaceSelector": {}}]}],
    },
}
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "a",
        "namespace": "shop",
        "labels": {"app": "web"},
        "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u", "controller": True}
        ],
    },
    "spec": {
        "hostNetwork": False,
        "nodeName": "n",
        "containers": [{"name": "c", "ports": [{"name": "web", "containerPort": 80, "protocol": "TCP"}]}],
        "initContainers": [{"restartPolicy": "Always", "ports": [{"containerPort": 1}]}],
    },
    "status": {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}], "hostIPs": []},
}
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": POD["spec"]}
OTHERS: list[dict[str, Any]] = [
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE},
    },
    {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "c"},
        "spec": {"jobTemplate": {"spec": {"template": TEMPLATE}}},
    },
    {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": "j-"},
        "spec": {"parallelism": 2, "template": TEMPLATE},
        "status": {"conditions": [{"type": "Complete", "status": "False"}]},
    },
    {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": "r"},
        "spec": {"selector": {"app": "web"}, "template": TEMPLATE},
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s"},
        "spec": {
            "type": "NodePort",
            "clusterIP": "10.96.0.1",
            "clusterIPs": ["10.96.0.1"],
            "selector": {"app": "web"},
            "externalTrafficPolicy": "Local",
            "ports": [{"name": "a", "port": 80, "targetPort": "web", "nodePort": 30080, "protocol": "TCP"}],
        },
    },
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"a": "b"}}},
    {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n"},
        "status": {"addresses": [{"type": "InternalIP", "address": "172.18.0.2"}]},
    },
]

texts = st.text(max_size=8) | st.sampled_from(
    ["", "TCP", "a" * 70, "10.0.0.1", "::/0", "\u202e", "\ud800", "\n", "1e9"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars | st.just(10**4000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@dataclass(frozen=True)
class Given:
    """A document that was never a file."""

    data: dict[str, Any]
    kind: str
    api_version: str
    span: Span = field(default=Span("f"))


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in a value with each of its keys or indices."""
    found: list[tuple[Any, Any]] = []
    keys = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in keys:
        found += [(value, key), *places(inner)]
    return found


@st.composite
def documents(draw: st.DrawFn) -> list[Given]:
    """Valid objects in one of which up to three values were replaced, added or taken away."""
    objects = deepcopy([POLICY, POD, *OTHERS])
    victim = draw(st.sampled_from(objects))
    for _ in range(draw(st.integers(1, 3))):
        open_places = [each for each in places(victim) if each[1] not in ("kind", "apiVersion")]
        if not open_places:
            break
        container, key = draw(st.sampled_from(open_places))
        change = draw(st.sampled_from(["replace", "add", "remove"]))
        if change == "replace":
            container[key] = draw(values)
        elif change == "remove":
            del container[key]
        elif isinstance(container, dict):
            container[draw(texts)] = draw(values)
        else:
            container.append(draw(values))
    return [Given(each, str(each["kind"]), str(each["apiVersion"])) for each in objects]


def answer(documents: list[Given], profile: str) -> str:
    """What is said about documents, be they accepted or not."""
    try:
        said = decode(documents, Options(profile=PROFILES[profile])).diagnostics
    except AnalyzerError as error:
        return str(error)
    return "\n".join(each.render() for each in said)


def check(documents: list[Given], profile: str) -> None:
    lines = answer(documents, profile).split("\n")
    assert all(line.isprintable() for line in lines)
    assert all(len(line) < 2000 for line in lines)


@pytest.mark.parametrize("profile", PROFILES)
@given(documents=documents())
def test_a_document_with_anything_anywhere_is_decoded_or_refused(
    documents: list[Given], profile: str
) -> None:
    check(documents, profile)


def test_the_documents_that_are_broken_are_valid() -> None:
    found = decode(
        [Given(each, each["kind"], each["apiVersion"]) for each in (POLICY, POD, *OTHERS)], Options()
    )
    assert found.diagnostics == ()


@given(document=values.filter(lambda value: isinstance(value, dict)))
@example(document={})
def test_an_object_of_random_content_is_decoded_or_refused(document: dict[str, Any]) -> None:
    for kind, api in (
        ("NetworkPolicy", "networking.k8s.io/v1"),
        ("Pod", "v1"),
        ("Service", "v1"),
        ("Job", "batch/v1"),
    ):
        check([Given(document, kind, api)], "kube-router")


@pytest.mark.parametrize("port", [10**5000, -(10**5000)], ids=["huge", "huge and negative"])
def test_a_number_that_python_refuses_to_write_is_refused(port: int) -> None:
    document = deepcopy(POLICY)
    document["spec"]["ingress"][0]["ports"] = [{"port": port, "endPort": port}, {"port": 1, "endPort": port}]
    with pytest.raises(AnalyzerError, match="a number of more than 19 digits: must be between 1 and 65535"):
        decode([Given(document, document["kind"], document["apiVersion"])], Options())


@pytest.mark.parametrize("key", [7, 1.5, True, None])
@pytest.mark.parametrize(
    "place", [("metadata", "labels"), ("spec", "podSelector", "matchLabels"), ("spec",), ()]
)
def test_a_key_that_is_no_string_is_refused(place: tuple[str, ...], key: object) -> None:
    document = deepcopy(POLICY)
    container = document
    for step in place:
        container = container[step]
    container[key] = "x"  # type: ignore[index]
    with pytest.raises(AnalyzerError):
        decode([Given(document, document["kind"], document["apiVersion"])], Options())
