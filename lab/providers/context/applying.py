"""Documents made into objects of a cluster, and removed again; what is not ours is never touched.

Comes in: documents, and the labels that say whose they are. Goes out: `Applied`, the objects that they made.
Namespaces and CustomResourceDefinitions come first. An object that is there already without our labels is an
error before anything is applied.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analyzer import AnalyzerError
from analyzer.live.failures import one_line
from lab.errors import LabError
from lab.providers.context import waiting
from lab.providers.context.failures import ApiError

if TYPE_CHECKING:
    from analyzer import Document
    from lab.providers.context.client import Client, Object

MANAGED_BY = "app.kubernetes.io/managed-by"
LAB = "kubereach.dev/lab"
_FIRST = ("Namespace", "CustomResourceDefinition")
# What belongs to the cluster itself, or is made by it.
_NOT_OURS = frozenset(("Node", "Event", "Endpoints", "EndpointSlice", "ComponentStatus"))
# Kinds of this program's files and kind's, which no API server knows.
_NOT_FOR_CLUSTERS = ("kubereach.dev/", "kind.x-k8s.io/")
_PROTECTED = frozenset(("kube-system", "kube-public", "kube-node-lease", "default"))
_IN_NAMESPACES = (
    "/api/v1/pods",
    "/api/v1/services",
    "/api/v1/configmaps",
    "/api/v1/secrets",
    "/api/v1/persistentvolumeclaims",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/statefulsets",
    "/apis/apps/v1/daemonsets",
    "/apis/batch/v1/jobs",
    "/apis/batch/v1/cronjobs",
    "/apis/networking.k8s.io/v1/networkpolicies",
)
_CLUSTERS_OWN = frozenset(("kube-root-ca.crt", "default"))
_NO_ACCOUNT = re.compile(r"error looking up service account [^/]+/default:")
_ACCOUNT = 30.0
_PAUSE = 0.5
_GOING = 180.0
_WAIT = "wait until it is gone, and try again"
_MADE_ANEW = frozenset(("Pod", "Job"))
"""Of these most fields cannot be changed."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Ref:
    """An object of a cluster, by what finds it: `path` is where it is."""

    kind: str
    namespace: str
    name: str
    path: str

    def __str__(self) -> str:
        """Return it as messages name it."""
        return f"{self.kind} {'/'.join(filter(None, (self.namespace, self.name)))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """Objects of ours, in the order in which they were made, and the labels that they bear."""

    refs: tuple[Ref, ...]
    labels: Mapping[str, str]

    def plain(self) -> list[list[str]]:
        """Return the objects as JSON has them."""
        return [[each.kind, each.namespace, each.name, each.path] for each in self.refs]

    @classmethod
    def read(cls, data: Any, labels: Mapping[str, str]) -> Applied:
        """Return them from what `plain` gave."""
        refs = (Ref(kind=row[0], namespace=row[1], name=row[2], path=row[3]) for row in data or ())
        return cls(refs=tuple(refs), labels=labels)


def labels_of(lab: str) -> dict[str, str]:
    """Return the labels of all that a lab of this name makes."""
    return {MANAGED_BY: "kubereach", LAB: lab}


def apply(
    client: Client,
    documents: Sequence[Document],
    *,
    labels: Mapping[str, str],
    told: waiting.Told | None = None,
) -> Applied:
    """Apply documents with our labels; namespaces that they use and that are missing are made as well.

    Expectations and configurations of kind, which lie next to manifests, are passed over. What is ours and
    is still being deleted is waited for; `told` is told so.
    Raises LabError before anything is changed when something is there that is not ours; when something fails
    later, what was not there before is removed again.
    """
    wanted = [_labelled(each.data, labels) for each in documents if not _of_no_cluster(each.data)]
    for each in wanted:
        _check(each)
    wanted = [*_missing_namespaces(client, wanted, labels), *wanted]
    wanted.sort(key=lambda each: _FIRST.index(each["kind"]) if each["kind"] in _FIRST else len(_FIRST))
    known = {ref.path for ref in _ours(client, wanted, labels, told)}
    made: list[Ref] = []
    try:
        for each in wanted:
            ref = _ref(client, each)
            made.append(ref)
            _apply(client, each, ref)
    except BaseException as error:
        fresh = tuple(ref for ref in made if ref.path not in known)
        try:
            remove(client, Applied(refs=fresh, labels=labels))
        except (AnalyzerError, LabError) as second:
            if isinstance(error, LabError):
                words = second.diagnostics[0] if isinstance(second, AnalyzerError) else second
                left = f"what was made is left behind: {one_line(words.message)}"
                raise LabError(f"{error.message}; {left}", error.help) from error
        raise
    return Applied(refs=tuple(made), labels=labels)


def remove(client: Client, applied: Applied) -> list[Ref]:
    """Delete objects, last made first; return those that are left.

    What does not bear our labels (any more) is left, and so is a namespace in which others have made
    something since: it would go with it.
    """
    left = []
    for ref in reversed(applied.refs):
        found = client.find(ref.path)
        if found is None:
            continue
        if not bears(found, applied.labels) or (ref.kind == "Namespace" and _shared(client, ref, applied)):
            left.append(ref)
            continue
        if not _deleted(client, ref, found["metadata"].get("uid")):
            left.append(ref)
    return left


def _deleted(client: Client, ref: Ref, uid: str | None) -> bool:
    """Delete an object; tell whether it is the one that was looked at, and not made anew since."""
    try:
        client.delete(ref.path, preconditions={"uid": uid}) if uid else client.delete(ref.path)
    except ApiError as error:
        if error.status != 409:
            raise
        return False
    return True


def _shared(client: Client, ref: Ref, applied: Applied) -> bool:
    """Tell whether there is something in a namespace that neither the lab nor the cluster itself made."""
    ours = {each.path for each in applied.refs}
    for path in _IN_NAMESPACES:
        root, _, plural = path.rpartition("/")
        where = f"{root}/namespaces/{ref.name}/{plural}"
        try:
            listed = client.list_all(where)
        except ApiError as error:
            if error.status in (403, 404):
                continue
            raise
        for each in listed:
            metadata = each["metadata"]
            made = metadata.get("ownerReferences") or metadata["name"] in _CLUSTERS_OWN
            if not (made or bears(each, applied.labels) or f"{where}/{metadata['name']}" in ours):
                return True
    return False


def bears(found: Object, labels: Mapping[str, str]) -> bool:
    """Tell whether an object is marked as ours."""
    there = found["metadata"].get("labels") or {}
    return all(there.get(key) == value for key, value in labels.items())


def _of_no_cluster(data: Mapping[str, Any]) -> bool:
    return str(data.get("apiVersion")).startswith(_NOT_FOR_CLUSTERS)


def _labelled(data: Mapping[str, Any], labels: Mapping[str, str]) -> Object:
    """Return a document with our labels, and without what only the cluster may say."""
    metadata = dict(data.get("metadata") or {})
    for key in ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"):
        metadata.pop(key, None)
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    made = {key: value for key, value in data.items() if key != "status"}
    if made.get("kind") in _TEMPLATED:
        made["spec"] = _marked_template(made.get("spec") or {}, labels)
    if made.get("kind") == "CronJob":
        spec = made.get("spec") or {}
        job = spec.get("jobTemplate") or {}
        job = {**job, "spec": _marked_template(job.get("spec") or {}, labels)}
        made["spec"] = {**spec, "jobTemplate": job}
    return {**made, "metadata": metadata}


_TEMPLATED = frozenset(
    ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job")
)


def _marked_template(spec: Mapping[str, Any], labels: Mapping[str, str]) -> Object:
    """Have the pods of a workload bear our labels too."""
    template = dict(spec.get("template") or {})
    metadata = dict(template.get("metadata") or {})
    template["metadata"] = {**metadata, "labels": {**(metadata.get("labels") or {}), **labels}}
    return {**spec, "template": template}


def _check(document: Object) -> None:
    kind, metadata = document.get("kind"), document["metadata"]
    if kind in _NOT_OURS:
        raise LabError(
            f"an object of kind {kind} cannot be deployed into a cluster",
            "leave it out: the cluster has its own",
        )
    if not metadata.get("name"):
        raise LabError(f"an object of kind {kind} of the manifests has no name", "give it `metadata.name`")


def _missing_namespaces(
    client: Client, documents: Sequence[Object], labels: Mapping[str, str]
) -> list[Object]:
    given = {each["metadata"]["name"] for each in documents if each["kind"] == "Namespace"}
    used = {str(each["metadata"]["namespace"]) for each in documents if each["metadata"].get("namespace")}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}
        for name in sorted(used - given - _PROTECTED)
        if not _given(client, name, labels)
    ]


def _given(client: Client, name: str, labels: Mapping[str, str]) -> bool:
    """Tell whether others made a namespace. Raises LabError when it is going away, with all that is in it."""
    found = client.find(f"/api/v1/namespaces/{name}")
    if found is None or bears(found, labels):
        return False
    if found["metadata"].get("deletionTimestamp"):
        raise LabError(f"Namespace {name} is being deleted", _WAIT)
    return True


def _ours(
    client: Client, documents: Iterable[Object], labels: Mapping[str, str], told: waiting.Told | None
) -> list[Ref]:
    """Return what is there already. Raises LabError for everything that is not ours, at once."""
    there: list[Ref] = []
    foreign: list[Ref] = []
    going: list[Ref] = []
    defined = {each["kind"] for each in documents if each["kind"] in _FIRST}
    for each in documents:
        try:
            ref = _ref(client, each)
        except LabError:
            if "CustomResourceDefinition" in defined:
                continue  # its kind comes with the manifests
            raise
        found = client.find(ref.path)
        if found is None:
            continue
        if found["metadata"].get("deletionTimestamp"):
            if not bears(found, labels):
                raise LabError(f"{ref} is being deleted", _WAIT)
            going.append(ref)
            continue
        there.append(ref)
        if not bears(found, labels):
            foreign.append(ref)
    if foreign:
        names = ", ".join(map(str, foreign[:5])) + (f" and {len(foreign) - 5} more" if foreign[5:] else "")
        raise LabError(
            f"{names} {'is' if len(foreign) == 1 else 'are'} there already, and not this lab's",
            "give yours other names, or remove those yourself: what others made is not taken over",
        )
    for ref in going:
        waiting.gone(client, ref.path, _GOING, what=f"{ref}, which is being deleted,", told=told)
    return there


def _ref(client: Client, document: Object) -> Ref:
    metadata = document["metadata"]
    path = client.path_of(document)
    namespaced = "/namespaces/" in path and document["kind"] != "Namespace"
    return Ref(
        kind=str(document["kind"]),
        namespace=str(metadata.get("namespace") or "default") if namespaced else "",
        name=str(metadata["name"]),
        path=path,
    )


def _apply(client: Client, document: Object, ref: Ref) -> None:
    try:
        _with_account(client, document)
    except ApiError as error:
        if error.status != 422 or ref.kind not in _MADE_ANEW or client.find(ref.path) is None:
            raise
        client.delete(ref.path, gracePeriodSeconds=1)
        waiting.gone(client, ref.path, 60)
        client.apply(document)
    if ref.kind == "CustomResourceDefinition":
        _established(client, ref)


def _with_account(client: Client, document: Object) -> None:
    """Apply a document, again while a controller has yet to make the account that every namespace has."""
    ends = time.monotonic() + _ACCOUNT
    while True:
        try:
            client.apply(document)
        except ApiError as error:
            if not _NO_ACCOUNT.search(error.words) or time.monotonic() > ends:
                raise
        else:
            return
        time.sleep(_PAUSE)


def _established(client: Client, ref: Ref) -> None:
    def missing() -> str:
        conditions = (client.get(ref.path).get("status") or {}).get("conditions") or []
        done = any(each.get("type") == "Established" and each.get("status") == "True" for each in conditions)
        return "" if done else "the API server does not serve it yet"

    waiting.until(client, missing, f"{ref} is not established", 60)
