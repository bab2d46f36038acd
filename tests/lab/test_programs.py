"""Other people's programs: what they write is told as it comes, and none of them outlives its time."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from lab import programs
from lab.errors import LabError
from lab.programs import Process, run

_ECHO = "import sys\nfor line in sys.stdin: print(line.strip().upper(), flush=True)"
_DEAF = "import time; time.sleep(60)"
_BOTH = "import sys; print('a'); print('b', file=sys.stderr); sys.exit(3)"


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def test_what_a_program_writes_is_told_line_by_line_and_kept() -> None:
    told: list[str] = []
    heard: list[str] = []
    ended = run(python(_BOTH), told=told.append, heard=heard.append)
    assert (ended.code, ended.out, ended.err) == (3, "a\n", "b\n")
    assert (heard, told) == (["a"], ["b"])


def test_more_than_a_pipe_holds_is_fed_while_it_is_read() -> None:
    heard: list[str] = []
    lines = [f"line {number}" for number in range(20_000)]
    ended = run(python(_ECHO), stdin="\n".join(lines), heard=heard.append)
    assert ended.code == 0
    assert heard == [each.upper() for each in lines]


@pytest.mark.parametrize("told", [None, print])
@pytest.mark.parametrize("stdin", ["", "x" * 200_000])
def test_a_program_that_goes_on_too_long_is_ended(told: programs.Told | None, stdin: str) -> None:
    begun: list[Process] = []
    with pytest.raises(LabError, match="did not end within 0 seconds"):
        run(python(_DEAF), stdin=stdin, seconds=0.2, told=told, begun=begun.append)
    assert begun[0].returncode is not None


def test_another_thread_can_end_a_program() -> None:
    begun: list[Process] = []
    arrived = threading.Event()

    def take(process: Process) -> None:
        begun.append(process)
        arrived.set()

    def end() -> None:
        arrived.wait(30)
        begun[0].terminate()

    thread = threading.Thread(target=end)
    thread.start()
    began = time.monotonic()
    ended = run(python(_DEAF), heard=print, begun=take)
    thread.join()
    assert ended.code < 0
    assert time.monotonic() - began < 30


def test_a_program_that_is_not_there_is_a_clear_line() -> None:
    with pytest.raises(LabError, match="`no-such-program` cannot be run: No such file or directory"):
        run(["no-such-program"])
