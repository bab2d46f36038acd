"""Where the fields of a NetworkPolicy belong that often stand elsewhere: mostly a mistake of indentation.

Comes in: nothing. Goes out: for each level of the policy, a hint for each field that belongs to another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model import Direction

if TYPE_CHECKING:
    from collections.abc import Mapping

_LABELS = ("matchLabels", "matchExpressions")
_PORT = ("port", "protocol", "endPort")


_ONLY_ALLOWS = (
    "a NetworkPolicy only allows, and what its rules do not allow to the pods that it selects is denied:"
    " leave out `{}`"
)
_NAMESPACE = "write `namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: ...}}}}`"


def _hints(hint: str, *fields: str) -> dict[str, str]:
    return {field: hint.format(field) for field in fields}


IN_POLICY: Mapping[str, str] = {
    **_hints("`{}` belongs into `spec`: indent it more", "podSelector", "policyTypes", "ingress", "egress"),
    **_hints("`{}` belongs into `metadata`: indent it more", "name", "namespace", "labels", "annotations"),
}
IN_SPEC: Mapping[str, str] = {
    **_hints("`{}` belongs into `podSelector`: indent it more", *_LABELS),
    **_hints("`{}` belongs into an item of `ingress`", "from"),
    **_hints("`{}` belongs into an item of `egress`", "to"),
    **_hints("`{}` belongs into an item of `ingress` or `egress`", "ports"),
    **_hints("`{}` belongs into an item of `ports`", *_PORT),
    **_hints("`{}` belongs into an item of `from` or `to`", "ipBlock"),
    **_hints(_ONLY_ALLOWS, "action", "deny", "allow"),
    "namespaceSelector": "a policy selects pods of its own namespace only; `namespaceSelector` belongs into"
    " an item of `from` or `to`",
}


def _in_rule(peers: str, other: str) -> dict[str, str]:
    return {
        **_hints(f"`{{}}` belongs into an item of `{peers}`", "podSelector", "namespaceSelector", "ipBlock"),
        **_hints("`{}` belongs into an item of `ports`", *_PORT),
        **_hints("`{}` belongs beside `ingress` and `egress`: indent it less", "policyTypes"),
        **_hints("`{}` belongs into a `podSelector` or `namespaceSelector`", *_LABELS),
        **_hints(_ONLY_ALLOWS, "action", "deny", "allow"),
        other: f"the peers of this direction are called `{peers}`",
    }


IN_RULE: Mapping[Direction, Mapping[str, str]] = {
    Direction.INGRESS: _in_rule("from", "to"),
    Direction.EGRESS: _in_rule("to", "from"),
}
IN_PEER: Mapping[str, str] = {
    **_hints("`{}` belongs beside `from` or `to`, not into it: indent it less", "ports"),
    **_hints("`{}` belongs into an item of `ports`, beside `from` or `to`", *_PORT),
    **_hints("`{}` belongs into `podSelector` or `namespaceSelector`: indent it more", *_LABELS),
    **_hints("`{}` belongs into `ipBlock`: indent it more", "cidr", "except"),
    **_hints(_NAMESPACE, "namespace", "namespaces", "namespaceName"),
    **_hints("write `podSelector: {{matchLabels: ...}}`", "labels", "pods", "pod"),
    **_hints("peers are items of `{}`; leave out this one", "from", "to"),
}
