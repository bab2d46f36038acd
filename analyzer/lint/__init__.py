"""Lint: what in the policies is probably not what was meant, proved by the evaluation where it can be.

Comes in: an analysis and the codes of the rules that are wanted. Goes out: findings, sorted by place, without
those that a comment in the manifest turns off.

The parts: `catalogue` knows the rules, each a module of `rules`; `evidence` and `redundancy` are what they go
by; `suppression` reads comments, `configuration` files; `fixing` edits manifests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.lint.catalogue import CODES, module
from analyzer.lint.evidence import Evidence
from analyzer.lint.finding import Finding, place
from analyzer.lint.suppression import Suppressions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analyzer.analysis import Analysis

__all__ = ["Finding", "Linted", "lint"]

_UNUSED = "KR901"


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted:
    """What lint found, by place. `codes`: rules that looked; `ignored`: how many findings were turned off."""

    findings: tuple[Finding, ...]
    codes: tuple[str, ...]
    ignored: int


def lint(analysis: Analysis, codes: Iterable[str] = tuple(CODES)) -> Linted:
    """Look at an analysis with the rules of some codes."""
    wanted = tuple(codes)
    evidence = Evidence(analysis)
    found: list[Finding] = []
    for code in wanted:
        found += module(code).check(evidence)
    suppressions = Suppressions(analysis.documents)
    kept = [each for each in found if not suppressions.cover(each)]
    ignored = len(found) - len(kept)
    if _UNUSED in wanted:
        kept += suppressions.unused(wanted)
    # Lines are found by reading an object again: those of one object follow upon each other.
    kept.sort(key=lambda each: id(each.span.locator))
    placed = sorted(((place(each), number) for number, each in enumerate(kept)))
    return Linted(findings=tuple(kept[number] for _, number in placed), codes=wanted, ignored=ignored)
