from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from analyzer import Analysis, analyze
from analyzer.expect.checking import check
from analyzer.expect.expectation import Outcome
from analyzer.expect.reading import is_expectations, read_expectations
from analyzer.expect.result import Result

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDERS = sorted(path for path in EXAMPLES.iterdir() if path.is_dir())
# The fields that an example has on purpose and that are worth a warning.
WARNED = {"policy-types": ["spec.ingress", "spec.egress"]}


@cache
def analysis(folder: Path) -> Analysis:
    return analyze([str(folder)])


@cache
def results(folder: Path) -> tuple[Result, ...]:
    found, warnings = read_expectations(filter(is_expectations, analysis(folder).documents))
    assert not warnings
    return check(analysis(folder).reachability, found)


CASES = [
    pytest.param(result, id=f"{folder.name}: {result.expectation.name}")
    for folder in FOLDERS
    for result in results(folder)
]


@pytest.mark.parametrize("result", CASES)
def test_every_expectation_of_an_example_holds(result: Result) -> None:
    assert result.outcome is Outcome.HOLDS, result
    assert result.pairs


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_example_has_expectations_with_reasons(folder: Path) -> None:
    assert results(folder)
    assert all(each.expectation.reason for each in results(folder))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_example_warns_only_of_what_it_is_about(folder: Path) -> None:
    fields = [each.span.field for each in analysis(folder).diagnostics if each.span]
    assert fields == WARNED.get(folder.name, [])
    assert len(fields) == len(analysis(folder).diagnostics)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_example_tells_what_it_is_about(folder: Path) -> None:
    text = (folder / "README.md").read_text()
    assert text.startswith("# ")
    assert "Common misreading:" in text
