"""How to read the input: what the user says, else what the input shows, else the usual.

Comes in: what the user says, and documents. Goes out: Options for the decoder.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.decode import Options
from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity
from analyzer.load.text import shown
from analyzer.profiles import CALICO, PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.load import Document
    from analyzer.profiles import Profile

_USUAL = Options()
_KIND_CONFIGURATION = "kind-config.yaml"
# Objects that tell which CNI runs, and where the addresses of pods lie.
_TELLING = frozenset({"DaemonSet", "IPPool", "Node"})
# What kind takes when its configuration does not say (`networking.podSubnet`), by `networking.ipFamily`.
_SUBNETS = {"ipv4": "10.244.0.0/16", "ipv6": "fd00:10:244::/56", "dual": "10.244.0.0/16,fd00:10:244::/56"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a user says about the input; empty where nothing. `cni` names a profile."""

    cni: str = ""
    namespace: str = "default"
    pod_cidrs: tuple[str, ...] = ()
    kubernetes_version: str = ""


def options(said: Said, documents: Sequence[Document], *, routes: bool = False) -> Options:
    """Return the options of a run. Raises AnalyzerError when the user names what does not exist."""
    version = said.kubernetes_version
    telling = not _TELLING.isdisjoint(document.kind for document in documents)
    return Options(
        profile=_named(said.cni) if said.cni else (_detected(documents) if telling else CALICO),
        namespace=said.namespace,
        pod_cidrs=said.pod_cidrs or _pod_cidrs(documents, telling=telling),
        kubernetes_version=_version(version) if version else _USUAL.kubernetes_version,
        routes=routes,
    )


def _named(name: str) -> Profile:
    if profile := PROFILES.get(name.lower()):
        return profile
    raise _error(f"there is no CNI profile {shown(name)}", f"write one of {', '.join(PROFILES)}")


def _detected(documents: Sequence[Document]) -> Profile:
    from analyzer.live.detect import detect_profile

    return PROFILES[detect_profile(documents) or CALICO.name]


def _version(text: str) -> tuple[int, int]:
    major, _, rest = text.removeprefix("v").partition(".")
    minor = rest.partition(".")[0].removesuffix("+")
    if not all(part.isascii() and part.isdigit() and len(part) < 4 for part in (major, minor)):
        raise _error(f"{shown(text)} is no Kubernetes version", "write it as `1.36`")
    return int(major), int(minor)


def _pod_cidrs(documents: Sequence[Document], *, telling: bool) -> tuple[str, ...]:
    """Look for the pod network in the input, then in a kind configuration in the working directory."""
    if found := tuple(_of_kind(documents)):
        return found
    if telling:
        from analyzer.live.detect import detect_pod_cidrs

        if found := detect_pod_cidrs(documents):
            return found
    return tuple(_of_kind(_beside())) or _USUAL.pod_cidrs


def is_kind_configuration(document: Document) -> bool:
    """Tell whether a document configures a kind cluster."""
    return document.kind == "Cluster" and document.api_version.startswith("kind.x-k8s.io/")


def _of_kind(documents: Sequence[Document]) -> Iterator[str]:
    """Yield the pod networks that kind's configuration names (`networking.podSubnet`)."""
    for document in documents:
        if is_kind_configuration(document):
            networking = document.data.get("networking")
            fields = networking if isinstance(networking, dict) else {}
            subnets = fields.get("podSubnet") or _SUBNETS.get(str(fields.get("ipFamily", "ipv4")), "")
            yield from (part.strip() for part in str(subnets).split(",") if part.strip())


def _beside() -> Sequence[Document]:
    """Read the kind configuration of the project that one works in, if there is one that can be read."""
    from analyzer.load import load

    if not os.path.isfile(_KIND_CONFIGURATION):  # noqa: PTH113 - pathlib takes a while to import
        return ()
    try:
        return load([_KIND_CONFIGURATION]).documents
    except AnalyzerError:
        return ()


def _error(message: str, hint: str) -> AnalyzerError:
    return AnalyzerError(Diagnostic(severity=Severity.ERROR, code="usage", message=message, help=hint))
