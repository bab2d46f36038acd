"""What the API declares of its kinds: the fields, and how lists and maps are merged.

The fields are those of the real client's models, which are made from the API's own description. How lists are
merged (`x-kubernetes-list-type`) is not in them, and stands here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.kube_api.kinds import Kind, Object

_KEYS: dict[str, tuple[str, ...]] = {
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "podIPs": ("ip",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
_SETS = frozenset(("finalizers",))
# Maps that have one owner, as a whole.
_ATOMIC = frozenset(
    ("labelSelector", "namespaceSelector", "nodeSelector", "podSelector", "scopeSelector", "selector")
)
_ITEMS = re.compile(r"(?:List\[|list\[)(\w+)\]")


def keys_of(name: str, items: Any) -> tuple[str, ...]:
    """Return the fields by which items of a list are known; () where a list is one value."""
    if name == "ports" and isinstance(items, list) and items and isinstance(items[0], dict):
        port = "containerPort" if "containerPort" in items[0] else "port"
        return (port, "protocol") if port in items[0] else ()
    return _KEYS.get(name, ())


def is_set(name: str) -> bool:
    """Tell whether a list is a set of values."""
    return name in _SETS


def is_whole(name: str) -> bool:
    """Tell whether a map is replaced as a whole."""
    return name in _ATOMIC


def is_atomic(name: str, value: Any) -> bool:
    """Tell whether a value has one owner, as a whole."""
    if isinstance(value, dict):
        return is_whole(name) or not value
    return not (isinstance(value, list) and (keys_of(name, value) or is_set(name)))


def key_of(name: str, keys: tuple[str, ...], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an item of a list is known by; a protocol that is not said is TCP."""
    return {key: found.get(key, "TCP" if key == "protocol" else None) for key in keys}


def undeclared(kind: Kind, document: Object) -> list[str]:
    """Return the fields of a document that the API does not have, as server-side apply names them."""
    from kubernetes.client import models

    model = getattr(models, f"V1{kind.kind}", None) if kind.built_in and kind.version == "v1" else None
    return [] if model is None else list(_strange(models, model, document, ""))


def _strange(models: Any, model: Any, found: Mapping[str, Any], path: str) -> Iterator[str]:
    declared = {model.attribute_map[name]: of for name, of in model.openapi_types.items()}
    for name, value in found.items():
        where = f"{path}.{name}"
        if name not in declared:
            yield where
            continue
        inner = _ITEMS.fullmatch(declared[name])
        of = getattr(models, inner[1] if inner else declared[name], None)
        if not hasattr(of, "openapi_types"):
            continue
        if isinstance(value, dict):
            yield from _strange(models, of, value, where)
        elif isinstance(value, list):
            for each, at in zip(value, _titles(name, value), strict=True):
                if isinstance(each, dict):
                    yield from _strange(models, of, each, where + at)


def _titles(name: str, items: list[Any]) -> Iterator[str]:
    """Yield how items of a list are named: by their keys, or else by their places."""
    keys = keys_of(name, items)
    for number, each in enumerate(items):
        if keys and isinstance(each, dict):
            yield title(key_of(name, keys, each))
        else:
            yield f"[{number}]"


def title(key: Mapping[str, Any]) -> str:
    """Return an item's key as paths name it: `[name="web"]`."""
    from json import dumps

    return "[" + ",".join(f"{name}={dumps(value)}" for name, value in key.items()) + "]"
