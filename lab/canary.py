"""Canaries: pods of the lab's own with known verdicts, asked before any other.

Comes in: a world. Goes out: a small cluster beside it, and what must be seen of it: a connection that works,
and one that a policy stops. When they do not behave, nothing else that is seen means anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analyzer import (
    Action,
    AddressSet,
    Cluster,
    Direction,
    Namespace,
    Pod,
    Policy,
    Span,
    Tier,
    TierKind,
    Workload,
)
from analyzer.selectors import EVERYTHING, NAMESPACE_NAME, Selector, namespace_named
from lab.errors import LabError
from lab.probes import Outcome, Probe, ProbeResult, Protocol
from lab.world import World

NAMESPACE = "kubereach-canary"
_SPAN = Span("the lab's canaries")
_PORT = 80
_SEARCHED = 1024


def cluster(world: World) -> Cluster:
    """Return the canaries' cluster: three pods on the first and the last node, of which one is closed."""
    addresses = _free(world, 3)
    nodes = [world.nodes[-1].name, world.nodes[0].name, world.nodes[0].name]
    pods = tuple(
        _pod(name, node, address)
        for name, node, address in zip(("source", "open", "closed"), nodes, addresses, strict=True)
    )
    deny = Policy(
        kind="NetworkPolicy",
        namespace=NAMESPACE,
        name="deny-all",
        order=0.0,
        subject_namespaces=namespace_named(NAMESPACE),
        subject_pods=Selector.equal({"canary": "closed"}),
        directions=frozenset((Direction.INGRESS,)),
        ingress=(),
        egress=(),
        span=_SPAN,
    )
    assert deny.subject_pods != EVERYTHING, "the deny-all selects one canary only"
    tier = Tier(name="NetworkPolicy", kind=TierKind.UNION, unmatched=Action.DENY, policies=(deny,))
    labels = {NAMESPACE_NAME: NAMESPACE}
    return replace(
        world.cluster,
        namespaces={NAMESPACE: Namespace(name=NAMESPACE, labels=labels)},
        pods=pods,
        services=(),
        tiers=(tier,),
    )


def questions(canaries: Cluster) -> list[Probe]:
    """Return the probes of the canaries: the first must arrive, the second must not."""
    source, *others = (f"{pod.namespace}/{pod.name}" for pod in canaries.pods)
    return [
        Probe(source=source, address=pod.addresses[0], protocol=Protocol.TCP, port=_PORT, expect=name)
        for name, pod in zip(others, canaries.pods[1:], strict=True)
    ]


def check(results: Sequence[ProbeResult]) -> None:
    """Raise LabError unless the canaries behave."""
    opened, closed = (result.outcome for result in results)
    if opened is not Outcome.OPEN:
        what = f"a connection that nothing forbids was {opened.value}"
    elif closed not in (Outcome.DROPPED, Outcome.REJECTED):
        what = f"a connection that a policy forbids was {closed.value}"
    else:
        return
    raise LabError(
        f"the lab does not work, so nothing that it shows would mean anything: {what}",
        "bring it `down` and `up` again; if that changes nothing, please report it",
    )


def _pod(name: str, node: str, address: str) -> Pod:
    return Pod(
        name=name,
        workload=Workload(kind="Pod", namespace=NAMESPACE, name=name),
        labels={"canary": name},
        ports=(),
        addresses=(address,),
        host_network=False,
        node=node,
        replicas=1,
        span=_SPAN,
    )


def _free(world: World, count: int) -> list[str]:
    """Take addresses from the end of the pod network, which pods are given last."""
    taken = {address for pod in world.cluster.pods for address in pod.addresses}
    first, last = world.cluster.pod_addresses.intervals[0]
    found: list[str] = []
    for number in range(last - 1, max(first, last - _SEARCHED), -1):
        address = next(AddressSet([(number, number)]).addresses())
        if address not in taken:
            found.append(address)
        if len(found) == count:
            return found
    raise LabError("the pod network has no address left for the lab's canaries", "use a wider `--pod-cidr`")
