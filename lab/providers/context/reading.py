"""The world of a cluster that others made: read back as it is, with nothing added.

Comes in: a context, and what the user says. Goes out: a World: every pod with its real addresses and node,
the policies as the cluster has them, the profile of the CNI that runs; its limits say what cannot be asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from analyzer import Cluster, Diagnostic, Document, Pod, Said, Severity, options
from analyzer.decode import decode
from analyzer.live import read
from analyzer.live.detect import detect_profile
from lab.world import Limits, Node, World, names_of, own

_SYSTEM = frozenset(
    (
        "kube-system",
        "kube-public",
        "kube-node-lease",
        "calico-system",
        "calico-apiserver",
        "tigera-operator",
        "local-path-storage",
    )
)
_HOST = "pods on their node's network: a node sends from several addresses"
_NOT_RUNNING = "pods that do not run"
_QUIET = "pods of the system, in which no probe starts unless `--namespace` or `--source` names them"
_OUTSIDE = "addresses outside the cluster, where nothing of the lab runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A world, and what is to be said about how it was read."""

    world: World
    diagnostics: tuple[Diagnostic, ...]


def read_world(context: str, kubeconfig: str, *, cni: str = "", sources: Sequence[str] = ()) -> Read:
    """Read the world of a cluster, which may have no pods yet. Raises AnalyzerError."""
    loaded = read(context=context or None, kubeconfig=kubeconfig or None)
    decoded = decode(loaded.documents, options(Said(cni=cni), loaded.documents))
    # A workload without pods has nobody who could ask or answer; a pod that is being deleted soon has not.
    placed = [pod for pod in decoded.cluster.pods if pod.addresses]
    going = frozenset(_going(loaded.documents))
    pods = [pod for pod in placed if (pod.namespace, pod.name) not in going]
    phases = dict(_phases(loaded.documents))
    world = _world(decoded.cluster, pods, loaded.documents, phases, sources)
    told = [*_left_out(len(placed) - len(pods))]
    if not (cni or detect_profile(loaded.documents)):
        told.append(_taken_for(decoded.cluster.profile))
    return Read(world=world, diagnostics=(*loaded.diagnostics, *decoded.diagnostics, *told))


def _world(
    cluster: Cluster,
    pods: Sequence[Pod],
    documents: Iterable[Document],
    phases: Mapping[tuple[str, str], str],
    sources: Sequence[str],
) -> World:
    names = names_of(pods)
    named = list(zip(names, pods, strict=True))
    mute = {name: _HOST for name, pod in named if pod.host_network}
    for name, pod in named:
        if phases.get((pod.namespace, pod.name), "") != "Running":
            mute.setdefault(name, _NOT_RUNNING)
    return World(
        cluster=replace(cluster, pods=tuple(replace(pod, workload=own(pod)) for pod in pods)),
        names=names,
        origins=tuple(pod.workload for pod in pods),
        nodes=tuple(_nodes(documents, pods)),
        outside=(),
        sources=tuple(sources),
        limits=Limits(
            identified=False,
            mute=mute,
            quiet={name: _QUIET for name, pod in named if pod.namespace in _SYSTEM},
            external=_OUTSIDE,
        ),
    )


def _phases(documents: Iterable[Document]) -> Iterator[tuple[tuple[str, str], str]]:
    for each in documents:
        if each.kind == "Pod":
            status = each.data.get("status")
            phase = status.get("phase") if isinstance(status, dict) else ""
            yield (each.namespace or "default", each.name), str(phase)


def _going(documents: Iterable[Document]) -> Iterator[tuple[str, str]]:
    """Yield the pods that are being deleted: they may answer until their time is up."""
    for each in documents:
        metadata = each.data.get("metadata")
        if each.kind == "Pod" and isinstance(metadata, dict) and metadata.get("deletionTimestamp"):
            yield each.namespace or "default", each.name


def _left_out(count: int) -> Iterator[Diagnostic]:
    if count:
        pods, are = ("pod", "is") if count == 1 else ("pods", "are")
        message = f"{count} {pods} that {are} being deleted {are} left out"
        yield Diagnostic(severity=Severity.NOTICE, code="no-endpoint", message=message)


def _taken_for(profile: str) -> Diagnostic:
    return Diagnostic(
        severity=Severity.NOTICE,
        code="cni-not-found",
        message=f"no DaemonSet of a CNI that is known here was found: it is taken for {profile}",
        help="`--cni NAME` says which one it is; where nothing enforces policies, nothing is denied",
    )


def _nodes(documents: Iterable[Document], pods: Iterable[Pod]) -> Iterator[Node]:
    """Yield the nodes, and those that only pods tell of (who may not list nodes)."""
    seen: set[str] = set()
    for each in documents:
        if each.kind == "Node":
            seen.add(each.name)
            yield Node(name=each.name, addresses=tuple(_internal(each)))
    for pod in pods:
        if pod.node and pod.node not in seen:
            seen.add(pod.node)
            yield Node(name=pod.node, addresses=pod.addresses if pod.host_network else ())


def _internal(node: Document) -> Iterator[str]:
    status = node.data.get("status")
    addresses = status.get("addresses") if isinstance(status, dict) else None
    for each in addresses if isinstance(addresses, list) else ():
        if isinstance(each, dict) and each.get("type") == "InternalIP":
            yield str(each.get("address"))
