"""What the API declares of its kinds: the fields, and how lists and maps are merged.

The fields are those of the real client's models, which are made from the API's own description. How lists are
merged (`x-kubernetes-list-type`) is not in them, and stands here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.fakes.kube_api.kinds import Kind

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
_PORTS = {"V1ContainerPort": ("containerPort", "protocol"), "V1ServicePort": ("port", "protocol")}
_SETS = frozenset(("finalizers",))
# Maps that have one owner, as a whole.
_ATOMIC = frozenset(
    ("labelSelector", "namespaceSelector", "nodeSelector", "podSelector", "scopeSelector", "selector")
)
_ITEMS = re.compile(r"(?:List\[|list\[)(\w+)\]")


def keys_of_type(item: str, name: str, items: list[Any]) -> tuple[str, ...]:
    """Return the fields by which items of a list of a type are known; () where a list is one value."""
    return _PORTS.get(item, ()) if name == "ports" else keys_of(name, items)


def titles(name: str, items: list[Any], keys: tuple[str, ...]) -> list[str]:
    """Return how items of a list are named: by their keys, or else by their places."""
    if is_set(name):
        return [f"[={json.dumps(each)}]" for each in items]
    return [
        title(key_of(name, keys, each)) if keys and isinstance(each, dict) else f"[{number}]"
        for number, each in enumerate(items)
    ]


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


def model_of(kind: Kind) -> str:
    """Return the name of a kind's model, "" for one that has no declared fields."""
    return f"V1{kind.kind}" if kind.built_in and kind.version == "v1" else ""


def declared(of: str) -> dict[str, str] | None:
    """Return the fields of a type with their types, None for a type without fields."""
    from kubernetes.client import models

    model: Any = getattr(models, of, None)
    if not hasattr(model, "openapi_types"):
        return None
    return {model.attribute_map[name]: of for name, of in model.openapi_types.items()}


def item_type(of: str) -> str:
    """Return the type of a list's items, "" for what is no list."""
    found = _ITEMS.fullmatch(of)
    return found[1] if found else ""


def is_map(of: str) -> bool:
    """Tell whether a type is a map of any keys."""
    return of.startswith(("dict(", "Dict["))


def value_type(of: str) -> str:
    """Return the type of what is in a map."""
    return of[len("Dict[") : -1].partition(",")[2].strip()


def title(key: Mapping[str, Any]) -> str:
    """Return an item's key as paths name it: `[name="web"]`."""
    return "[" + ",".join(f"{name}={json.dumps(value)}" for name, value in key.items()) + "]"
