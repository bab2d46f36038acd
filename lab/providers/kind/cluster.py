"""A kind cluster by its name: made, found, removed, by the program `kind`.

Comes in: a configuration, an engine. Goes out: a cluster whose kubeconfig is a file of its own, so that the
user's current context is never touched. What kind says when it fails becomes a LabError.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from lab.errors import LabError
from lab.programs import Ended, Told, found, run
from lab.providers.kind.config import Configuration
from lab.providers.kind.engines import CHOICE, Engine
from lab.providers.kind.troubles import of_kind

_SECONDS = 120.0
_ENFORCING = (0, 24)
# Kubernetes 1.37 does not read the configuration any more that an older kind gives to kubeadm.
_V1BETA4 = (0, 32)
_WITHOUT_V1BETA3 = (1, 37)
_CREATION = 1800.0
"""Seconds for a cluster, with the node image pulled over a slow line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCluster:
    """A cluster that is there, or will be; `kubeconfig` is where its access is kept."""

    name: str
    engine: Engine
    kubeconfig: Path

    @property
    def context(self) -> str:
        """The name that kind gives the context in the kubeconfig."""
        return f"kind-{self.name}"

    def exists(self) -> bool:
        """Return whether kind knows a cluster of this name, whoever made it."""
        return self.name in self._kind(("get", "clusters")).out.split()

    def nodes(self) -> tuple[str, ...]:
        """Return the names of its nodes, which are their containers' names too."""
        return tuple(self._kind(("get", "nodes", "--name", self.name)).out.split())

    def create(self, configuration: Configuration, *, retain: bool = False, told: Told | None = None) -> None:
        """Make the cluster. Raises LabError; kind removes what it made then, unless told to `retain` it."""
        self.kubeconfig.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        words = ("create", "cluster", "--name", self.name, "--kubeconfig", str(self.kubeconfig))
        # JSON is YAML, and needs no file that could be left behind. No `--wait`: without a CNI nothing
        # becomes ready, and waiting would only burn time.
        self._kind(
            (*words, *(("--retain",) if retain else ()), "--config", "-"),
            stdin=json.dumps(dict(configuration.document)),
            seconds=_CREATION,
            told=told,
        )
        if self.kubeconfig.exists():
            self.kubeconfig.chmod(0o600)

    def delete(self) -> bool:
        """Remove the cluster and its kubeconfig; False when there was none."""
        there = self.exists()
        if there:
            self._kind(
                ("delete", "cluster", "--name", self.name, "--kubeconfig", str(self.kubeconfig)),
            )
        self.kubeconfig.unlink(missing_ok=True)
        return there

    def load(self, archive: Path, told: Told | None = None) -> None:
        """Put the images of an archive, which is of one platform, on all nodes."""
        self._kind(("load", "image-archive", str(archive), "--name", self.name), seconds=_CREATION, told=told)

    def _kind(
        self, words: tuple[str, ...], stdin: str = "", seconds: float = _SECONDS, told: Told | None = None
    ) -> Ended:
        check_installed()
        hear = _without_choice(told) if told else None
        ended = run(
            ("kind", *words), stdin=stdin, variables=self.engine.variables, seconds=seconds, told=hear
        )
        if ended.code:
            raise of_kind(ended, self.name, self.engine.name)
        return ended


def _without_choice(told: Told) -> Told:
    """Return what passes lines on but the one in which kind tells the engine that we chose ourselves."""
    return lambda line: None if f"due to {CHOICE}" in line else told(line)


def check_installed() -> None:
    """Raise LabError unless the program kind is there, and the package that speaks with its clusters."""
    if find_spec("kubernetes") is None:
        raise LabError(
            "a kind cluster is spoken with through the package `kubernetes`, which is not installed",
            "install kubereach[cluster]",
        )
    if not found("kind"):
        raise LabError(
            "`kind` is not installed",
            "see https://kind.sigs.k8s.io/docs/user/quick-start/, or bring the lab up without: "
            "`--provider netns`",
        )


def check_version(*, kindnet: bool, kubernetes: tuple[int, int] | None) -> None:
    """Raise LabError when this kind is too old: for policies on its own network, or for a Kubernetes."""
    said = run(("kind", "version"), seconds=_SECONDS).out
    match = re.search(r"v(\d+)\.(\d+)", said)
    if not match:
        return
    version = (int(match[1]), int(match[2]))
    if kindnet and version < _ENFORCING:
        raise LabError(
            f"the network of kind {match[0]} does not enforce policies",
            "update kind to 0.24 or later, or take Calico: `--cni calico`",
        )
    if kubernetes and kubernetes >= _WITHOUT_V1BETA3 and version < _V1BETA4:
        raise LabError(
            f"kind {match[0]} cannot bring up Kubernetes {'.'.join(map(str, kubernetes))}",
            "update kind to 0.32 or later, or take a Kubernetes of its time: `--kubernetes-version v1.34.0`",
        )
