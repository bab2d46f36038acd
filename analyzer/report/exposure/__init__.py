"""Renderers of what workloads expose and use, one module a format.

Each format has a function `render(report)` that yields pieces of text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyzer.analysis import Analysis
    from analyzer.endpoints import Endpoint
    from analyzer.exposure import Exposures
    from analyzer.filters import View


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureReport:
    """What is to be reported: the exposures of some endpoints. `width` in characters, for the table."""

    analysis: Analysis
    view: View
    exposures: Exposures
    endpoints: tuple[Endpoint, ...]
    width: int = 100
