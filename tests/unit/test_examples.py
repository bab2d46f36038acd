from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from analyzer import Analysis, analyze
from tests.unit.expectations import Expectation, connections, read

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDERS = sorted(path for path in EXAMPLES.iterdir() if path.is_dir())
# The fields that an example has on purpose and that are worth a warning.
WARNED = {"policy-types": ["spec.ingress", "spec.egress"]}
CASES = [
    pytest.param(folder, expectation, id=f"{folder.name}: {expectation.name}")
    for folder in FOLDERS
    for expectation in read(folder / "expect.yaml")
]


@cache
def analysis(folder: Path) -> Analysis:
    return analyze([str(folder)])


@pytest.mark.parametrize(("folder", "expectation"), CASES)
def test_every_expectation_of_an_example_holds(folder: Path, expectation: Expectation) -> None:
    found = list(connections(analysis(folder), expectation))
    assert found
    assert all(expectation.holds(each) for each in found), found


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


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_expectations_of_an_example_have_distinct_names(folder: Path) -> None:
    names = [each.name for each in read(folder / "expect.yaml")]
    assert len(names) == len(set(names))
