"""kind's configuration: read, checked before anything starts, and made into what this lab gives to kind.

Comes in: the path of a file in kind's format, what the options of the command say. Goes out: a document for
`kind create cluster --config -`. What the user wrote stays; options change what they name. The fields are
those of kind 0.33, https://kind.sigs.k8s.io/docs/user/configuration/; kind itself refuses any other.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from analyzer import AnalyzerError, Diagnostic, Severity, Span
from analyzer.load import load
from analyzer.load.text import shown
from lab.errors import LabError
from lab.kindconfig import USUAL
from lab.providers.kind.versions import kubernetes_of, without_digest

API = "kind.x-k8s.io/v1alpha4"
CALICO, KINDNET = "calico", "kindnet"
CNIS = (CALICO, KINDNET)
_CONTROL_PLANE, _WORKER = "control-plane", "worker"
_MOST_NODES = 32
_NAME = re.compile(r"[a-z0-9.-]+")
_NAME_LENGTH = 50  # kind appends `-control-plane`, and a host name has 64 characters

_TYPE = ("kind", "apiVersion")
_PATCHES = ("kubeadmConfigPatches", "kubeadmConfigPatchesJSON6902")
_CLUSTER = (
    *_TYPE,
    "name",
    "nodes",
    "networking",
    "featureGates",
    "runtimeConfig",
    *_PATCHES,
    "containerdConfigPatches",
    "containerdConfigPatchesJSON6902",
)
_NODE = ("role", "image", "labels", "extraMounts", "extraPortMappings", *_PATCHES)
_MOUNT = ("containerPath", "hostPath", "readOnly", "selinuxRelabel", "propagation")
_MAPPING = ("containerPort", "hostPort", "listenAddress", "protocol")
_NETWORKING = (
    "ipFamily",
    "apiServerPort",
    "apiServerAddress",
    "podSubnet",
    "serviceSubnet",
    "disableDefaultCNI",
    "kubeProxyMode",
    "dnsSearch",
)
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "role": (_CONTROL_PLANE, _WORKER),
    "ipFamily": ("ipv4", "ipv6", "dual"),
    "kubeProxyMode": ("iptables", "nftables", "ipvs", "none"),
}
_FAMILY: Mapping[str, str] = {
    "ipv4": "write one CIDR of IPv4, or `ipFamily: ipv6` or `dual`",
    "ipv6": "write one CIDR of IPv6, or leave it out for kind's own",
    "dual": "write one CIDR a family, as `10.244.0.0/16,fd00:10:244::/56`, or leave it out for kind's own",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command's options say; empty or 0 for what they do not say."""

    nodes: int = 0
    cni: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A configuration that kind accepts, as it was written; `source` is the file, "" when there is none."""

    document: Mapping[str, Any] = field(default_factory=lambda: {"kind": "Cluster", "apiVersion": API})
    source: str = ""

    @property
    def cni(self) -> str:
        """What enforces policies in a cluster of this configuration."""
        return CALICO if _part(self.document, "networking").get("disableDefaultCNI") else KINDNET

    @property
    def has_ipv6(self) -> bool:
        """Tell whether it asks for addresses of IPv6."""
        return _part(self.document, "networking").get("ipFamily") in ("ipv6", "dual")

    @property
    def lacks_ipv6(self) -> bool:
        """Tell whether it asks for both families, and gives pods a network of IPv4 only."""
        networking = _part(self.document, "networking")
        return networking.get("ipFamily") == "dual" and ":" not in str(networking.get("podSubnet") or ":")

    @property
    def images(self) -> tuple[str, ...]:
        """The images that its nodes name, each once."""
        found = (str(node.get("image") or "") for node in self.document.get("nodes") or ())
        return tuple(dict.fromkeys(image for image in found if image))

    @property
    def kubernetes(self) -> tuple[int, int] | None:
        """The newest Kubernetes that its node images name, None when they do not tell."""
        found = (kubernetes_of(image) for image in self.images)
        return max((version for version in found if version), default=None)

    @property
    def minds_cgroup_v1(self) -> bool:
        """Whether a patch in it says what kubelet does on cgroup v1."""
        parts = (self.document, *(self.document.get("nodes") or ()))
        return any("failCgroupV1" in str(part.get(name)) for part in parts for name in _PATCHES)

    @property
    def node_count(self) -> int:
        """How many nodes it has."""
        return len(self.document.get("nodes") or (None,))


def read(path: Path = USUAL) -> Configuration:
    """Read and check a configuration; where there is no file, kind's defaults.

    Raises AnalyzerError with everything that kind would refuse, by file and line.
    """
    if not path.is_file():
        return Configuration()
    documents = load([str(path)]).documents
    clusters = [each for each in documents if each.kind == "Cluster"]
    if len(documents) != 1 or not clusters:
        raise AnalyzerError(
            _error(
                documents[0].span.child("kind"),
                "not-kind",
                "this is no configuration of kind",
                f"write one document with `kind: Cluster` and `apiVersion: {API}`",
            )
        )
    (cluster,) = clusters
    if problems := [*_problems(cluster.data, cluster.span)]:
        raise AnalyzerError(*problems)
    return Configuration(document=cluster.data, source=str(path))


def shaped(configuration: Configuration, options: Options) -> Configuration:
    """Return a configuration with what the options ask for. Raises LabError for what there cannot be."""
    made = copy.deepcopy(dict(configuration.document))
    if options.nodes:
        made["nodes"] = _counted([*(made.get("nodes") or [])], options.nodes)
    if options.cni:
        if options.cni not in CNIS:
            raise LabError(
                f"kind clusters with the CNI `{options.cni}` are not made by this lab",
                f"write one of {', '.join(CNIS)}; any cluster that runs can be probed: `--provider context`",
            )
        made["networking"] = {
            **_part(made, "networking"),
            "disableDefaultCNI": options.cni == CALICO,
        }
    if options.image:
        made["nodes"] = [
            {**node, "image": options.image} for node in made.get("nodes") or [{"role": _CONTROL_PLANE}]
        ]
    return Configuration(document=made, source=configuration.source)


def with_image(configuration: Configuration, image: str) -> Configuration:
    """Return a configuration in which nodes without an image of their own have this one."""
    made = copy.deepcopy(dict(configuration.document))
    made["nodes"] = [{"image": image, **node} for node in made.get("nodes") or [{"role": _CONTROL_PLANE}]]
    return Configuration(document=made, source=configuration.source)


def with_local_images(configuration: Configuration) -> Configuration:
    """Return a configuration whose nodes' images are named by their tags, as they are when loaded."""
    made = copy.deepcopy(dict(configuration.document))
    for node in made.get("nodes") or ():
        if node.get("image"):
            node["image"] = without_digest(node["image"])
    return Configuration(document=made, source=configuration.source)


def check_name(name: str) -> None:
    """Raise LabError unless kind can give a cluster this name."""
    if not _NAME.fullmatch(name) or len(name) > _NAME_LENGTH:
        raise LabError(
            f"a kind cluster cannot be called {shown(name)}",
            f"use lower-case letters, digits, `-` and `.`, at most {_NAME_LENGTH}",
        )


def _counted(nodes: list[Any], count: int) -> list[Any]:
    """Return so many nodes: the first of those that were written, then workers."""
    if not 1 <= count <= _MOST_NODES:
        raise LabError(f"a kind cluster of {count} nodes is not to be had", f"write 1 to {_MOST_NODES}")
    nodes = nodes or [{"role": _CONTROL_PLANE}]
    # Control planes first, so that a cluster that is cut short still has one.
    ordered = sorted(nodes, key=lambda node: node.get("role", _CONTROL_PLANE) != _CONTROL_PLANE)
    return [*ordered[:count], *({"role": _WORKER} for _ in range(count - len(nodes)))]


def _problems(data: Mapping[str, Any], span: Span) -> Iterator[Diagnostic]:
    """Yield what kind would refuse, and the old API group with its remedy."""
    version = data.get("apiVersion")
    if version != API:
        old = str(version).startswith("kind.sigs.k8s.io/")
        message = f"kind does not read `apiVersion: {version}`" if version else "there is no `apiVersion`"
        since = "kind has not read this group since version 0.9: " if old else ""
        yield _error(span.child("apiVersion"), "kind-version", message, f"{since}write `apiVersion: {API}`")
        if not old:
            return
    yield from _fields(data, _CLUSTER, span)
    if "name" in data and data["name"] and not _NAME.fullmatch(str(data["name"])):
        yield _error(
            span.child("name"),
            "kind-name",
            f"{shown(str(data['name']))} is no name of a cluster",
            "use lower-case letters, digits, `-` and `.`",
        )
    yield from _networking(data.get("networking"), span.child("networking"))
    yield from _nodes(data.get("nodes"), span.child("nodes"))


def _networking(data: Any, span: Span) -> Iterator[Diagnostic]:
    if data is None:
        return
    if not isinstance(data, dict):
        yield _error(
            span, "kind-type", "this is no mapping", "write fields such as `podSubnet: 10.244.0.0/16`"
        )
        return
    yield from _fields(data, _NETWORKING, span)
    yield from _chosen(data, ("ipFamily", "kubeProxyMode"), span)
    yield from _ports(data, ("apiServerPort",), span)
    for name in ("podSubnet", "serviceSubnet"):
        yield from _subnets(data.get(name), str(data.get("ipFamily") or "ipv4"), span.child(name))
    off = data.get("disableDefaultCNI")
    if off is not None and not isinstance(off, bool):
        yield _error(
            span.child("disableDefaultCNI"),
            "kind-type",
            f"{shown(str(off))} is neither true nor false",
            "write `disableDefaultCNI: true` for Calico, `false` for kind's own network",
        )


def _nodes(data: Any, span: Span) -> Iterator[Diagnostic]:
    if not data:
        return
    if not isinstance(data, list):
        yield _error(
            span, "kind-type", "this is no list", "write `nodes:` and a line `- role: worker` for each"
        )
        return
    for number, node in enumerate(data):
        place = span.child(number)
        if not isinstance(node, dict):
            yield _error(place, "kind-type", "this is no node", "write `- role: worker`")
            continue
        yield from _fields(node, _NODE, place)
        yield from _chosen(node, ("role",), place)
        yield from _inner(node, "extraMounts", _MOUNT, place)
        yield from _inner(node, "extraPortMappings", _MAPPING, place)
    roles = [node.get("role") or _CONTROL_PLANE for node in data if isinstance(node, dict)]
    if _CONTROL_PLANE not in roles:
        yield _error(span, "kind-nodes", "there is no control plane", "give one node `role: control-plane`")


def _inner(node: Mapping[str, Any], name: str, known: tuple[str, ...], span: Span) -> Iterator[Diagnostic]:
    entries = node.get(name)
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        place = span.child(name, number)
        if isinstance(entry, dict):
            yield from _fields(entry, known, place)
            yield from _ports(entry, ("containerPort", "hostPort"), place)


def _fields(data: Mapping[str, Any], known: tuple[str, ...], span: Span) -> Iterator[Diagnostic]:
    for name in data:
        if name not in known:
            lower = {each.lower(): each for each in known}
            alike = get_close_matches(str(name).lower(), lower, n=1)
            remedy = f"`{lower[alike[0]]}` is meant?" if alike else f"known are {', '.join(known)}"
            yield _error(
                span.child(str(name)), "kind-field", f"kind knows no field {shown(str(name))} here", remedy
            )


def _chosen(data: Mapping[str, Any], names: tuple[str, ...], span: Span) -> Iterator[Diagnostic]:
    for name in names:
        value = data.get(name)
        if value and value not in _CHOICES[name]:
            yield _error(
                span.child(name),
                "kind-value",
                f"{shown(str(value))} is no `{name}`",
                f"write one of {', '.join(_CHOICES[name])}",
            )


def _ports(data: Mapping[str, Any], names: tuple[str, ...], span: Span) -> Iterator[Diagnostic]:
    for name in names:
        value = data.get(name)
        if value is not None and not (type(value) is int and -1 <= value <= 65535):
            yield _error(
                span.child(name),
                "kind-port",
                f"{shown(str(value))} is no port",
                "write a number from 1 to 65535, 0 or -1 for any that is free",
            )


def _subnets(value: Any, family: str, span: Span) -> Iterator[Diagnostic]:
    versions = []
    for text in str(value).split(",") if value else ():
        try:
            versions.append(ip_network(text, strict=False).version)
        except ValueError:
            yield _error(span, "kind-subnet", f"{shown(text)} is no CIDR", "write it as `10.244.0.0/16`")
            return
    known = {"ipv4": ([4],), "ipv6": ([6],), "dual": ([4], [6], [4, 6], [6, 4])}.get(family)
    if versions and known and versions not in known:
        yield _error(
            span,
            "kind-subnet",
            f"{shown(str(value))} does not belong to `ipFamily: {family}`",
            _FAMILY[family],
        )


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return document.get(name) or {}


def _error(span: Span, code: str, message: str, remedy: str) -> Diagnostic:
    return Diagnostic(severity=Severity.ERROR, code=code, message=message, span=span, help=remedy)
