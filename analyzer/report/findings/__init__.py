"""Renderers of findings, one module a format: the table here, and what programs read.

Each has a function `render(report)` that yields pieces of text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer.lint.finding import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsReport:
    """What is to be reported: findings by place, the codes of the rules that looked, and where they looked.

    `ignored`: how many findings comments turned off. `most`: so many findings of one rule are shown by
    formats for people, None for all. `width` and `color` are as for other reports.
    """

    findings: Sequence[Finding]
    codes: Sequence[str]
    files: Sequence[str]
    cni: str
    ignored: int = 0
    most: int | None = None
    width: int = 100
    color: bool = False
