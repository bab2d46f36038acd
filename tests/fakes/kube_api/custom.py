"""Custom objects against the structural schema of their definition: types, required fields, values.

Of a schema are known `type`, `properties`, `additionalProperties`, `items`, `required`, `enum`, `minimum`,
`maximum` and `x-kubernetes-preserve-unknown-fields`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.kube_api.kinds import Object
from tests.fakes.kube_api.statuses import cause

Schema = Mapping[str, Any]
Causes = Iterator[dict[str, str]]

_OF_ALL = frozenset(("apiVersion", "kind", "metadata"))
_TYPES: dict[str, type | tuple[type, ...]] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "object": dict,
    "string": str,
}
_NAMES = {bool: "boolean", dict: "object", float: "number", int: "integer", list: "array", str: "string"}


def root(schema: Schema, found: Object) -> tuple[Schema, Object]:
    """Return the schema and the object without what all objects have."""
    return schema, {key: value for key, value in found.items() if key not in _OF_ALL}


def undeclared(schema: Schema, value: Any, path: str = "") -> Iterator[str]:
    """Yield the fields that a schema does not have, as server-side apply names them."""
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from undeclared(schema.get("items") or {}, each, f"{path}[{number}]")
    if not isinstance(value, dict) or schema.get("x-kubernetes-preserve-unknown-fields"):
        return
    more, known = schema.get("additionalProperties"), schema.get("properties") or {}
    for key in sorted(value):
        if key in known or more:
            inner = known.get(key, more if isinstance(more, dict) else {})
            yield from undeclared(inner, value[key], f"{path}.{key}")
        elif schema:
            yield f"{path}.{key}: field not declared in schema"


def errors(schema: Schema, value: Any, path: str = "") -> Causes:
    """Yield what is wrong with a value."""
    if problem := _type(schema, value, path):
        yield problem
        return
    if isinstance(value, dict):
        known = schema.get("properties") or {}
        for key in schema.get("required") or ():
            if key not in value:
                yield cause("FieldValueRequired", "Required value", f"{path}.{key}".lstrip("."))
        for key, each in value.items():
            yield from errors(known.get(key) or {}, each, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from errors(schema.get("items") or {}, each, f"{path}[{number}]")
    else:
        yield from _value(schema, value, path)


def _type(schema: Schema, value: Any, path: str) -> dict[str, str] | None:
    wanted = schema.get("type")
    if (
        wanted is None
        or schema.get("x-kubernetes-int-or-string")
        or (value is None and schema.get("nullable"))
    ):
        return None
    if isinstance(value, _TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool)):
        return None
    name = json.dumps("null" if value is None else _NAMES[type(value)])
    words = f"Invalid value: {name}: {path} in body must be of type {wanted}: {name}"
    return cause("FieldValueTypeInvalid", words, path)


def _value(schema: Schema, value: Any, path: str) -> Causes:
    if "enum" in schema and value not in schema["enum"]:
        listed = ", ".join(map(json.dumps, schema["enum"]))
        words = f"Unsupported value: {json.dumps(value)}: supported values: {listed}"
        yield cause("FieldValueNotSupported", words, path)
    for name, words in (("minimum", "greater"), ("maximum", "less")):
        limit = schema.get(name)
        if limit is not None and (value < limit if name == "minimum" else value > limit):
            told = f"Invalid value: {value}: {path} in body should be {words} than or equal to {limit}"
            yield cause("FieldValueInvalid", told, path)
