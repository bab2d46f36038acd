"""The command that looks at policies critically: what they do not do, and what was hardly meant."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from analyzer.commands import Exit
from analyzer.commands.editing import contents, diff, write_all
from analyzer.commands.options import Parser, add_input, add_paths, parser
from analyzer.commands.reach import width
from analyzer.commands.reading import read
from analyzer.console import wants_color
from analyzer.diagnostics import Diagnostic, Severity
from analyzer.lint import lint
from analyzer.lint.catalogue import chosen as chosen_codes
from analyzer.lint.configuration import Configuration, find
from analyzer.lint.fixing import fix
from analyzer.output import write
from analyzer.report.findings import FindingsReport
from analyzer.report.findings.selection import counted

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable

    from analyzer.analysis import Analysis
    from analyzer.console import Console
    from analyzer.lint import Linted
    from analyzer.lint.fixing import Fixed

_EXAMPLES = """\
examples:
  kubereach lint manifests/
  kubereach lint manifests/ --select KR1,KR2 --format json
  kubereach lint manifests/ --ignore policy-selects-no-pod
  kubereach rule KR101

exit codes: 0 nothing at or above --fail-on, 1 a finding, 2 wrong usage or input, 3 nothing to analyze
"""
FORMATS = ("table", "json", "sarif", "github", "junit", "markdown", "csv")
_WIDTH_OF_FILES = 100
_MOST_ALIKE = 8
_ORDER = tuple(Severity)


def arguments() -> Parser:
    """Return the parser."""
    what = "Find what policies do not do, and what was hardly meant. `kubereach rule` lists the rules."
    made = parser("lint", "[PATH ...]", what, _EXAMPLES)
    add_paths(made)
    add_input(made)
    group = made.add_argument_group("rules (codes, their beginnings, or names; separated by commas)")
    group.add_argument("--select", metavar="CODES", action="append", default=[], help="only these")
    group.add_argument("--ignore", metavar="CODES", action="append", default=[], help="all but these")
    group.add_argument(
        "--fail-on",
        choices=[each.value for each in reversed(Severity)],
        help="exit with 1 for a finding as severe as this (default: warning)",
    )
    fixes = made.add_argument_group("fixes (only those that change no verdict with any CNI, as is proved)")
    kind = fixes.add_mutually_exclusive_group()
    kind.add_argument(
        "--fix", action="store_true", help="mend what can be mended in the files, then report the rest"
    )
    kind.add_argument(
        "--diff", action="store_true", help="show what --fix would change; exit with 1 if anything"
    )
    output = made.add_argument_group("output")
    output.add_argument("--format", choices=FORMATS, default="table", help="default: table")
    output.add_argument("--all", action="store_true", help="every finding, also where many are alike")
    output.add_argument("--output", metavar="FILE", help="write the report to a file, all of it or nothing")
    return made


def run(chosen: Namespace, console: Console) -> Exit:
    """Lint, mend what is to be mended, and write the report."""
    configuration = _configuration()
    codes = chosen_codes(
        _words(chosen.select) or configuration.select, (*configuration.ignore, *_words(chosen.ignore))
    )
    analysis = read(chosen, chosen.paths, console)
    with console.stage("lint", "linting"):
        found = lint(analysis, codes)
    if chosen.fix or chosen.diff:
        with console.stage("fix", "mending"):
            fixed = fix(analysis, found.findings, contents(_fixable(found)))
        console.warn(_left(fixed))
        if chosen.diff:
            write(diff(fixed.changes), chosen.output, sys.stdout)
            return Exit.FINDING if fixed.changes else Exit.FINE
        if fixed.changes:
            write_all(fixed.changes)
            console.warn([_mended(fixed)])
            analysis, found = fixed.analysis, lint(fixed.analysis, codes)
        # What could have been mended has been.
        found = replace(found, findings=tuple(replace(each, fix=None) for each in found.findings))
    with console.stage("report"):
        _report(found, analysis, chosen)
    console.warn(analysis.diagnostics)
    return _verdict(found, chosen, configuration)


def _report(found: Linted, analysis: Analysis, chosen: Namespace) -> None:
    to_terminal = chosen.output is None
    report = FindingsReport(
        findings=found.findings,
        codes=found.codes,
        files=analysis.files,
        cni=analysis.cluster.profile,
        ignored=found.ignored,
        most=None if chosen.all else _MOST_ALIKE,
        width=width() if to_terminal else _WIDTH_OF_FILES,
        color=wants_color(chosen.color, sys.stdout) if to_terminal else chosen.color == "always",
    )
    renderer = import_module(f"analyzer.report.findings.{chosen.format}")
    write(renderer.render(report), chosen.output, sys.stdout)


def _fixable(found: Linted) -> set[str]:
    return {each.span.file for each in found.findings if each.fix}


def _left(fixed: Fixed) -> list[Diagnostic]:
    return [
        Diagnostic(
            severity=Severity.NOTICE,
            code="not-fixed",
            message=f"{finding.code} is left to you: {reason}",
            span=finding.span,
        )
        for finding, reason in fixed.refused
    ]


def _mended(fixed: Fixed) -> Diagnostic:
    where = counted(len(fixed.changes), "file")
    message = f"mended {counted(len(fixed.mended), 'finding')} in {where}; no verdict changes"
    return Diagnostic(severity=Severity.NOTICE, code="fixed", message=message)


def _configuration() -> Configuration:
    from pathlib import Path

    return find(Path(os.getcwd()))  # noqa: PTH109 - so that a test that changes the folder is heard


def _words(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for value in values for word in value.split(",") if word.strip())


def _verdict(found: Linted, chosen: Namespace, configuration: Configuration) -> Exit:
    limit = Severity(chosen.fail_on) if chosen.fail_on else configuration.fail_on or Severity.WARNING
    severe = _ORDER[: _ORDER.index(limit) + 1]
    return Exit.FINDING if any(each.severity in severe for each in found.findings) else Exit.FINE
