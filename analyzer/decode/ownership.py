"""Which pods there are: those of the input, and those that workloads without pods would make.

Comes in: drafts of pods, workloads and nodes. Goes out: the pods of the model, each with its outermost
controller. An object whose controller is in the input is no endpoint of its own; a workload whose pods are
in the input is represented by them, with their real labels and addresses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.decode.pod import State
from analyzer.diagnostics import Severity
from analyzer.model import Pod, Workload

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from analyzer.decode.field import Problems
    from analyzer.decode.metadata import Owner
    from analyzer.decode.pod import DraftPod
    from analyzer.decode.workload import DraftWorkload
    from analyzer.diagnostics import Span

Key = tuple[str, str, str]
_HASH = "pod-template-hash"
# The groups of the kinds that are read; an owner of another group may have the same kind and name.
_GROUPS = frozenset(("", "apps", "batch", "extensions"))


class Ownership:
    """The tree of controllers, and which of them have pods in the input."""

    def __init__(self, workloads: Mapping[Key, DraftWorkload]) -> None:
        self._workloads = workloads
        self._found: dict[tuple[str, Owner, str], tuple[Workload, tuple[Key, ...]]] = {}
        self._with_pods: set[Key] = set()

    def of_pod(self, draft: DraftPod) -> Workload:
        """Return the outermost controller of a pod, and remember who has pods."""
        owner = draft.owner
        # A static pod is owned by its node, which says nothing about what it runs.
        if owner is None or owner.kind in ("", "Node"):
            return Workload(kind="Pod", namespace=draft.namespace, name=draft.name)
        asked = (draft.namespace, owner, draft.labels.get(_HASH, ""))
        found = self._found.get(asked)
        if found is None:
            found = self._found[asked] = self._outermost(*asked)
        workload, passed = found
        # A CronJob goes on when the pods of its past Jobs have finished.
        if passed and draft.state is State.FINISHED:
            passed = tuple(key for key in passed if key[0] != "CronJob")
        self._with_pods.update(passed)
        return workload

    def of_template(self, key: Key) -> Workload | None:
        """Return the outermost controller of a workload that is to be represented by its template."""
        draft = self._workloads[key]
        if key in self._with_pods:
            return None
        if draft.owner is None:
            return Workload(kind=draft.kind, namespace=draft.namespace, name=draft.name)
        if self._key(draft.namespace, draft.owner) in self._workloads:
            return None
        return self._outermost(draft.namespace, draft.owner, draft.labels.get(_HASH, ""))[0]

    def _outermost(
        self, namespace: str, owner: Owner, template_hash: str
    ) -> tuple[Workload, tuple[Key, ...]]:
        """Climb from an owner to the outermost controller; return it and the workloads on the way."""
        passed: list[Key] = []
        while (key := self._key(namespace, owner)) in self._workloads and key not in passed:
            passed.append(key)
            above = self._workloads[key].owner
            if above is None:
                return Workload(kind=owner.kind, namespace=namespace, name=owner.name), tuple(passed)
            owner = above
        # A Deployment calls its ReplicaSets <its name>-<hash of the template>.
        if owner.kind == "ReplicaSet" and template_hash and owner.name.endswith(f"-{template_hash}"):
            name = owner.name.removesuffix(f"-{template_hash}")
            return Workload(kind="Deployment", namespace=namespace, name=name), tuple(passed)
        return Workload(kind=owner.kind, namespace=namespace, name=owner.name), tuple(passed)

    @staticmethod
    def _key(namespace: str, owner: Owner) -> Key:
        return owner.kind if owner.group in _GROUPS else "", namespace, owner.name


def endpoints(
    pods: Iterable[tuple[DraftPod, Span]],
    workloads: Iterable[tuple[DraftWorkload, Span]],
    nodes: Mapping[str, tuple[str, ...]],
    problems: Problems,
) -> tuple[Pod, ...]:
    """Return the pods of the cluster, sorted; what is no endpoint is counted in a notice."""
    templates = {(each.kind, each.namespace, each.name): (each, span) for each, span in workloads}
    tree = Ownership({key: template for key, (template, _) in templates.items()})
    left_out = {State.FINISHED: 0, State.WITHOUT_ADDRESS: 0}
    found = []
    for draft, span in pods:
        workload = tree.of_pod(draft)
        if draft.state is State.ACTIVE:
            found.append(_running(draft, workload, nodes, span))
        else:
            left_out[draft.state] += 1
    idle = 0
    for key, (template, span) in templates.items():
        owner = tree.of_template(key)
        if owner and not template.finished and template.replicas:
            found.append(_planned(template, owner, nodes, span))
        elif owner:
            idle += 1
    _notice(problems, left_out[State.FINISHED], "finished pod{}")
    _notice(problems, left_out[State.WITHOUT_ADDRESS], "pod{} without an address")
    _notice(problems, idle, "workload{} without replicas, or done,")
    found.sort(key=_order)
    return tuple(found)


def _running(draft: DraftPod, workload: Workload, nodes: Mapping[str, tuple[str, ...]], span: Span) -> Pod:
    shape = draft.shape
    addresses = draft.addresses
    if not addresses and shape.host_network:
        addresses = nodes.get(shape.node, ())
    return Pod(
        name=draft.name,
        workload=workload,
        labels=draft.labels,
        ports=shape.ports,
        addresses=addresses,
        host_network=shape.host_network,
        node=shape.node,
        replicas=1,
        span=span,
    )


def _planned(
    template: DraftWorkload, owner: Workload, nodes: Mapping[str, tuple[str, ...]], span: Span
) -> Pod:
    shape = template.shape
    return Pod(
        name=template.name,
        workload=owner,
        labels=template.labels,
        ports=shape.ports,
        addresses=nodes.get(shape.node, ()) if shape.host_network else (),
        host_network=shape.host_network,
        node=shape.node,
        replicas=template.replicas,
        span=span,
    )


def _order(pod: Pod) -> tuple[str, str, str, str]:
    workload = pod.workload
    return workload.namespace, workload.kind, workload.name, pod.name


def _notice(problems: Problems, count: int, what: str) -> None:
    if count:
        one = count == 1
        are = "is no endpoint" if one else "are no endpoints"
        message = f"{count} {what.format('' if one else 's')} {are}"
        problems.add(Severity.NOTICE, "no-endpoint", message, None)
