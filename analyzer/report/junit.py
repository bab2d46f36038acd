"""JUnit's XML, which build servers read: suites of cases that passed, failed, or could not be decided.

Comes in: suites with cases, of any text. Goes out: a well-formed document, whatever the texts hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from analyzer.load.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Status(Enum):
    """What became of a case; ERROR: it could not be decided."""

    PASSED = "passed"
    FAILED = "failure"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case. `message` is one line on what is wrong, `text` all that is known, its output where it passed.

    `file` and `line` are where it is written down, `seconds` how long it took; "", 0 and None: not told.
    """

    name: str
    classname: str
    status: Status = Status.PASSED
    message: str = ""
    text: str = ""
    file: str = ""
    line: int = 0
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Cases that belong together."""

    name: str
    cases: Sequence[Case]


def document(name: str, suites: Sequence[Suite]) -> Iterator[str]:
    """Yield the document, case by case."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    counts = _counts(case for suite in suites for case in suite.cases)
    yield f"<testsuites{_attributes(name=name, **counts)}>\n"
    for suite in suites:
        yield f"  <testsuite{_attributes(name=suite.name, **_counts(suite.cases))}>\n"
        for case in suite.cases:
            yield from _case(case)
        yield "  </testsuite>\n"
    yield "</testsuites>\n"


def _counts(cases: Iterable[Case]) -> dict[str, str]:
    found = [case.status for case in cases]
    return {
        "tests": str(len(found)),
        "failures": str(found.count(Status.FAILED)),
        "errors": str(found.count(Status.ERROR)),
        "skipped": str(found.count(Status.SKIPPED)),
    }


def _case(case: Case) -> Iterator[str]:
    head = _attributes(
        classname=case.classname,
        name=case.name,
        file=case.file,
        line=str(case.line or ""),
        time="" if case.seconds is None else f"{case.seconds:.3f}",
    )
    if case.status is Status.PASSED and not case.text:
        yield f"    <testcase{head}/>\n"
        return
    yield f"    <testcase{head}>\n      {_outcome(case)}\n    </testcase>\n"


def _outcome(case: Case) -> str:
    text = escape("\n".join(map(printable, case.text.splitlines())))
    if case.status is Status.PASSED:
        return f"<system-out>{text}</system-out>"
    element = case.status.value
    return f"<{element}{_attributes(message=case.message)}>{text}</{element}>"


def _attributes(**values: str) -> str:
    """Write attributes; those without a value are left out, except names."""
    kept = ((name, value) for name, value in values.items() if value or name == "name")
    return "".join(f" {name}={quoteattr(printable(value))}" for name, value in kept)
