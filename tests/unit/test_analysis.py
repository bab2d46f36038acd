from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from analyzer import AnalyzerError, Severity, analyze
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


@pytest.mark.parametrize("form", ["yaml", "json", "List"])
def test_what_is_to_be_deployed_is_kept_whole(form: str, tmp_path: Path) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c"}]},
    }
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"key": "value"}}
    listed = {"apiVersion": "v1", "kind": "List", "items": [pod, settings]}
    texts = {
        "yaml": yaml.safe_dump_all([pod, settings]),
        "json": f"{json.dumps(pod)}\n{json.dumps(settings)}",
    }
    path = tmp_path / "manifests"
    path.write_text(texts.get(form) or json.dumps(listed))
    assert [each.data for each in read([str(path)]).documents] == [pod, settings]


def test_what_is_to_be_deployed_has_no_field_twice_whatever_its_kind(tmp_path: Path) -> None:
    """kubectl's `--validate=strict`, its default, refuses unknown and duplicate fields of every kind."""
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c}]}\n"
    settings = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {key: one, key: two}\n"
    path = tmp_path / "manifests.yaml"
    path.write_text(pod + settings)
    assert [each.severity for each in analyze([str(path)]).diagnostics] == [Severity.WARNING]
    with pytest.raises(AnalyzerError) as caught:
        read([str(path)])
    assert [each.code for each in caught.value.diagnostics] == ["duplicate-key"]
