"""How far a long run is: on a terminal a line that changes, elsewhere a line each half minute."""

from __future__ import annotations

import sys
import time
from io import StringIO

import pytest

from lab import steps
from lab.commands.probe import _Progress


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a list whose only number is what the clock shows."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def last(stream: StringIO) -> str:
    return stream.getvalue().rpartition("\x1b[K")[2]


def test_a_terminal_shows_how_far_it_is_and_what_is_left(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    with _Progress() as progress:
        progress(0, 150, "starting containers")
        clock[0] += 2
        progress(30, 150, "starting containers")
        assert last(stream) == "starting containers ... 30 of 150"
        clock[0] += 2
        progress(60, 150, "starting containers")
        assert last(stream) == "starting containers ... 60 of 150, about 6 s left"
        clock[0] += 60
        progress(0, 80_800)
        clock[0] += 10
        progress(800, 80_800)
        assert last(stream) == "probing ... 800 of 80,800, about 17 min left"
    assert last(stream) == ""


def test_what_was_done_before_does_not_count_as_done_in_this_time(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    with _Progress() as progress:
        progress(9_000, 10_000)
        clock[0] += 10
        progress(9_500, 10_000)
        assert last(stream) == "probing ... 9,500 of 10,000, about 10 s left"


def test_without_a_terminal_a_line_says_so_each_half_minute(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream := StringIO())
    assert steps._HEARTBEAT == 30
    with _Progress() as progress:
        for second in range(1, 100):
            clock[0] += 1
            progress(second * 10, 2_000)
    lines = stream.getvalue().splitlines()
    assert lines == [
        "... 30.0 s: probing, 300 of 2,000, about 3 min left",
        "... 1 min 0 s: probing, 600 of 2,000, about 2 min left",
        "... 1 min 30 s: probing, 900 of 2,000, about 110 s left",
    ]
