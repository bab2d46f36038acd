"""The tasks of kind clusters, one group a noun: `invoke cluster.create`, `calico.install`, `images.save`.

Comes in: options as Invoke reads them. Goes out: commands carried out. Without logic, and importing nothing
until a task is run: `invoke --list` shall be quick.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

if TYPE_CHECKING:
    from analyzer.console import Console

LAB = "kubereach"
NAME = "of the lab, so that several can live side by side"
KIND = {
    "nodes": "of a kind cluster (default: those of kind-config.yaml)",
    "kubernetes-version": "of a kind cluster, such as v1.37.0",
    "calico-version": "such as v3.33.0",
    "calico-manifest": "a file with Calico's manifest, instead of fetching it",
    "calico-env": "NAME=VALUE for calico-node; may be repeated",
    "images": "a file of `invoke images.save`, for machines without a network",
    "retain": "keep a kind cluster that fails, to look at it",
}


def carry_out(call: Callable[[Console], int]) -> None:
    """Carry out a command; end Invoke with its exit code."""
    from lab.commands import carried_out

    if code := int(carried_out(call)):
        raise Exit(code=code)


@task(
    name="create",
    help={
        **{key: KIND[key] for key in ("nodes", "kubernetes-version", "images", "retain")},
        "cni": "calico, to be installed next, or kindnet, which kind brings (default: calico)",
        "name": NAME,
    },
)
def cluster_create(  # noqa: PLR0913 - one parameter an option
    context: Context,
    name: str = LAB,
    nodes: str = "0",
    cni: str = "",
    kubernetes_version: str = "",
    images: str = "",
    retain: bool = False,  # noqa: FBT001, FBT002 - a flag of the command line
) -> None:
    """Make a kind cluster from kind-config.yaml, with a kubeconfig of its own."""

    def run(console: Console) -> int:
        from lab.commands import cluster, whole
        from lab.providers.kind.wanted import Wanted

        wanted = Wanted(
            name=name,
            nodes=whole(nodes, "`--nodes`"),
            cni=cni,
            kubernetes=kubernetes_version,
            bundle=images,
            retain=retain,
        )
        return cluster.create(console, wanted)

    carry_out(run)


@task(name="delete", help={"name": NAME})
def cluster_delete(context: Context, name: str = LAB) -> None:
    """Delete a kind cluster that this lab made; may be called twice."""

    def run(console: Console) -> int:
        from lab.commands import cluster

        return cluster.delete(console, name=name)

    carry_out(run)


@task(
    name="install",
    iterable=["calico_env"],
    help={**{key: KIND[key] for key in ("calico-version", "calico-manifest", "calico-env")}, "name": NAME},
)
def calico_install(
    context: Context,
    name: str = LAB,
    calico_version: str = "",
    calico_manifest: str = "",
    calico_env: Sequence[str] | None = None,
) -> None:
    """Install Calico, fitted to the cluster, and wait until it is in charge."""

    def run(console: Console) -> int:
        from lab.commands import cluster

        return cluster.install(
            console,
            name=name,
            version=calico_version,
            manifest=calico_manifest,
            variables=tuple(calico_env or ()),
        )

    carry_out(run)


@task(name="patch", iterable=["calico_env"], help={"calico-env": KIND["calico-env"], "name": NAME})
def calico_patch(context: Context, name: str = LAB, calico_env: Sequence[str] | None = None) -> None:
    """Set variables of the Calico that runs, such as FELIX_LOGSEVERITYSCREEN=Debug."""

    def run(console: Console) -> int:
        from lab.commands import cluster

        return cluster.patch(console, name=name, variables=tuple(calico_env or ()))

    carry_out(run)


@task(
    name="save",
    help={
        "file": "to write",
        "manifests": "files and folders, separated by spaces (default: manifests/)",
        "cni": "calico, or kindnet, which the node image has (default: what kind-config.yaml says)",
        **{key: KIND[key] for key in ("kubernetes-version", "calico-version", "calico-manifest")},
        "probe-image": "an agnhost that is probed with instead of the usual one, to be named to `up` too",
    },
)
def images_save(  # noqa: PLR0913 - one parameter an option
    context: Context,
    file: str,
    manifests: str = "",
    cni: str = "",
    kubernetes_version: str = "",
    calico_version: str = "",
    calico_manifest: str = "",
    probe_image: str = "",
) -> None:
    """Save all images that a kind cluster needs, and Calico's manifest, in one file."""

    def run(console: Console) -> int:
        from lab.commands import Reading, cluster, split
        from lab.providers.kind.wanted import Wanted

        wanted = Wanted(
            name=LAB,
            cni=cni,
            kubernetes=kubernetes_version,
            calico=calico_version,
            manifest=calico_manifest,
            probe=probe_image,
        )
        return cluster.save_images(console, Reading(paths=tuple(split(manifests))), file, wanted)

    carry_out(run)


@task(name="load", help={"file": "what `invoke images.save` wrote", "name": NAME})
def images_load(context: Context, file: str, name: str = LAB) -> None:
    """Load the images of a file into the engine, and onto the nodes of a cluster that is there."""

    def run(console: Console) -> int:
        from lab.commands import cluster

        return cluster.load_images(console, file, name=name)

    carry_out(run)


def groups() -> list[Collection]:
    """Return the groups of tasks."""
    return [
        Collection("cluster", cluster_create, cluster_delete),
        Collection("calico", calico_install, calico_patch),
        Collection("images", images_save, images_load),
    ]
