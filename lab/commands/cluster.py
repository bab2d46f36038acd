"""kind clusters, step by step: the whole way of `up`, or one step of it at a time.

Comes in: what the user wants, as written. Goes out: an exit code, and lines on standard error about each
step. Every step may be taken again: what is there already stays as it is.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.commands import Exit
from analyzer.console import Console
from lab import calico, records
from lab.commands import Reading, tell
from lab.errors import LabError
from lab.manifests import read
from lab.providers.kind import config, engines, images, provider
from lab.providers.kind.cluster import KindCluster
from lab.providers.kind.provider import KindLab
from lab.providers.kind.wanted import Wanted
from lab.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Sequence


def up(console: Console, reading: Reading, wanted: Wanted) -> int:
    """Make a kind cluster, deploy manifests into it, and let a control probe decide that it works."""
    from lab.commands.up import checked, counted

    began = time.monotonic()
    manifests = checked(console, replace(reading, cni=reading.cni or wanted.cni))
    lab = provider.up(sys.stderr, manifests, wanted)
    with lab:
        tell(
            f"lab `{wanted.name}` is up, a kind cluster with {lab.world.cluster.profile}: "
            f"{counted(lab.world)} ({time.monotonic() - began:.0f} s)"
        )
        tell(f"kubectl: export KUBECONFIG={lab.record.kubeconfig}")
    return Exit.FINE


def create(console: Console, wanted: Wanted) -> int:
    """Make a kind cluster, without a CNI of its own where Calico shall come."""
    work = Steps(sys.stderr, retain=wanted.retain)
    prepared = provider.prepare(wanted, calico_too=False)
    with work.undone_on_failure(), provider.create(work, prepared) as lab:
        tell(f"kubectl: export KUBECONFIG={lab.record.kubeconfig}")
    return Exit.FINE


def delete(console: Console, *, name: str) -> int:
    """Delete a kind cluster of this lab's; doing so twice is no mistake."""
    record = records.load(name)
    if record is None:
        tell(f"no lab `{name}` is running")
        return Exit.FINE
    provider.remove(_known(name))
    tell(f"lab `{name}` is down")
    return Exit.FINE


def install(
    console: Console, *, name: str, version: str = "", manifest: str = "", variables: Sequence[str] = ()
) -> int:
    """Install Calico on a kind cluster of this lab's, and wait until it is in charge."""
    chosen = calico.variables(variables)
    with _kind_lab(name) as lab:
        if lab.record.settings.get("cni") == config.KINDNET:
            raise LabError(
                f"the lab `{name}` has kind's own network, beside which Calico cannot live",
                "make a cluster without it: `invoke cluster.create --cni calico`",
            )
        found = calico.read(*calico.manifest_bytes(version, manifest))
        provider.install(Steps(sys.stderr), lab, found, chosen)
    return Exit.FINE


def patch(console: Console, *, name: str, variables: Sequence[str] = ()) -> int:
    """Set variables of the Calico that runs, and wait until all of its agents have them."""
    chosen = calico.variables(variables)
    with _kind_lab(name) as lab:
        changed = calico.patch(lab.client, chosen)
        tell(f"calico-node: {', '.join(changed)} set" if changed else "calico-node: nothing to change")
        if changed:
            with Steps(sys.stderr).step("waiting for Calico, the nodes and DNS") as say:
                calico.ready(lab.client, provider.PATIENCE, say)
    return Exit.FINE


def save_images(console: Console, reading: Reading, path: str, wanted: Wanted) -> int:
    """Write a file with all images that a kind cluster with some manifests needs, and Calico's manifest."""
    engine = engines.find()
    configuration = provider.configured(wanted)
    saved, manifest = None, None
    if configuration.cni == config.CALICO:
        data, source = calico.manifest_bytes(wanted.calico, wanted.manifest)
        manifest = calico.read(data, source)
        saved = (wanted.manifest or wanted.calico or calico.VERSION, data)
    documents = read(reading.paths, reading.said).documents
    names = provider.needed_images(documents, manifest, wanted.probe)
    nodes = configuration.images
    with Steps(sys.stderr).step(f"saving {len(names) + len(nodes)} images to {path}"):
        images.save(Path(path), engine, nodes, names, saved)
    return Exit.FINE


def load_images(console: Console, path: str, *, name: str) -> int:
    """Load a file of images: the node image into the engine, the others onto the nodes when there are any."""
    config.check_name(name)
    bundle, engine, work = images.opened(Path(path)), engines.find(), Steps(sys.stderr)
    cluster = KindCluster(name=name, engine=engine, kubeconfig=provider.kubeconfig(name))
    with work.step(f"loading the node image {bundle.node} into {engine.name}"):
        bundle.load_node(engine)
    if not cluster.exists():
        tell(f"there is no kind cluster `{name}` yet: `invoke up --provider kind --images {path}` makes one")
        return Exit.FINE
    with work.step(f"loading {len(bundle.images)} images onto the nodes of `{name}`") as say:
        bundle.load_pods(cluster, say)
    return Exit.FINE


def _kind_lab(name: str) -> KindLab:
    """Return the lab of a name. Raises LabError when it is not a kind cluster of this lab's."""
    return provider.connect(_known(name))


def _known(name: str) -> records.Record:
    record = records.load(name)
    if record is None or record.provider != "kind":
        what = (
            f"the lab `{name}` lives on a cluster that others made" if record else f"there is no lab `{name}`"
        )
        raise LabError(what, "make a cluster first: `invoke cluster.create`")
    return record
