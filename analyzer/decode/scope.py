"""What every decoder needs besides its document: the options, and what is shared between objects.

Comes in: options. Goes out: one Scope a run; equal labels and selectors become one object, because a
cluster has many pods and few sets of labels.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from analyzer.decode.field import Problems
from analyzer.decode.names import label_key, label_value, mended
from analyzer.decode.shown import shown
from analyzer.profiles import CALICO, Profile
from analyzer.selectors import Selector, namespace_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analyzer.decode.field import Field
    from analyzer.model import ContainerPort

Version = tuple[int, int]

# KEP-4858: strict validation of CIDRs is on by default.
STRICT_CIDRS: Version = (1, 36)
# KEP-5311: names of Services are RFC 1123 labels; before they were RFC 1035 labels.
RELAXED_SERVICE_NAMES: Version = (1, 36)
# KEP-2079: `endPort` is on by default; before it was dropped, or no field at all.
END_PORT: Version = (1, 22)
# KEP-753: an init container with restartPolicy Always is a sidecar.
SIDECARS: Version = (1, 29)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to read the input.

    `namespace` is that of objects that name none; `pod_cidrs` are where addresses of pods lie, one CIDR an
    IP family; `kubernetes_version` (major, minor) chooses the validation rules. `routes`: whether Ingresses
    and what the Gateway API has are read too; else they are passed over.
    """

    profile: Profile = CALICO
    namespace: str = "default"
    pod_cidrs: tuple[str, ...] = ("10.244.0.0/16",)
    kubernetes_version: Version = (1, 36)
    routes: bool = False


class Scope:
    """Options, problems found so far, and what objects share."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.problems = Problems()
        self.namespace_named = cache(namespace_named)
        self.container_ports: dict[tuple[object, ...], tuple[ContainerPort, ...]] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._selectors: dict[int, Selector] = {}
        self._labels: dict[frozenset[tuple[str, str]], Mapping[str, str]] = {}

    def at_least(self, version: Version) -> bool:
        """Tell whether the cluster's version has a rule that came with `version`."""
        return self.options.kubernetes_version >= version

    def count(self, kind: str, prefix: str) -> int:
        """Return the number of an object that has a `generateName` only, from 1."""
        self._counts[kind, prefix] += 1
        return self._counts[kind, prefix]

    def labels(self, field: Field | None) -> Mapping[str, str]:
        """Read labels, or the `matchLabels` of a selector; bad ones are reported and left out."""
        if field is None:
            return _NO_LABELS
        try:
            known = self._labels.get(frozenset(field.value.items()))
        except TypeError:  # some value is an array or an object
            known = None
        return self._checked(field) if known is None else known

    def selector(self, labels: Mapping[str, str]) -> Selector:
        """Return the selector of labels that `labels` returned."""
        known = self._selectors.get(id(labels))
        if known is None:
            known = self._selectors[id(labels)] = Selector.equal(labels)
        return known

    def _checked(self, field: Field) -> Mapping[str, str]:
        labels = {}
        for key, value in field.value.items():
            if isinstance(key, str) and isinstance(value, str) and not label_key(key) + label_value(value):
                labels[key] = value
            else:
                labels.update(_complain(field, key, value))
        return self._labels.setdefault(frozenset(labels.items()), labels)


def _complain(field: Field, key: Any, value: Any) -> dict[str, str]:
    """Report what is wrong with one label; return what is left of it."""
    if not isinstance(key, str):
        field.entry(shown(key), key).wrong_type("string")
        return {}
    for message in label_key(key):
        field.entry(key, key).invalid(message, mended(key, label_key))
    if value is None:
        hint = 'write the value, or `""` for an empty one'
        field.entry(key).warning("null-label", "null is read as the empty string", hint)
        return {key: ""}
    if not isinstance(value, str):
        field.entry(key, value).wrong_type("string")
        return {}
    for message in label_value(value):
        field.entry(key, value).invalid(message, mended(value, label_value))
    return {}


_NO_LABELS: Mapping[str, str] = {}
