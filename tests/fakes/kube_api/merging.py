"""Patches: objects merged as server-side apply, strategic, merge and JSON patches do it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from tests.fakes.kube_api.kinds import Object
from tests.fakes.kube_api.schema import is_set, is_whole, key_of, keys_of

_DIRECTIVE = "$patch"


class Keyless(Exception):  # noqa: N818 - an answer, not a mistake
    """An item of a strategic patch does not say which one it is."""

    def __init__(self, item: Object, key: str) -> None:
        listed = " ".join(f"{name}:{value}" for name, value in sorted(item.items()))
        super().__init__(f"map: map[{listed}] does not contain declared merge key: {key}")


def merged(live: Any, change: Any, name: str = "", *, strategic: bool = False) -> Any:
    """Return a value with a change merged into it; lists are merged by the keys of their items.

    A strategic patch may also remove: a field by null, an item by `$patch: delete`.
    """
    if isinstance(live, dict) and isinstance(change, dict):
        if not strategic and is_whole(name):
            return copy.deepcopy(change)
        return _maps(live, change, strategic=strategic)
    if isinstance(live, list) and isinstance(change, list):
        if is_set(name):
            return [*live, *(each for each in change if each not in live)]
        if keys := keys_of(name, change):
            return _lists(live, change, name, keys, strategic=strategic)
    return copy.deepcopy(change)


def _maps(live: Object, change: Object, *, strategic: bool) -> Object:
    found = copy.deepcopy(live)
    for key, value in change.items():
        if key.startswith("$"):
            continue
        if strategic and value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value, key, strategic=strategic)
    return found


def _lists(
    live: list[Any], change: list[Any], name: str, keys: tuple[str, ...], *, strategic: bool
) -> list[Any]:
    found, fresh = copy.deepcopy(live), []
    for each in change:
        if strategic and keys[0] not in each:
            raise Keyless(each, keys[0])
        wanted = key_of(name, keys, each)
        at = next((n for n, one in enumerate(found) if key_of(name, keys, one) == wanted), None)
        if each.get(_DIRECTIVE) == "delete":
            if at is not None:
                del found[at]
        elif at is None:
            fresh.append(copy.deepcopy(each))
        else:
            found[at] = _maps(found[at], each, strategic=strategic)
    # A strategic patch puts what is new in front, an apply at the end.
    return [*fresh, *found] if strategic else [*found, *fresh]


def merge_patch(live: Any, change: Any) -> Any:
    """Return a value changed by a JSON merge patch (RFC 7396)."""
    if not isinstance(change, dict):
        return copy.deepcopy(change)
    found = copy.deepcopy(live) if isinstance(live, dict) else {}
    for key, value in change.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merge_patch(found.get(key), value)
    return found


def json_patch(live: Object, operations: list[Mapping[str, Any]]) -> Object:
    """Return an object changed by a JSON patch (RFC 6902). Raises LookupError, ValueError."""
    found = copy.deepcopy(live)
    for each in operations:
        *way, last = (part.replace("~1", "/").replace("~0", "~") for part in str(each["path"]).split("/")[1:])
        place: Any = found
        for part in way:
            place = place[int(part)] if isinstance(place, list) else place[part]
        _operate(place, last, each)
    return found


def _operate(place: Any, last: str, operation: Mapping[str, Any]) -> None:
    what = operation["op"]
    at: Any = last if isinstance(place, dict) else len(place) if last == "-" else int(last)
    if what == "test":
        if place[at] != operation["value"]:
            raise ValueError(f"testing path {operation['path']} failed: test failed")
    elif what == "remove":
        del place[at]
    elif what == "add" and isinstance(place, list):
        place.insert(at, operation["value"])
    elif what in ("add", "replace"):
        if what == "replace":
            place[at]
        place[at] = operation["value"]
    else:
        raise ValueError(f"Unexpected kind: {what}")
