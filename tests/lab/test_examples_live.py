"""Every example is brought to life: what packets show is what is predicted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab import verify
from tests.lab.labs import EXAMPLES, ROOT

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("a_lab")]


@pytest.mark.parametrize("folder", [ROOT / "manifests", *EXAMPLES], ids=lambda path: path.name)
def test_packets_show_what_is_predicted(folder: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    assert verify.main([str(folder), "--format", "json", "--output", str(report)]) == 0
    found = json.loads(report.read_text())
    assert found["verified"] is True
    assert found["counts"]["agrees"] > 0
    assert found["counts"]["differs"] == found["counts"]["failed"] == 0
    assert {each["status"] for each in found["observations"]} <= {"agrees", "unknown"}
    assert set(found["notProbed"]) <= {"no common IP family"}


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda path: path.name)
def test_packets_show_what_is_expected(folder: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    expected = str(folder / "expect.yaml")
    words = [str(folder), "--expect", expected, "--format", "json", "--output", str(report)]
    assert verify.main(words) == 0
    found = json.loads(report.read_text())
    assert found["verified"] is True
    for each in found["answers"]:
        assert each["decision"] == ("open" if each["verdict"] == "unknown" else "holds"), each
        assert each["decision"] == "open" or each["probes"] > 0
