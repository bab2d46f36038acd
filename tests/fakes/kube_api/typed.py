"""Objects against the types of their kind: what server-side apply says of a wrong one, and what is left out.

The real server walks maps in no certain order and stops at the first error; here it is the first by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fakes.kube_api import custom
from tests.fakes.kube_api.kinds import Kind, Object
from tests.fakes.kube_api.schema import (
    declared,
    is_map,
    is_set,
    item_type,
    keys_of_type,
    model_of,
    titles,
    value_type,
)

# Of these the API takes numbers too.
_QUANTITIES = frozenset(("limits", "requests", "capacity", "allocatable", "hard", "used", "overhead"))


def mistyped(kind: Kind, document: Object) -> str:
    """Return what is wrong with the types of a document, "" for nothing."""
    if not kind.built_in:
        return next(custom.undeclared(*custom.root(kind.schema, document)), "")
    name = model_of(kind)
    return next(_flaws(name, document, "", ""), "") if name else ""


def _flaws(of: str, value: Any, path: str, name: str) -> Iterator[str]:
    if value is None:
        return
    if item := item_type(of):
        yield from _in_list(item, value, path, name)
    elif is_map(of):
        if not isinstance(value, dict):
            yield f"{path}: expected map, got &{{{_go(value)}}}"
        elif name not in _QUANTITIES:
            for key in sorted(value):
                yield from _flaws(value_type(of), value[key], f"{path}.{key}", key)
    elif (fields := declared(of)) is not None:
        yield from _in_object(fields, value, path)
    elif words := _scalar(of, value):
        yield f"{path}: {words}"


def _scalar(of: str, value: Any) -> str:
    if of == "str" and not isinstance(value, str):
        return f"expected string, got &value.valueUnstructured{{Value:{_go(value)}}}"
    if of == "int" and isinstance(value, str):
        return "expected numeric (int or float), got string"
    if of == "bool" and not isinstance(value, bool):
        return f"expected boolean, got &{{{_go(value)}}}"
    return ""


def _in_object(fields: dict[str, str], value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: expected map, got &{{{_go(value)}}}"
        return
    for key in sorted(value):
        if key in fields:
            yield from _flaws(fields[key], value[key], f"{path}.{key}", key)
        else:
            yield f"{path}.{key}: field not declared in schema"


def _in_list(item: str, value: Any, path: str, name: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: expected list, got &{{{_go(value)}}}"
        return
    keys = keys_of_type(item, name, value)
    known, by_key = titles(name, value, keys), bool(keys)
    for number, each in enumerate(value):
        if by_key and not isinstance(each, dict):
            yield f"{path}: element {number}: associative list with keys may not have non-map elements"
        elif (by_key or is_set(name)) and known[number] in known[:number]:
            yield f"{path}: duplicate entries for key {known[number]}"
        else:
            yield from _flaws(item, each, path + known[number], "")


def _go(value: Any) -> str:
    """Return a value as Go prints it."""
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "<nil>"
        case list():
            return f"[{' '.join(map(_go, value))}]"
        case dict():
            return f"map[{' '.join(f'{key}:{_go(value[key])}' for key in sorted(value))}]"
        case _:
            return str(value)


def without_empty(kind: Kind, found: Object) -> Object:
    """Return an object without lists and maps in which nothing is: to the API they are absent."""
    name = model_of(kind)
    filled: Object = _filled(name or "V1Pod", found, own=bool(name))
    return filled


def _filled(of: str, value: Any, *, own: bool = True) -> Any:
    fields = declared(of)
    if item := item_type(of):
        return [_filled(item, each) for each in value] if isinstance(value, list) else value
    if fields is None or not isinstance(value, dict):
        return value
    kept = {}
    for key, each in value.items():
        kind = fields.get(key, "") if own or key == "metadata" else ""
        if each in ({}, []) and (item_type(kind) or is_map(kind)):
            continue
        kept[key] = _filled(kind, each)
    return kept
