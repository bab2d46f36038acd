"""Renderers, one module a format: from results to text, without any logic of their own.

Each format has a function `render(report)` that yields pieces of text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyzer.analysis import Analysis
    from analyzer.filters import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is to be reported.

    `width` in characters and `color` (ANSI escape sequences) are for formats that are laid out; they change
    nothing of what is said.
    """

    analysis: Analysis
    view: View
    width: int = 100
    color: bool = False
