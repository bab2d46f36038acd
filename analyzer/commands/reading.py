"""From arguments to an evaluated cluster: the first half of every command.

Comes in: parsed arguments. Goes out: an Analysis, or an AnalyzerError with all that is wrong.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from analyzer.analysis import Analysis, whole
from analyzer.decode import decode
from analyzer.defaults import Said, is_kind_configuration, options
from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity
from analyzer.load import NothingToAnalyze, PartlyReadError, load
from analyzer.load.files import STDIN
from analyzer.model import Direction
from analyzer.reachability import Reachability

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping, Sequence

    from analyzer.console import Console
    from analyzer.load import Document, Loaded

_MANIFESTS = "manifests"
_OURS = "kubereach.dev/"
_READ_ELSEWHERE = frozenset({"Cluster", "Expectations"})


def read(
    arguments: Namespace,
    paths: Sequence[str],
    console: Console,
    called: Callable[[str], str] | None = None,
    *,
    routes: bool = False,
    after: Callable[[Sequence[Document], str], Sequence[Document]] = lambda documents, _: documents,
) -> Analysis:
    """Read and evaluate what the arguments name; `called` tells what to call a file by its path.

    With `routes`, what leads to workloads from outside is read too. `after` makes of the documents, and of
    the namespace of those that name none, the documents that are evaluated.
    """
    with console.stage("read", "reading"):
        try:
            loaded = _load(arguments, paths, called, routes=routes)
        except PartlyReadError as partly:
            raise whole(partly, options(_said(arguments), partly.documents, routes=routes)) from None
    with console.stage("decode", "decoding"):
        documents = tuple(after(loaded.documents, arguments.default_namespace))
        chosen = options(_said(arguments), documents, routes=routes)
        decoded = decode(documents, chosen)
    diagnostics = (*loaded.diagnostics, *decoded.diagnostics)
    if not decoded.cluster.pods:
        raise NothingToAnalyze(_diagnostic("nothing-found", "there is no pod and no workload"), *diagnostics)
    with console.stage("classes", "classifying"):
        reachability = Reachability(decoded.cluster)
        assert reachability.endpoints, "every cluster with a pod has an endpoint"
    if arguments.timings:
        with console.stage("engine", "evaluating"):
            _evaluate(reachability)
    analysis = Analysis(
        files=loaded.files,
        cluster=decoded.cluster,
        reachability=reachability,
        diagnostics=diagnostics,
        other_kinds=_unread(decoded.other_kinds, documents),
        documents=documents,
        options=chosen,
    )
    arguments.held.append(analysis)
    return analysis


def once(places: Sequence[str]) -> None:
    """Raise AnalyzerError when standard input stands for several inputs: it can be read only once."""
    if places.count(STDIN) > 1:
        raise _usage(
            f"`{STDIN}` stands for two inputs, and standard input can be read only once",
            "name a file for one of them",
        )


def _said(arguments: Namespace) -> Said:
    return Said(
        cni=arguments.cni or "",
        namespace=arguments.default_namespace,
        pod_cidrs=tuple(arguments.pod_cidr),
        kubernetes_version=arguments.kubernetes_version or "",
    )


def _load(
    arguments: Namespace, paths: Sequence[str], called: Callable[[str], str] | None, *, routes: bool
) -> Loaded:
    if arguments.context or arguments.kubeconfig or (arguments.live and not paths):
        if paths:
            raise _usage("both paths and a live cluster are given", "leave one of them out")
        from analyzer.live import read as read_cluster

        return read_cluster(context=arguments.context, kubeconfig=arguments.kubeconfig, routes=routes)
    if not paths and not os.path.isdir(_MANIFESTS):  # noqa: PTH112 - pathlib takes a while to import
        raise _usage(
            f"no path is given, and there is no folder `{_MANIFESTS}` here",
            "name files or folders, or `-` for standard input, or a cluster with `--context`",
        )
    return load(paths or [_MANIFESTS], called=called)


def _evaluate(reachability: Reachability) -> None:
    """Make all rows now, which otherwise are made when they are needed, to tell how long it takes."""
    for number, _ in enumerate(reachability.engine.classes):
        for direction in Direction:
            reachability.engine.row(direction, number)


def _unread(kinds: Mapping[str, int], documents: Sequence[Document]) -> Mapping[str, int]:
    """Leave out what is read elsewhere: kind's configuration, and documents of our own."""
    if _READ_ELSEWHERE.isdisjoint(kinds):
        return kinds
    used = Counter(
        document.kind
        for document in documents
        if is_kind_configuration(document) or document.api_version.startswith(_OURS)
    )
    return {kind: count - used[kind] for kind, count in kinds.items() if count > used[kind]}


def _diagnostic(code: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(severity=Severity.ERROR, code=code, message=message, help=hint)


def _usage(message: str, hint: str) -> AnalyzerError:
    return AnalyzerError(_diagnostic("usage", message, hint))
