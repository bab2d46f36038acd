"""Who manages which field: `managedFields`, server-side apply, and its conflicts.

A field is a path of elements as FieldsV1 writes them: `f:spec`, `k:{"name":"web"}` for an item of a list,
`v:"x"` for a member of a set.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.fakes.kube_api.kinds import Object
from tests.fakes.kube_api.merging import merged
from tests.fakes.kube_api.schema import is_atomic, is_set, is_whole, key_of, keys_of, title

Path = tuple[str, ...]
Fields = frozenset[Path]
# Of these nobody is the manager.
_NOBODYS = frozenset(
    (
        ("f:apiVersion",),
        ("f:kind",),
        *(
            ("f:metadata", f"f:{name}")
            for name in (
                *("creationTimestamp", "deletionTimestamp", "generation", "managedFields", "name"),
                *("namespace", "resourceVersion", "uid"),
            )
        ),
    )
)
_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """An entry of `managedFields`."""

    name: str
    operation: str
    version: str
    subresource: str = ""
    fields: Fields = frozenset()

    def same(self, other: Manager) -> bool:
        """Tell whether it is the same manager: one that applies is so in every version."""
        ours = (self.name, self.operation, self.subresource)
        return ours == (other.name, other.operation, other.subresource) and (
            self.operation == "Apply" or self.version == other.version
        )

    def __str__(self) -> str:
        """Return it as conflicts name it."""
        said = json.dumps(self.name)
        if self.subresource:
            said += f" with subresource {json.dumps(self.subresource)}"
        return f"{said} using {self.version}" if self.operation == "Update" else said

    def plain(self, time: str) -> Object:
        """Return it as objects have it."""
        found: Object = {"manager": self.name, "operation": self.operation, "apiVersion": self.version}
        found |= {"time": time, "fieldsType": "FieldsV1", "fieldsV1": _tree(self.fields)}
        return {**found, **({"subresource": self.subresource} if self.subresource else {})}


class Conflict(Exception):  # noqa: N818 - an answer, not a mistake
    """Others manage fields that an apply would change: the fields and their managers."""

    def __init__(self, found: Iterable[tuple[Manager, Path]]) -> None:
        self.found = tuple(found)
        super().__init__(self.message)

    @property
    def message(self) -> str:
        if len(self.found) == 1:
            manager, path = self.found[0]
            return f"Apply failed with 1 conflict: conflict with {manager}: {written(path)}"
        lines = []
        for each in sorted({str(manager) for manager, _ in self.found}):
            lines.append(f"conflicts with {each}:")
            lines += [f"- {written(path)}" for manager, path in self.found if str(manager) == each]
        return f"Apply failed with {len(self.found)} conflicts: " + "\n".join(lines)


def fields(found: Object) -> Fields:
    """Return the fields of an object that have managers."""
    return frozenset(path for path in _leaves(found, ()) if path not in _NOBODYS)


def managers(found: Object) -> tuple[Manager, ...]:
    """Return who manages an object."""
    return tuple(
        Manager(
            name=each["manager"],
            operation=each["operation"],
            version=each.get("apiVersion", ""),
            subresource=each.get("subresource", ""),
            fields=frozenset(_paths(each.get("fieldsV1") or {}, ())),
        )
        for each in found["metadata"].get("managedFields") or ()
    )


def applied(live: Object | None, wanted: Object, me: Manager, *, force: bool, time: str) -> Object:
    """Return an object with what a manager wants of it. Raises Conflict.

    What the manager applied before and does not want any more is removed, unless others manage it too.
    """
    me = replace(me, fields=fields(wanted))
    entries = managers(live) if live else ()
    others = [each for each in entries if not each.same(me)]
    before = frozenset().union(*(each.fields for each in entries if each.same(me)))
    found: Object = merged(live or {}, wanted)
    if live:
        clashes = [
            (each, path)
            for each in others
            for path in sorted(each.fields)
            if value(found, path) not in (_ABSENT, value(live, path))
        ]
        if clashes and not force:
            raise Conflict(sorted(clashes, key=lambda clash: (str(clash[0]), clash[1])))
        lost = {path for _, path in clashes}
        others = [replace(each, fields=each.fields - lost) for each in others]
    kept = frozenset().union(me.fields, *(each.fields for each in others))
    for path in sorted(before - kept, key=len, reverse=True):
        _remove(found, path)
    _write(found, [*others, me], time)
    return found


def updated(live: Object | None, found: Object, me: Manager, time: str) -> None:
    """Write into an object who manages what, after a manager changed it by something else than apply."""
    entries = list(managers(live)) if live else []
    now = fields(found)
    fresh = frozenset(path for path in now if live is None or value(live, path) != value(found, path))
    mine = next((each for each in entries if each.same(me)), replace(me, fields=frozenset()))
    others = [
        replace(each, fields=(each.fields & now) - (fresh if _differs(each, fresh) else frozenset()))
        for each in entries
        if not each.same(me)
    ]
    _write(found, [*others, replace(mine, fields=(mine.fields & now) | fresh)], time)


def _differs(each: Manager, fresh: Fields) -> bool:
    return bool(each.fields & fresh)


def _write(found: Object, entries: Iterable[Manager], time: str) -> None:
    ordered = sorted(entries, key=lambda each: (each.operation, each.name, each.version, each.subresource))
    found["metadata"]["managedFields"] = [each.plain(time) for each in ordered if each.fields]
    if not found["metadata"]["managedFields"]:
        del found["metadata"]["managedFields"]


def written(path: Path) -> str:
    """Return a path as messages write it: `.spec.containers[name="web"].image`."""
    said = ""
    for each in path:
        sort, _, rest = each.partition(":")
        if sort == "f":
            said += f".{rest}"
        else:
            said += title(json.loads(rest)) if sort == "k" else f"[={rest}]"
    return said


def value(found: Any, path: Path) -> Any:
    """Return what is at a path: of what has parts only that it is there."""
    for each in path:
        found = _step(found, each)
        if found is _ABSENT:
            return _ABSENT
    name = path[-1].removeprefix("f:") if path else ""
    parts = isinstance(found, dict) and not is_whole(name)
    parts |= isinstance(found, list) and bool(is_set(name) or keys_of(name, found))
    return True if parts else found


def _step(found: Any, element: str) -> Any:
    sort, _, rest = element.partition(":")
    if sort == "f":
        return found.get(rest, _ABSENT) if isinstance(found, dict) else _ABSENT
    if not isinstance(found, list):
        return _ABSENT
    wanted = json.loads(rest)
    if sort == "v":
        return True if wanted in found else _ABSENT
    keys = tuple(wanted)
    return next((each for each in found if key_of("", keys, each) == wanted), _ABSENT)


def _remove(found: Any, path: Path) -> None:
    for each in path[:-1]:
        found = _step(found, each)
        if found is _ABSENT:
            return
    last = _step(found, path[-1])
    if last is _ABSENT:
        return
    sort, _, rest = path[-1].partition(":")
    if sort == "f":
        del found[rest]
    else:
        found.remove(json.loads(rest) if sort == "v" else last)


def _leaves(found: Any, path: Path, name: str = "") -> Iterator[Path]:
    if path and is_atomic(name, found):
        yield path
    elif isinstance(found, dict):
        for key, each in found.items():
            yield from _leaves(each, (*path, f"f:{key}"), key)
    elif is_set(name):
        yield from ((*path, f"v:{json.dumps(each)}") for each in found)
    else:
        keys = keys_of(name, found)
        for each in found:
            key = json.dumps(key_of(name, keys, each), separators=(",", ":"))
            yield (*path, f"k:{key}")
            yield from _leaves(each, (*path, f"k:{key}"))


def _tree(paths: Iterable[Path]) -> Object:
    """Return fields as FieldsV1 nests them; "." says that what has parts is itself a field."""
    tree: Object = {}
    for path in sorted(paths):
        place = tree
        for each in path:
            place = place.setdefault(each, {})
        place["."] = {}
    return _without_needless(tree)


def _without_needless(tree: Object) -> Object:
    return {key: {} if each == {".": {}} else _without_needless(each) for key, each in tree.items()}


def _paths(tree: Object, path: Path) -> Iterator[Path]:
    for key, each in tree.items():
        if key == ".":
            yield path
        elif each:
            yield from _paths(each, (*path, key))
        else:
            yield (*path, key)
