"""Expectations for tests: short to write, read as a user's would be."""

from __future__ import annotations

from io import BytesIO

from analyzer import Analysis
from analyzer.expect.checking import check
from analyzer.expect.expectation import Expectation
from analyzer.expect.reading import is_expectations, read_expectations
from analyzer.expect.result import Result
from analyzer.load import Document, load

HEAD = "apiVersion: kubereach.dev/v1alpha1\nkind: Expectations\n"


def documents(text: str) -> list[Document]:
    """Load a file as it is written, behind its head."""
    return [each for each in load(["-"], stdin=BytesIO(text.encode())).documents if is_expectations(each)]


def file(*items: str) -> str:
    """Write a file of expectations; each item is a flow mapping without its braces."""
    return f"{HEAD}expectations:\n" + "".join(f"- {{{each}}}\n" for each in items)


def item(source: str, destination: str, verdict: str = "deny", more: str = "", ports: str = "ALL") -> str:
    """Write an expectation; `more` are further fields."""
    text = f"name: fact, from: {source}, to: {destination}, ports: [{ports}], verdict: {verdict}"
    return f"{text}, {more}" if more else text


def expected(*items: str) -> tuple[Expectation, ...]:
    """Read expectations that have nothing wrong."""
    found, warnings = read_expectations(documents(file(*items)))
    assert not warnings
    return found


def result(analysis: Analysis, written: str) -> Result:
    """Check one expectation."""
    (found,) = check(analysis.reachability, expected(written))
    return found
