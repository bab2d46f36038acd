"""What an API server refuses, in the user's words.

Comes in: a request and the server's answer. Goes out: an ApiError, with a help that fits what it says: many
things are refused with 403, and only one of them is a missing permission.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from analyzer.live.failures import one_line
from lab.errors import LabError

_HELP = {
    403: "the API server's words say what forbids it",
    404: "look whether it was removed meanwhile",
    409: "it was changed or made anew meanwhile: try again",
    410: "the cluster has changed meanwhile: try again",
    422: "the API server's words name the field",
    429: "the API server is overloaded: try again, or with a smaller `--concurrency`",
}
# Of what a document has in a wrong field; the server calls it an error of its own: 500.
_SCHEMA = ("failed to create typed patch object", "failed to convert new object")
_CANNOT = re.compile(
    r'cannot (?P<verb>\S+) resource "(?P<resource>[^"/]+)(?:/(?P<sub>[^"]+))?" '
    r'in API group "(?P<group>[^"]*)"(?: in the namespace "(?P<namespace>[^"]+)")?'
)
_BY_POLICY = "a policy of this cluster forbids it: do as its words say, or ask who made it"
# Whatever the status is: what forbids is told by 403, 422 and others.
_SAID = (
    (" denied request: ", _BY_POLICY),
    (" denied the request", _BY_POLICY),
    (
        "failed calling webhook",
        "the webhook does not answer: look whether what serves it runs, or remove its configuration",
    ),
    (
        "because it is being terminated",
        "wait until the namespace is gone, or look which finalizers hold what is in it, and try again",
    ),
    (
        "violates PodSecurity",
        "give the pods the securityContext that the namespace's Pod Security Standard asks for",
    ),
    (
        "cannot get path",
        "the user of this context needs the ClusterRole `system:discovery`, to see which kinds are served",
    ),
    ("exceeded quota", "make room in the namespace's ResourceQuota, or use another namespace"),
)
_MANAGER = re.compile(r'conflict with "(?P<name>(?:[^"\\]|\\.)*)"')
_CONFLICT = "FieldManagerConflict"
_MOST_SHOWN = 5
"""Fields of one manager that a message lists."""


class ApiError(LabError):
    """The server answered, and its answer is no. `status` is the HTTP status, `words` are the server's."""

    def __init__(self, status: int, request: str, words: str, help_: str | None = None) -> None:
        self.status = status
        self.words = words
        super().__init__(
            f"the cluster answers `{request}` with {status}: {words}", help_ or _help(status, words)
        )


class OwnershipError(ApiError):
    """An apply would change fields that others manage: `fields` are theirs, by the managers' names."""

    def __init__(self, request: str, fields: Mapping[str, tuple[str, ...]]) -> None:
        self.fields = fields
        listed = "; ".join(f'"{one_line(name)}" manages {_listed(of)}' for name, of in fields.items())
        super().__init__(
            409,
            request,
            f"others manage fields that it would change: {listed}",
            "take these fields out of the manifests, or give them the values that they have; or delete the "
            "object, so that it is made anew",
        )


def refusal(status: int, request: str, answer: Mapping[str, Any], reason: str) -> ApiError:
    """Return the error for an answer: a Status, or what HTTP gives as the `reason`."""
    if status == 409 and (fields := _managed(answer)):
        return OwnershipError(request, fields)
    return ApiError(status, request, one_line(answer.get("message") or reason or "no reason given"))


def _managed(answer: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the fields that an apply may not change, by who manages them."""
    found: dict[str, list[str]] = {}
    for name, field in _conflicts(answer):
        found.setdefault(name, []).append(field)
    return {name: tuple(fields) for name, fields in found.items()}


def _conflicts(answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    details = answer.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    for each in causes if isinstance(causes, list) else ():
        if isinstance(each, dict) and each.get("reason") == _CONFLICT:
            manager = _MANAGER.search(str(each.get("message")))
            yield (manager["name"] if manager else "somebody"), str(each.get("field"))


def _listed(fields: Iterable[str]) -> str:
    named = [f"`{one_line(each)}`" for each in fields]
    more = f" and {len(named) - _MOST_SHOWN} more" if len(named) > _MOST_SHOWN else ""
    return ", ".join(named[:_MOST_SHOWN]) + more


def _help(status: int, words: str) -> str | None:
    if status == 500 and words.startswith("container not found"):  # the kubelet's words
        return "it does not run, not yet or not any more: `kubectl describe pod` says why"
    if any(each in words for each in _SCHEMA):
        return "correct the field that the API server's words name, or look at `apiVersion`"
    if status == 403 and (found := _CANNOT.search(words)):
        return _permission(**found.groupdict())
    if told := next((help_ for said, help_ in _SAID if said in words), None):
        return told
    return _HELP.get(status, "the API server has trouble of its own: try again" if status >= 500 else None)


def _permission(verb: str, resource: str, sub: str | None, group: str, namespace: str | None) -> str:
    """Say which rule of a Role gives a permission, and how kubectl tells whether it is there."""
    plural = f"{resource}/{sub}" if sub else resource
    quoted = group or '""'
    verbs = "get, create" if plural == "pods/exec" else verb  # a WebSocket takes both: say so at once
    rule = f"{{apiGroups: [{quoted}], resources: [{plural}], verbs: [{verbs}]}}"
    asked = f"{verb} {resource}" + (f".{group}" if group else "") + (f" --subresource={sub}" if sub else "")
    # To the authorizer a namespace lies in itself; to kubectl it lies nowhere.
    where = f" -n {namespace}" if namespace and resource != "namespaces" else ""
    told = f"`kubectl auth can-i {asked}{where}` tells whether it has it"
    return f"the user of this context needs that permission, as the rule {rule} gives it; {told}"
