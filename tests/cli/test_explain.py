from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import Commands
from tests.unit.manifests import DENY, pod, policy

PARTLY_KNOWN = "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.244.7.0/24}}]}]}"


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        (("test-pod-a", "test-pod-b", "80/TCP"), "denied"),
        (("test-pod-c", "test-pod-b", "80/TCP"), "allowed"),
        (("test-pod-c", "test-pod-b", "81"), "denied"),
        (("test-pod-c", "test-pod-b"), "allowed in part"),
        (("test-a/test-pod-a", "test-c/pod/test-pod-c", "53/UDP"), "allowed"),
        (("test-pod-a", "external"), "allowed"),
        (("192.0.2.1", "test-pod-b", "icmp"), "denied"),
    ],
)
def test_the_verdict_comes_first(run: Commands, words: tuple[str, ...], verdict: str) -> None:
    ran = run("explain", *words)
    assert ran.code == 0
    assert ran.out.startswith(f"{verdict}: ")


def test_the_explanation_names_the_policy_with_file_and_line(run: Commands) -> None:
    assert "manifests/network-policy.yaml:" in run("explain", "test-pod-a", "test-pod-b", "80/TCP").out


def test_manifests_are_named_with_an_option(elsewhere: Commands) -> None:
    elsewhere.write("a.yaml", pod("a"), pod("b"))
    elsewhere.write("b.yaml", policy(DENY))
    ran = elsewhere("explain", "a", "b", "-f", "a.yaml", "--file", "b.yaml")
    assert ran.out.startswith("denied: ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("test-pod-a", "test-pod-d"), "did you mean"),
        (("test-pod-a",), "required: DESTINATION"),
        (("test-pod-a", "test-pod-b", "http"), "`http` is no port"),
        (("test-pod-a", "test-pod-b", "SCTP"), "`SCTP` is no port"),
        (("test-pod-a", "test-pod-b", "80-90/TCP"), "is no port"),
    ],
)
def test_wrong_usage_is_exit_code_2(run: Commands, words: tuple[str, ...], message: str) -> None:
    ran = run("explain", *words)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


@pytest.mark.parametrize(("words", "code"), [((), 0), (("--fail-on-unknown",), 4)])
def test_an_unknown_verdict_fails_only_where_that_is_demanded(
    elsewhere: Commands, words: tuple[str, ...], code: int
) -> None:
    elsewhere.write("a.yaml", pod("a"), pod("b"), policy(PARTLY_KNOWN))
    ran = elsewhere("explain", "a", "b", "--file", "a.yaml", *words)
    assert ran.code == code
    assert ran.out.startswith("unknown: ")


def test_the_explanation_goes_to_a_file(run: Commands, tmp_path: Path) -> None:
    ran = run("explain", "test-pod-a", "test-pod-b", "--output", str(tmp_path / "why"))
    assert (ran.code, ran.out) == (0, "")
    assert (tmp_path / "why").read_text().startswith("denied: ")
