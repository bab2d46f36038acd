"""A live cluster as documents: what is listed, what may not be listed, and what is then not known.

Comes in: a context. Goes out: `Loaded`, as from files. Nothing but GET requests is sent. The lists are read
one after the other: a cluster that changes meanwhile is seen as it was at slightly different moments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity
from analyzer.live.resources import BUILT_IN, POLICY_APIS, ROUTE_APIS, OtherApi, Resource
from analyzer.load import Document, Loaded
from analyzer.load.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from analyzer.live.access import Access
    from analyzer.live.failures import StatusError
    from analyzer.live.server import Server

    Progress = Callable[[str, int], None]

# Most of what a cluster tells of a pod; nothing of it bears on who reaches it.
_UNREAD = {
    "metadata": ("managedFields",),
    "status": ("conditions", "containerStatuses", "ephemeralContainerStatuses", "initContainerStatuses"),
}
_USER = re.compile(r'User "([^"]+)"')
_NOBODY = "system:anonymous"


def read(
    *,
    context: str | None,
    kubeconfig: str | None,
    routes: bool = False,
    on_progress: Progress | None = None,
) -> Loaded:
    """Read what decides who reaches whom in the cluster of a context, the current one for None.

    With `routes`, what leads to workloads from outside is read too.
    `on_progress` is told what is being listed and how many there are by now. Raises AnalyzerError when the
    cluster cannot be read; all permissions that are missing are named at once.
    """
    from analyzer.live.access import connect
    from analyzer.live.server import Server

    access = connect(context, kubeconfig)
    with access.client:
        reading = _Reading(access, Server(access), on_progress or _silent)
        documents = tuple(reading.documents((*POLICY_APIS, *(ROUTE_APIS if routes else ()))))
        return Loaded(
            documents=documents,
            files=(f"cluster {access.context.name}",),
            diagnostics=reading.judged(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Denied:
    """A resource that the user may not list, and what the server said."""

    resource: Resource
    words: str


class _Reading:
    """One pass over a cluster, and what could not be had in it."""

    def __init__(self, access: Access, server: Server, progress: Progress) -> None:
        self._access = access
        self._server = server
        self._progress = progress
        self._denied: list[_Denied] = []
        self._warnings: list[Diagnostic] = []

    def documents(self, others: Sequence[OtherApi]) -> Iterator[Document]:
        """Yield every object, the resources in the order of their tables."""
        for resource in BUILT_IN:
            yield from self._listed(resource)
        for resource in self._others(others):
            yield from self._listed(resource)

    def judged(self) -> tuple[Diagnostic, ...]:
        """Return the warnings; raise AnalyzerError when something may not be listed that verdicts need."""
        groups: dict[str, list[_Denied]] = {}
        for denied in self._denied:
            groups.setdefault(denied.resource.unknown, []).append(denied)
        diagnostics = (*(_denial(self._access, group) for group in groups.values()), *self._warnings)
        if "" in groups:
            raise AnalyzerError(*diagnostics)
        return diagnostics

    def _listed(self, resource: Resource) -> list[Document]:
        from analyzer.live.failures import StatusError, refused

        try:
            items = self._server.list_all(resource.path, lambda count: self._progress(str(resource), count))
        except StatusError as error:
            if error.status == 403:
                self._deny(resource, error)
            elif not resource.unknown:
                raise refused(self._access, f"list {resource}", error) from None
            elif error.status != 404:  # 404: the cluster does not serve it, so there are none
                self._warn(f"list {resource}", error, resource.unknown)
            return []
        return [_document(item, resource) for item in items]

    def _deny(self, resource: Resource, error: StatusError) -> None:
        from analyzer.live.failures import not_accepted

        user = _USER.search(error.words)
        if user and user[1] == _NOBODY:
            raise not_accepted(self._access) from None
        self._denied.append(_Denied(resource=resource, words=error.words))

    def _others(self, apis: Sequence[OtherApi]) -> Iterator[Resource]:
        """Yield the resources of some APIs that the cluster has."""
        from analyzer.live.failures import StatusError

        try:
            groups = _objects(self._server.get("/apis").get("groups"))
        except StatusError as error:
            self._warn("get /apis", error, "which policies of other APIs there are")
            return
        versions = {str(group.get("name")): _versions(group) for group in groups}
        for api in apis:
            yield from self._served(api, versions)

    def _served(self, api: OtherApi, versions: Mapping[str, Sequence[str]]) -> tuple[Resource, ...]:
        """Return the resources of the first of an API's groups that has any."""
        from analyzer.live.failures import StatusError

        trouble: StatusError | None = None
        for group in api.groups:
            try:
                found = self._resources(api, group, versions.get(group, ()))
            except StatusError as error:
                trouble = error
            else:
                if found:
                    return found
        if trouble:
            self._warn(f"get /apis/{' or /apis/'.join(api.groups)}", trouble, api.unknown)
        return ()

    def _resources(self, api: OtherApi, group: str, versions: Sequence[str]) -> tuple[Resource, ...]:
        """Return the kinds of an API that a group serves; what several versions have, by the first one."""
        found: dict[str, Resource] = {}
        for version in versions:
            for entry in _objects(self._server.get(f"/apis/{group}/{version}").get("resources")):
                kind, plural = str(entry.get("kind")), str(entry.get("name"))
                if kind in api.kinds and "/" not in plural and "list" in (entry.get("verbs") or ()):
                    resource = Resource(
                        group=group, version=version, plural=plural, kind=kind, unknown=api.unknown
                    )
                    found.setdefault(kind, resource)
        return tuple(found.values())

    def _warn(self, request: str, error: StatusError, unknown: str) -> None:
        self._warnings.append(
            Diagnostic(
                severity=Severity.WARNING,
                code="not-listed",
                message=f"the cluster answers `{request}` with {error.status} ({error.words}); "
                f"not known: {unknown}",
            )
        )


def _document(item: dict[str, Any], resource: Resource) -> Document:
    """Return an object as a document; those of a typed list come without kind and version.

    The place that messages name is the object itself: there is no file.
    """
    for field, unread in _UNREAD.items():
        part = item.get(field)
        if isinstance(part, dict):
            for name in unread:
                part.pop(name, None)
    data = {"apiVersion": resource.api_version, "kind": resource.kind, **item}
    document = Document(data, "")
    place = "/".join(filter(None, (document.namespace, document.name)))
    return Document(data, printable(f"cluster:{resource.kind} {place}"))


def _versions(group: dict[str, Any]) -> tuple[str, ...]:
    """Return the versions of a group, the server's preferred one first."""
    preferred = group.get("preferredVersion")
    entries = [preferred, *_objects(group.get("versions"))]
    return tuple(dict.fromkeys(str(entry.get("version")) for entry in entries if isinstance(entry, dict)))


def _objects(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _denial(access: Access, denied: Sequence[_Denied]) -> Diagnostic:
    """Say which permissions are missing for one purpose, and how to grant them."""
    user = _USER.search(denied[0].words)
    who = f"the user `{user[1]}`" if user else access.who
    names = ", ".join(str(each.resource) for each in denied)
    unknown = denied[0].resource.unknown
    message = f"{who} may not `list {names} at cluster scope`"
    first = denied[0].resource
    return Diagnostic(
        severity=Severity.WARNING if unknown else Severity.ERROR,
        code="permission-denied",
        message=f"{message}; not known: {unknown}" if unknown else f"{message}, which every verdict needs",
        help=f"rules for a ClusterRole: {_rules(denied)}; "
        f"`{access.context.kubectl} auth can-i list {first} --all-namespaces` tells",
    )


def _rules(denied: Sequence[_Denied]) -> str:
    """Return the rules of a ClusterRole that grant what was denied, as YAML on one line."""
    groups: dict[str, list[str]] = {}
    for each in denied:
        groups.setdefault(each.resource.group, []).append(each.resource.plural)
    rules = (
        f"{{apiGroups: [{group or repr('')}], resources: [{', '.join(plurals)}], verbs: [list]}}"
        for group, plurals in groups.items()
    )
    return f"[{', '.join(rules)}]"


def _silent(what: str, count: int) -> None:
    """Tell nobody."""
