"""Who is let in: no new object in a namespace that is missing or going away, no pod that its level forbids.

The words of Pod Security are those of `k8s.io/pod-security-admission`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.fakes.kube_api import statuses
from tests.fakes.kube_api.kinds import Kind, Object, Place
from tests.fakes.kube_api.statuses import Refused
from tests.fakes.kube_api.store import Store

NAMESPACES = Kind(plural="namespaces", kind="Namespace", namespaced=False)
# They are there from the start, and cannot be deleted.
IMMORTAL = frozenset(("default", "kube-system", "kube-public", "kube-node-lease"))
_ENFORCE = "pod-security.kubernetes.io/enforce"


def created(store: Store, place: Place) -> None:
    """Raise Refused where nothing can be created."""
    if not place.kind.namespaced:
        return
    namespace = store.find(NAMESPACES, "", place.namespace)
    if namespace is None:
        if place.namespace not in IMMORTAL:
            raise Refused(statuses.not_found(Place(kind=NAMESPACES, name=place.namespace)))
    elif namespace["metadata"].get("deletionTimestamp"):
        raise Refused(statuses.terminating(place))


def secure(store: Store, place: Place, pod: Object) -> None:
    """Raise Refused when a pod is not as the level of its namespace demands."""
    labels = (store.find(NAMESPACES, "", place.namespace) or {"metadata": {}})["metadata"].get("labels") or {}
    level = labels.get(_ENFORCE, "privileged")
    found = [*_baseline(pod.get("spec") or {})] if level in ("baseline", "restricted") else []
    if level == "restricted":
        found += _restricted(pod.get("spec") or {})
    if found:
        version = labels.get(f"{_ENFORCE}-version", "latest")
        words = f'violates PodSecurity "{level}:{version}": {", ".join(found)}'
        raise Refused(statuses.forbidden(place, words))


def _containers(spec: Object) -> list[Object]:
    kinds = ("initContainers", "containers", "ephemeralContainers")
    return [each for kind in kinds for each in spec.get(kind) or ()]


def _context(found: Object) -> dict[str, Any]:
    context: dict[str, Any] = found.get("securityContext") or {}
    return context


def _baseline(spec: Object) -> Iterator[str]:
    if shared := [name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]:
        yield f"host namespaces ({', '.join(f'{name}=true' for name in shared)})"
    if mounted := [each["name"] for each in spec.get("volumes") or () if "hostPath" in each]:
        yield f"hostPath volumes ({_named('volume', mounted)})"
    if strong := [each["name"] for each in _containers(spec) if _context(each).get("privileged")]:
        yield f"privileged ({_named('container', strong)} must not set securityContext.privileged=true)"


def _restricted(spec: Object) -> Iterator[str]:
    containers, whole = _containers(spec), _context(spec)

    def lacking(name: str, wanted: Any) -> list[str]:
        """Return the containers that do not have it, neither themselves nor through the pod."""
        told = ((each["name"], _context(each).get(name, whole.get(name))) for each in containers)
        return [title for title, has in told if has not in wanted]

    rising = [
        each["name"] for each in containers if _context(each).get("allowPrivilegeEscalation") is not False
    ]
    if rising:
        words = f"{_named('container', rising)} must set securityContext.allowPrivilegeEscalation=false"
        yield f"allowPrivilegeEscalation != false ({words})"
    able = [
        each["name"]
        for each in containers
        if "ALL" not in ((_context(each).get("capabilities") or {}).get("drop") or ())
    ]
    if able:
        words = f'{_named("container", able)} must set securityContext.capabilities.drop=["ALL"]'
        yield f"unrestricted capabilities ({words})"
    if rooted := lacking("runAsNonRoot", (True,)):
        words = f"{_named('container', rooted)} must set securityContext.runAsNonRoot=true"
        yield f"runAsNonRoot != true (pod or {words})"
    free = [
        each["name"]
        for each in containers
        if (_context(each).get("seccompProfile") or whole.get("seccompProfile") or {}).get("type")
        not in ("RuntimeDefault", "Localhost")
    ]
    if free:
        words = (
            f'{_named("container", free)} must set securityContext.seccompProfile.type to "RuntimeDefault"'
        )
        yield f'seccompProfile (pod or {words} or "Localhost")'


def _named(what: str, names: list[str]) -> str:
    return f"{what}{'' if len(names) == 1 else 's'} {', '.join(map(json.dumps, names))}"
