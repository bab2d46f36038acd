"""LabelSelector: `matchLabels` and `matchExpressions`.

Comes in: a field that holds one. Goes out: a selector. Source of the rules and their wording:
k8s.io/apimachinery, pkg/apis/meta/v1/validation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.decode import schema
from analyzer.decode.names import label_key, label_value, mended
from analyzer.decode.shown import plain
from analyzer.selectors import NAMESPACE_NAME, Operator, Requirement, Selector

if TYPE_CHECKING:
    from analyzer.decode.field import Field
    from analyzer.decode.scope import Scope

_MISPLACED = {
    "podSelector": "`podSelector` belongs beside this selector: indent it less",
    "namespaceSelector": "`namespaceSelector` belongs beside this selector: indent it less",
    "ipBlock": "`ipBlock` belongs into an item of its own",
    "ports": "`ports` belongs beside `from` or `to`: indent it less",
}
_NAMES = ("name", "namespace")
_OPERATORS = {operator.value: operator for operator in Operator}
_LISTED = ", ".join(f"`{name}`" for name in _OPERATORS)
_WITH_VALUES = (Operator.IN, Operator.NOT_IN)
# What asks the same of a key without values, and the other way round.
_COUNTERPART = {
    Operator.IN: Operator.EXISTS,
    Operator.EXISTS: Operator.IN,
    Operator.NOT_IN: Operator.DOES_NOT_EXIST,
    Operator.DOES_NOT_EXIST: Operator.NOT_IN,
}


def read_selector(field: Field, scope: Scope) -> Selector:
    """Read a label selector; an empty one matches everything."""
    if not field.value.keys() <= schema.LABEL_SELECTOR:
        field.known(schema.LABEL_SELECTOR, _misplaced(field))
    equal = scope.selector(scope.labels(field.mapping("matchLabels")))
    if field.value.get("matchExpressions") is None:
        return equal
    expressions = [_requirement(expression) for expression in field.mappings("matchExpressions")]
    return Selector.of(*equal.requirements, *filter(None, expressions))


def _misplaced(field: Field) -> dict[str, str]:
    """Say where keys belong that stand directly in a selector: labels, above all."""
    found = {}
    of_namespaces = field.span.path[-1:] == ("namespaceSelector",)
    for key, value in field.value.items():
        if of_namespaces and key in _NAMES:
            found[key] = f"a namespace's name is a label of it: `matchLabels: {{{NAMESPACE_NAME}: ...}}`"
        elif isinstance(value, str | int | float):
            found[key] = f"labels belong into `matchLabels`: `matchLabels: {{{plain(str(key))}: ...}}`"
    return {**found, **_MISPLACED}


def _requirement(field: Field) -> Requirement | None:
    """Read one item of `matchExpressions`; None when it has no valid operator."""
    field.known(schema.REQUIREMENT)
    key = field.text("key")
    for message in label_key(key):
        field.child("key", key).invalid(message, mended(key, label_key))
    values = field.strings("values")
    for value in values:
        for message in label_value(value.value):
            value.invalid(message, mended(value.value, label_value))
    name = field.text("operator")
    operator = _OPERATORS.get(name)
    if operator is None:
        near = [each for each in _OPERATORS if each.lower() == name[:20].lower()]
        hint = f"write `{near[0]}`: operators are case-sensitive" if near else f"write one of {_LISTED}"
        field.child("operator", name).invalid("not a valid selector operator", hint)
        return None
    if operator in _WITH_VALUES and not values:
        hint = f"list the values, or use `{_COUNTERPART[operator].value}` to ask for the key alone"
        field.child("values").required("must be specified when `operator` is 'In' or 'NotIn'", hint)
    elif operator not in _WITH_VALUES and values:
        field.child("values").forbidden(
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            f"leave out the values, or use `{_COUNTERPART[operator].value}` to compare them",
        )
    return Requirement(key, operator, frozenset(value.value for value in values))
