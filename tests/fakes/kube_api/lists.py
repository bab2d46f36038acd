"""Lists: the objects that a query chooses, in pages that together show one moment.

A token says how far a list is read and as of which revision. When that revision is compacted away the server
answers 410, with a token for the rest as it is by then.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from tests.fakes.kube_api.kinds import Kind, Object
from tests.fakes.kube_api.selectors import chosen
from tests.fakes.kube_api.statuses import Refused, bad, expired
from tests.fakes.kube_api.store import Key, Store, item
from tests.fakes.kube_api.wire import Reply

_VERSION = "meta.k8s.io/v1"
_AS_IT_IS = -1


def page(store: Store, kind: Kind, namespace: str, query: Mapping[str, str]) -> Reply:
    """Return a page of a list. Raises Refused."""
    wanted, limit = chosen(kind, query), _limit(query.get("limit", ""))
    with store.changed:
        revision, start = _from(store, query)
        objects = store.at(kind, revision)
    names = sorted(
        name for name, each in objects.items() if namespace in ("", name[0]) and name > start and wanted(each)
    )
    shown = names[:limit] if limit else names
    metadata: Object = {"resourceVersion": str(revision)}
    if len(shown) < len(names):
        metadata["continue"] = _token(revision, shown[-1])
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
    if not text:
        return 0
    if not text.isdigit():
        raise Refused(bad(f'strconv.ParseInt: parsing "{text}": invalid syntax'))
    return int(text)


def _from(store: Store, query: Mapping[str, str]) -> tuple[int, Key]:
    """Return the revision that a list shows, and after which name it goes on. Raises Refused."""
    token = query.get("continue", "")
    if not token:
        return store.revision, ("", "")
    if query.get("resourceVersion", "") not in ("", "0"):
        raise Refused(bad("specifying resource version is not allowed when using continue"))
    revision, start = _read(token)
    if revision == _AS_IT_IS:
        return store.revision, start
    if revision < store.compacted:
        raise Refused(expired(token=_token(_AS_IT_IS, start)))
    return revision, start


def _token(revision: int, last: Key) -> str:
    data = {"v": _VERSION, "rv": revision, "start": "/".join(last) + "\0"}
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


def _read(token: str) -> tuple[int, Key]:
    try:
        data = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, name = data["start"].removesuffix("\0").split("/")
        return int(data["rv"]), (namespace, name)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused(bad(f"continue key is not valid: {token}")) from None
