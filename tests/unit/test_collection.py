from __future__ import annotations

import gc

import pytest

from analyzer.collection import paused


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
