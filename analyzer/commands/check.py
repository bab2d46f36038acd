"""The command that holds a cluster to what is expected of it."""

# Paths stay the texts that the user gave, and pathlib takes a while to import.
# ruff: noqa: PTH113, PTH118, PTH120

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from analyzer.commands import Exit
from analyzer.commands.options import Parser, add_input, add_paths, parser
from analyzer.commands.reach import width
from analyzer.commands.reading import once, read
from analyzer.console import wants_color
from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity
from analyzer.expect.checking import check
from analyzer.expect.expectation import Outcome
from analyzer.expect.reading import is_expectations, only_expectations, read_expectations
from analyzer.expect.result import overall
from analyzer.load import NothingToAnalyze, load
from analyzer.load.files import shown_path
from analyzer.load.text import shown
from analyzer.output import write
from analyzer.report.checks import ChecksReport, counted

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

    from analyzer.analysis import Analysis
    from analyzer.console import Console
    from analyzer.expect.expectation import Expectation
    from analyzer.expect.result import Result

_EXAMPLES = """\
examples:
  kubereach check examples/deny-all/
  kubereach check manifests/ --write expect.yaml
  kubereach check manifests/ --expect expect.yaml
  kubereach check examples/deny-all/ --format junit --output check.xml

Without --expect, expectations are taken from the manifests, else from the one file `expect.yaml` beside them.

exit codes: 0 all hold, 1 one fails, 2 wrong usage or input, 3 nothing to analyze or no expectations,
4 a verdict is unknown where another was expected, and nothing fails
"""
FORMATS = ("table", "json", "csv", "markdown", "junit", "github", "sarif")
_BESIDE = "expect.yaml"
_MANIFESTS = "manifests"
_WIDTH_OF_FILES = 100
_EXITS = {Outcome.HOLDS: Exit.FINE, Outcome.UNKNOWN: Exit.UNKNOWN, Outcome.FAILS: Exit.FINDING}


def arguments() -> Parser:
    """Return the parser."""
    what = "Hold a cluster to what is expected of it: who may, and who may not, talk to whom."
    made = parser("check", "[PATH ...] [--expect FILE]", what, _EXAMPLES)
    add_paths(made)
    group = made.add_argument_group("expectations")
    group.add_argument(
        "--expect",
        metavar="FILE",
        action="append",
        default=[],
        help="where they are written, instead of in the manifests (may be given several times)",
    )
    group.add_argument(
        "--write", metavar="FILE", help="write expectations that describe what is; - for stdout"
    )
    group.add_argument("--force", action="store_true", help="let --write replace a file")
    add_input(made)
    output = made.add_argument_group("output")
    output.add_argument("--format", choices=FORMATS, default="table", help="default: table")
    output.add_argument("--output", metavar="FILE", help="write the report to a file, all of it or nothing")
    return made


def run(chosen: Namespace, console: Console) -> Exit:
    """Check, and write the report; or write down what is."""
    if chosen.write is not None:
        return _propose(chosen, console)
    if chosen.force:
        raise _usage("`--force` goes with `--write` only", "leave it out")
    once([*set(chosen.paths), *set(chosen.expect)])
    analysis = read(chosen, chosen.paths, console)
    expectations, told = _expectations(chosen, analysis)
    with console.stage("check", "checking"):
        results = check(analysis.reachability, expectations)
    to_terminal = chosen.output is None
    report = ChecksReport(
        results=results,
        reachability=analysis.reachability,
        width=width() if to_terminal else _WIDTH_OF_FILES,
        color=wants_color(chosen.color, sys.stdout) if to_terminal else chosen.color == "always",
    )
    renderer = import_module(f"analyzer.report.checks.{chosen.format}")
    with console.stage("report"):
        write(renderer.render(report), chosen.output, sys.stdout)
    console.warn([*analysis.diagnostics, *told, *_idle(results)])
    return _EXITS[overall(results)]


def _propose(chosen: Namespace, console: Console) -> Exit:
    """Write expectations that describe what is."""
    from analyzer.expect.proposal import propose
    from analyzer.expect.writing import render

    if chosen.expect or chosen.output:
        raise _usage("`--write` goes with neither `--expect` nor `--output`", "leave one of them out")
    if chosen.write != "-" and not chosen.force and os.path.lexists(chosen.write):
        raise _usage(f"{shown(shown_path(chosen.write))} is there already", "`--force` replaces it")
    analysis = read(chosen, chosen.paths, console)
    with console.stage("check", "writing"):
        found = propose(analysis.reachability)
        write(render(found), chosen.write, sys.stdout)
    written = f"{counted(len(found), 'expectation')} written to {shown(shown_path(chosen.write))}"
    told = [] if chosen.write == "-" else [_notice("written", written)]
    console.warn([*analysis.diagnostics, *told])
    return Exit.FINE


def _expectations(chosen: Namespace, analysis: Analysis) -> tuple[tuple[Expectation, ...], list[Diagnostic]]:
    """Return the expectations that are to be checked, and what is to be said of them."""
    inside = [each for each in analysis.documents if is_expectations(each)]
    told: list[Diagnostic] = []
    if chosen.expect:
        documents = only_expectations(load(chosen.expect).documents)
        if unasked := {each.source for each in inside} - {each.source for each in documents}:
            message = (
                f"not checked, as `--expect` names others: the expectations in {_listed(sorted(unasked))}"
            )
            told.append(_notice("not-checked", message))
    elif inside:
        documents = inside
    else:
        path = _beside(chosen)
        documents = only_expectations(load([path]).documents)
        told.append(_notice("expectations-beside", f"expectations are taken from {shown(shown_path(path))}"))
    found, warnings = read_expectations(documents)
    if not found:
        raise _nothing(f"there is no expectation in {_listed(sorted({each.source for each in documents}))}")
    return found, [*told, *warnings]


def _beside(chosen: Namespace) -> str:
    """Return the one file `expect.yaml` in or beside what is read. A folder that is rendered may hold one."""
    found: dict[str, str] = {}
    live = chosen.context or chosen.kubeconfig
    for path in () if live else chosen.paths or [_MANIFESTS]:
        for folder in (path, os.path.dirname(os.path.normpath(path))):
            candidate = os.path.join(folder, _BESIDE)
            if path != "-" and os.path.isfile(candidate):
                found.setdefault(os.path.realpath(candidate), candidate)
    if not found:
        raise _nothing("there are no expectations in what is read, and no `expect.yaml` beside it")
    if len(found) > 1:
        listed = _listed([shown_path(each) for each in found.values()])
        raise _usage(f"there are several files of expectations: {listed}", "name one with `--expect`")
    return next(iter(found.values()))


def _idle(results: Sequence[Result]) -> Iterator[Diagnostic]:
    """Yield what is to be said of exceptions that mean nobody: a slip, or somebody who is yet to come."""
    for result in results:
        for each in result.idle:
            yield Diagnostic(
                severity=Severity.WARNING,
                code="exception-matches-nothing",
                message="this exception means nobody here",
                span=each.span,
            )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(shown, names))


def _nothing(message: str) -> NothingToAnalyze:
    hint = "name a file with `--expect`; `--write expect.yaml` writes a first one"
    return NothingToAnalyze(
        Diagnostic(severity=Severity.ERROR, code="no-expectations", message=message, help=hint)
    )


def _notice(code: str, message: str) -> Diagnostic:
    return Diagnostic(severity=Severity.NOTICE, code=code, message=message)


def _usage(message: str, hint: str) -> AnalyzerError:
    return AnalyzerError(Diagnostic(severity=Severity.ERROR, code="usage", message=message, help=hint))
