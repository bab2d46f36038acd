from __future__ import annotations

import time
from io import StringIO

import pytest

from analyzer.console import Console, wants_color
from analyzer.diagnostics import Diagnostic, Fixed, Severity, Span

ERROR, WARNING, NOTICE = Severity


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def diagnostic(
    severity: Severity = ERROR, file: str = "a.yaml", line: int = 1, *, message: str = "wrong", hint: str = ""
) -> Diagnostic:
    span = Span(file, ("spec", "ports", 0), Fixed(line, 3)) if file else None
    return Diagnostic(severity=severity, code="test", message=message, span=span, help=hint)


def errors(*found: Diagnostic, **options: bool) -> str:
    stream = StringIO()
    Console(stream, **options).error(found)
    return stream.getvalue()


def test_an_error_is_written_as_a_diagnostic_is() -> None:
    for each in (diagnostic(hint="mend it"), diagnostic(file=""), diagnostic(message="really wrong")):
        assert errors(each) == each.render() + "\n"


def test_errors_stand_by_file_and_line_and_before_warnings() -> None:
    found = errors(
        diagnostic(WARNING, "a.yaml", 1),
        diagnostic(ERROR, "b.yaml", 2),
        diagnostic(ERROR, "a.yaml", 10),
        diagnostic(ERROR, "a.yaml", 9),
    )
    assert [line.split(": ")[0] for line in found.splitlines()[:4]] == [
        "a.yaml:9:3",
        "a.yaml:10:3",
        "b.yaml:2:3",
        "a.yaml:1:3",
    ]


@pytest.mark.parametrize(
    ("severities", "count"),
    [
        ([ERROR, ERROR], "2 errors"),
        ([ERROR, WARNING], "1 error, 1 warning"),
        ([ERROR, WARNING, NOTICE, NOTICE], "1 error, 1 warning, 2 notices"),
    ],
)
def test_several_problems_are_counted_at_the_end(severities: list[Severity], count: str) -> None:
    found = errors(*(diagnostic(each) for each in severities))
    assert found.splitlines()[-1] == f"{count}; nothing was analyzed"


def test_one_problem_is_not_counted() -> None:
    assert len(errors(diagnostic()).splitlines()) == 1


def test_of_very_many_problems_the_first_thousand_are_written_and_all_are_counted() -> None:
    lines = errors(*(diagnostic(ERROR, "a.yaml", line) for line in range(1, 1501))).splitlines()
    assert lines[999].startswith("a.yaml:1000:")
    assert lines[1000:] == ["    and 500 more", "1500 errors; nothing was analyzed"]


def test_no_control_character_of_the_input_reaches_the_terminal() -> None:
    nasty = "\x1b[31m\r\n\u202e\udcff"
    span = Span(f"{nasty}.yaml", (nasty,))
    found = Diagnostic(severity=ERROR, code="test", message=nasty, span=span, help=nasty)
    lines = errors(found).split("\n")
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


def test_colours_change_nothing_but_the_colour() -> None:
    import re

    found = diagnostic(hint="mend it")
    colored = errors(found, color=True)
    assert "\x1b[" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == errors(found)


@pytest.mark.parametrize(("quiet", "lines"), [(False, 2), (True, 0)])
def test_quiet_keeps_warnings_and_kinds_to_itself(*, quiet: bool, lines: int) -> None:
    stream = StringIO()
    console = Console(stream, quiet=quiet)
    console.warn([diagnostic(WARNING)])
    console.not_read({"ConfigMap": 12, "Role": 3})
    assert len(stream.getvalue().splitlines()) == lines


@pytest.mark.parametrize(("count", "lines"), [(4, 4), (5, 4), (99, 4)])
def test_many_warnings_that_say_the_same_are_cut_and_counted(count: int, lines: int) -> None:
    stream = StringIO()
    Console(stream).warn([diagnostic(WARNING, "a.yaml", line) for line in range(count)])
    found = stream.getvalue().splitlines()
    assert len(found) == lines
    assert found[-1].endswith(f"and {count - 3} more like it") is (count > 4)


def test_kinds_that_are_not_read_are_one_line() -> None:
    stream = StringIO()
    Console(stream).not_read({"ConfigMap": 12, "Role": 3})
    Console(stream).not_read({})
    assert stream.getvalue() == "not read: 12 ConfigMap, 3 Role\n"


def test_timings_name_each_stage_and_the_total_in_seconds() -> None:
    stream = StringIO()
    console = Console(stream, timings=True)
    with console.stage("read", "reading"):
        pass
    console.finish()
    names = [line.split()[:2] for line in stream.getvalue().splitlines()]
    assert names == [["timing:", "read"], ["timing:", "total"]]
    assert all(float(line.split()[2]) >= 0 for line in stream.getvalue().splitlines())


def test_nothing_is_timed_unless_asked_for() -> None:
    stream = StringIO()
    console = Console(stream)
    with console.stage("read", "reading"):
        pass
    console.finish()
    assert stream.getvalue() == ""


def progress(*, stream: StringIO, quiet: bool, doing: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("analyzer.console._PATIENCE", 0.01)
    with Console(stream, quiet=quiet).stage("read", doing):
        end = time.monotonic() + 5
        while not stream.getvalue() and stream.isatty() and doing and not quiet and time.monotonic() < end:
            time.sleep(0.01)
    return stream.getvalue()


def test_long_work_is_told_on_a_terminal_and_erased_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    told = progress(stream=Terminal(), quiet=False, doing="reading", monkeypatch=monkeypatch)
    assert "reading ... 0 s" in told
    assert told.endswith("\r\x1b[K")


def test_short_work_is_not_told() -> None:
    stream = Terminal()
    with Console(stream).stage("read", "reading"):
        pass
    assert "reading" not in stream.getvalue()


@pytest.mark.parametrize(
    ("stream", "quiet", "doing"),
    [(StringIO(), False, "reading"), (Terminal(), True, "reading"), (Terminal(), False, "")],
)
def test_progress_is_for_terminals_only(
    stream: StringIO, doing: str, monkeypatch: pytest.MonkeyPatch, *, quiet: bool
) -> None:
    assert progress(stream=stream, quiet=quiet, doing=doing, monkeypatch=monkeypatch) == ""


@pytest.mark.parametrize(
    ("choice", "stream", "environment", "color"),
    [
        ("always", StringIO(), {"NO_COLOR": "1"}, True),
        ("never", Terminal(), {}, False),
        ("auto", Terminal(), {}, True),
        ("auto", Terminal(), {"NO_COLOR": "1"}, False),
        ("auto", Terminal(), {"NO_COLOR": ""}, True),
        ("auto", Terminal(), {"TERM": "dumb"}, False),
        ("auto", StringIO(), {}, False),
    ],
)
def test_colour_is_for_terminals_unless_said_otherwise(
    choice: str,
    stream: StringIO,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    color: bool,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_color(choice, stream) is color
