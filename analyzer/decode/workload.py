"""Workloads: the kinds that make pods from a template.

Comes in: a document. Goes out: a draft with its template, the number of pods, and its controller. Source of
the rules and their wording: k8s.io/kubernetes, pkg/apis/apps/validation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analyzer.decode import schema
from analyzer.decode.labelselector import read_selector
from analyzer.decode.metadata import MISPLACED, Owner, check_annotations, read_metadata
from analyzer.decode.pod import PodShape, read_shape
from analyzer.decode.shown import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analyzer.decode.field import Field
    from analyzer.decode.scope import Scope


KINDS = tuple(schema.WORKLOAD_SPECS)
# The field with the number of pods; the other kinds make one.
_COUNTS: Mapping[str, str] = {
    "Deployment": "replicas",
    "StatefulSet": "replicas",
    "ReplicaSet": "replicas",
    "ReplicationController": "replicas",
    "Job": "parallelism",
}
# Kinds whose selector is optional: it defaults to the labels of the template, or is made of labels that the
# API server adds to it.
_DEFAULTED = ("ReplicationController", "Job", "CronJob")
_MISPLACED = {
    "labels": "`labels` belongs into `metadata`: indent it more",
    "containers": "`containers` belongs into `spec`: indent it more",
}


class DraftWorkload(NamedTuple):
    """A workload as written, without its place. `finished`: a Job that says so."""

    kind: str
    namespace: str
    name: str
    owner: Owner | None
    labels: Mapping[str, str]
    shape: PodShape
    replicas: int
    finished: bool


def read_workload(root: Field, kind: str, scope: Scope) -> DraftWorkload:
    """Read a workload of any kind in KINDS."""
    root.known(schema.OBJECT)
    metadata = read_metadata(root, scope)
    spec = root.mapping("spec") or root.child("spec", {})
    spec.read(schema.WORKLOAD_SPECS[kind])
    holder = _job_of(spec) if kind == "CronJob" else spec
    labels, shape = _template(holder, scope)
    _check_selector(spec, kind, labels, scope)
    return DraftWorkload(
        kind=kind,
        namespace=metadata.namespace,
        name=metadata.name,
        owner=metadata.owner,
        labels=labels,
        shape=shape,
        replicas=_replicas(spec, _COUNTS.get(kind, "")),
        finished=kind == "Job" and _is_finished(root),
    )


def _job_of(spec: Field) -> Field:
    """Return the spec of the Jobs that a CronJob makes."""
    template = spec.mapping("jobTemplate")
    if template is None:
        if spec.value.get("jobTemplate") is None:
            spec.child("jobTemplate").required(hint="a CronJob has the Job in `jobTemplate`")
        return spec.child("jobTemplate", {}).child("spec", {})
    return template.mapping("spec") or template.child("spec", {})


def _template(holder: Field, scope: Scope) -> tuple[Mapping[str, str], PodShape]:
    """Read the pod template: labels, and what of its spec matters."""
    template = holder.mapping("template")
    if template is None:
        if holder.value.get("template") is None:
            holder.child("template").required(hint="a workload has its pods in `template`")
        template = holder.child("template", {})
    template.known(schema.POD_TEMPLATE, _MISPLACED)
    metadata = template.mapping("metadata") or template.child("metadata", {})
    metadata.known(schema.METADATA, MISPLACED)
    check_annotations(metadata)
    shape = read_shape(template.mapping("spec") or template.child("spec", {}), scope)
    return scope.labels(metadata.mapping("labels")), shape


def _check_selector(spec: Field, kind: str, labels: Mapping[str, str], scope: Scope) -> None:
    """Check that the selector matches the template: the API server refuses a workload where it does not."""
    field = spec.mapping("selector")
    if field is None:
        if kind not in _DEFAULTED and spec.value.get("selector") is None:
            spec.child("selector").required(hint="select the labels of the template by `matchLabels`")
        return
    if kind == "Job":
        return
    if kind == "ReplicationController":
        # "If Selector is empty, it is defaulted to the labels present on the Pod template."
        selector, empty = scope.selector(scope.labels(field)), False
    else:
        selector, empty = read_selector(field, scope), not any(field.value.values())
    if empty:
        field.invalid(f"empty selector is invalid for {kind.lower()}", "name labels of the template")
    elif not selector.matches(labels):
        at = spec.child("template").child("metadata").child("labels", dict(labels))
        at.invalid(
            "`selector` does not match template `labels`", f"the selector asks for `{plain(str(selector))}`"
        )


def _replicas(spec: Field, count: str) -> int:
    """Read the number of pods: "Defaults to 1"."""
    number = spec.integer(count) if count else None
    if number is None:
        return 1
    if number < 0:
        spec.child(count, number).invalid("must be greater than or equal to 0")
    return number


def _is_finished(root: Field) -> bool:
    """Tell whether a Job says that it is done: "type of job condition, Complete or Failed"."""
    status = root.mapping("status")
    conditions = status.mappings("conditions") if status and status.value.get("conditions") else ()
    return any(
        each.value.get("type") in ("Complete", "Failed") and each.value.get("status") == "True"
        for each in conditions
    )
