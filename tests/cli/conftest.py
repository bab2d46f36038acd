from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import PROJECT, Commands


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Commands run where the demo is."""
    monkeypatch.chdir(PROJECT)
    return Commands(PROJECT, capsys)


@pytest.fixture
def elsewhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Commands:
    """Commands run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Commands(tmp_path, capsys)
