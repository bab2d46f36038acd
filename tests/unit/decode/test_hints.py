"""What is said to those who write something else than they mean: how the API says what they mean."""

from __future__ import annotations

import pytest

from tests.unit.decode.reading import policy, refused

POD = "apiVersion: v1\nkind: Pod\nmetadata: {{name: a, namespace: {}}}\nspec: {{containers: [{{name: c}}]}}\n"
EVERY = "leave `port` out: then every port of the protocol is meant"
ONLY_ALLOWS = (
    "a NetworkPolicy only allows, and what its rules do not allow to the pods that it selects is denied"
)
NAMESPACE = "write `namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ...}}`"
PLACEHOLDER = "this looks like a placeholder: put in what it stands for, and analyze what comes out"


def hints(text: str) -> set[str]:
    return {each.help for each in refused(text)}


@pytest.mark.parametrize(
    ("port", "hint"),
    [
        ("80-90", "write `port: 80` and `endPort: 90`"),
        ("'80:90'", "write `port: 80` and `endPort: 90`"),
        ("[80, 443]", "write an item of `ports` for each of them"),
        ("'*'", EVERY),
        ("0", EVERY),
        ("1-65535", EVERY),
        ("'80'", "write 80 without quotes for the number"),
        ("HTTP", "`http` would be valid"),
        ("70000", ""),
        ("1.5", ""),
    ],
)
def test_ports(port: str, hint: str) -> None:
    text = policy(f"{{podSelector: {{}}, ingress: [{{ports: [{{port: {port}}}]}}]}}")
    assert hints(text) == {hint}


@pytest.mark.parametrize(
    ("selector", "hint"),
    [
        ("app:web", "YAML needs a space behind the colon: `app: ...`"),
        ("app:\u00a0web", "YAML needs a plain space, not a no-break space, behind the colon: `app: ...`"),
        ("web", "write its fields, each as `name: value`"),
        ("[web]", "leave out the `- `: there is one, not a list"),
    ],
)
def test_labels_that_are_no_object(selector: str, hint: str) -> None:
    assert hints(policy(f"podSelector:\n  matchLabels:\n    {selector}")) == {hint}


@pytest.mark.parametrize(
    ("peer", "hint"),
    [
        ("{podSelector: {}, namespace: shop}", NAMESPACE),
        ("{podSelector: {}, labels: {a: b}}", "write `podSelector: {matchLabels: ...}`"),
        (
            "{namespaceSelector: {name: shop}}",
            "a namespace's name is a label of it: `matchLabels: {kubernetes.io/metadata.name: ...}`",
        ),
        ("{podSelector: {name: web}}", "labels belong into `matchLabels`: `matchLabels: {name: ...}`"),
        ("{ipBlock: {cidr: example.com}}", "NetworkPolicies know addresses only, no host names"),
        ("{ipBlock: {cidr: 10.0.0.0.0/8}}", "write an address, `/` and the length of the prefix"),
        ("{ipBlock: {cidr: '::g'}}", "write an address, `/` and the length of the prefix"),
    ],
)
def test_peers(peer: str, hint: str) -> None:
    assert hints(policy(f"{{podSelector: {{}}, ingress: [{{from: [{peer}]}}]}}")) == {hint}


@pytest.mark.parametrize(
    "spec", ["{podSelector: {}, deny: []}", "{podSelector: {}, ingress: [{action: Deny}]}"]
)
def test_a_policy_only_allows(spec: str) -> None:
    (hint,) = hints(policy(spec))
    assert hint.startswith(ONLY_ALLOWS)


@pytest.mark.parametrize(
    "namespace", ["'${NAMESPACE}'", "$NAMESPACE", "'{{ .Release.Namespace }}'", "<shop>"]
)
def test_placeholders(namespace: str) -> None:
    assert hints(POD.format(namespace)) == {PLACEHOLDER}
