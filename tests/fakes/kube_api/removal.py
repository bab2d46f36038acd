"""Deletion: finalizers hold an object, a namespace takes along what is in it, an owner what it owns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.kube_api.admission import NAMESPACES
from tests.fakes.kube_api.kinds import Kind, Object, Place

if TYPE_CHECKING:
    from tests.fakes.kube_api.server import KubeApi

NOW = "2026-01-01T00:00:00Z"


def delete(api: KubeApi, place: Place, policy: str = "Background") -> bool:
    """Delete an object, or mark it where something holds it; tell whether it is gone."""
    stored = api.store.find(place.kind, place.namespace, place.name)
    if stored is None:
        return True
    is_namespace = place.kind.kind == "Namespace"
    if is_namespace:
        _empty(api, place.name)
    if stored["metadata"].get("finalizers") or (is_namespace and _full(api, place.name)):
        marked = going(stored, grace=None if is_namespace else 0)
        if is_namespace:
            marked["status"] = {**stored.get("status", {}), "phase": "Terminating"}
        api.store.put(place.kind, marked)
        return False
    api.store.remove(place.kind, place.namespace, place.name)
    if policy != "Orphan":
        _collect(api, stored, policy)
    return True


def going(stored: Object, grace: int | None) -> Object:
    """Return an object that is marked to go, after `grace` seconds."""
    metadata = {**stored["metadata"], "deletionTimestamp": NOW}
    if grace is not None:
        metadata["deletionGracePeriodSeconds"] = grace
    return {**stored, "metadata": metadata}


def finalized(api: KubeApi, kind: Kind, found: Object) -> Object:
    """Remove an object whose last finalizer is gone; a namespace that waited for it goes too."""
    namespace = str(found["metadata"].get("namespace") or "")
    api.store.remove(kind, namespace, found["metadata"]["name"])
    waiting = api.store.find(NAMESPACES, "", namespace)
    if waiting and waiting["metadata"].get("deletionTimestamp") and not _full(api, namespace):
        api.store.remove(NAMESPACES, "", namespace)
    return found


def _collect(api: KubeApi, owner: Object, policy: str) -> None:
    """Delete what an object owned."""
    uid = owner["metadata"].get("uid")
    for kind in api.kinds:
        for (namespace, name), each in list(api.store.objects(kind.stored).items()):
            if any(owns.get("uid") == uid for owns in each["metadata"].get("ownerReferences") or ()):
                delete(api, Place(kind=kind, namespace=namespace, name=name), policy)


def _empty(api: KubeApi, namespace: str) -> None:
    for kind in [each for each in api.kinds if each.namespaced]:
        for at, name in list(api.store.objects(kind.stored)):
            if at == namespace:
                delete(api, Place(kind=kind, namespace=at, name=name))


def _full(api: KubeApi, namespace: str) -> bool:
    kinds = [kind for kind in api.kinds if kind.namespaced]
    return any(at == namespace for kind in kinds for at, _ in api.store.objects(kind.stored))
