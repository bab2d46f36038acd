"""Writes: create, replace, patch, apply, delete; what becomes of an object on its way into the store."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import yaml

from tests.fakes.kube_api import admission, ephemeral, managed, options, removal, statuses, validation
from tests.fakes.kube_api.kinds import Kind, Object, Place
from tests.fakes.kube_api.managed import Conflict, Manager
from tests.fakes.kube_api.merging import Keyless, json_patch, merge_patch, merged
from tests.fakes.kube_api.statuses import Refused
from tests.fakes.kube_api.store import shown
from tests.fakes.kube_api.typed import mistyped, without_empty
from tests.fakes.kube_api.wire import Reply, Request

if TYPE_CHECKING:
    from tests.fakes.kube_api.server import KubeApi

NOW = "2026-01-01T00:00:00Z"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
# The status of these is written by controllers, through a subresource of its own.
_WITHOUT_STATUS = frozenset(("ConfigMap", "Event", "ServiceAccount"))
# Who deletes one of these is shown it, and not told that it is gone.
_RETURNED = frozenset(("Pod", "Service", "ServiceAccount"))
# These are held to the Pod Security Standard of their namespace, or warned of it.
_SECURED = frozenset(
    (
        *("CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "ReplicationController"),
        "StatefulSet",
    )
)
_MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def written(api: KubeApi, verb: str, place: Place, request: Request, user: str) -> Reply:
    """Answer a request that changes something. Raises Refused."""
    match verb:
        case "create":
            return created(api, place, request)
        case "update":
            return replaced(api, place, request)
        case "delete":
            return deleted(api, place, request)
        case _:
            return patched(api, place, request, user)


def created(api: KubeApi, place: Place, request: Request) -> Reply:
    """Answer POST."""
    given = _read(request)
    metadata = given.setdefault("metadata", {})
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = f"{metadata['generateName']}{suffix(api.store.revision)}"
    named = Place(kind=place.kind, namespace=place.namespace, name=str(metadata.get("name") or ""))
    if not named.name:
        words = "name or generateName is required"
        raise Refused(statuses.invalid(place.kind, "", [validation.required("metadata.name", words)]))
    if there := api.store.find(place.kind, place.namespace, named.name):
        raise Refused(statuses.exists(named, going=bool(there["metadata"].get("deletionTimestamp"))))
    managed.updated(None, given, _manager(request, place.kind, "Update"), NOW)
    return _finished(api, named, None, given, request)


def replaced(api: KubeApi, place: Place, request: Request) -> Reply:
    """Answer PUT."""
    given = _read(request)
    _named(place, given.get("metadata") or {})
    live = _there(api, place)
    version = given.get("metadata", {}).get("resourceVersion")
    if version and version != live["metadata"]["resourceVersion"]:
        raise Refused(statuses.conflict(place, _MODIFIED))
    return _changed(api, place, live, given, request)


def patched(api: KubeApi, place: Place, request: Request, user: str) -> Reply:
    """Answer PATCH, of whatever type."""
    content = request.headers.get("content-type", "").partition(";")[0]
    if content not in (APPLY, MERGE, JSON, *([STRATEGIC] if place.kind.built_in else [])):
        return statuses.UNKNOWN_PATCH
    options.checked(request, apply=content == APPLY)
    if content == APPLY:
        return _applied(api, place, request, user)
    live = _there(api, place)
    if content == MERGE:
        return _changed(api, place, live, merge_patch(live, _json(request)), request)
    if content == JSON:
        try:
            given = json_patch(live, _json(request))
        except (LookupError, ValueError, TypeError) as error:
            words = f"the server rejected our request due to an error in our request: {error}"
            raise Refused(statuses.status(422, "Invalid", words)) from None
        return _changed(api, place, live, given, request)
    assert content == STRATEGIC, "all others are known by now"
    try:
        given = merged(live, _json(request), strategic=True)
    except Keyless as keyless:
        raise Refused(statuses.status(500, "", str(keyless))) from None
    return _changed(api, place, live, given, request)


def _applied(api: KubeApi, place: Place, request: Request, user: str) -> Reply:
    wanted = _read(request)
    live = api.store.find(place.kind, place.namespace, place.name)
    if live is None:
        api.permit(user, "create", place)
    _fits(place, live, wanted)
    me = _manager(request, place.kind, "Apply")
    try:
        found = managed.applied(live, wanted, me, force=request.query.get("force") in ("true", "1"), time=NOW)
    except Conflict as conflict:
        causes = [
            statuses.cause("FieldManagerConflict", f"conflict with {manager}", managed.written(path))
            for manager, path in conflict.found
        ]
        raise Refused(statuses.status(409, "Conflict", conflict.message, {"causes": causes})) from None
    if live and place.subresource == "ephemeralcontainers":
        found = {**ephemeral.added(place, live, found), "metadata": found["metadata"]}
    return _finished(api, place, live, found, request)


def _fits(place: Place, live: Object | None, wanted: Object) -> None:
    """Refuse a document that is not of the place, or not of its kind's types."""
    kind, metadata = place.kind, wanted.get("metadata") or {}
    version, name = str(wanted.get("apiVersion", "")), str(wanted.get("kind", ""))
    if (version, name) != (kind.api_version, kind.kind):
        group = version if "/" in version else f"/{version}"
        raise Refused(statuses.bad(f"invalid object type: {group}, Kind={name}"))
    if isinstance(metadata, dict) and metadata.get("managedFields") is not None:
        raise Refused(statuses.bad("metadata.managedFields must be nil"))
    if words := mistyped(kind, wanted):
        named = metadata if isinstance(metadata, dict) else {}
        title = f"{named.get('namespace', '')}/{named.get('name', '')}"
        group = kind.api_version if kind.group else f"/{kind.version}"
        told = f"failed to create typed patch object ({title}; {group}, Kind={kind.kind}): {words}"
        # The real one has no reason for it either, and calls it an error of its own.
        raise Refused(statuses.status(500, "", told))
    _named(place, {**live["metadata"], **metadata} if live else metadata)
    known = metadata.get("resourceVersion")
    if live and known and known != live["metadata"]["resourceVersion"]:
        raise Refused(statuses.conflict(place, _MODIFIED))


def _named(place: Place, metadata: Object) -> None:
    """Refuse an object that is not where it says that it is."""
    if not metadata.get("name"):
        words = f"the name of the object ({place.name} based on URL) was undeterminable"
        raise Refused(statuses.bad(f"{words}: name must be provided"))
    if metadata["name"] != place.name:
        name = metadata["name"]
        words = f"the name of the object ({name}) does not match the name on the URL ({place.name})"
        raise Refused(statuses.bad(words))
    if place.kind.namespaced and metadata.get("namespace", place.namespace) != place.namespace:
        words = "the namespace of the provided object does not match the namespace sent on the request"
        raise Refused(statuses.bad(words))


def _changed(api: KubeApi, place: Place, live: Object, given: Object, request: Request) -> Reply:
    """Store another version of an object, or of what a subresource shows of it; answer with it."""
    if place.subresource == "status":
        found = {**copy.deepcopy(live), "status": given.get("status") or {}}
    elif place.subresource == "ephemeralcontainers":
        found = ephemeral.added(place, live, given)
    else:
        found = given
    me = _manager(request, place.kind, "Update", place.subresource)
    managed.updated(live, found, me, NOW)
    return _finished(api, place, live, found, request)


def _finished(api: KubeApi, place: Place, live: Object | None, found: Object, request: Request) -> Reply:
    """Store an object, and answer with it and with what it is warned of."""
    made = finish(api, place, live, found, dry=_dry(request))
    said = admission.warnings(api.store, place, found) if place.kind.kind in _SECURED else []
    headers = {"Warning": f"299 - {json.dumps(said[0])}"} if said else {}
    return Reply(status=200 if live else 201, body=made, headers=headers)


def finish(api: KubeApi, place: Place, live: Object | None, found: Object, *, dry: bool = False) -> Object:
    """Default, admit, check and store an object, and let the cluster see it. Raises Refused."""
    kind = place.kind
    found = {**copy.deepcopy(found), "apiVersion": kind.api_version, "kind": kind.kind}
    found = without_empty(kind, found)
    _stamp(api, place, live, found)
    if not place.subresource and kind.kind not in _WITHOUT_STATUS:
        found.pop("status", None)
        if live and "status" in live:
            found["status"] = copy.deepcopy(live["status"])
    validation.defaulted(kind, found)
    if live is None:
        admission.created(api.store, place)
        if kind.kind == "Pod":
            api.controllers.account(place)
    if kind.kind == "Pod" and place.subresource != "status":
        admission.secure(api.store, place, live, found)
    causes = validation.errors(kind, found, live if place.subresource == "" else None)
    if kind.kind == "Namespace":
        causes += admission.levels(found["metadata"].get("labels") or {})
    if causes:
        raise Refused(statuses.invalid(kind, place.name, causes))
    if dry or (live and _same(live, found)):
        return shown(kind, found)
    if found["metadata"].get("deletionTimestamp") and not found["metadata"].get("finalizers"):
        return shown(kind, removal.finalized(api, kind, found))
    api.store.put(kind, found)
    api.happened()
    return shown(kind, api.store.find(kind, place.namespace, place.name) or found)


def _stamp(api: KubeApi, place: Place, live: Object | None, found: Object) -> None:
    metadata = found.setdefault("metadata", {})
    metadata["name"] = place.name
    if place.kind.namespaced:
        metadata["namespace"] = place.namespace
    else:
        metadata.pop("namespace", None)
    if live is None:
        metadata.update(creationTimestamp=NOW, uid=f"00000000-0000-4000-8000-{api.store.revision + 1:012d}")
        metadata.pop("resourceVersion", None)
    else:
        kept = ("creationTimestamp", "uid", "resourceVersion", "deletionTimestamp")
        metadata.update({key: live["metadata"][key] for key in kept if key in live["metadata"]})
    if "spec" in found and place.kind.kind not in ("Service", "Namespace", "Node"):
        before = (live or {"metadata": {}})["metadata"].get("generation", 0)
        same = live is not None and live.get("spec") == found["spec"]
        metadata["generation"] = before if same else before + 1


def _same(live: Object, found: Object) -> bool:
    """Tell whether nothing but bookkeeping differs: then nothing is written."""

    def plain(each: Object) -> Any:
        metadata = {k: v for k, v in each["metadata"].items() if k not in ("resourceVersion", "generation")}
        return {**each, "metadata": metadata}

    return bool(plain(live) == plain(found))


def deleted(api: KubeApi, place: Place, request: Request) -> Reply:
    """Answer DELETE: an object with finalizers stays until they are gone."""
    wanted = options.of_deletion(_json(request) if request.body else {}, request)
    if place.kind.kind == "Namespace" and place.name in admission.IMMORTAL:
        raise Refused(statuses.forbidden(place, "this namespace may not be deleted"))
    live = _there(api, place)
    _preconditions(place, live, wanted.get("preconditions") or {})
    if not _dry(request) and "All" not in (wanted.get("dryRun") or ()):
        gone = removal.delete(api, place, wanted.get("propagationPolicy") or "Background")
        api.happened()
        if not gone:
            return Reply(body=shown(place.kind, _there(api, place)))
    if place.kind.kind == "Pod":
        live = removal.going(live, grace=wanted.get("gracePeriodSeconds", 30))
    if place.kind.kind in _RETURNED:
        return Reply(body=shown(place.kind, live))
    about = {**statuses.about(place), "uid": live["metadata"].get("uid")}
    told = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": about}
    return Reply(body=told)


def _preconditions(place: Place, live: Object, wanted: Object) -> None:
    """Refuse to delete another object, or another version of it, than is meant."""
    for field, name, changed in (
        ("uid", "UID", "deleted and then recreated"),
        ("resourceVersion", "ResourceVersion", "modified"),
    ):
        there = live["metadata"].get(field)
        if not wanted.get(field) or wanted[field] == there:
            continue
        if place.kind.kind == "Namespace":
            words = f"{name} in precondition: {wanted[field]}, {name} in object meta: {there}"
            raise Refused(statuses.conflict(place, f"Precondition failed: {words}"))
        words = f"the {name} in the precondition ({wanted[field]}) does not match the {name} in record"
        told = f"{words} ({there}). The object might have been {changed}"
        raise Refused(statuses.not_deleted(place, told))


def suffix(number: int) -> str:
    """Return five characters such as the API server appends to a `generateName`."""
    said = ""
    for _ in range(5):
        number, at = divmod(number * 31 + 7, len(_ALPHABET))
        said += _ALPHABET[at]
    return said


def _there(api: KubeApi, place: Place) -> Object:
    live = api.store.find(place.kind, place.namespace, place.name)
    if live is None:
        raise Refused(statuses.not_found(place))
    return live


def _manager(request: Request, kind: Kind, operation: str, subresource: str = "") -> Manager:
    name = request.query.get("fieldManager") or request.headers.get("user-agent", "").partition("/")[0]
    return Manager(
        name=name or "unknown", operation=operation, version=kind.api_version, subresource=subresource
    )


def _dry(request: Request) -> bool:
    return ("dryRun", "All") in request.pairs


def _json(request: Request) -> Any:
    try:
        return json.loads(request.body)
    except ValueError as error:
        raise Refused(statuses.bad(f"error decoding patch: {error}")) from None


def _read(request: Request) -> Object:
    """Return the object of a body: JSON is YAML too, and read faster as JSON."""
    try:
        found = json.loads(request.body)
    except ValueError:
        try:
            found = yaml.safe_load(request.body)
        except yaml.YAMLError as error:
            raise Refused(statuses.bad(f"error decoding YAML: {error}")) from None
    if not isinstance(found, dict | None):
        raise Refused(statuses.bad("couldn't get version/kind; json parse error"))
    return found or {}
