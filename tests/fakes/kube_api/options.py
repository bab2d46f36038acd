"""The options of a request that changes something: what may be asked, and what is said of the rest."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.kube_api import statuses
from tests.fakes.kube_api.kinds import Kind, Object
from tests.fakes.kube_api.statuses import Refused, cause
from tests.fakes.kube_api.wire import Request

_LONGEST = 128  # bytes of a field manager's name
_POLICIES = ("Foreground", "Background", "Orphan")
_VALIDATIONS = ("", "Ignore", "Strict", "Warn")


def checked(request: Request, *, apply: bool) -> None:
    """Refuse a patch with options that there are not."""
    found, manager = request.query, request.query.get("fieldManager", "")
    if apply and not manager:
        _refuse(
            "Patch",
            cause("FieldValueRequired", "Required value: is required for apply patch", "fieldManager"),
        )
    if not apply and "force" in found:
        words = "Forbidden: may not be specified for non-apply patch"
        _refuse("Patch", cause("FieldValueForbidden", words, "force"))
    if len(manager.encode()) > _LONGEST:
        words = f"Too long: may not be more than {_LONGEST} bytes"
        _refuse("Patch", cause("FieldValueTooLong", words, "fieldManager"))
    for name, value, known in (
        ("dryRun", [value for key, value in request.pairs if key == "dryRun"], ["All"]),
        ("fieldValidation", found.get("fieldValidation", ""), _VALIDATIONS),
    ):
        if value not in ([], ["All"], *_VALIDATIONS):
            _unsupported("Patch", name, value, known)


def of_deletion(given: Object, request: Request) -> Object:
    """Return the options of a deletion: those of the body, and of the query where there is none."""
    policy = given.get("propagationPolicy") or request.query.get("propagationPolicy")
    if policy and policy not in _POLICIES:
        _unsupported("Delete", "propagationPolicy", policy, (*_POLICIES, "nil"))
    return {**given, "propagationPolicy": policy}


def _unsupported(what: str, field: str, value: Any, known: Any) -> None:
    listed = ", ".join(map(json.dumps, known))
    words = f"Unsupported value: {json.dumps(value)}: supported values: {listed}"
    _refuse(what, cause("FieldValueNotSupported", words, field))


def _refuse(what: str, told: dict[str, str]) -> None:
    kind = Kind(group="meta.k8s.io", plural=f"{what.lower()}options", kind=f"{what}Options")
    raise Refused(statuses.invalid(kind, "", [told]))
