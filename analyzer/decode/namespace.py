"""Namespaces: those of the manifests, and those that objects are in without a manifest.

Comes in: documents, and the names that other objects use. Goes out: every namespace, with the label that
the API server gives it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.decode import schema
from analyzer.decode.metadata import read_metadata
from analyzer.decode.names import label
from analyzer.model import Namespace
from analyzer.selectors import NAMESPACE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analyzer.decode.field import Field
    from analyzer.decode.scope import Scope

_MISPLACED = {"labels": "`labels` belongs into `metadata`: indent it more"}


def read_namespace(root: Field, scope: Scope) -> Namespace:
    """Read a Namespace.

    "The Kubernetes control plane sets an immutable label kubernetes.io/metadata.name on all namespaces. The
    value of the label is the namespace name."
    """
    root.known(schema.OBJECT, _MISPLACED)
    metadata = read_metadata(root, scope, label)
    field = root.mapping("metadata")
    if field and field.value.get("namespace"):
        message = "a namespace is in no namespace: the API server leaves this out"
        field.child("namespace").warning("ignored-namespace", message, "leave it out")
    written = metadata.labels.get(NAMESPACE_NAME, metadata.name)
    if field and written != metadata.name:
        message = f"the API server sets this label to `{metadata.name}`, whatever the manifest says"
        place = field.child("labels").child(NAMESPACE_NAME)
        place.warning("namespace-name-label", message, "leave out the label")
    return Namespace(name=metadata.name, labels={**metadata.labels, NAMESPACE_NAME: metadata.name})


def complete(given: Iterable[Namespace], used: Iterable[str]) -> dict[str, Namespace]:
    """Return all namespaces by name; those that are used but not given have only the label of their name."""
    found = {name: Namespace(name=name, labels={NAMESPACE_NAME: name}) for name in used}
    found |= {namespace.name: namespace for namespace in given}
    return dict(sorted(found.items()))
