"""What a cluster's own objects tell about it: which CNI enforces its policies, where its pods' addresses lie.

Comes in: documents, of a live cluster or of a dump. Goes out: the name of a profile, CIDRs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from analyzer.load import Document
    from analyzer.sets import AddressSet

# DaemonSets by the name that the project's own manifests, charts and operators give them.
_DAEMON_SETS = {
    "anetd": "cilium",  # GKE Dataplane V2
    "antrea-agent": "antrea",
    "calico-node": "calico",
    "canal": "calico",  # Calico's policies, Flannel's network
    "cilium": "cilium",
    "kindnet": "kindnet",
    "kube-router": "kube-router",
    "ovnkube-node": "ovn-kubernetes",
}
_NAMESPACES = frozenset(
    {
        "calico-system",
        "cilium",
        "cilium-system",
        "kube-router",
        "kube-system",
        "openshift-ovn-kubernetes",
        "ovn-kubernetes",
    }
)
_POD_SUBNET = re.compile(r"^\s+podSubnet:[ \"']*([^\s\"']+)", re.MULTILINE)
_CLUSTER_CIDR = "--cluster-cidr="


def detect_profile(documents: Iterable[Document]) -> str | None:
    """Return the profile of the CNI whose DaemonSet is there; None when there is none, or more than one."""
    found = {
        _DAEMON_SETS[document.name]
        for document in documents
        if document.kind == "DaemonSet"
        and document.name in _DAEMON_SETS
        and document.namespace in _NAMESPACES
        and _at(document.data, "status", "desiredNumberScheduled") != 0
    }
    return found.pop() if len(found) == 1 else None


def detect_pod_cidrs(documents: Sequence[Document]) -> tuple[str, ...]:
    """Return the fewest CIDRs that hold the addresses of pods, () when the documents do not tell.

    Asked in this order: Calico's pools, the controller manager, kubeadm's configuration, the nodes. What an
    address of a pod contradicts does not count: not every CNI takes addresses from where the cluster says.
    """
    from analyzer.sets import AddressSet

    known = list(_pod_addresses(documents))
    for tell in (_pools, _controller_manager, _kubeadm, _nodes):
        places = AddressSet.union(_sets(tell(documents)))
        if places and all(address in places for address in known):
            return places.cidrs()
    return ()


def _at(value: Any, *steps: str) -> Any:
    """Return the field at a path, None where there is none."""
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _texts(value: Any) -> Iterator[str]:
    return (text for text in value if isinstance(text, str)) if isinstance(value, list) else iter(())


def _sets(cidrs: Iterable[str]) -> Iterator[AddressSet]:
    """Read CIDRs, several in one text too, as kubeadm writes the two of dual stack."""
    from analyzer.sets import AddressSet

    for cidr in (part for text in cidrs for part in text.split(",")):
        try:
            yield AddressSet.of(cidr.strip())
        except ValueError:
            continue  # nothing can be learnt from it


def _pod_addresses(documents: Iterable[Document]) -> Iterator[int]:
    from analyzer.sets import address_number

    for document in documents:
        if document.kind == "Pod" and not _at(document.data, "spec", "hostNetwork"):
            for entry in _at(document.data, "status", "podIPs") or ():
                try:
                    yield address_number(str(_at(entry, "ip")))
                except ValueError:
                    continue  # the decoder reports it


def _pools(documents: Iterable[Document]) -> Iterator[str]:
    for document in documents:
        if document.kind == "IPPool":
            uses = _at(document.data, "spec", "allowedUses")
            if not uses or "Workload" in uses:
                yield str(_at(document.data, "spec", "cidr"))


def _controller_manager(documents: Iterable[Document]) -> Iterator[str]:
    for document in documents:
        if document.kind == "Pod" and document.name.startswith("kube-controller-manager"):
            for container in _at(document.data, "spec", "containers") or ():
                for field in ("command", "args"):
                    for word in _texts(_at(container, field)):
                        if word.startswith(_CLUSTER_CIDR):
                            yield word.removeprefix(_CLUSTER_CIDR)


def _kubeadm(documents: Iterable[Document]) -> Iterator[str]:
    for document in documents:
        if document.kind == "ConfigMap" and document.name == "kubeadm-config":
            yield from _POD_SUBNET.findall(str(_at(document.data, "data", "ClusterConfiguration")))


def _nodes(documents: Iterable[Document]) -> Iterator[str]:
    for document in documents:
        if document.kind == "Node":
            yield from _texts(_at(document.data, "spec", "podCIDRs"))
