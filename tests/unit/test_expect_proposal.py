from __future__ import annotations

from io import BytesIO

import pytest

from analyzer.diagnostics import AnalyzerError
from analyzer.expect.checking import check
from analyzer.expect.expectation import Expectation, Outcome, Verdict
from analyzer.expect.proposal import propose
from analyzer.expect.reading import read_expectations
from analyzer.expect.writing import ports, render
from analyzer.load import load
from analyzer.sets import PortSet, Protocol
from tests.unit.manifests import ALLOW_TCP_80, DENY, WITHIN_10, analysis, pod, policy, workload

EVERY = PortSet.transports()
HOST = pod("host", more="hostNetwork: true")


def written(*documents: str) -> str:
    """Write down what is, and make sure that it is read back as the same, and holds."""
    reachability = analysis(*documents).reachability
    found = propose(reachability)
    text = "".join(render(found))
    read, warnings = read_expectations(load(["-"], stdin=BytesIO(text.encode())).documents)
    assert (read, warnings) == (found, ())
    assert {each.outcome for each in check(reachability, read)} <= {Outcome.HOLDS}
    return text


def proposed(*documents: str) -> list[tuple[str, str, Verdict, PortSet]]:
    return [_short(each) for each in propose(analysis(*documents).reachability)]


def _short(each: Expectation) -> tuple[str, str, Verdict, PortSet]:
    sources, destinations = (", ".join(map(str, ends)) for ends in (each.sources, each.destinations))
    return sources, destinations, each.verdict, each.ports


def one_port(name: str, direction: str, port: int) -> str:
    rule = f"{direction}: [{{ports: [{{port: {port}}}]}}], policyTypes: [{direction.capitalize()}]"
    return f"spec: {{podSelector: {{matchLabels: {{app: {name}}}}}, {rule}}}"


def test_one_pod_without_policies_reaches_and_is_reached() -> None:
    assert proposed(pod("a")) == [
        ("*/*, external", "*/*", Verdict.ALLOW, EVERY),
        ("*/*", "external", Verdict.ALLOW, EVERY),
    ]


def test_a_port_that_is_open_alone_is_expected_alone() -> None:
    found = proposed(pod("a"), pod("b"), policy(ALLOW_TCP_80))
    assert ("*/*, external", "*/*", Verdict.ONLY, PortSet.of(Protocol.TCP, 80)) in found
    text = written(pod("a"), pod("b"), policy(ALLOW_TCP_80))
    assert "everybody -> every pod on TCP 80 only" in text
    assert "  from: ['*/*', external]" in text.replace('"', "'")


def test_a_pod_with_itself_is_not_written_down() -> None:
    marked = "podSelector: {matchLabels: {x: v}}"
    itself = policy(f"spec: {{{marked}, ingress: [{{from: [{{{marked}}}]}}]}}")
    found = proposed(pod("a", labels="{x: v}"), pod("b"), itself)
    assert not [each for each in found if each[:2] == ("shop/a", "shop/a")]
    assert "on no port" in written(pod("a", labels="{x: v}"), pod("b"), itself)


def test_addresses_are_written_as_blocks_where_that_is_shorter() -> None:
    text = written(pod("a"), pod("b"), policy(WITHIN_10))
    assert "{cidr: 10.0.0.0/8}" in text or '{cidr: "10.0.0.0/8"}' in text


def test_what_is_not_known_is_expected_not_to_be_known() -> None:
    documents = HOST, pod("b"), policy(ALLOW_TCP_80)
    http = PortSet.of(Protocol.TCP, 80)
    reachability = analysis(*documents).reachability
    results = check(reachability, propose(reachability))
    (unknown,) = (each for each in results if each.expectation.verdict is Verdict.UNKNOWN)
    assert (unknown.expectation.ports, unknown.pairs) == (EVERY - http, 1)
    assert "not known on " in written(*documents)


def test_a_node_reaches_what_it_runs() -> None:
    documents = (
        pod("host", more="hostNetwork: true, nodeName: one"),
        pod("here", more="nodeName: one"),
        pod("there", more="nodeName: two"),
        policy(DENY),
    )
    assert ("shop/host", "shop/here", Verdict.ALLOW, EVERY) in proposed(*documents)
    written(*documents)


def test_names_that_kinds_share_are_written_with_the_kind() -> None:
    documents = (
        workload("web"),
        pod("web"),
        pod("z"),
        policy("spec: {podSelector: {matchLabels: {app: web}}}"),
    )
    assert "shop/Deployment/web" in written(*documents)


def test_a_whole_namespace_is_written_as_one() -> None:
    documents = *(pod(name, "bank") for name in "abc"), pod("z"), policy(DENY, namespace="bank")
    assert "bank/*" in written(*documents)


def test_a_long_list_has_a_line_for_each_and_a_short_name() -> None:
    names = [f"{'long-' * 6}{number}" for number in range(12)]
    inside = *(pod(each, labels="{x: v}") for each in names[:6]), *(pod(each) for each in names[6:])
    closed = policy("spec: {podSelector: {matchLabels: {x: v}}, policyTypes: [Ingress]}")
    text = written(*inside, closed)
    assert max(map(len, text.splitlines())) < 200
    for each in names[:6]:
        assert any(line.strip() == f"- shop/{each}" for line in text.splitlines())
    assert "and 3 more" in text


def test_expectations_of_the_same_ends_have_different_names() -> None:
    names = [f"pod-{number}" for number in range(12)]
    documents = [pod(each, labels=f"{{x: v, pod: {each}}}") for each in names]
    rules = (
        policy(f"spec: {{podSelector: {{matchLabels: {{pod: {each}}}}}, policyTypes: [Ingress]}}", each)
        for each in names[:6:2]
    )
    text = written(*documents, *rules)
    found = [line for line in text.splitlines() if line.startswith("- name: ")]
    assert len(found) == len(set(found)) > 1


@pytest.mark.parametrize(
    "documents",
    [
        # Every pod may send to others.
        [
            *(pod(each, labels=f"{{app: {each}}}") for each in "abc"),
            *(policy(one_port(each, "egress", port), each) for port, each in enumerate("abc", 1)),
        ],
        # Every pod may be reached on another port.
        [
            *(pod(each, labels=f"{{app: {each}}}") for each in "abc"),
            *(policy(one_port(each, "ingress", port), each) for port, each in enumerate("abc", 1)),
        ],
        # Few kinds of pods, and three expectations of one pair.
        [pod("a"), pod("b"), policy(WITHIN_10.replace("10.0.0.0/8", "10.244.0.0/24"))],
    ],
)
def test_what_would_be_too_long_to_read_is_refused(documents: list[str]) -> None:
    reachability = analysis(*documents).reachability
    with pytest.raises(AnalyzerError, match="more than 2 expectations"):
        propose(reachability, 2)
    assert len(propose(reachability)) > 2


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (PortSet.transports(), "ALL"),
        (PortSet.of(Protocol.UDP), "ALL/UDP"),
        (PortSet.of(Protocol.TCP, 80), "80/TCP"),
        (PortSet.of(Protocol.SCTP, 5, 7), "5-7/SCTP"),
        (PortSet.of(Protocol.UDP, 53) | PortSet.of(Protocol.TCP, 53), "53/TCP, 53/UDP"),
        (PortSet.none(), ""),
    ],
)
def test_ports_are_written_as_they_are_read(found: PortSet, text: str) -> None:
    assert ", ".join(ports(found)) == text
