"""What controllers do, at once: pods for workloads, how far these are, kinds for CustomResourceDefinitions.

Pods that a controller makes are admitted like any others: what is refused is an event and a condition.
"""

from __future__ import annotations

import copy
import json
import zlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from tests.fakes.kube_api import removal, statuses, writes
from tests.fakes.kube_api.kinds import BUILT_IN, Kind, Object, Place
from tests.fakes.kube_api.statuses import Refused
from tests.fakes.kube_api.validation import defaulted

if TYPE_CHECKING:
    from tests.fakes.kube_api.server import KubeApi

_KINDS = {each.kind: each for each in BUILT_IN}
_POD = _KINDS["Pod"]
_OWNERS = ("ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet", "Job")
_WORKLOADS = ("Deployment", *_OWNERS)


class Controllers:
    """All controllers of a cluster.

    `quiet` are namespaces whose workloads say that they run and have no pods; `stuck` are kinds of which
    nothing is ever ready. A CustomResourceDefinition is established once it was looked at `slow` times.
    """

    def __init__(self, *, quiet: Iterable[str] = (), stuck: Iterable[str] = (), slow: int = 0) -> None:
        self.quiet = frozenset(quiet)
        self.stuck = set(stuck)
        self.slow = slow
        self.accounts: dict[str, int] = {}
        """How many pods are yet refused in a namespace, whose account is not there before."""
        self._looked: dict[str, int] = {}

    def account(self, place: Place) -> None:
        """Raise Refused for a pod in a namespace that has no account yet."""
        left = self.accounts.get(place.namespace, 0)
        if left:
            self.accounts[place.namespace] = left - 1
            missing = 'serviceaccount "default" not found'
            words = f"error looking up service account {place.namespace}/default: {missing}"
            raise Refused(statuses.forbidden(place, words))

    def make(self, api: KubeApi) -> None:
        """Make the kinds and pods that are wanted, and remove those that are not any more."""
        for crd in list(api.objects("customresourcedefinitions", "apiextensions.k8s.io").values()):
            self._establish(api, crd, self.slow)
        for found in list(api.store.objects(_KINDS["Deployment"].stored).values()):
            if not self._silent(found):
                _replica_set(api, found)
        for name in _OWNERS:
            for found in list(api.store.objects(_KINDS[name].stored).values()):
                if not self._silent(found) and "spec" in found:
                    _pods(api, _KINDS[name], found)

    def tell(self, api: KubeApi) -> None:
        """Let workloads say how far they are."""
        for name in _WORKLOADS:
            kind = _KINDS[name]
            for found in list(api.store.objects(kind.stored).values()):
                if "spec" in found:
                    _tell(api, kind, found, self._status(api, kind, found))

    def looked(self, api: KubeApi, name: str) -> None:
        """Note that somebody looks at a CustomResourceDefinition."""
        crd = api.objects("customresourcedefinitions", "apiextensions.k8s.io").get(("", name))
        if crd is not None:
            self._looked[name] = self._looked.get(name, 0) + 1
            self._establish(api, crd, self.slow)

    def _silent(self, found: Object) -> bool:
        return found["metadata"].get("namespace") in self.quiet

    def _status(self, api: KubeApi, kind: Kind, found: Object) -> Object:
        if self._silent(found) or kind.kind in self.stuck:
            wanted = _wanted(api, kind, found)
            ready = 0 if kind.kind in self.stuck else wanted
        else:
            pods = list(_owned(api, found, deep=kind.kind == "Deployment"))
            wanted, ready = _wanted(api, kind, found), sum(map(_ready, pods))
        generation = {"observedGeneration": found["metadata"].get("generation", 1)}
        if kind.kind == "DaemonSet":
            told = {"desiredNumberScheduled": wanted, "currentNumberScheduled": wanted}
            told |= {"updatedNumberScheduled": wanted, "numberReady": ready, "numberAvailable": ready}
        elif kind.kind == "Job":
            return {"active": wanted}
        else:
            told = {"replicas": wanted, "updatedReplicas": wanted}
            told |= {"readyReplicas": ready, "availableReplicas": ready}
        return {**generation, **told}

    def _establish(self, api: KubeApi, crd: Object, slow: int) -> None:
        done = self._looked.get(crd["metadata"]["name"], 0) >= slow
        condition = {"type": "Established", "status": "True" if done else "False"}
        if (crd.get("status") or {}).get("conditions") != [condition]:
            kind = _KINDS["CustomResourceDefinition"]
            api.store.put(kind, {**copy.deepcopy(crd), "status": {"conditions": [condition]}})
        if done:
            known = {(each.resource, each.version) for each in api.kinds}
            api.kinds += [each for each in _kinds(crd) if (each.resource, each.version) not in known]


def _kinds(crd: Object) -> Iterator[Kind]:
    spec = crd["spec"]
    versions = spec.get("versions") or [{"name": spec.get("version", "v1"), "served": True}]
    for each in versions:
        if each.get("served", True):
            yield Kind(
                group=spec["group"],
                version=each["name"],
                plural=spec["names"]["plural"],
                kind=spec["names"]["kind"],
                namespaced=spec.get("scope") == "Namespaced",
                built_in=False,
                schema=(each.get("schema") or {}).get("openAPIV3Schema") or {},
            )


def _tell(api: KubeApi, kind: Kind, found: Object, told: Object) -> None:
    status = {**(found.get("status") or {}), **told}
    if status != found.get("status"):
        api.store.put(kind, {**copy.deepcopy(found), "status": status})


def _wanted(api: KubeApi, kind: Kind, found: Object) -> int:
    if kind.kind == "DaemonSet":
        return len(api.objects("nodes"))
    number = found["spec"].get("parallelism" if kind.kind == "Job" else "replicas")
    return 1 if number is None else int(number)


def _replica_set(api: KubeApi, deployment: Object) -> None:
    """Make the ReplicaSet of a Deployment's template, and remove those of earlier ones."""
    metadata, spec = deployment["metadata"], deployment["spec"]
    known = writes.suffix(zlib.crc32(json.dumps(spec["template"], sort_keys=True).encode()))
    name = f"{metadata['name']}-{known}"
    kind = _KINDS["ReplicaSet"]
    for (namespace, other), each in list(api.store.objects(kind.stored).items()):
        if _owns(deployment, each) and other != name:
            removal.delete(api, Place(kind=kind, namespace=namespace, name=other))
    template = copy.deepcopy(spec["template"])
    template.setdefault("metadata", {}).setdefault("labels", {})["pod-template-hash"] = known
    selector = copy.deepcopy(spec["selector"])
    selector.setdefault("matchLabels", {})["pod-template-hash"] = known
    wanted: Object = {
        "metadata": {
            "name": name,
            "labels": template["metadata"]["labels"],
            "ownerReferences": [_owner(_KINDS["Deployment"], deployment)],
        },
        "spec": {"replicas": spec.get("replicas", 1), "selector": selector, "template": template},
    }
    place = Place(kind=kind, namespace=metadata["namespace"], name=name)
    live = api.store.find(kind, place.namespace, name)
    writes.finish(api, place, live, wanted)


def _pods(api: KubeApi, kind: Kind, owner: Object) -> None:
    """Make the pods of a workload: as many as it wants, of its template as it is now."""
    namespace, template = owner["metadata"]["namespace"], owner["spec"].get("template") or {}
    fresh: dict[str, Object] = {}
    wanted = list(_names(api, kind, owner))
    for name, node in wanted:
        pod = _pod(kind, owner, template, node)
        defaulted(_POD, pod)
        fresh[name] = pod
    for each in list(_owned(api, owner)):
        name = each["metadata"]["name"]
        if name not in fresh or (kind.kind != "Job" and _differs(each, fresh[name])):
            removal.delete(api, Place(kind=_POD, namespace=namespace, name=name))
    for name, pod in fresh.items():
        if api.store.find(_POD, namespace, name) is None:
            try:
                writes.finish(api, Place(kind=_POD, namespace=namespace, name=name), None, pod)
            except Refused as refused:
                _failed(api, kind, owner, refused)
                return


def _names(api: KubeApi, kind: Kind, owner: Object) -> Iterator[tuple[str, str]]:
    """Yield what the pods of a workload are called, and on which node they must be."""
    name = owner["metadata"]["name"]
    if kind.kind == "DaemonSet":
        for _, node in sorted(api.objects("nodes")):
            yield f"{name}-{writes.suffix(zlib.crc32(node.encode()))}", node
        return
    for number in range(_wanted(api, kind, owner)):
        own = str(number) if kind.kind == "StatefulSet" else writes.suffix(zlib.crc32(name.encode()) + number)
        yield f"{name}-{own}", ""


def _pod(kind: Kind, owner: Object, template: Object, node: str) -> Object:
    metadata = copy.deepcopy(template.get("metadata") or {})
    metadata["ownerReferences"] = [_owner(kind, owner)]
    spec = copy.deepcopy(template.get("spec") or {})
    if node:
        spec["nodeName"] = node
    return {"metadata": metadata, "spec": spec}


def _differs(pod: Object, wanted: Object) -> bool:
    """Tell whether a pod was made of another template: where it runs was decided since."""
    free = ("nodeName", "ephemeralContainers")
    mine, other = ({k: v for k, v in each["spec"].items() if k not in free} for each in (pod, wanted))
    labels = [each["metadata"].get("labels") or {} for each in (pod, wanted)]
    return mine != other or labels[0] != labels[1]


def _failed(api: KubeApi, kind: Kind, owner: Object, refused: Refused) -> None:
    """Tell by an event and a condition that a pod could not be made."""
    body: Any = refused.reply.body
    message = f"Error creating: {body['message']}"
    metadata = {"name": f"{owner['metadata']['name']}.failed", "namespace": owner["metadata"]["namespace"]}
    about = {"kind": kind.kind, "name": owner["metadata"]["name"], "namespace": metadata["namespace"]}
    event = {"metadata": metadata, "type": "Warning", "reason": "FailedCreate", "message": message}
    api.store.put(_KINDS["Event"], {**event, "involvedObject": about})
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    _tell(api, kind, owner, {"conditions": [condition]})


def _owner(kind: Kind, found: Object) -> Object:
    named = {"kind": kind.kind, "name": found["metadata"]["name"], "uid": found["metadata"]["uid"]}
    return {"apiVersion": kind.api_version, **named, "controller": True, "blockOwnerDeletion": True}


def _owns(owner: Object, found: Object) -> bool:
    uid = owner["metadata"]["uid"]
    return any(each.get("uid") == uid for each in found["metadata"].get("ownerReferences") or ())


def _owned(api: KubeApi, owner: Object, *, deep: bool = False) -> Iterator[Object]:
    """Yield the pods of a workload; `deep`: those of its ReplicaSets."""
    if deep:
        for each in list(api.store.objects(_KINDS["ReplicaSet"].stored).values()):
            if _owns(owner, each):
                yield from _owned(api, each)
        return
    for each in list(api.store.objects(_POD.stored).values()):
        if _owns(owner, each):
            yield each


def _ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
