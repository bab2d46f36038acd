"""Unknown fields: where a misplaced one belongs, and what a misspelt one was meant to be."""

from __future__ import annotations

import pytest

from tests.unit.decode.reading import policy, refused

RULE = "podSelector: {{}}\n{direction}:\n- {rule}"


@pytest.mark.parametrize(
    ("spec", "field", "hint"),
    [
        ("podselector: {}", "spec.podselector", "did you mean `podSelector`?"),
        (
            "{podSelector: {}, matchLabels: {a: b}}",
            "spec.matchLabels",
            "`matchLabels` belongs into `podSelector`: indent it more",
        ),
        ("{podSelector: {}, from: []}", "spec.from", "`from` belongs into an item of `ingress`"),
        ("{podSelector: {}, to: []}", "spec.to", "`to` belongs into an item of `egress`"),
        (
            "{podSelector: {}, ports: []}",
            "spec.ports",
            "`ports` belongs into an item of `ingress` or `egress`",
        ),
        ("{podSelector: {}, port: 80}", "spec.port", "`port` belongs into an item of `ports`"),
        (
            "{podSelector: {}, ipBlock: {}}",
            "spec.ipBlock",
            "`ipBlock` belongs into an item of `from` or `to`",
        ),
        (
            "{podSelector: {}, namespaceSelector: {}}",
            "spec.namespaceSelector",
            (
                "a policy selects pods of its own namespace only; `namespaceSelector` belongs into"
                " an item of `from` or `to`"
            ),
        ),
        (
            "{podSelector: {}, zebra: 1}",
            "spec.zebra",
            "known here: `egress`, `ingress`, `podSelector`, `policyTypes`",
        ),
        (
            "podSelector: {app: web}",
            "spec.podSelector.app",
            "labels belong into `matchLabels`: `matchLabels: {app: ...}`",
        ),
        ("podSelector: {matchlabels: {a: b}}", "spec.podSelector.matchlabels", "did you mean `matchLabels`?"),
        (
            "podSelector: {matchLabels: {}, namespaceSelector: {}}",
            "spec.podSelector.namespaceSelector",
            "`namespaceSelector` belongs beside this selector: indent it less",
        ),
    ],
)
def test_fields_of_a_spec(spec: str, field: str, hint: str) -> None:
    (error,) = refused(policy(spec))
    assert (error.code, error.span and error.span.field, error.help) == ("unknown-field", field, hint)
    assert error.message == f"unknown field `{field.rpartition('.')[2]}`"


@pytest.mark.parametrize(
    ("direction", "rule", "field", "hint"),
    [
        ("ingress", "{to: []}", "to", "the peers of this direction are called `from`"),
        ("egress", "{from: []}", "from", "the peers of this direction are called `to`"),
        ("ingress", "{podSelector: {}}", "podSelector", "`podSelector` belongs into an item of `from`"),
        ("egress", "{ipBlock: {}}", "ipBlock", "`ipBlock` belongs into an item of `to`"),
        ("ingress", "{protocol: TCP}", "protocol", "`protocol` belongs into an item of `ports`"),
        (
            "ingress",
            "{policyTypes: []}",
            "policyTypes",
            "`policyTypes` belongs beside `ingress` and `egress`: indent it less",
        ),
        (
            "ingress",
            "{matchLabels: {}}",
            "matchLabels",
            "`matchLabels` belongs into a `podSelector` or `namespaceSelector`",
        ),
        (
            "ingress",
            "{from: [{podSelector: {}, ports: []}]}",
            "from[0].ports",
            "`ports` belongs beside `from` or `to`, not into it: indent it less",
        ),
        (
            "ingress",
            "{from: [{podSelector: {}, port: 80}]}",
            "from[0].port",
            "`port` belongs into an item of `ports`, beside `from` or `to`",
        ),
        (
            "egress",
            "{to: [{podSelector: {}, matchLabels: {}}]}",
            "to[0].matchLabels",
            "`matchLabels` belongs into `podSelector` or `namespaceSelector`: indent it more",
        ),
        (
            "egress",
            "{to: [{podSelector: {}, cidr: 10.0.0.0/8}]}",
            "to[0].cidr",
            "`cidr` belongs into `ipBlock`: indent it more",
        ),
        (
            "ingress",
            "{from: [{podSelector: {}, from: []}]}",
            "from[0].from",
            "peers are items of `from`; leave out this one",
        ),
        (
            "ingress",
            "{from: [{ipBlock: {cidr: 10.0.0.0/8, ports: []}}]}",
            "from[0].ipBlock.ports",
            "`ports` belongs beside `from` or `to`: indent it less",
        ),
        (
            "ingress",
            "{from: [{podSelector: {matchLabels: {}, ports: []}}]}",
            "from[0].podSelector.ports",
            "`ports` belongs beside `from` or `to`: indent it less",
        ),
        ("ingress", "{ports: [{name: web}]}", "ports[0].name", "write the name of the port as `port`"),
        ("ingress", "{ports: [{prot: TCP}]}", "ports[0].prot", "did you mean `port`?"),
        ("ingress", "{port: [{port: 80}]}", "port", "`port` belongs into an item of `ports`"),
    ],
)
def test_fields_of_a_rule(direction: str, rule: str, field: str, hint: str) -> None:
    (error,) = refused(policy(RULE.format(direction=direction, rule=rule)))
    assert error.span
    assert (error.span.field, error.help) == (f"spec.{direction}[0].{field}", hint)


def test_fields_of_the_policy_itself() -> None:
    text = policy("{podSelector: {}}") + "name: p\npodSelector: {}\n"
    assert [each.help for each in refused(text)] == [
        "`name` belongs into `metadata`: indent it more",
        "`podSelector` belongs into `spec`: indent it more",
    ]


def test_a_key_that_no_terminal_could_print_is_told_at_the_object_that_holds_it() -> None:
    (error,) = refused(policy('{podSelector: {}, "\\u202e": 1}'))
    assert (error.message, error.span and error.span.field) == ("unknown field `\\u202e`", "spec")


def test_a_key_of_many_letters_is_cut() -> None:
    (error,) = refused(policy(f"{{podSelector: {{}}, {'k' * 900}: 1}}"))
    assert error.message == f"unknown field `{'k' * 80}...`"


def test_an_unprintable_key_of_the_object_itself_is_told_at_the_object() -> None:
    (error,) = refused('{apiVersion: v1, kind: Pod, metadata: {name: p}, "\\u202e": 1}')
    assert (error.message, error.span and error.span.path) == ("unknown field `\\u202e`", ())
