"""Expectations that a lab is held to: read from files, and what its packets made of them as a report.

Comes in: names of files, and later a comparison. Goes out: expectations; a report and an exit code.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from analyzer.commands import Exit
from analyzer.console import Console
from lab.errors import LabError

if TYPE_CHECKING:  # every `probe` comes by here, most of them without expectations
    from analyzer.expect.expectation import Expectation
    from lab.compare import Comparison
    from lab.report.answers import AnswersReport

FORMATS = ("table", "json", "junit")


def expectations(console: Console, files: Sequence[str]) -> tuple[Expectation, ...]:
    """Read files of expectations; none for no file. Raises AnalyzerError, or LabError when they hold none."""
    if not files:
        return ()
    from analyzer.expect.reading import only_expectations, read_expectations
    from analyzer.load import load

    found, warnings = read_expectations(only_expectations(load(files).documents))
    console.warn(warnings)
    if not found:
        raise LabError(
            "there is no expectation in what `--expect` names", "`kubereach check --write FILE` writes some"
        )
    return found


def writer(form: str) -> Callable[[AnswersReport], Iterator[str]]:
    """Return what writes a format. Raises LabError when expectations have none of that name."""
    if form == "json":
        from lab.report.answers.json import render
    elif form == "junit":
        from lab.report.answers.junit import render
    elif form == "table":
        from lab.report.answers.table import render
    else:
        raise LabError(f"with `--expect` there is no format `{form}`", f"write one of {', '.join(FORMATS)}")
    return render


def report(
    comparison: Comparison, found: Sequence[Expectation], *, every_pair: bool
) -> tuple[AnswersReport, Exit]:
    """Return what became of expectations, and the exit code that says so."""
    from lab.expectations import Decision, Expected
    from lab.report.answers import AnswersReport

    world = comparison.plan.world
    answers = Expected(world, found, every_pair=every_pair).answers(comparison)
    decisions = {each.decision for each in answers}
    code = Exit.UNKNOWN if Decision.UNDECIDED in decisions else Exit.FINE
    if Decision.FAILS in decisions or not comparison.verified:
        code = Exit.FINDING
    width = shutil.get_terminal_size((100, 24)).columns
    return AnswersReport(answers=answers, comparison=comparison, width=width), code
