"""The control probe: before a new cluster is believed, it must let through and stop what is known.

Comes in: a lab on a cluster. Goes out: nothing, or a LabError. Three pods of the lab's own are probed as all
others are: a connection that nothing forbids must come to be, and one that a policy forbids must not. They
are removed again when they behave.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analyzer.load import Document
from lab.errors import LabError
from lab.probes import Outcome, Probe, Protocol
from lab.programs import Told

if TYPE_CHECKING:
    from lab.providers.context.client import Client
    from lab.providers.context.provider import ClusterLab

NAMESPACE = "kubereach-control"
_PORT = 8080
_STOPPED = (Outcome.DROPPED, Outcome.REJECTED)
_PAUSE = 1.0


def check(lab: ClusterLab, image: str, patience: float, told: Told | None = None) -> None:
    """Let the control pods come up, probe them, and remove them; `told` is told how far that is.

    Raises LabError when they do not behave; they stay then, to be looked at.
    """
    from lab.providers.context import applying, waiting

    say = told or (lambda _: None)
    documents = [Document(each, "the control probe") for each in _objects(image)]
    applied = applying.apply(lab.client, documents, labels=lab.labels)
    waiting.pods_ready(lab.client, [NAMESPACE], patience, told=told)
    addresses = _addresses(lab.client)
    probing = type(lab)(lab.record)  # it reads the cluster anew, with the control pods in it
    open_, closed = (_probe(name, addresses) for name in ("open", "closed"))
    _until(probing, open_, (Outcome.OPEN,), patience, "a connection that nothing forbids", say)
    _until(probing, closed, _STOPPED, patience, "a connection that a policy forbids", say)
    say("removing the control pods")
    applying.remove(lab.client, applied)
    waiting.gone(lab.client, f"/api/v1/namespaces/{NAMESPACE}", patience)


def _until(
    lab: ClusterLab, probe: Probe, wanted: tuple[Outcome, ...], patience: float, what: str, say: Told
) -> None:
    """Probe until the outcome is the one that must be: a policy takes a moment to take hold."""
    ends = time.monotonic() + patience
    say(f"probing {what}")
    while True:
        result, _ = lab.trace(probe)
        if result.outcome in wanted:
            return
        reason = next((each.reason for each in reversed(result.attempts) if each.reason), "")
        found = f"{what} was {result.outcome.value}{reason and f' ({reason})'}"
        if time.monotonic() + _PAUSE > ends:
            raise LabError(
                f"the cluster does not work as a lab: {found}",
                "look at the CNI's pods; with `--retain` the cluster stays, to look at it",
            )
        say(f"{found}; it is probed again (at most {patience:g} s)")
        time.sleep(_PAUSE)


def _probe(name: str, addresses: Mapping[str, str]) -> Probe:
    address = addresses.get(name)
    if not address:
        raise LabError(f"the cluster gave the control pod {NAMESPACE}/{name} no address")
    return Probe(
        source=f"{NAMESPACE}/source",
        address=address,
        protocol=Protocol.TCP,
        port=_PORT,
        expect=f"{NAMESPACE}/{name}",
    )


def _addresses(client: Client) -> Mapping[str, str]:
    pods = client.list_all(f"/api/v1/namespaces/{NAMESPACE}/pods")
    return {
        str(each["metadata"]["name"]): str((each.get("status") or {}).get("podIP") or "") for each in pods
    }


def _objects(image: str) -> list[dict[str, Any]]:
    named = {"metadata": {"name": NAMESPACE}}
    found: list[dict[str, Any]] = [{"apiVersion": "v1", "kind": "Namespace", **named}]
    found += [_pod(name, image) for name in ("source", "open", "closed")]
    policy = {"podSelector": {"matchLabels": {"control": "closed"}}, "policyTypes": ["Ingress"]}
    metadata = {"name": "deny-all", "namespace": NAMESPACE}
    found.append(
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": policy}
    )
    return found


def _pod(name: str, image: str) -> dict[str, Any]:
    container = {
        "name": "agnhost",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["netexec", f"--http-port={_PORT}"],
        "ports": [{"containerPort": _PORT}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"control": name}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }
