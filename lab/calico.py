"""Calico for a cluster without a CNI: which manifest, what is changed in it, when it is ready.

Comes in: a version or a file, a cluster. Goes out: Calico's objects, changed as structured documents and by
the container's name, applied. A manifest is fetched once and kept by its checksum.

https://docs.tigera.io/calico/latest/getting-started/kubernetes/self-managed-onprem/onpremises
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer.load import Document
from analyzer.load.block import Memory
from analyzer.load.text import Refused, decode, shown
from analyzer.load.yaml_text import read_yaml
from lab import families
from lab.errors import LabError

if TYPE_CHECKING:
    from lab.providers.context.client import Client

Object = dict[str, Any]

VERSION = "v3.33.0"
NAME = "calico-node"
"""Calico's DaemonSet, and the container in it that holds Felix, its agent."""

NAMESPACE = "kube-system"
LOOSE = "FELIX_IGNORELOOSERPF"
PART = "kubereach.dev/part"
# Calico is tested with these versions of Kubernetes, the first and the last.
TESTED: Mapping[tuple[int, int], tuple[tuple[int, int], tuple[int, int]]] = {
    (3, 33): ((1, 35), (1, 37)),
    (3, 32): ((1, 34), (1, 36)),
    (3, 31): ((1, 32), (1, 35)),
}
# From 3.12 on Felix accepts the loose reverse path filter of kind's nodes by itself.
_LAST_STRICT = (3, 11)
SOURCE = "https://raw.githubusercontent.com/projectcalico/calico/{version}/manifests/calico.yaml"
# SHA-256 of the manifests of releases, as many public projects that pin them have them alike. Of versions
# that are not here the checksum of the first time counts.
CHECKSUMS: Mapping[str, str] = {
    "v3.33.0": "2de8f47595fb9c41b3f47d7b767a1f8e72ecf84057af834738ff12689a234da5",
    "v3.32.1": "a1df919d9721cf667accdc3e72848911b0cb25cfab7d2478ad0c996302c95744",
}
_RELEASE = re.compile(r"v?(\d+\.\d+\.\d+)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TAG = re.compile(r":v?(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Calico's objects, as they were published; `source` says where they come from."""

    documents: tuple[Object, ...]
    source: str

    @property
    def version(self) -> tuple[int, int] | None:
        """Major and minor version, by the image of calico-node; None when its tag does not tell."""
        image = str(_container(_daemon_set(self)).get("image"))
        match = _TAG.search(image.partition("@")[0])
        return (int(match[1]), int(match[2])) if match else None


def manifest_bytes(version: str = "", file: str = "") -> tuple[bytes, str]:
    """Return a manifest and where it comes from: a file, or a version from the cache or the network.

    Raises LabError.
    """
    from lab.download import fetched

    if file:
        try:
            return Path(file).read_bytes(), file
        except OSError as error:
            raise LabError(
                f"{shown(file)} cannot be read: {error.strerror}", "name the manifest of a release of Calico"
            ) from error
    match = _RELEASE.fullmatch(version or VERSION)
    if not match:
        raise LabError(f"{shown(version)} is no version of Calico", f"write it in full, as `{VERSION}`")
    tag = f"v{match[1]}"
    kept = fetched(SOURCE.format(version=tag), f"calico-{tag}.yaml", CHECKSUMS.get(tag, ""))
    return kept.data, f"Calico {tag}"


def read(data: bytes, source: str) -> Manifest:
    """Read a manifest. Raises LabError when it is not Calico's, or cannot be read."""
    try:
        parsed = [*read_yaml(decode(data), Memory())]
    except Refused as refused:
        raise LabError(f"{shown(source)} cannot be read: {refused.problem.message}") from refused
    for each in parsed:
        for problem in each.problems:
            raise LabError(f"{shown(source)} cannot be read: {problem.message}", problem.help or None)
    found: list[Any] = []
    for each in parsed:
        value: Any = each.data
        found += value["items"] if isinstance(value, dict) and value.get("kind") == "List" else [value]
    made = Manifest(documents=tuple(each for each in found if isinstance(each, dict)), source=source)
    _container(_daemon_set(made))
    return made


def patched(
    manifest: Manifest, pod_cidrs: Sequence[str], variables: Mapping[str, str] | None = None
) -> Manifest:
    """Return a manifest that fits a cluster: its pods' addresses, and the variables that the user names.

    Raises LabError for a cluster to which this manifest cannot be fitted.
    """
    wanted = {**_needed(manifest, pod_cidrs), **(variables or {})}
    documents = families.assigning(copy.deepcopy(manifest.documents), wanted)
    made = Manifest(documents=tuple(documents), source=manifest.source)
    container = _container(_daemon_set(made))
    container["env"] = with_variables(container.get("env") or [], wanted)
    return made


def with_variables(entries: Sequence[Object], wanted: Mapping[str, str]) -> list[Object]:
    """Return a container's environment in which these variables have these values, each once."""
    kept = [
        {"name": each["name"], "value": wanted[each["name"]]} if each.get("name") in wanted else each
        for each in entries
    ]
    known = {each.get("name") for each in kept}
    return [*kept, *({"name": name, "value": value} for name, value in wanted.items() if name not in known)]


def variables(texts: Sequence[str]) -> dict[str, str]:
    """Return what `--calico-env NAME=VALUE` says. Raises LabError for what is no variable."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not _VARIABLE.fullmatch(name):
            raise LabError(
                f"{shown(text)} sets no variable", "write `--calico-env FELIX_LOGSEVERITYSCREEN=Debug`"
            )
        found[name] = value
    return found


def doubts(version: tuple[int, int] | None, kubernetes: tuple[int, int] | None) -> str:
    """Say that a Calico is not tested with a Kubernetes; "" when it is, or nothing is known of it."""
    if version is None or kubernetes is None or version not in TESTED:
        return ""
    first, last = TESTED[version]
    if first <= kubernetes <= last:
        return ""
    return (
        f"Calico {_dotted(version)} is tested with Kubernetes {_dotted(first)} to {_dotted(last)}, "
        f"and the nodes have {_dotted(kubernetes)}"
    )


def pod_cidrs(client: Client) -> tuple[str, ...]:
    """Return where a cluster gives its pods addresses. Raises LabError when the cluster does not tell."""
    from analyzer.live import detect_pod_cidrs

    told = [client.find(f"/api/v1/namespaces/{NAMESPACE}/configmaps/kubeadm-config")]
    objects = [{**each, "kind": "ConfigMap"} for each in told if each]
    objects += [{**each, "kind": "Node"} for each in client.list_all("/api/v1/nodes")]
    cidrs = detect_pod_cidrs([Document(each, "the cluster") for each in objects])
    if not cidrs:
        raise LabError(
            "the cluster does not tell from which network its pods take addresses",
            "name it: `--calico-env CALICO_IPV4POOL_CIDR=10.244.0.0/16`",
        )
    return cidrs


def install(client: Client, manifest: Manifest, extra: Mapping[str, str] | None = None) -> int:
    """Fit a manifest to a cluster and apply it; return how many objects it has. May be done again.

    Raises LabError; what was not there before is removed again then.
    """
    from lab.providers.context.applying import MANAGED_BY, apply

    chosen = dict(extra or {})
    fitted = patched(manifest, _networks(client, chosen), chosen)
    documents = [Document(each, manifest.source) for each in fitted.documents]
    # Labels of its own: what a lab deploys later, and removes, is something else.
    return len(apply(client, documents, labels={MANAGED_BY: "kubereach", PART: "calico"}).refs)


def patch(client: Client, extra: Mapping[str, str]) -> list[str]:
    """Set variables of the calico-node that runs; return the names of those that were changed.

    Raises LabError when Calico is not there.
    """
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/{NAME}"
    found = client.find(path)
    if found is None:
        raise LabError(
            f"there is no DaemonSet {NAMESPACE}/{NAME} in the cluster", "install it first: `calico.install`"
        )
    here = Manifest(documents=({**found, "kind": "DaemonSet"},), source="the cluster")
    entries = _container(_daemon_set(here)).get("env") or []
    wanted = dict(extra)
    if here.version and here.version <= _LAST_STRICT:
        wanted.setdefault(LOOSE, "true")
    now = {each.get("name"): each.get("value") for each in entries}
    changed = {name: value for name, value in wanted.items() if now.get(name) != value}
    if changed:
        # Strategic: containers and variables are found by their names, and the others stay.
        env = [{"name": name, "value": value} for name, value in changed.items()]
        spec = {"containers": [{"name": NAME, "env": env}]}
        client.patch(path, {"spec": {"template": {"spec": spec}}}, "strategic")
    return list(changed)


def ready(client: Client, patience: float, told: Callable[[str], object] | None = None) -> None:
    """Wait until Calico is in charge: its agents, the nodes, its controllers, and DNS.

    The latter two run on nodes that are Ready only. `told` is told what is waited for. Raises LabError with
    what the pods and the last events say.
    """
    from lab.providers.context import waiting

    waiting.rolled_out(client, "DaemonSet", NAMESPACE, NAME, patience, told)
    waiting.nodes_ready(client, patience, told)
    waiting.rolled_out(client, "Deployment", NAMESPACE, "calico-kube-controllers", patience, told)
    waiting.rolled_out(client, "Deployment", NAMESPACE, "coredns", patience, told)


def _networks(client: Client, chosen: Mapping[str, str]) -> tuple[str, ...]:
    """Return where pods shall have addresses: where the user says so, else where the cluster does."""
    pools = (chosen.get(name, families.NONE) for name in (families.POOL, families.POOL6))
    said = tuple(pool for pool in pools if pool != families.NONE)
    try:
        found = pod_cidrs(client)
    except LabError:
        if not said:
            raise
        return said
    # Of a family that the user names, theirs comes first.
    return (*said, *found)


def _needed(manifest: Manifest, cidrs: Sequence[str]) -> dict[str, str]:
    """Return the variables that calico-node must have in this cluster."""
    wanted = families.variables(cidrs)
    version = manifest.version
    if version is not None and version <= _LAST_STRICT:
        wanted[LOOSE] = "true"
    return wanted


def _daemon_set(manifest: Manifest) -> Object:
    for each in manifest.documents:
        if each.get("kind") == "DaemonSet" and (each.get("metadata") or {}).get("name") == NAME:
            return each
    raise LabError(
        f"{shown(manifest.source)} has no DaemonSet {NAME}",
        "name Calico's own manifest, `manifests/calico.yaml` of a release",
    )


def _container(daemon_set: Object) -> Object:
    pod: Any = ((daemon_set.get("spec") or {}).get("template") or {}).get("spec") or {}
    for each in pod.get("containers") or ():
        if isinstance(each, dict) and each.get("name") == NAME:
            return each
    raise LabError(
        f"the DaemonSet {NAME} has no container of that name", "name Calico's own manifest, unchanged"
    )


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
