"""The command that compares two versions: which connections a change opens and closes, and why."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from analyzer.analysis import evaluate
from analyzer.commands import Exit
from analyzer.commands.options import Parser, add_filters, add_input, add_output, parser
from analyzer.commands.reach import chosen_filters, width
from analyzer.commands.reading import once, read
from analyzer.console import wants_color
from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity
from analyzer.diff import difference
from analyzer.diff.overlay import has_endpoints, laid_over
from analyzer.load import Loaded, NothingToAnalyze
from analyzer.load.text import shown
from analyzer.output import write
from analyzer.report.difference import DifferenceReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.analysis import Analysis
    from analyzer.console import Console
    from analyzer.diff import Difference
    from analyzer.load import Document

_EXAMPLES = """\
examples:
  kubereach diff manifests/ docs/changed/
  kubereach diff manifests/ docs/applied/ --fail-on added
  kubereach diff --git HEAD manifests/
  kubereach diff --git origin/main manifests/ --format markdown --output comment.md
  kubereach diff --git origin/main manifests/ --format github
  kubereach diff manifests/ --context staging --fail-on added

exit codes: 0 nothing that --fail-on names, 1 something, 2 wrong usage or input, 3 nothing to analyze,
4 a changed verdict is unknown (--fail-on-unknown)
"""
FORMATS = ("table", "json", "csv", "markdown", "github", "sarif")
_MANIFESTS = "manifests"
_WIDTH_OF_FILES = 100


def arguments() -> Parser:
    """Return the parser."""
    what = "Say which connections a change opens and closes, and which rule does."
    made = parser("diff", "OLD NEW | --git REV [PATH] | --context NAME NEW", what, _EXAMPLES)
    made.add_argument("paths", metavar="PATH", nargs="*", help="files or folders; the old version first")
    made.add_argument(
        "--git",
        metavar="REV",
        help="compare this revision with the working tree (PATH default: manifests/)",
    )
    made.add_argument(
        "--fail-on",
        choices=("added", "removed", "any", "none"),
        default="any",
        help="exit with 1 when something was added, removed, or either (default: any)",
    )
    add_input(made)
    add_filters(made)
    add_output(made, formats=FORMATS)
    return made


def run(chosen: Namespace, console: Console) -> Exit:
    """Compare, and write the report."""
    filters = chosen_filters(chosen)
    old, new = _versions(chosen, console)
    with console.stage("diff", "comparing"):
        found = difference(old.reachability, new.reachability, filters)
    to_terminal = chosen.output is None
    report = DifferenceReport(
        old=old,
        new=new,
        difference=found,
        ports=filters.ports,
        width=width() if to_terminal else _WIDTH_OF_FILES,
        color=wants_color(chosen.color, sys.stdout) if to_terminal else chosen.color == "always",
    )
    renderer = import_module(f"analyzer.report.difference.{chosen.format}")
    with console.stage("report"):
        write(renderer.render(report), chosen.output, sys.stdout)
    console.warn(_warnings(old, new))
    return _verdict(found, chosen)


def _versions(chosen: Namespace, console: Console) -> tuple[Analysis, Analysis]:
    """Read both versions."""
    here = Namespace(**vars(chosen) | {"context": None, "kubeconfig": None})
    live = chosen.context or chosen.kubeconfig
    if live and chosen.git is not None:
        raise _usage("both a revision and a live cluster are given", "leave one of them out")
    one = live or chosen.git is not None
    given = len(chosen.paths)
    if given != (1 if one else 2) and not (chosen.git is not None and not given):
        raise _usage(
            f"{given} {'path is' if given == 1 else 'paths are'} given, not {'one' if one else 'two'}",
            "write `kubereach diff OLD NEW`, or `kubereach diff --git REV [PATH]`",
        )
    if live:
        old = read(chosen, (), console)
        # What is to be applied is read as the cluster that it is for.
        here.cni = old.cluster.profile
        here.pod_cidr = list(old.options.pod_cidrs) if old.options else []
        return old, read(here, chosen.paths, console, after=partial(laid_over, old.documents))
    if chosen.git is not None:
        return _since(here, chosen.paths[0] if chosen.paths else _MANIFESTS, console)
    once(chosen.paths)
    old = read(here, chosen.paths[:1], console)

    def applied(documents: Sequence[Document], namespace: str) -> Sequence[Document]:
        if has_endpoints(documents) or not documents:
            return documents
        told = "the new version has no workload: it is compared as applied to the old one"
        console.warn([Diagnostic(severity=Severity.NOTICE, code="applied", message=told)])
        return laid_over(old.documents, documents, namespace)

    return old, read(here, chosen.paths[1:], console, after=applied)


def _since(chosen: Namespace, path: str, console: Console) -> tuple[Analysis, Analysis]:
    """Read a path as it is in a revision, and as it is."""
    from analyzer.commands.revision import checked_out

    new = read(chosen, [path], console)
    revision = chosen.git or ""  # argparse makes an empty list of `--git=--`
    try:
        with checked_out(revision, path) as found:
            console.warn(found.diagnostics)
            return read(chosen, [found.path], console, found.called), new
    except NothingToAnalyze as nothing:
        console.warn([replace(each, severity=Severity.NOTICE) for each in nothing.diagnostics[:1]])
        told = f"everything is new since revision {shown(revision)}"
        console.warn([Diagnostic(severity=Severity.NOTICE, code="all-new", message=told)])
        return evaluate(Loaded(documents=(), files=(), diagnostics=()), new.options), new


def _warnings(old: Analysis, new: Analysis) -> Iterator[Diagnostic]:
    """Yield what is to be said of the new version, and of the old one what was mended since."""
    yield from new.diagnostics
    told = {(each.code, each.message) for each in new.diagnostics}
    yield from (each for each in old.diagnostics if (each.code, each.message) not in told)


def _verdict(found: Difference, chosen: Namespace) -> Exit:
    if chosen.fail_on_unknown and any(change.unknown for change in found.changes):
        return Exit.UNKNOWN
    added = bool(found.added) or any(change.grows for change in found.changes)
    removed = bool(found.removed) or any(not change.grows for change in found.changes)
    fails = {"added": added, "removed": removed, "any": added or removed, "none": False}
    return Exit.FINDING if fails[chosen.fail_on] else Exit.FINE


def _usage(message: str, hint: str) -> AnalyzerError:
    return AnalyzerError(Diagnostic(severity=Severity.ERROR, code="usage", message=message, help=hint))
