"""From paths to an answer: read, decode, evaluate. The door that the command line and the lab go through.

Comes in: paths and options. Goes out: an Analysis, or an AnalyzerError with all that is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.diagnostics import AnalyzerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

    from analyzer.decode import Options
    from analyzer.diagnostics import Diagnostic
    from analyzer.load import Document, Loaded, PartlyReadError
    from analyzer.model import Cluster
    from analyzer.reachability import Reachability


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """A cluster as read, and who may reach whom in it.

    `diagnostics` are warnings and notices; `other_kinds` counts the objects that were not read.
    `documents` and `options` are what the cluster was decoded from, for whoever reads it in another way.
    """

    files: tuple[str, ...]
    cluster: Cluster
    reachability: Reachability
    diagnostics: tuple[Diagnostic, ...]
    other_kinds: Mapping[str, int]
    documents: tuple[Document, ...] = ()
    options: Options | None = None


def analyze(
    paths: Sequence[str], options: Options | None = None, *, stdin: BinaryIO | None = None
) -> Analysis:
    """Read files and folders and evaluate them. Raises AnalyzerError when anything in them is wrong."""
    from analyzer.load import PartlyReadError, load

    try:
        loaded = load(paths, stdin=stdin)
    except PartlyReadError as partly:
        raise whole(partly, options) from None
    return evaluate(loaded, options)


def whole(partly: PartlyReadError, options: Options | None = None) -> AnalyzerError:
    """Return all that is wrong with an input of which a part cannot be read: what of the rest is wrong too.

    An object with a place that could not be read is not told of again for that place.
    """
    from analyzer.decode import Options, decode

    told = {(each.span, _place(each)[1]) for each in partly.diagnostics if each.span}
    try:
        decode(partly.documents, options or Options())
    except AnalyzerError as error:
        also = (each for each in error.diagnostics if (each.span, _place(each)[1]) not in told)
        return AnalyzerError(*sorted((*partly.diagnostics, *also), key=_place))
    return partly


def _place(diagnostic: Diagnostic) -> tuple[str, int, int]:
    span = diagnostic.span
    return (span.file, span.line, span.column) if span else ("", 0, 0)


def evaluate(loaded: Loaded, options: Options | None = None) -> Analysis:
    """Decode and evaluate documents that were read already, from files or from a live cluster."""
    from analyzer.decode import Options, decode
    from analyzer.reachability import Reachability

    chosen = options or Options()
    decoded = decode(loaded.documents, chosen)
    return Analysis(
        files=loaded.files,
        cluster=decoded.cluster,
        reachability=Reachability(decoded.cluster),
        diagnostics=(*loaded.diagnostics, *decoded.diagnostics),
        other_kinds=decoded.other_kinds,
        documents=loaded.documents,
        options=chosen,
    )
