"""Watches: what happens to the objects that a query chooses, as it happens, an event a line."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.fakes.kube_api.kinds import Kind, Object
from tests.fakes.kube_api.selectors import Test
from tests.fakes.kube_api.statuses import body
from tests.fakes.kube_api.store import Event, Store, shown
from tests.fakes.kube_api.wire import Handler, Reply

_LOOK = 0.05  # seconds after which a watch looks whether it is to end


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch(Reply):
    """A stream of events. `bookmarks` seconds of quiet are told by a bookmark; 0 for never.

    It begins with what is there where `revision` is 0. A revision that is compacted away is an event of type
    ERROR with a Status 410, after which the stream ends.
    """

    store: Store
    kind: Kind
    namespace: str
    chosen: Test
    revision: int
    seconds: float
    bookmarks: float

    def write(self, handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for each in self._events():
            data = json.dumps(each).encode() + b"\n"
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            handler.wfile.flush()
        handler.wfile.write(b"0\r\n\r\n")

    def _events(self) -> Iterator[Object]:
        seen, cuts = self.revision, self.store.cuts
        if 0 < seen < self.store.compacted:
            yield self._expired(seen, self.store.compacted)
            return
        if not seen:
            seen = self.store.revision
            yield from self._there(seen)
        yield from self._live(seen, cuts)

    def _there(self, revision: int) -> Iterator[Object]:
        there = self.store.at(self.kind, revision)
        for key in sorted(there):
            if self._mine(key[0], there[key]):
                yield self._told("ADDED", there[key])

    def _live(self, seen: int, cuts: int) -> Iterator[Object]:
        quiet = time.monotonic()
        ends = quiet + self.seconds
        while time.monotonic() < ends and self.store.cuts == cuts:
            with self.store.changed:
                found = self.store.since(self.kind, seen)
                if not found:
                    self.store.changed.wait(_LOOK)
            for each in found:
                seen, quiet = each.revision, time.monotonic()
                yield from self._seen(each)
            if self.bookmarks and time.monotonic() - quiet > self.bookmarks:
                quiet = time.monotonic()
                yield self._bookmark()
        if self.store.cuts != cuts:
            yield self._expired(seen, self.store.revision)
        elif self.bookmarks:
            yield self._bookmark()

    @staticmethod
    def _expired(seen: int, oldest: int) -> Object:
        words = f"too old resource version: {seen} ({oldest})"
        return {"type": "ERROR", "object": body(410, "Expired", words)}

    def _seen(self, event: Event) -> Iterator[Object]:
        """Yield an event as those see it who chose: what is not chosen any more is deleted for them."""
        now = event.what != "DELETED" and self._mine(event.key[0], event.after)
        before = event.before is not None and self._mine(event.key[0], event.before)
        if now:
            yield self._told("MODIFIED" if before else "ADDED", event.after)
        elif before and event.before is not None:
            # As it was when it was still chosen, at the revision at which it is not any more.
            metadata = {**event.before["metadata"], "resourceVersion": str(event.revision)}
            yield self._told("DELETED", {**event.before, "metadata": metadata})

    def _mine(self, namespace: str, found: Object) -> bool:
        return self.namespace in ("", namespace) and self.chosen(found)

    def _told(self, what: str, found: Object) -> Object:
        return {"type": what, "object": shown(self.kind, found)}

    def _bookmark(self) -> Object:
        metadata: dict[str, Any] = {"resourceVersion": str(self.store.revision), "creationTimestamp": None}
        found = {"kind": self.kind.kind, "apiVersion": self.kind.api_version, "metadata": metadata}
        return {"type": "BOOKMARK", "object": found}
