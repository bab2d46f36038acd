"""What the user wants of a kind cluster: the options of the commands that make one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the user wants of a kind cluster, as written; empty for the usual.

    `manifest` is a file with Calico's, `variables` are `NAME=VALUE`, `bundle` is a file of images,
    `probe` the image to probe with.
    """

    name: str
    nodes: int = 0
    cni: str = ""
    kubernetes: str = ""
    calico: str = ""
    manifest: str = ""
    variables: tuple[str, ...] = ()
    bundle: str = ""
    probe: str = ""
    retain: bool = False

    @property
    def options(self) -> tuple[str, ...]:
        """The options that were given and that nothing but a kind cluster has."""
        given = {
            "--nodes": self.nodes,
            "--kubernetes-version": self.kubernetes,
            "--calico-version": self.calico,
            "--calico-manifest": self.manifest,
            "--calico-env": self.variables,
            "--images": self.bundle,
            "--retain": self.retain,
        }
        return tuple(option for option, value in given.items() if value)

    @property
    def of_calico(self) -> tuple[str, ...]:
        """Those of them that say something about Calico."""
        return tuple(option for option in self.options if option.startswith("--calico"))
