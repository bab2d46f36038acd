from __future__ import annotations

import gc

import pytest

from analyzer.collection import paused
from lab.commands import carried_out


@pytest.mark.parametrize("running", [True, False])
def test_afterwards_the_collector_is_as_it_was(*, running: bool) -> None:
    before = gc.isenabled()
    (gc.enable if running else gc.disable)()
    try:
        with paused():
            assert not gc.isenabled()
        assert gc.isenabled() is running
    finally:
        (gc.enable if before else gc.disable)()


def test_a_lab_command_leaves_the_collector_as_it_was() -> None:
    before = gc.isenabled()
    gc.enable()
    try:
        assert carried_out(lambda _: int(gc.isenabled())) == 0
        assert gc.isenabled()
    finally:
        (gc.enable if before else gc.disable)()
