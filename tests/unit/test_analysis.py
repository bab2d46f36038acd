from __future__ import annotations

from pathlib import Path

import pytest

from analyzer import AnalyzerError, analyze
from lab.manifests import read

FILES = {
    "a.yaml": "a: [",
    "b.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: UPPER}\nspec: {containers: [{name: c}]}\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(name).write_text(text)
    return "."


@pytest.mark.parametrize("reader", [lambda path: analyze([path]), lambda path: read([path])])
def test_what_cannot_be_read_and_what_is_wrong_are_told_together(reader: object, folder: str) -> None:
    assert callable(reader)
    with pytest.raises(AnalyzerError) as caught:
        reader(folder)
    assert [each.span and each.span.file for each in caught.value.diagnostics] == ["a.yaml", "b.yaml"]
