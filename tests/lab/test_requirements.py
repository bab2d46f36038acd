"""What a lab needs of a machine: what is missing is told, and in CI no test of the lab is skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import LabError
from lab.providers.netns import nft
from tests.lab import sandbox


def test_without_nftables_it_is_told_how_to_install_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(nft, "PLACES", ())
    with pytest.raises(LabError, match="`nft` is not installed") as caught:
        nft.find()
    assert "apt install nftables" in (caught.value.help or "")


def test_nft_is_found_where_ordinary_users_do_not_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nft"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(nft, "PLACES", (str(tmp_path),))
    assert nft.find() == str(program)


def test_a_machine_without_labs_fails_in_ci_and_skips_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_problem", lambda **_: "no namespaces")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no lab on this machine: no namespaces"):
        sandbox.inside(rootless=True)
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="no lab on this machine: no namespaces"):
        sandbox.inside(rootless=True)
