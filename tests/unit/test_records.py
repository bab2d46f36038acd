from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from lab import records
from lab.errors import LabError
from lab.records import Record


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "kubereach" / "labs"


RECORD = Record(
    name="shop",
    provider="context",
    context="prod",
    kubeconfig="/etc/kube",
    sources=("a.yaml", "b"),
    cni="calico",
    settings={"image": "agnhost", "applied": [["Pod", "shop", "web", "/api"]]},
)


def test_a_record_is_the_same_when_it_is_read_again() -> None:
    records.save(RECORD)
    assert records.load("shop") == RECORD


def test_a_record_is_its_users_alone(state: Path) -> None:
    records.save(RECORD)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE((state / "shop.json").stat().st_mode) == 0o600
    assert [path.name for path in state.iterdir()] == ["shop.json"]


def test_a_lab_that_is_not_known_has_no_record() -> None:
    assert records.load("shop") is None
    assert records.names() == []


def test_a_record_is_forgotten_once() -> None:
    records.save(RECORD)
    assert records.names() == ["shop"]
    assert records.forget("shop")
    assert not records.forget("shop")
    assert records.load("shop") is None


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"version": 1, "provider": "kind"}'])
def test_a_broken_record_is_an_error_that_names_the_file(state: Path, text: str) -> None:
    records.save(RECORD)
    (state / "shop.json").write_text(text)
    with pytest.raises(LabError, match=r"shop\.json` is broken"):
        records.load("shop")


def test_a_record_of_a_later_version_is_refused(state: Path) -> None:
    records.save(RECORD)
    data = json.loads((state / "shop.json").read_text())
    (state / "shop.json").write_text(json.dumps({**data, "version": 2}))
    with pytest.raises(LabError, match="of another version"):
        records.load("shop")


def test_a_name_that_leads_elsewhere_is_refused() -> None:
    with pytest.raises(LabError, match="cannot be the name of a lab"):
        records.load("../shop")


def test_a_folder_that_others_may_change_is_refused(state: Path) -> None:
    state.parent.mkdir()
    state.parent.chmod(0o777)
    with pytest.raises(LabError, match="is not a folder of yours alone"):
        records.save(RECORD)
