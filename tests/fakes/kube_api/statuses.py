"""`Status` objects: with them the API server says what went wrong, in the words of the real one.

The words are those of `apimachinery/pkg/api/errors`, of the admission plug-ins and of the handlers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.fakes.kube_api.kinds import Kind, Place
from tests.fakes.kube_api.wire import Reply

_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a "
    "new list without the continue parameter, or use the continue token in this response to retrieve "
    "the remainder of the results. Continuing with the provided token results in an inconsistent list - "
    "objects that were created, modified, or deleted between the time the first chunk was returned and "
    "now may show up in the list."
)
_METHOD = "the server does not allow this method on the requested resource"


class Refused(Exception):  # noqa: N818 - an answer, not a mistake
    """A request is refused: `reply` says why."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        super().__init__(str(reply.body))


def body(code: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a `Status` that says that something failed."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        **({"reason": reason} if reason else {}),
        **({"details": dict(details)} if details else {}),
        "code": code,
    }


def status(
    code: int, reason: str, message: str, details: Mapping[str, Any] | None = None, **headers: str
) -> Reply:
    """Return the answer that is a `Status`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=code, body=body(code, reason, message, details), headers=named)


def general(code: int, reason: str, message: str) -> Reply:
    """Return what is answered before it is known what a request is about: its details are empty."""
    return Reply(status=code, body={**body(code, reason, message), "details": {}})


# What the filter before the handlers answers is no Status.
TOO_MANY = Reply(
    status=429, body=b"Too many requests, please try again later.\n", headers={"Retry-After": "0"}
)
INTERNAL = status(500, "InternalError", "etcdserver: request timed out")
UNAVAILABLE = status(503, "ServiceUnavailable", "the server is currently unable to handle the request")
UNAUTHORIZED = status(401, "Unauthorized", "Unauthorized")
NO_SUCH_METHOD = general(405, "MethodNotAllowed", _METHOD)
NOT_SERVED = general(404, "NotFound", "the server could not find the requested resource")
UNKNOWN_PATCH = general(415, "UnsupportedMediaType", "415: Unsupported Media Type")
NO_SUCH_PATH = Reply(status=404, body=b"404 page not found\n")


def about(place: Place, causes: Iterable[Mapping[str, str]] = ()) -> dict[str, Any]:
    """Return the details of a Status: which object it is about, and the causes."""
    found: dict[str, Any] = {"name": place.name} if place.name else {}
    if place.kind.group:
        found["group"] = place.kind.group
    found["kind"] = place.kind.plural
    listed = [dict(each) for each in causes]
    return {**found, **({"causes": listed} if listed else {})}


def cause(reason: str, message: str, field: str = "") -> dict[str, str]:
    """Return one cause among the details of a Status."""
    return {"reason": reason, "message": message, **({"field": field} if field else {})}


def not_found(place: Place) -> Reply:
    return status(404, "NotFound", f'{place.kind.resource} "{place.name}" not found', about(place))


def exists(place: Place, *, going: bool = False) -> Reply:
    message = f'{place.kind.resource} "{place.name}" already exists'
    if going:
        message = f"object is being deleted: {message}"
    return status(409, "AlreadyExists", message, about(place))


def conflict(place: Place, words: str) -> Reply:
    message = f'Operation cannot be fulfilled on {place.kind.resource} "{place.name}": {words}'
    return status(409, "Conflict", message, about(place))


def not_deleted(place: Place, words: str) -> Reply:
    """Return that a precondition of a deletion does not hold: there the kind is named, and not its plural."""
    kind = f"{place.kind.kind}.{place.kind.group}" if place.kind.group else place.kind.kind
    message = f'Operation cannot be fulfilled on {kind} "{place.name}": {words}'
    return status(409, "Conflict", message, {**about(place), "kind": place.kind.kind})


def bad(words: str) -> Reply:
    return status(400, "BadRequest", words)


def expired(words: str = _TOO_OLD, token: str = "") -> Reply:
    """Return that what was asked for is history: a list goes on with a token of its own, if at all."""
    found = body(410, "Expired", words)
    if token:
        found["metadata"]["continue"] = token
    return Reply(status=410, body=found)


def forbidden(place: Place, words: str, causes: Iterable[Mapping[str, str]] = ()) -> Reply:
    """Return that something must not be done."""
    title = f'{place.kind.resource} "{place.name}"' if place.name else place.kind.resource
    return status(403, "Forbidden", f"{title} is forbidden: {words}", about(place, causes))


def not_permitted(user: str, verb: str, place: Place) -> Reply:
    """Return that a user lacks a permission."""
    resource = place.kind.plural + (f"/{place.subresource}" if place.subresource else "")
    # To the authorizer a namespace lies in itself.
    namespace = place.namespace or (place.name if place.kind.kind == "Namespace" else "")
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    words = f'User "{user}" cannot {verb} resource "{resource}" in API group "{place.kind.group}" {where}'
    return forbidden(place, words)


def path_not_permitted(user: str, path: str) -> Reply:
    return general(403, "Forbidden", f'forbidden: User "{user}" cannot get path "{path}"')


def terminating(place: Place) -> Reply:
    """Return that nothing is created in a namespace that is going away."""
    name = place.namespace
    words = f"unable to create new content in namespace {name} because it is being terminated"
    told = cause("NamespaceTerminating", f"namespace {name} is being terminated", "metadata.namespace")
    return forbidden(place, words, [told])


def invalid(kind: Kind, name: str, causes: Iterable[Mapping[str, str]]) -> Reply:
    """Return that an object is not as it must be: one error as it is, several in brackets."""
    listed = [dict(each) for each in causes]
    words = [f"{each['field']}: {each['message']}" for each in listed]
    said = words[0] if len(words) == 1 else f"[{', '.join(words)}]"
    title = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    about = {"name": name, "group": kind.group, "kind": kind.kind}
    details = {**{key: value for key, value in about.items() if value}, "causes": listed}
    return status(422, "Invalid", f'{title} "{name}" is invalid: {said}', details)
