"""Lists: the objects that a query chooses, in pages that together show one moment.

A token says how far a list is read and as of which revision. When that revision is compacted away the server
answers 410, with a token for the rest as it is by then.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping

from tests.fakes.kube_api.kinds import Kind, Object
from tests.fakes.kube_api.selectors import chosen
from tests.fakes.kube_api.statuses import Refused, bad, cause, expired, status
from tests.fakes.kube_api.store import Store, item
from tests.fakes.kube_api.wire import Reply

_VERSION = "meta.k8s.io/v1"
_AS_IT_IS = -1
_NO_TOKEN = "invalid continue token: continue key is not valid"
_INTEGER = re.compile(r"[-+]?[0-9]+")


def page(store: Store, kind: Kind, namespace: str, query: Mapping[str, str]) -> Reply:
    """Return a page of a list. Raises Refused."""
    wanted, limit = chosen(kind, query), _limit(query.get("limit", ""))
    with store.changed:
        revision, start = _from(store, query)
        objects = store.at(kind, revision)
    names = sorted(
        name
        for name, each in objects.items()
        if namespace in ("", name[0]) and "/".join(name) + "\0" > start and wanted(each)
    )
    shown = names[:limit] if limit else names
    metadata: Object = {"resourceVersion": str(revision)}
    if len(shown) < len(names):
        metadata["continue"] = _token(revision, "/".join(shown[-1]) + "\0")
        if not query.get("labelSelector") and not query.get("fieldSelector"):
            metadata["remainingItemCount"] = len(names) - len(shown)
    return Reply(
        body={
            "kind": f"{kind.kind}List",
            "apiVersion": kind.api_version,
            "metadata": metadata,
            "items": [item(kind, objects[name]) for name in shown],
        }
    )


def _limit(text: str) -> int:
    """Return how many a page has; 0 for all."""
    if text and not _INTEGER.fullmatch(text):
        raise Refused(bad(f'strconv.ParseInt: parsing "{text}": invalid syntax'))
    return max(int(text or 0), 0)


def _from(store: Store, query: Mapping[str, str]) -> tuple[int, str]:
    """Return the revision that a list shows, and after which key it goes on. Raises Refused."""
    token, version = query.get("continue", ""), query.get("resourceVersion", "")
    if not token:
        _revision(store, version)
        return store.revision, ""
    revision, start = _read(token)
    if version not in ("", "0"):
        raise Refused(bad("specifying resource version is not allowed when using continue"))
    if revision == _AS_IT_IS:
        return store.revision, start
    if revision < store.compacted:
        raise Refused(expired(token=_token(_AS_IT_IS, start)))
    return revision, start


def _revision(store: Store, text: str) -> None:
    """Refuse a revision that is none, or that is yet to come."""
    if text and not text.isdigit():
        words = (
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        )
        raise Refused(bad(f"invalid resource version: {words}"))
    if text and int(text) > store.revision:
        words = "Too large resource version"
        details = {"causes": [cause("ResourceVersionTooLarge", words)], "retryAfterSeconds": 1}
        message = f"Timeout: {words}: {text}, current: {store.revision}"
        raise Refused(status(504, "Timeout", message, details, Retry_After="1"))


def _token(revision: int, start: str) -> str:
    data = {"v": _VERSION, "rv": revision, "start": start}
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


def _read(token: str) -> tuple[int, str]:
    try:
        data = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        version, revision, start = data["v"], int(data["rv"]), str(data["start"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(bad(f"{_NO_TOKEN}: {error}")) from None
    if version != _VERSION:
        raise Refused(bad(f"{_NO_TOKEN}: server does not recognize this encoded version {version}"))
    return revision, start
