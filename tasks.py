"""Thin doors to the programs: `invoke --list` shows them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from lab import doors
from lab.doors import LAB as _LAB, carry_out as _carry_out

if TYPE_CHECKING:
    from analyzer.console import Console

_MANIFESTS = {
    "manifests": "files and folders, or write them behind ` -- ` (default: manifests/)",
    "cni": "how policies are enforced: calico, cilium, kindnet, kube-router, ...",
    "max-replicas": "of each workload, at most",
    "name": "of the lab, so that several can live side by side",
}

_CLUSTER = {
    "yes": "agree to changes of a cluster that is not the lab's own",
    "probe-image": "what ephemeral containers run, from a registry of yours: an agnhost",
}


@task(help={"manifests": "files and folders, separated by spaces", "options": "passed on as they are"})
def predict(context: Context, manifests: str = "manifests/", options: str = "") -> None:
    """Predict from manifests who can talk to whom."""
    context.run(f"{shlex.quote(sys.executable)} -m analyzer {options} {manifests}", pty=sys.stdout.isatty())


@task(
    auto_shortflags=False,  # there are more options than letters
    iterable=["calico_env"],
    help={
        **_MANIFESTS,
        **_CLUSTER,
        **doors.KIND,
        "cni": "calico, cilium, kindnet, ...; of a kind cluster calico or kindnet",
        "provider": "auto, netns, kind or context",
        "context": "of the kubeconfig, for `--provider context` (default: the current one)",
        "kubeconfig": "another one than kubectl's",
    },
)
def up(  # noqa: PLR0913 - one parameter an option
    c: Context,
    manifests: str = "",
    provider: str = "auto",
    name: str = _LAB,
    cni: str = "",
    max_replicas: str = "",
    context: str = "",
    kubeconfig: str = "",
    probe_image: str = "",
    nodes: str = "0",
    kubernetes_version: str = "",
    calico_version: str = "",
    calico_manifest: str = "",
    calico_env: Sequence[str] | None = None,
    images: str = "",
    retain: bool = False,  # noqa: FBT001, FBT002 - a flag of the command line
    yes: bool = False,  # noqa: FBT001, FBT002 - a flag of the command line
) -> None:
    """Bring a lab up with manifests: `invoke up`, `invoke up -- examples/named-ports`."""
    from lab.commands import reading, up as command, whole
    from lab.providers import Manner
    from lab.providers.kind.wanted import Wanted

    def run(console: Console) -> int:
        kind = Wanted(
            name=name,
            nodes=whole(nodes, "`--nodes`"),
            cni=cni,
            kubernetes=kubernetes_version,
            calico=calico_version,
            manifest=calico_manifest,
            variables=tuple(calico_env or ()),
            bundle=images,
            probe=probe_image,
            retain=retain,
        )
        return command.run(
            console,
            reading(manifests, sys.argv, cni=cni, max_replicas=max_replicas),
            name=name,
            provider=provider,
            where=command.Where(context=context, kubeconfig=kubeconfig, kind=kind),
            manner=Manner(agreed=yes, image=probe_image),
        )

    _carry_out(run)


@task(help={**{key: _MANIFESTS[key] for key in ("manifests", "cni", "name")}, "yes": _CLUSTER["yes"]})
def deploy(
    context: Context,
    manifests: str = "",
    name: str = _LAB,
    cni: str = "",
    yes: bool = False,  # noqa: FBT001, FBT002 - a flag of the command line
) -> None:
    """Apply changed manifests to a running lab, without restarting it."""
    from lab.commands import reading, up as command
    from lab.providers import Manner

    _carry_out(
        lambda console: command.deploy(
            console, reading(manifests, sys.argv, cni=cni), name=name, manner=Manner(agreed=yes)
        )
    )


@task(help={"name": _MANIFESTS["name"]})
def status(context: Context, name: str = _LAB) -> None:
    """Show the pods of a lab: address, node, labels, policies."""
    from lab.commands import status as command

    _carry_out(lambda console: command.run(console, name=name))


@task(help={"name": _MANIFESTS["name"]})
def down(context: Context, name: str = _LAB) -> None:
    """Remove a lab; may be called twice."""
    from lab.commands import down as command

    _carry_out(lambda console: command.run(console, name=name))


@task(
    iterable=["source", "destination", "namespace", "port", "expect"],
    help={
        "source": "only from here: a name, or a pattern such as 'shop/*'; may be repeated",
        "destination": "only to here; may be repeated",
        "namespace": "only what starts or ends here; may be repeated",
        "port": "only these ports, such as 80/TCP; may be repeated",
        "expect": "decide the expectations of this file, and nothing else; may be repeated",
        "every-pair": "every pod with every pod, not one of each kind",
        "every-pod": "every pod asks in turn, not as few as it takes for each kind and each node",
        "timeout": "seconds until the first silence counts",
        "max-probes": "refuse to make more than so many (default: 1,000,000)",
        "format": "table, json, csv or junit",
        "output": "write a recording to this file, for `nox -s verify -- --recording`",
        "resume": "go on with a recording; it is written as it goes",
        "concurrency": "how many pods of a cluster ask at a time",
        **_CLUSTER,
        "name": _MANIFESTS["name"],
    },
)
def probe(  # noqa: PLR0913 - one parameter an option
    context: Context,
    source: Sequence[str] | None = None,
    destination: Sequence[str] | None = None,
    namespace: Sequence[str] | None = None,
    port: Sequence[str] | None = None,
    expect: Sequence[str] | None = None,
    every_pair: bool = False,  # noqa: FBT001, FBT002 - a flag of the command line
    every_pod: bool = False,  # noqa: FBT001, FBT002 - a flag of the command line
    timeout: str = "1",
    max_probes: str = "",
    format: str = "table",  # noqa: A002 - the option's name
    output: str = "",
    resume: str = "",
    concurrency: str = "16",
    probe_image: str = "",
    yes: bool = False,  # noqa: FBT001, FBT002 - a flag of the command line
    name: str = _LAB,
) -> None:
    """Send real packets between the pods of a lab, and show who reached whom."""
    from lab.commands import expected, number, probe as command, whole
    from lab.providers import Manner
    from lab.recording import Files

    def run(console: Console) -> int:
        asked = command.Asked(
            sources=tuple(source or ()),
            destinations=tuple(destination or ()),
            namespaces=tuple(namespace or ()),
            ports=tuple(port or ()),
            every_pair=every_pair,
            every_pod=every_pod,
            timeout=number(timeout, "`--timeout`"),
            most=whole(max_probes, "`--max-probes`") if max_probes else command.MOST,
            manner=Manner(agreed=yes, concurrency=whole(concurrency, "`--concurrency`"), image=probe_image),
            expectations=expected.expectations(console, expect or ()),
        )
        return command.run(console, asked, name=name, form=format, files=Files(output=output, resume=resume))

    _carry_out(run)


@task(
    help={
        "pod": "a pod or an outside host",
        "command": "what to run, or write it behind ` -- ` (default: a shell)",
        "name": _MANIFESTS["name"],
    },
)
def shell(context: Context, pod: str, command: str = "", name: str = _LAB) -> None:
    """Run a command in a pod's network: `invoke shell test-pod-a -- curl -m 2 test-pod-c.test-c`."""
    from lab.commands import behind, shell as module, split

    _carry_out(lambda console: module.run(console, pod, split(command) or behind(sys.argv), name=name))


@task(
    help={
        "source": "who connects: a pod or an outside host",
        "destination": "who is connected to",
        "port": "such as 80/TCP",
        "name": _MANIFESTS["name"],
    }
)
def trace(context: Context, source: str, destination: str, port: str, name: str = _LAB) -> None:
    """Make one connection, and tell which policies and rules decided it."""
    from lab.commands import trace as command

    _carry_out(lambda console: command.run(console, source, destination, port, name=name))


@task(help={key: _MANIFESTS[key] for key in ("manifests", "cni", "max-replicas")})
def demo(context: Context, manifests: str = "", cni: str = "", max_replicas: str = "") -> None:
    """Tell the whole story: predict, bring to life, probe, verify, remove."""
    from lab.commands import demo as command, reading

    _carry_out(
        lambda console: command.run(console, reading(manifests, sys.argv, cni=cni, max_replicas=max_replicas))
    )


namespace = Collection.from_module(sys.modules[__name__])
for _group in doors.groups():
    namespace.add_collection(_group)
