"""What was seen as JUnit's XML: a case for each pair of endpoints, which fails where something differed.

Comes in: a comparison. Goes out: XML. What probes did not decide is an error of its case, not a failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.report.junit import Case, Status, Suite, document
from lab.compare import Comparison, Finding, Status as Seen
from lab.report.table import headline


def render(comparison: Comparison) -> Iterator[str]:
    """Yield the document."""
    pairs: dict[tuple[str, str], list[Finding]] = {}
    for each in comparison.findings:
        question = each.question
        name = question.service or question.probe.expect or question.probe.address
        pairs.setdefault((question.probe.source, name), []).append(each)
    cases = [_case(f"{source} -> {name}", found) for (source, name), found in pairs.items()]
    yield from document("kubereach lab", [Suite(name="kubereach", cases=cases)])


def _case(name: str, found: Sequence[Finding]) -> Case:
    false = [headline(each) for each in found if each.status is Seen.DIFFERS]
    undecided = [headline(each) for each in found if each.status is Seen.FAILED]
    told = (*false, *undecided)
    status = Status.FAILED if false else Status.ERROR if undecided else Status.PASSED
    return Case(
        name=name,
        classname="kubereach.lab",
        status=status,
        message=told[0] if told else "",
        text="\n".join(told),
    )
