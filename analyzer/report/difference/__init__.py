"""Renderers of differences, one module a format: from a Difference to text, without any logic of their own.

Each has a function `render(report)` that yields pieces of text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyzer.analysis import Analysis
    from analyzer.diff import Difference
    from analyzer.sets import PortSet


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceReport:
    """What is to be reported; `width` and `color` are as for other reports, `ports` what was asked for."""

    old: Analysis
    new: Analysis
    difference: Difference
    ports: PortSet
    width: int = 100
    color: bool = False
