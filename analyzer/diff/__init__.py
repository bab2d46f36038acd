"""What differs between two clusters: connections that came, went or became uncertain, and why.

Comes in: two evaluated clusters. Goes out: a Difference. Verdicts are compared class by class and as sets,
so that what is written differently and means the same is no difference. Policies are matched by nothing but
what they say; endpoints by workload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.diff.compare import Comparison
from analyzer.diff.gathering import gather
from analyzer.diff.joint import Joint
from analyzer.diff.result import Cause, Change, Difference, Effect, Ends, Part, Verdict, Witness
from analyzer.diff.scope import Scope
from analyzer.filters import Filters

if TYPE_CHECKING:
    from analyzer.reachability import Reachability

__all__ = ["Cause", "Change", "Difference", "Effect", "Ends", "Part", "Verdict", "Witness", "difference"]


def difference(old: Reachability, new: Reachability, filters: Filters | None = None) -> Difference:
    """Compare two clusters on what the filters leave.

    Raises AnalyzerError when a filter names an endpoint that neither has.
    """
    chosen = filters or Filters()
    scope = Scope(old, new, chosen)
    joint = Joint(old, new, chosen.ports, scope.marks)
    pieces = scope.cut(joint, Comparison(joint).pieces())
    return Difference(
        added=tuple(filter(scope.has, joint.added)),
        removed=tuple(filter(scope.has, joint.removed)),
        changes=gather(joint, pieces),
        kept=joint.kept,
    )
