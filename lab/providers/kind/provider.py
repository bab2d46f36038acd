"""A kind cluster as a provider: made from nothing in named steps, then a cluster like any other.

Comes in: manifests, and what the user wants. Goes out: a `KindLab`, which is removed as a whole. Everything
that can be checked is checked before anything is made; what was made is removed when a later step fails.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

from analyzer import Document
from lab import calico, records
from lab.errors import LabError, up_already
from lab.evidence import evidence
from lab.manifests import Manifests
from lab.providers import Manner, running
from lab.providers.context import waiting
from lab.providers.context.probing.sources import IMAGE
from lab.providers.context.provider import ClusterLab
from lab.providers.kind import config, control, engines, images, versions
from lab.providers.kind.cluster import KindCluster, check_installed, check_version
from lab.providers.kind.config import Configuration, Options
from lab.providers.kind.engines import Engine
from lab.providers.kind.images import Bundle
from lab.providers.kind.nodes import Nodes
from lab.providers.kind.wanted import Wanted
from lab.records import Record
from lab.steps import Steps

PATIENCE = 600.0
"""Seconds for what has to pull images."""
CONTROL = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """All that is needed, found and checked. `image` is probed with, `doubts` may go wrong."""

    cluster: KindCluster
    configuration: Configuration
    calico: calico.Manifest | None
    variables: dict[str, str]
    bundle: Bundle | None
    image: str
    doubts: tuple[str, ...]


class KindLab(ClusterLab):
    """A lab on a kind cluster of our own."""

    @cached_property
    def nodes(self) -> Nodes:
        """What enters pods' networks on their nodes, which are containers of the engine."""
        return Nodes(_cluster(self.record))

    def hang_up(self) -> None:
        """End all commands that run in pods, or on their nodes."""
        super().hang_up()
        self.nodes.hang_up()

    def deploy(self, manifests: Manifests, told: waiting.Told | None = None) -> None:
        """Apply manifests, as in any cluster; images that were loaded from a file are not asked for again."""
        loaded = self.record.settings.get("loaded")
        super().deploy(with_local_images(manifests) if loaded else manifests, told)

    def down(self) -> bool:
        """Delete the cluster with all that is in it, and forget it."""
        self.hang_up()
        return remove(self.record)


def connect(record: Record, manner: Manner | None = None) -> KindLab:
    """Return the lab of a record. Raises LabError when the way into its cluster is gone."""
    if not Path(record.kubeconfig).is_file():
        raise LabError(
            f"the kubeconfig of the lab `{record.name}` is gone: {record.kubeconfig}",
            "bring it `down`, and `up` again",
        )
    return KindLab(record, manner)


def remove(record: Record) -> bool:
    """Delete the cluster of a record and forget it, whatever is left of it; False when nothing was."""
    there = _cluster(record).delete()
    return records.forget(record.name) or there


def _cluster(record: Record) -> KindCluster:
    engine = Engine(name=str(record.settings.get("engine") or "docker"))
    return KindCluster(name=record.name, engine=engine, kubeconfig=Path(record.kubeconfig))


def up(stream: TextIO, manifests: Manifests, wanted: Wanted) -> KindLab:
    """Make a cluster and deploy manifests into it. Raises LabError, and leaves nothing then."""
    if running.exists(wanted.name):
        raise up_already(wanted.name)
    prepared = prepare(wanted)
    work = Steps(stream, retain=wanted.retain)
    with work.undone_on_failure():
        lab = create(work, prepared, _namespaces(manifests))
        network(work, lab, prepared)
        with work.step("deploying the manifests") as say:
            lab.deploy(manifests, say)
        check(work, lab, prepared.image)
        _ = lab.world  # a lab that is up can be read
    return lab


def prepare(wanted: Wanted, *, calico_too: bool = True) -> Prepared:
    """Find and check everything that a cluster needs; nothing is made. Raises LabError, AnalyzerError.

    Without `calico_too` Calico, where it is needed, is left to a later step.
    """
    config.check_name(wanted.name)
    check_installed()
    engine = engines.find()
    engines.check(engine)
    bundle = images.opened(Path(wanted.bundle)) if wanted.bundle else None
    configuration = configured(wanted, bundle)
    check_version(kindnet=configuration.cni == config.KINDNET, kubernetes=configuration.kubernetes)
    if not configuration.minds_cgroup_v1:
        engines.check_cgroups(engine, configuration.kubernetes)
    cluster = KindCluster(name=wanted.name, engine=engine, kubeconfig=kubeconfig(wanted.name))
    needed = calico_too and configuration.cni == config.CALICO
    found = _calico(wanted, bundle) if needed else None
    return Prepared(
        cluster=cluster,
        configuration=configuration,
        calico=found,
        variables=calico.variables(wanted.variables),
        bundle=bundle,
        # An image that is loaded from a file has no digest of a registry.
        image=wanted.probe or (versions.without_digest(IMAGE) if bundle else IMAGE),
        doubts=tuple(_doubts(engine, configuration, found)),
    )


def configured(wanted: Wanted, bundle: Bundle | None = None) -> Configuration:
    """Return kind-config.yaml with what the options ask for, an image for each node.

    Raises LabError, also for options that would have no effect; AnalyzerError.
    """
    options = Options(nodes=wanted.nodes, cni=wanted.cni, image=_image(wanted))
    configuration = config.shaped(config.read(), options)
    if configuration.cni == config.KINDNET and (given := wanted.of_calico):
        raise LabError(
            f"{' and '.join(f'`{option}`' for option in given)} would have no effect on kind's own network",
            "leave it out, or take Calico: `--cni calico`",
        )
    configuration = config.with_image(configuration, bundle.node if bundle else versions.node_image())
    return config.with_local_images(configuration) if bundle else configuration


def create(work: Steps, prepared: Prepared, namespaces: Sequence[str] = ()) -> KindLab:
    """Make the cluster; one that this lab made before is taken as it is. Raises LabError.

    When a later step fails, evidence is looked for in these `namespaces` as well.
    """
    cluster, bundle = prepared.cluster, prepared.bundle
    known = records.load(cluster.name)
    if known and known.provider == "kind" and cluster.exists():
        work.note(f"the kind cluster `{cluster.name}` is there already")
        return connect(known)
    if known is None and running.exists(cluster.name):
        raise up_already(cluster.name)
    for doubt in prepared.doubts:
        work.note(f"note: {doubt}")
    if bundle:
        with work.step(f"loading the node image {bundle.node} into {cluster.engine.name}"):
            bundle.load_node(cluster.engine)
    if cluster.exists():
        raise LabError(
            f"there is a kind cluster `{cluster.name}` already, which this lab did not make",
            f"choose another name with `--name`, or delete it: `kind delete cluster --name {cluster.name}`",
        )
    count = prepared.configuration.node_count
    settings = {
        "engine": cluster.engine.name,
        "cni": prepared.configuration.cni,
        "image": prepared.image,
        "loaded": bundle is not None,
    }
    record = Record(
        name=cluster.name,
        provider="kind",
        context=cluster.context,
        kubeconfig=str(cluster.kubeconfig),
        settings=settings,
    )
    # Before there is anything, so that `down` finds also what is retained, or left by a process that died,
    # and who comes second makes nothing. What is known of a cluster that is gone is no obstacle.
    records.save(record, new=known is None or known.provider != "kind")
    work.made(f"the kind cluster `{cluster.name}`", lambda: _remove(cluster))
    nodes = f"{count} node{'' if count == 1 else 's'}"
    with work.step(f"creating the kind cluster `{cluster.name}` ({nodes}, {cluster.engine})") as say:
        cluster.create(prepared.configuration, retain=work.retain, told=say)
    if records.load(cluster.name) is None:
        raise LabError(
            f"the lab `{cluster.name}` was brought down while it came up", "bring it `up` again, or leave it"
        )
    if bundle and bundle.images:
        with work.step(f"loading {len(bundle.images)} images onto the nodes") as say:
            bundle.load_pods(cluster, say)
    lab = connect(record)
    work.evidence = lambda: evidence(lab.client, (*namespaces, control.NAMESPACE, "kube-system"))
    return lab


def network(work: Steps, lab: KindLab, prepared: Prepared) -> None:
    """Install what connects pods and enforces policies, and wait until it does. Raises LabError."""
    if prepared.calico:
        install(work, lab, prepared.calico, prepared.variables)
    else:
        with work.step("waiting for the nodes, DNS and kind's own network") as say:
            waiting.rolled_out(lab.client, "DaemonSet", "kube-system", "kindnet", PATIENCE, say)
            waiting.nodes_ready(lab.client, PATIENCE, say)
            waiting.rolled_out(lab.client, "Deployment", "kube-system", "coredns", PATIENCE, say)


def install(work: Steps, lab: KindLab, manifest: calico.Manifest, variables: dict[str, str]) -> None:
    """Install Calico, and wait until it is in charge. May be done again. Raises LabError."""
    with work.step(f"installing {manifest.source}"):
        calico.install(lab.client, manifest, variables)
    with work.step("waiting for Calico, the nodes and DNS") as say:
        calico.ready(lab.client, PATIENCE, say)


def check(work: Steps, lab: KindLab, image: str) -> None:
    """Let the control probe decide whether the cluster works as a lab. Raises LabError when it does not."""
    with work.step("control probe: one connection that must work, one that must not") as say:
        control.check(lab, image, CONTROL, say)


def kubeconfig(name: str) -> Path:
    """Return where the access to a kind cluster of this lab's is kept."""
    return records.state_folder() / "labs" / f"{name}.kubeconfig"


def with_local_images(manifests: Manifests) -> Manifests:
    """Return manifests whose images are pulled only where they are missing.

    Of an image without a tag, or with `latest`, Kubernetes asks the registry each time
    (https://kubernetes.io/docs/concepts/containers/images/#imagepullpolicy-defaulting), which a machine
    without a network cannot.
    """
    documents = tuple(replace(each, data=_local(each.data)) for each in manifests.documents)
    return replace(manifests, documents=documents)


def needed_images(
    documents: Sequence[Document], manifest: calico.Manifest | None, probe: str = ""
) -> tuple[str, ...]:
    """Return the images that a lab with these manifests needs on its nodes; it probes with `probe`."""
    own = images.of_documents([each.data for each in documents])
    theirs = images.of_documents(manifest.documents) if manifest else ()
    return tuple(dict.fromkeys((*own, *theirs, probe or IMAGE)))


def _namespaces(manifests: Manifests) -> list[str]:
    """Return where the manifests' pods come to be."""
    return sorted({each.namespace or "default" for each in manifests.documents if each.kind != "Namespace"})


def _remove(cluster: KindCluster) -> None:
    cluster.delete()
    records.forget(cluster.name)


def _image(wanted: Wanted) -> str:
    """Return the node image that the user asks for, "" when they do not."""
    if wanted.kubernetes and wanted.bundle:
        raise LabError("a file of images has its node image", "leave out `--kubernetes-version`")
    return versions.node_image(wanted.kubernetes) if wanted.kubernetes else ""


def _calico(wanted: Wanted, bundle: Bundle | None) -> calico.Manifest:
    inside = bundle.manifest() if bundle and not (wanted.manifest or wanted.calico) else None
    if bundle and inside:
        return calico.read(inside, f"Calico {bundle.calico}")
    return calico.read(*calico.manifest_bytes(wanted.calico, wanted.manifest))


def _doubts(engine: Engine, configuration: Configuration, found: calico.Manifest | None) -> list[str]:
    doubts = [*engines.doubts(engine, configuration.node_count)]
    if found and (doubt := calico.doubts(found.version, configuration.kubernetes)):
        doubts.append(doubt)
    if configuration.has_ipv6 and engines.has_no_ipv6():
        doubts.append("IPv6 is turned off on this machine, and nodes need it: net.ipv6.conf.all.disable_ipv6")
    if configuration.lacks_ipv6:
        doubts.append("`ipFamily: dual` with a `podSubnet` of IPv4 gives pods no IPv6: name both there")
    return doubts


def _local(data: dict[str, object]) -> dict[str, object]:
    made = copy.deepcopy(data)

    def settle(value: Any) -> None:
        for key, inner in value.items() if isinstance(value, dict) else ():
            if key in {"containers", "initContainers"} and isinstance(inner, list):
                for container in inner:
                    if isinstance(container, dict):
                        container.setdefault("imagePullPolicy", "IfNotPresent")
            settle(inner)

    settle(made)
    return made
