"""Section 3 of the semantics: what the API server rejects is rejected in its words, at the right place."""

from __future__ import annotations

import pytest

from tests.unit.decode.reading import errors, policy, read, refused, remarks

LABEL_KEY = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an"
    " alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is"
    " '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must"
    " start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used"
    " for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must"
    " start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is"
    r" '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and"
    " end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is"
    " '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
WITH = "must be specified when `operator` is 'In' or 'NotIn'"
WITHOUT = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
ZEROS = "must not have leading 0s in IP or prefix length"
BITS = "must not have bits set beyond the prefix length"
SUBSET = "must be a strict subset of `cidr`"
RANGE = "must be between 1 and 65535, inclusive"
PORT = "spec.ingress[0].ports[0]"
PEER = "spec.ingress[0].from[0]"
BLOCK = f"{PEER}.ipBlock"


def rule(text: str) -> str:
    """A policy with one ingress rule, which starts at line 7 and column 5."""
    return policy(f"podSelector: {{}}\ningress:\n- {text}")


@pytest.mark.parametrize(
    ("port", "complaints"),
    [
        (
            "{protocol: tcp}",
            [f'7:14 {PORT}.protocol: Unsupported value: "tcp": supported values: "TCP", "UDP", "SCTP"'],
        ),
        (
            "{protocol: ICMP}",
            [f'7:14 {PORT}.protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"'],
        ),
        (
            "{protocol: ''}",
            [f'7:14 {PORT}.protocol: Unsupported value: "": supported values: "TCP", "UDP", "SCTP"'],
        ),
        ("{port: 0}", [f"7:14 {PORT}.port: Invalid value: 0: {RANGE}"]),
        ("{port: -1}", [f"7:14 {PORT}.port: Invalid value: -1: {RANGE}"]),
        (
            "{port: 65536}",
            [f"7:14 {PORT}.port: Invalid value: 65536: {RANGE}"],
        ),
        ('{port: "80"}', [f'7:14 {PORT}.port: Invalid value: "80": must contain at least one letter (a-z)']),
        (
            "{port: sixteen-letters-}",
            [
                f'7:14 {PORT}.port: Invalid value: "sixteen-letters-": must be no more than 15 characters',
                f'7:14 {PORT}.port: Invalid value: "sixteen-letters-": must not begin or end with a hyphen',
            ],
        ),
        (
            "{port: Web_1}",
            [
                (
                    f'7:14 {PORT}.port: Invalid value: "Web_1": must contain only alpha-numeric'
                    " characters (a-z, 0-9), and hyphens (-)"
                )
            ],
        ),
        ("{port: a--b}", [f'7:14 {PORT}.port: Invalid value: "a--b": must not contain consecutive hyphens']),
        ("{port: -a}", [f'7:14 {PORT}.port: Invalid value: "-a": must not begin or end with a hyphen']),
        (
            "{port: 80, endPort: 79}",
            [f"7:24 {PORT}.endPort: Invalid value: 79: must be greater than or equal to `port`"],
        ),
        (
            "{port: 80, endPort: 65536}",
            [f"7:24 {PORT}.endPort: Invalid value: 65536: {RANGE}"],
        ),
        (
            "{port: web, endPort: 90}",
            [f"7:25 {PORT}.endPort: Invalid value: 90: may not be specified when `port` is non-numeric"],
        ),
        (
            "{endPort: 90}",
            [f"7:14 {PORT}.endPort: Invalid value: 90: may not be specified when `port` is not specified"],
        ),
        ("{port: 80.5}", [f"7:14 {PORT}.port: Invalid type: expected integer or string, got number"]),
        ("{port: true}", [f"7:14 {PORT}.port: Invalid type: expected integer or string, got boolean"]),
        (
            "{port: 80.5, endPort: 90}",
            [f"7:14 {PORT}.port: Invalid type: expected integer or string, got number"],
        ),
        ("{port: 80, endPort: '90'}", [f"7:24 {PORT}.endPort: Invalid type: expected integer, got string"]),
        ("80", [f"7:13 {PORT}: Invalid type: expected object, got integer"]),
    ],
)
def test_ports_of_a_rule(port: str, complaints: list[str]) -> None:
    assert errors(rule(f"ports: [{port}]")) == complaints


@pytest.mark.parametrize(
    ("peer", "complaints"),
    [
        ("{}", [f"7:12 {PEER}: Required value: must specify a peer"]),
        ("null", [f"7:12 {PEER}: Required value: must specify a peer"]),
        ("{podSelector: null}", [f"7:12 {PEER}: Required value: must specify a peer"]),
        (
            "{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}",
            [f"7:12 {PEER}: Forbidden: may not specify both ipBlock and another peer"],
        ),
        (
            "{ipBlock: {cidr: 10.0.0.0/8}, namespaceSelector: {}}",
            [f"7:12 {PEER}: Forbidden: may not specify both ipBlock and another peer"],
        ),
        ("{podSelector: web}", [f"7:13 {PEER}.podSelector: Invalid type: expected object, got string"]),
        ("{ipBlock: [10.0.0.0/8]}", [f"7:13 {BLOCK}: Invalid type: expected object, got array"]),
        ("web", [f"7:12 {PEER}: Invalid type: expected object, got string"]),
    ],
)
def test_peers_of_a_rule(peer: str, complaints: list[str]) -> None:
    assert errors(rule(f"from: [{peer}]")) == complaints


NOT_A_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


@pytest.mark.parametrize(
    ("block", "complaints"),
    [
        ("{}", [f"7:13 {BLOCK}.cidr: Required value"]),
        ("{cidr: ''}", [f"7:23 {BLOCK}.cidr: Required value"]),
        ("{cidr: 10}", [f"7:23 {BLOCK}.cidr: Invalid type: expected string, got integer"]),
        ("{cidr: 10.0.0.0}", [f'7:23 {BLOCK}.cidr: Invalid value: "10.0.0.0": {NOT_A_CIDR}']),
        ("{cidr: 10.0.0.0/33}", [f'7:23 {BLOCK}.cidr: Invalid value: "10.0.0.0/33": {NOT_A_CIDR}']),
        ("{cidr: 10.0.0/8}", [f'7:23 {BLOCK}.cidr: Invalid value: "10.0.0/8": {NOT_A_CIDR}']),
        (
            "{cidr: 10.0.0.0/255.0.0.0}",
            [f'7:23 {BLOCK}.cidr: Invalid value: "10.0.0.0/255.0.0.0": {NOT_A_CIDR}'],
        ),
        ("{cidr: 'fe80::%1/64'}", [f'7:23 {BLOCK}.cidr: Invalid value: "fe80::%1/64": {NOT_A_CIDR}']),
        (
            "{cidr: 010.0.0.0/8}",
            [f'7:23 {BLOCK}.cidr: Invalid value: "010.0.0.0/8": {ZEROS}'],
        ),
        (
            "{cidr: 10.0.0.0/08}",
            [f'7:23 {BLOCK}.cidr: Invalid value: "10.0.0.0/08": {ZEROS}'],
        ),
        (
            "{cidr: '::ffff:10.0.0.0/104'}",
            [
                (
                    f'7:23 {BLOCK}.cidr: Invalid value: "::ffff:10.0.0.0/104": must not have an'
                    " IPv4-mapped IPv6 address"
                )
            ],
        ),
        (
            "{cidr: 10.0.0.1/8}",
            [f'7:23 {BLOCK}.cidr: Invalid value: "10.0.0.1/8": {BITS}'],
        ),
        (
            "{cidr: 10.0.0.0/8, except: [10.0.0.0/8]}",
            [f'7:50 {BLOCK}.except[0]: Invalid value: "10.0.0.0/8": {SUBSET}'],
        ),
        (
            "{cidr: 10.0.0.0/8, except: [10.1.0.0/16, 11.0.0.0/16]}",
            [f'7:63 {BLOCK}.except[1]: Invalid value: "11.0.0.0/16": {SUBSET}'],
        ),
        (
            "{cidr: 10.0.0.0/8, except: ['2001:db8::/32']}",
            [f'7:50 {BLOCK}.except[0]: Invalid value: "2001:db8::/32": {SUBSET}'],
        ),
        (
            "{cidr: 10.0.0.0/8, except: [0.0.0.0/0]}",
            [f'7:50 {BLOCK}.except[0]: Invalid value: "0.0.0.0/0": {SUBSET}'],
        ),
        (
            "{cidr: 10.0.0.0/8, except: [nowhere]}",
            [f'7:50 {BLOCK}.except[0]: Invalid value: "nowhere": {NOT_A_CIDR}'],
        ),
        ("{cidr: 10.0.0.0/8, except: [null]}", [f'7:50 {BLOCK}.except[0]: Invalid value: "": {NOT_A_CIDR}']),
        (
            "{cidr: 10.0.0.0/8, except: 10.1.0.0/16}",
            [f"7:41 {BLOCK}.except: Invalid type: expected array, got string"],
        ),
    ],
)
def test_ip_blocks(block: str, complaints: list[str]) -> None:
    assert errors(rule(f"from: [{{ipBlock: {block}}}]")) == complaints


@pytest.mark.parametrize(
    ("cidr", "warning"),
    [
        (
            "10.1.2.3/8",
            'CIDR value "10.1.2.3/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.1.2.3/32"?)',
        ),
        (
            "010.0.0.0/8",
            (
                'CIDR value "010.0.0.0/8" will be considered invalid in a future Kubernetes release:'
                ' use "10.0.0.0/8"'
            ),
        ),
    ],
)
def test_before_1_36_a_sloppy_cidr_is_masked_with_a_warning(cidr: str, warning: str) -> None:
    text = rule(f"from: [{{ipBlock: {{cidr: {cidr}}}}}]")
    assert remarks(text, version=(1, 35)) == [f"7:23 {BLOCK}.cidr: {warning}"]
    (policy_,) = read(text, version=(1, 35)).cluster.policies
    (strict,) = read(rule("from: [{ipBlock: {cidr: 10.0.0.0/8}}]")).cluster.policies
    assert policy_ == strict


def test_an_ipv6_cidr_that_is_not_canonical_is_accepted_with_a_warning() -> None:
    assert remarks(rule("from: [{ipBlock: {cidr: '2001:DB8::/32'}}]")) == [
        (
            f'7:23 {BLOCK}.cidr: CIDR value "2001:DB8::/32" should be in RFC 5952 canonical format'
            ' ("2001:db8::/32")'
        )
    ]


@pytest.mark.parametrize(
    ("types", "complaints"),
    [
        (
            "[Ingress, Egress, Ingress]",
            [
                (
                    '5:21 spec.policyTypes: Invalid value: ["Ingress","Egress","Ingress"]: may not specify'
                    " more than two policyTypes"
                )
            ],
        ),
        (
            "[ingress]",
            ['5:35 spec.policyTypes[0]: Unsupported value: "ingress": supported values: "Ingress", "Egress"'],
        ),
        (
            "[null]",
            ['5:35 spec.policyTypes[0]: Unsupported value: "": supported values: "Ingress", "Egress"'],
        ),
        ("[1]", ["5:35 spec.policyTypes[0]: Invalid type: expected string, got integer"]),
        ("Ingress", ["5:21 spec.policyTypes: Invalid type: expected array, got string"]),
    ],
)
def test_policy_types(types: str, complaints: list[str]) -> None:
    assert errors(policy(f"{{podSelector: {{}}, policyTypes: {types}}}")) == complaints


EXPRESSION = "spec.podSelector.matchExpressions[0]"


@pytest.mark.parametrize(
    ("expression", "complaints"),
    [
        (
            "{key: a, operator: In}",
            [
                f"5:36 {EXPRESSION}.values: Required value: {WITH}",
            ],
        ),
        (
            "{key: a, operator: NotIn, values: []}",
            [
                f"5:62 {EXPRESSION}.values: Required value: {WITH}",
            ],
        ),
        (
            "{key: a, operator: Exists, values: [b]}",
            [
                f"5:63 {EXPRESSION}.values: Forbidden: {WITHOUT}",
            ],
        ),
        (
            "{key: a, operator: DoesNotExist, values: [b]}",
            [
                f"5:69 {EXPRESSION}.values: Forbidden: {WITHOUT}",
            ],
        ),
        (
            "{key: a, operator: in, values: [b]}",
            [f'5:45 {EXPRESSION}.operator: Invalid value: "in": not a valid selector operator'],
        ),
        ("{key: a}", [f'5:36 {EXPRESSION}.operator: Invalid value: "": not a valid selector operator']),
        ("{operator: Exists}", [f'5:36 {EXPRESSION}.key: Invalid value: "": name part must be non-empty']),
        (
            "{key: a/b/c, operator: Exists}",
            [
                f'5:37 {EXPRESSION}.key: Invalid value: "a/b/c": {"a valid label key "}'
                + LABEL_KEY.removeprefix("name part ")
                + " with an optional DNS subdomain prefix and '/' (e.g."
                " 'example.com/MyName')"
            ],
        ),
        (
            "{key: a, operator: In, values: ['a b']}",
            [f'5:68 {EXPRESSION}.values[0]: Invalid value: "a b": {LABEL_VALUE}'],
        ),
        (
            "{key: a, operator: In, values: [true]}",
            [
                f"5:68 {EXPRESSION}.values[0]: Invalid type: expected string, got boolean",
                f"5:59 {EXPRESSION}.values: Required value: {WITH}",
            ],
        ),
        (
            "{key: a, operator: Exists, value: b}",
            [f"5:63 {EXPRESSION}.value: unknown field `value`"],
        ),
    ],
)
def test_match_expressions(expression: str, complaints: list[str]) -> None:
    assert errors(policy(f"podSelector: {{matchExpressions: [{expression}]}}")) == complaints


LABELS = "spec.podSelector.matchLabels"


@pytest.mark.parametrize(
    ("labels", "complaints"),
    [
        ("{a: 1}", [f"5:31 {LABELS}.a: Invalid type: expected string, got integer"]),
        ("{a: true}", [f"5:31 {LABELS}.a: Invalid type: expected string, got boolean"]),
        ("{a: on}", [f"5:31 {LABELS}.a: Invalid type: expected string, got boolean"]),
        ("{a: 1.10}", [f"5:31 {LABELS}.a: Invalid type: expected string, got number"]),
        ("{a: [b]}", [f"5:31 {LABELS}.a: Invalid type: expected string, got array"]),
        ("{a: {b: c}}", [f"5:31 {LABELS}.a: Invalid type: expected string, got object"]),
        ("{a: -b}", [f'5:31 {LABELS}.a: Invalid value: "-b": {LABEL_VALUE}']),
        (
            f"{{a: {'b' * 64}}}",
            [f'5:31 {LABELS}.a: Invalid value: "{"b" * 64}": must be no more than 63 bytes'],
        ),
        ("{'a b': c}", [f'5:31 {LABELS}[a b]: Invalid value: "a b": {LABEL_KEY}']),
        ("{'': c}", [f'5:31 {LABELS}[]: Invalid value: "": name part must be non-empty']),
        ("{'/a': c}", [f'5:31 {LABELS}[/a]: Invalid value: "/a": prefix part must be non-empty']),
        ("{'A/a': c}", [f'5:31 {LABELS}[A/a]: Invalid value: "A/a": prefix part {SUBDOMAIN}']),
        ("[a]", [f"5:17 {LABELS}: Invalid type: expected object, got array"]),
    ],
)
def test_labels_of_a_selector(labels: str, complaints: list[str]) -> None:
    assert errors(policy(f"podSelector: {{matchLabels: {labels}}}")) == complaints


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("on", "YAML reads unquoted `true`, `yes` and `on` as a boolean: put the value in quotes"),
        ("1", "YAML reads it as a number: put the value in quotes"),
        ("1.10", "YAML reads it as a number and drops digits, 1.10 becomes 1.1: put the value in quotes"),
    ],
)
def test_a_label_value_that_is_no_string_is_to_be_quoted(value: str, hint: str) -> None:
    (error,) = refused(policy(f"podSelector: {{matchLabels: {{a: {value}}}}}"))
    assert error.help == hint


def test_a_null_label_is_the_empty_string_with_a_warning() -> None:
    text = policy("podSelector: {matchLabels: {a: }}")
    assert remarks(text) == [f"5:31 {LABELS}.a: null is read as the empty string"]
    (found,) = read(text).cluster.policies
    assert found.subject_pods.matches({"a": ""})
    assert not found.subject_pods.matches({})


@pytest.mark.parametrize(
    ("metadata", "complaints"),
    [
        ("{}", ["3:1 metadata.name: Required value: name or generateName is required"]),
        ("{name: ''}", ["3:12 metadata.name: Required value: name or generateName is required"]),
        ("{name: 7}", ["3:12 metadata.name: Invalid type: expected string, got integer"]),
        ("{name: Web}", [f'3:12 metadata.name: Invalid value: "Web": {SUBDOMAIN}']),
        (
            f"{{name: {'a' * 254}}}",
            [f'3:12 metadata.name: Invalid value: "{"a" * 80}...": must be no more than 253 bytes'],
        ),
        (
            "{name: a, namespace: a.b}",
            ['3:21 metadata.namespace: Invalid value: "a.b": must not contain dots'],
        ),
        ("{name: a, namespace: a_b}", [f'3:21 metadata.namespace: Invalid value: "a_b": {LABEL}']),
        ("{name: a, lables: {}}", ["3:21 metadata.lables: unknown field `lables`"]),
        ("{generateName: A-}", [f'3:12 metadata.generateName: Invalid value: "A": {SUBDOMAIN}']),
        (
            "a",
            [
                "3:1 metadata: Invalid type: expected object, got string",
                "3:1 metadata.name: Required value: name or generateName is required",
            ],
        ),
    ],
)
def test_metadata(metadata: str, complaints: list[str]) -> None:
    text = policy("podSelector: {}").replace("{name: p, namespace: shop}", metadata)
    assert errors(text) == complaints


def test_all_errors_of_all_documents_are_told_at_once() -> None:
    second = "apiVersion: v1\nkind: Pod\nmetadata: {name: B}\n"
    assert [
        each.split(": ")[0] for each in errors(rule("ports: [{port: 0}, {port: -1}]") + "---\n" + second)
    ] == [
        "7:14 spec.ingress[0].ports[0].port",
        "7:25 spec.ingress[0].ports[1].port",
        "11:12 metadata.name",
    ]


def test_every_error_says_what_would_be_right() -> None:
    text = """
        podSelector: {matchLabels: {a: 1, b: '-'}, matchExpressions: [{key: a, operator: in}]}
        policyTypes: [ingress]
        ingress:
        - from: [{}, {ipBlock: {cidr: 10.0.0.1/8}}, {ipBlock: {cidr: x}, podSelector: {}}]
          ports: [{protocol: tcp}, {port: a, endPort: 1}, {endPort: 1}, 1]
          to: []
        egress: {}
        """
    assert all(each.help for each in refused(policy(text)) if each.code != "invalid-value")


def test_end_port_is_ignored_before_1_22() -> None:
    text = rule("ports: [{port: 80, endPort: 90}]")
    assert remarks(text, version=(1, 21)) == [
        f"7:24 {PORT}.endPort: `endPort` is ignored before Kubernetes 1.22"
    ]
    (found,) = read(text, version=(1, 21)).cluster.policies
    (single,) = read(rule("ports: [{port: 80}]")).cluster.policies
    assert found == single


@pytest.mark.parametrize(
    ("annotations", "complaints"),
    [
        ("{a: 1}", ["3:26 metadata.annotations.a: Invalid type: expected string, got integer"]),
        ("{a: true}", ["3:26 metadata.annotations.a: Invalid type: expected string, got boolean"]),
        ("{a: {}}", ["3:26 metadata.annotations.a: Invalid type: expected string, got object"]),
        ("[a]", ["3:12 metadata.annotations: Invalid type: expected object, got array"]),
        ("{-a: b}", [f'3:26 metadata.annotations.-a: Invalid value: "-a": {LABEL_KEY}']),
    ],
)
def test_annotations_are_text_as_labels_are(annotations: str, complaints: list[str]) -> None:
    text = "apiVersion: v1\nkind: Namespace\nmetadata: {annotations: %s, name: a}\n"
    assert errors(text % annotations) == complaints


def test_annotations_may_hold_any_text_and_keys_in_capitals() -> None:
    annotations = "{Example.COM/A: '{1}', c: }"
    text = f"apiVersion: v1\nkind: Namespace\nmetadata: {{annotations: {annotations}, name: a}}\n"
    assert remarks(text) == []


def test_annotations_of_a_template_are_text_too() -> None:
    template = "{metadata: {annotations: {a: 1}}}"
    text = f"apiVersion: batch/v1\nkind: Job\nmetadata: {{name: a}}\nspec: {{template: {template}}}\n"
    assert errors(text) == [
        "4:44 spec.template.metadata.annotations.a: Invalid type: expected string, got integer"
    ]
