"""ObjectMeta: who an object is and what it belongs to.

Comes in: the root of a document. Goes out: namespace, name, labels and controller, checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analyzer.decode import schema
from analyzer.decode.names import Rule, label, label_key, mended, subdomain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analyzer.decode.field import Field
    from analyzer.decode.scope import Scope

MISPLACED = {
    "podSelector": "`podSelector` belongs into `spec`",
    "spec": "`spec` belongs beside `metadata`: indent it less",
    "matchLabels": "objects have `labels`; `matchLabels` belongs into a selector",
}


class Owner(NamedTuple):
    """The controller of an object: the owner reference that says `controller: true`."""

    group: str
    kind: str
    name: str


class Metadata(NamedTuple):
    """Who an object is; "" for a name that is missing, which was reported."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    owner: Owner | None


def read_metadata(root: Field, scope: Scope, rule: Rule = subdomain) -> Metadata:
    """Read the metadata of an object in a namespace; `rule` is that of its kind for names."""
    field = root.mapping("metadata") or root.child("metadata", {})
    field.known(schema.METADATA, MISPLACED)
    name = field.text("name")
    if name:
        judge(field, "name", name, rule)
    elif prefix := field.text("generateName"):
        # The API server appends five letters and digits to it; here it is a number.
        judge(field, "generateName", prefix.rstrip("-.") or prefix, rule)
        name = prefix + str(scope.count(str(root.value.get("kind")), prefix))
    elif field.value.get("name") in (None, ""):
        field.child("name").required("name or generateName is required", "give the object a name")
    namespace = field.text("namespace")
    if namespace:
        judge(field, "namespace", namespace, label)
    labels = scope.labels(field.mapping("labels"))
    check_annotations(field)
    return Metadata(namespace or scope.options.namespace, name, labels, _owner(field))


def check_annotations(metadata: Field) -> None:
    """Report annotations that are none: they decide nothing, but the API server takes text only.

    "Keys' format must be a qualified name", in which upper and lower case are the same.
    """
    field = metadata.mapping("annotations")
    if field is None:
        return
    for key, value in field.value.items():
        for message in label_key(key.lower()):
            field.entry(key, key).invalid(message, mended(key, label_key))
        if not isinstance(value, str | None):
            field.entry(key, value).wrong_type("string")


def judge(field: Field, key: str, name: str, rule: Rule) -> None:
    """Report what is wrong with a name that stands at `key`."""
    if messages := rule(name):
        for message in messages:
            field.child(key, name).invalid(message, mended(name, rule))


def _owner(field: Field) -> Owner | None:
    if field.value.get("ownerReferences") is None:
        return None
    for reference in field.mappings("ownerReferences"):
        reference.known(schema.OWNER_REFERENCE)
        if reference.boolean("controller"):
            group, slash, _ = reference.text("apiVersion").rpartition("/")
            return Owner(group if slash else "", reference.text("kind"), reference.text("name"))
    return None
