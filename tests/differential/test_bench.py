"""The measuring itself: times, limits and tables. What is measured is printed, never asserted."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bench import __main__ as bench, scale
from bench.measure import BenchError, Run, median, repeat, run
from bench.table import Table


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_run_has_its_time_and_its_own_memory() -> None:
    small = run(python("pass"))
    large = run(python("import time; held = b'x' * 400_000_000; time.sleep(0.2)"))
    assert large.seconds > 0.2
    assert 400 < large.peak < 460
    assert small.peak < 300  # Linux counts what this process has when it starts the other


def test_a_run_beyond_its_limit_is_ended() -> None:
    cut = run(python("import time; time.sleep(60)"), limit=0.2)
    assert not cut.finished
    assert cut.seconds < 10


def test_a_failing_command_shows_what_it_printed() -> None:
    with pytest.raises(BenchError, match=r"ended with 3: no such pod"):
        run(python("import sys; sys.stderr.write('no such pod'); sys.exit(3)"))


def test_commands_take_turns(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    commands = {name: python(f"open({str(trace)!r}, 'a').write({name!r})") for name in "ab"}
    assert [len(runs) for runs in repeat(commands, 2).values()] == [2, 2]
    assert trace.read_text() == "ab" * 3, "one round warms up"


@pytest.mark.parametrize(("values", "middle"), [([3.0, 1.0, 2.0], 2.0), ([4.0, 1.0, 2.0, 3.0], 2.5)])
def test_the_median_is_in_the_middle(values: list[float], middle: float) -> None:
    assert median(values) == middle


def test_timings_are_read_by_part() -> None:
    errors = "warning: one\ntiming: read 1.250\ntiming: engine 0.500\ntiming: engine 0.250\n"
    each = Run(seconds=3.0, peak=1.0, errors=errors, finished=True)
    assert [scale.part_seconds(each, part) for part in ("read", "engine", "report")] == [1.25, 0.75, 0.0]


def test_a_table_is_markdown_with_numbers_to_the_right() -> None:
    table = Table(
        title="Sizes", columns=("name", "pods", "s"), rows=(("a", 100_000, 0.01234), ("bc", 5, 123.4))
    )
    assert table.markdown() == (
        "## Sizes\n\n"
        "| name |    pods |      s |\n"
        "| ---- | ------: | -----: |\n"
        "| a    | 100,000 | 0.0123 |\n"
        "| bc   |       5 |    123 |\n"
    )


def test_an_unknown_section_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        bench.main(["--only", "demo,memory"])
    assert ended.value.code == 2
    assert "`memory` is none of demo, peer, scale, " in capsys.readouterr().err


def test_results_are_written_unrounded() -> None:
    table = Table(title="Sizes", columns=("s",), rows=((0.123456789,),))
    written = json.loads(json.dumps(bench.document(bench.machine(), {"scale": [table]})))
    assert written["schema"] == "kubereach.dev/benchmarks"
    assert written["sections"]["scale"] == [{"title": "Sizes", "columns": ["s"], "rows": [[0.123456789]]}]
    assert {"cores", "memory_gib", "python", "date"} <= written["machine"].keys()
