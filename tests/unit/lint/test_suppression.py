from __future__ import annotations

import pytest

from analyzer.lint import Linted, lint
from tests.unit.lint.linting import found
from tests.unit.manifests import analysis, pod

WEB = pod("web", labels="{app: web}")
HEAD = (
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: none, namespace: shop}\nspec:\n"
)


def linted(spec: str, *codes: str) -> Linted:
    return lint(analysis(WEB, HEAD + spec), codes or ("KR103", "KR901"))


@pytest.mark.parametrize(
    "comment",
    [
        "ignore[KR103] not deployed yet",
        "ignore[KR103]",
        "ignore[KR1]",
        "ignore[policy-selects-no-pod]",
        "ignore[KR205, KR103]",
    ],
)
def test_a_comment_on_the_line_turns_a_finding_off(comment: str) -> None:
    result = linted(f"  podSelector: {{matchLabels: {{app: x}}}}  # kubereach: {comment}\n")
    assert (result.findings, result.ignored) == ((), 1)


def test_a_comment_on_the_line_above_turns_a_finding_off() -> None:
    result = linted("  # kubereach: ignore[KR103] not deployed yet\n  podSelector: {matchLabels: {app: x}}\n")
    assert not result.findings


@pytest.mark.parametrize(
    "spec",
    [
        "  # kubereach: ignore[KR103]\n  # another comment\n  podSelector: {matchLabels: {app: x}}\n",
        "  podSelector: {matchLabels: {app: x}}\n  # kubereach: ignore[KR103]\n",
        "  podSelector: {matchLabels: {app: x}}  # kubereach: ignore[KR101]\n",
    ],
)
def test_a_comment_elsewhere_or_of_another_rule_does_not(spec: str) -> None:
    assert [each.code for each in linted(spec, "KR103").findings] == ["KR103"]


def test_a_comment_that_turns_nothing_off_is_told() -> None:
    result = linted("  podSelector: {}  # kubereach: ignore[KR103]\n")
    (finding,) = result.findings
    assert result.ignored == 0
    assert (finding.code, finding.span.line, finding.span.column) == ("KR901", 10, 20)
    assert finding.message == "nothing here is reported as KR103"


def test_a_comment_for_all_rules_that_turns_nothing_off_is_told() -> None:
    (finding,) = lint(analysis(WEB + "# kubereach: ignore[all]\n", HEAD + "  podSelector: {}\n")).findings[:1]
    assert finding.message == "nothing here is reported as anything"


def test_a_comment_about_a_rule_that_did_not_look_is_not_idle() -> None:
    assert not linted("  podSelector: {}  # kubereach: ignore[KR205]\n").findings


def test_a_comment_that_names_no_rule_is_told_with_what_may_be_meant() -> None:
    (finding,) = linted("  podSelector: {}  # kubereach: ignore[KR130]\n").findings
    assert finding.message == "there is no lint rule `KR130`"
    assert finding.help.startswith("did you mean `KR")


def test_json_has_no_comments() -> None:
    metadata = '"metadata": {"name": "a", "annotations": {"x": "# kubereach: ignore[KR103]"}}'
    spec = '"spec": {"containers": [{"name": "c", "image": "i"}]}'
    assert not found("KR901", f'{{"apiVersion": "v1", "kind": "Pod", {metadata}, {spec}}}')
