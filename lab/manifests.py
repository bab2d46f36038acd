"""What is to be deployed: manifests as they were read, and the cluster that they make.

Comes in: paths, and what the user says about them. Goes out: Manifests, or an AnalyzerError with everything
that is wrong, before anything is started.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analyzer import (
    Analysis,
    AnalyzerError,
    Cluster,
    Diagnostic,
    Document,
    Reachability,
    Said,
    Severity,
    options,
)
from analyzer.analysis import whole
from analyzer.decode import decode
from analyzer.load import PartlyReadError, load

USUAL = "manifests/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifests:
    """Documents from some paths, decoded. `analysis` predicts from them alone, without a lab's addresses."""

    paths: tuple[str, ...]
    documents: tuple[Document, ...]
    analysis: Analysis

    @property
    def cluster(self) -> Cluster:
        """The cluster that they make."""
        return self.analysis.cluster


def read(paths: Sequence[str] = (), said: Said | None = None) -> Manifests:
    """Read and check manifests. Raises AnalyzerError when anything in them is wrong, or there is no pod."""
    chosen = tuple(paths) or (USUAL,)
    try:
        loaded = load(chosen, everything=True)
    except PartlyReadError as partly:
        raise whole(partly, options(said or Said(), partly.documents)) from None
    decoded = decode(loaded.documents, options(said or Said(), loaded.documents))
    if not decoded.cluster.pods:
        message = "there is no pod and no workload"
        raise AnalyzerError(Diagnostic(severity=Severity.ERROR, code="nothing-found", message=message))
    analysis = Analysis(
        files=loaded.files,
        cluster=decoded.cluster,
        reachability=Reachability(decoded.cluster),
        diagnostics=(*loaded.diagnostics, *decoded.diagnostics),
        other_kinds=decoded.other_kinds,
    )
    return Manifests(paths=chosen, documents=tuple(loaded.documents), analysis=analysis)
