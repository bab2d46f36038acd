"""What was seen as JUnit XML: a case for each pair of endpoints, which fails where something differed.

Comes in: a comparison. Goes out: one document.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from analyzer.load.text import printable
from lab.compare import Comparison, Finding, Status
from lab.report.table import headline

_BAD = (Status.DIFFERS, Status.FAILED)


def render(comparison: Comparison) -> Iterator[str]:
    """Yield the document."""
    cases: dict[tuple[str, str], list[Finding]] = {}
    for each in comparison.findings:
        question = each.question
        name = question.service or question.probe.expect or question.probe.address
        cases.setdefault((question.probe.source, name), []).append(each)
    failures = sum(any(each.status in _BAD for each in found) for found in cases.values())
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites><testsuite name="kubereach" tests="{len(cases)}" failures="{failures}">\n'
    for (source, destination), found in cases.items():
        yield from _case(source, destination, found)
    yield "</testsuite></testsuites>\n"


def _case(source: str, destination: str, found: list[Finding]) -> Iterator[str]:
    title = quoteattr(printable(f"{source} -> {destination}"))
    bad = [each for each in found if each.status in _BAD]
    if not bad:
        yield f'<testcase classname="kubereach.lab" name={title}/>\n'
        return
    text = "\n".join(map(headline, bad))
    yield f'<testcase classname="kubereach.lab" name={title}>'
    yield f"<failure message={quoteattr(headline(bad[0]))}>{escape(text)}</failure></testcase>\n"
