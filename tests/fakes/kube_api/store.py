"""Objects, each with the revision at which it was last changed, and the history of all changes.

As in etcd there is one count of revisions for everything, and what lies before a compaction is forgotten.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.fakes.kube_api.kinds import Kind, Object

Key = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A change: the object after it, or as it was last for one that is deleted."""

    revision: int
    what: str
    stored: tuple[str, str]
    key: Key
    after: Object
    before: Object | None = None


class Store:
    """Everything that a server has. `changed` is held while it is changed, and told of each change."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.revision = 1000
        self.compacted = 0
        self.cuts = 0
        self._objects: dict[tuple[str, str], dict[Key, Object]] = {}
        self._events: list[Event] = []

    def objects(self, stored: tuple[str, str]) -> dict[Key, Object]:
        """Return the objects of a kind."""
        return self._objects.setdefault(stored, {})

    def everything(self) -> Iterable[tuple[tuple[str, str], dict[Key, Object]]]:
        """Return the objects of all kinds."""
        return list(self._objects.items())

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        return self.objects(kind.stored).get((namespace, name))

    def put(self, kind: Kind, made: Object) -> Object:
        """Store an object as it is, with the next revision; return it."""
        metadata = made["metadata"]
        key = (str(metadata.get("namespace") or "") if kind.namespaced else "", str(metadata["name"]))
        with self.changed:
            self.revision += 1
            metadata["resourceVersion"] = str(self.revision)
            objects = self.objects(kind.stored)
            before = objects.get(key)
            objects[key] = made
            self._happened("MODIFIED" if before else "ADDED", kind, key, made, before)
        return made

    def remove(self, kind: Kind, namespace: str, name: str) -> Object:
        """Delete an object, and return it as it was last."""
        with self.changed:
            self.revision += 1
            gone = self.objects(kind.stored).pop((namespace, name))
            last: Object = {
                **gone,
                "metadata": {**gone["metadata"], "resourceVersion": str(self.revision)},
            }
            self._happened("DELETED", kind, (namespace, name), last, gone)
        return last

    def compact(self) -> None:
        """Forget all that happened until now."""
        with self.changed:
            self.revision += 1
            self.compacted = self.revision
            self.changed.notify_all()

    def cut(self) -> None:
        """Let those who watch lose track."""
        with self.changed:
            self.cuts += 1
            self.changed.notify_all()

    end = cut

    def since(self, kind: Kind, revision: int) -> list[Event]:
        """Return what happened to objects of a kind after a revision."""
        with self.changed:
            return [each for each in self._events if each.revision > revision and each.stored == kind.stored]

    def at(self, kind: Kind, revision: int) -> dict[Key, Object]:
        """Return the objects of a kind as they were at a revision: those of now, without what came after."""
        with self.changed:
            found = dict(self.objects(kind.stored))
            for each in reversed(self.since(kind, revision)):
                if each.before is None:
                    found.pop(each.key, None)
                else:
                    found[each.key] = each.before
            return found

    def _happened(self, what: str, kind: Kind, key: Key, after: Object, before: Object | None) -> None:
        self._events.append(
            Event(revision=self.revision, what=what, stored=kind.stored, key=key, after=after, before=before)
        )
        self.changed.notify_all()


def shown(kind: Kind, stored: Object) -> Object:
    """Return an object as it is shown alone."""
    return {**stored, "apiVersion": kind.api_version, "kind": kind.kind}


def item(kind: Kind, stored: Object) -> dict[str, Any]:
    """Return an object as it is shown among the items of a list."""
    if kind.built_in:
        return {name: value for name, value in stored.items() if name not in ("apiVersion", "kind")}
    return shown(kind, stored)
